"""One session, the same wherever it is started, that leaves nothing behind."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from jobs.session import read_conf, session_conf
from jobs.setup import PROJECT, jars_folder

DEFAULTS = PROJECT / "conf" / "spark-defaults.conf"

# Opens a session, makes a Delta table twice the way a night does, and prints what it then reads.
WORK = """
from pathlib import Path
from jobs import setup
setup.SETUP = Path("{table}.setup")
from jobs.session import open_session
spark = open_session()
spark.sql("SELECT 1 AS id, 'a' AS name").write.format("delta").save("{table}")
spark.sql("MERGE INTO delta.`{table}` t USING (SELECT 1 AS id, 'b' AS name) s ON t.id = s.id "
          "WHEN MATCHED THEN UPDATE SET *")
spark.sql("CREATE OR REPLACE VIEW newest AS SELECT * FROM delta.`{table}`")
print(spark.sql("SELECT name FROM newest").first().name)
"""


def run_in_new_process(table: Path, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    base = {"PATH": os.environ["PATH"], "HOME": str(cwd), "PYTHONPATH": str(PROJECT), "LAKE_SPARK_TEST": "1"}
    base["LAKE_JARS"] = str(jars_folder())
    code = WORK.format(table=table)
    return subprocess.run(
        [sys.executable, "-c", code], check=False, cwd=cwd, env=base | environment, capture_output=True, text=True
    )


def test_a_properties_file_is_read_as_spark_reads_it(tmp_path: Path) -> None:
    file = tmp_path / "a.conf"
    file.write_text("# no setting\n\nspark.one   1\n  spark.two=-Da=b -Dc=d  \nspark.three = 3\n")
    assert read_conf(file) == {"spark.one": "1", "spark.two": "-Da=b -Dc=d", "spark.three": "3"}


def test_the_file_that_the_environment_names_has_the_last_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "cluster.conf"
    file.write_text("spark.master spark://127.0.0.1:7077\n")
    monkeypatch.setenv("LAKE_SPARK_CONF", str(file))
    assert session_conf() == session_conf() | read_conf(DEFAULTS) | {"spark.master": "spark://127.0.0.1:7077"}


def test_a_night_runs_with_all_the_compiler_unless_a_test_says_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LAKE_SPARK_TEST", raising=False)
    assert "TieredStopAtLevel" not in session_conf()["spark.driver.extraJavaOptions"]


def test_a_large_session_starts_with_all_the_memory_that_it_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LAKE_SPARK_TEST", raising=False)
    assert "-Xms4g" in session_conf()["spark.driver.extraJavaOptions"].split()
    own = tmp_path / "own.conf"
    own.write_text("spark.driver.memory 12g\n")
    monkeypatch.setenv("LAKE_SPARK_CONF", str(own))
    given = session_conf()
    assert given["spark.driver.memory"] == "12g"
    assert "-Xms12g" in given["spark.driver.extraJavaOptions"].split()
    assert "-Xms" not in session_conf(small=True)["spark.driver.extraJavaOptions"]


@pytest.mark.spark
def test_without_any_java_on_the_machine_the_packaged_one_writes_delta_quietly(tmp_path: Path) -> None:
    """Every program of the machine but java; nothing may be left in the working folder."""
    programs, here = tmp_path / "bin", tmp_path / "here"
    programs.mkdir()
    here.mkdir()
    for program in [*Path("/usr/bin").iterdir(), *Path("/bin").iterdir()]:
        if program.name != "java" and not (programs / program.name).is_symlink():
            (programs / program.name).symlink_to(program)
    done = run_in_new_process(tmp_path / "table", here, PATH=str(programs))
    assert done.stderr == ""
    assert (done.returncode, done.stdout) == (0, "b\n")
    assert list(here.iterdir()) == []


@pytest.mark.spark
def test_every_shared_setting_is_in_force() -> None:
    from jobs.session import open_session

    spark = open_session()
    assert {key: spark.conf.get(key) for key in read_conf(DEFAULTS)} == read_conf(DEFAULTS)
    assert open_session() is spark
