"""`lake serve` as a user of its own: analysts read gold by name with their own tools, and reach nothing else of the lake."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import psutil
import pytest
from pyspark.sql import SparkSession

from jobs.cities import PROJECT
from jobs.setup import java_home, spark_home
from tests.little import CITY, World, csv_of, write_conf
from tests.places.conftest import ask_at
from tests.servers import addresses_of, family_of, free_ports, running, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.spark]
USER = "nobody"
TOKEN = "of-this-test-only"


@dataclass(frozen=True)
class Service:
    """A running `lake serve`, the lake behind it, and the Python that its user can start."""

    world: World
    thrift: int
    connect: int
    log: Path
    environment: dict[str, str]
    python: str
    pid: int

    def beeline(self, *questions: str) -> list[list[str]]:
        """What Hive's own client prints of the last question, without its header; its message where it is refused."""
        words = [str(spark_home() / "bin" / "beeline"), "-u", f"jdbc:hive2://127.0.0.1:{self.thrift}/gold", "--silent=true", "--outputformat=csv2"]  # fmt: skip
        asked = [w for question in questions for w in ("-e", question)]
        env = {**os.environ, "SPARK_HOME": str(spark_home()), "JAVA_HOME": str(java_home())}
        done = subprocess.run([*words, *asked], env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-2000:]
        return list(csv.reader(io.StringIO(done.stdout)))[1:]

    def session(self) -> SparkSession:
        """The Python client of an analyst."""
        return ask_at(f"sc://localhost:{self.connect}", TOKEN)

    def as_its_user(self, code: str) -> str:
        """What a Python program of the service's user prints."""
        done = subprocess.run(
            [self.python, "-c", code], env=self.environment, user=USER, group=USER_GROUP, extra_groups=[], capture_output=True, text=True, check=False
        )  # fmt: skip
        return done.stdout + done.stderr[-1500:]


USER_GROUP = "nogroup"


@pytest.fixture(scope="module")
def service(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Two nights published, then the service as another user, who may enter the lake's folder as the lake lets everybody."""
    if os.geteuid():
        pytest.skip("only root can start a process as another user")
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory(prefix="lake-serve-") as place:
        folder = Path(place)
        folder.chmod(0o755)
        conf = write_conf(folder / "conf", ["reg.things"])
        patch.setenv("LAKE_CONF", str(conf))
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        world = World(folder, lambda: spark)
        deliver(world, "2025-01-01", 10)
        python = python_for_others(folder / "python")
        scratch = folder / "scratch"
        scratch.mkdir()
        shutil.chown(scratch, USER, USER_GROUP)
        thrift, connect = free_ports(2)
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("LAKE_", "SPARK_", "PYTHON"))}
        environment = {
            **kept, "PYTHONHOME": str(folder / "python"), "LD_LIBRARY_PATH": str(folder / "python" / "lib"), "PYTHONPATH": os.pathsep.join([str(PROJECT), *site_packages()]), "HOME": str(scratch),
            "TMPDIR": str(scratch), "LAKE_ROOT": world.lake.root, "LAKE_CITY": CITY, "LAKE_CONF": str(conf), "LAKE_SPARK_TEST": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
        }  # fmt: skip
        (scratch / "token").write_text(TOKEN)
        log = tmp_path_factory.mktemp("log") / "serve.log"
        command = [
            python,
            "-m",
            "jobs",
            "serve",
            "--thrift-port",
            str(thrift),
            "--connect-port",
            str(connect),
            "--token-file",
            str(scratch / "token"),
        ]
        ready = partial(is_ready, log)
        with running(command, log, ready, environment, cwd=scratch, user=USER, group=USER_GROUP) as process:
            yield Service(world, thrift, connect, log, environment, python, process.pid)


def is_ready(log: Path) -> bool:
    return "JDBC:" in log.read_text()


def deliver(world: World, date: str, value: int) -> None:
    world.deliver("reg.things", date, csv_of([(1, 2013, value), (2, 2014, 20)]))
    world.run(release=True)


def site_packages() -> list[str]:
    return [p for p in sys.path if p.endswith("site-packages")]


def python_for_others(folder: Path) -> str:
    """This Python where another user can start it: the interpreter of the tests may lie in somebody's home."""
    base = Path(sys.base_prefix)
    lib = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    unneeded = shutil.ignore_patterns("site-packages", "test", "idlelib", "__pycache__", "config-*", "ensurepip")
    shutil.copytree(base / "lib" / lib, folder / "lib" / lib, ignore=unneeded)
    (folder / "bin").mkdir()
    shutil.copy(Path(sys.executable).resolve(), folder / "bin" / "python3")
    for library in (base / "lib").glob("libpython*.so*"):
        shutil.copy(library, folder / "lib")
    return str(folder / "bin" / "python3")


def test_beeline_reads_gold_by_name_and_is_told_what_a_column_means(service: Service) -> None:
    assert service.beeline("SELECT period, total FROM gold.totals ORDER BY period") == [["2013", "10"], ["2014", "20"]]
    told = {row[0]: row[2] for row in service.beeline("DESCRIBE gold.totals")}
    assert told == {"period": "Year.", "total": "Sum of values."}


@pytest.fixture(scope="module")
def second(service: Service) -> None:
    """Another release, while the service runs."""
    deliver(service.world, "2025-01-02", 11)
    wait_until(lambda: "release 2 of" in service.log.read_text(), 60, service.log.read_text)


@pytest.mark.usefixtures("second")
def test_a_new_release_is_there_without_a_restart_and_the_old_one_stays(service: Service) -> None:
    question = "SELECT total FROM {}.totals WHERE period = 2013"
    spark = service.session()
    found = {db: spark.sql(question.format(db)).collect()[0][0] for db in ("gold", "gold_r1", "gold_r2")}
    spark.stop()
    assert found == {"gold": 11, "gold_r1": 10, "gold_r2": 11}


@pytest.mark.usefixtures("second")
def test_an_auditor_finds_releases_and_restatements_there(service: Service) -> None:
    spark = service.session()
    releases = {r["release"] for r in spark.sql("SELECT * FROM audit.releases").collect()}
    restated = [(r["old"], r["new"]) for r in spark.sql("SELECT * FROM audit.restatements").collect()]
    spark.stop()
    assert (releases, restated) == ({1, 2}, [("10", "11")])


def test_duckdb_reads_the_files_of_a_released_table(service: Service) -> None:
    code = f"""
import duckdb
from jobs.lake import Lake
from jobs.release import find_release
from deltalake import DeltaTable
lake = Lake({service.world.lake.root!r}, {CITY!r})
path = lake.table("gold", "totals")
files = DeltaTable(path, version=find_release(lake, 1).tables["totals"].version).file_uris()
print(duckdb.sql(f"SELECT period, total FROM read_parquet({{files}}) ORDER BY period").fetchall())
"""
    assert service.as_its_user(code).strip() == "[(2013, 10), (2014, 20)]"


FORBIDDEN = "not allowed on the read-only service"
UNREADABLE = "FAILED_TO_CREATE_PLAN_FOR_DIRECT_QUERY|Permission denied|AccessControlException|PERMISSION|PATH_NOT_FOUND|DELTA_(MISSING|TABLE|PATH)"
WRITES = (
    "CREATE TABLE gold.mine (a INT) USING parquet LOCATION '{lake}/gold/mine'",
    "CREATE TABLE delta.`{lake}/gold/mine` USING delta AS SELECT 1 AS a",
    "INSERT INTO delta.`{lake}/gold/totals` VALUES (2020, 1)",
    "INSERT OVERWRITE DIRECTORY '{lake}/gold/mine' USING csv SELECT 1",
    "WITH one AS (SELECT 2020 AS period, 1 AS total) INSERT INTO delta.`{lake}/gold/totals` SELECT * FROM one",
    "FROM gold.totals INSERT INTO delta.`{lake}/gold/totals` SELECT * INSERT INTO delta.`{lake}/gold/totals` SELECT *",
    "DELETE FROM delta.`{lake}/gold/totals`",
    "UPDATE delta.`{lake}/gold/totals` SET total = 1",
    "MERGE INTO delta.`{lake}/gold/totals` t USING gold.totals s ON t.period = s.period WHEN MATCHED THEN DELETE",
    "DROP VIEW gold.totals",
    "CREATE OR REPLACE VIEW gold.totals AS SELECT 2013 AS period, 999 AS total",
    "CREATE GLOBAL TEMPORARY VIEW seen AS SELECT 1",
    "ALTER VIEW gold.totals AS SELECT 2013 AS period, 999 AS total",
    "DROP DATABASE gold_r1 CASCADE",
    "COPY INTO delta.`{lake}/gold/totals` FROM '{lake}/gold'",
    "ADD JAR '/tmp/mine.jar'",
    "VACUUM delta.`{lake}/gold/totals`",
    "RESTORE TABLE delta.`{lake}/gold/totals` TO VERSION AS OF 0",
    "CACHE TABLE gold.totals",
    "BEGIN DROP VIEW gold.totals; END",
)


@pytest.fixture(scope="module")
def client(service: Service, second: None) -> Iterator[SparkSession]:
    spark = service.session()
    yield spark
    spark.stop()


@pytest.mark.parametrize("statement", WRITES)
def test_nothing_that_writes_or_changes_what_others_see_is_run(
    service: Service, client: SparkSession, statement: str
) -> None:
    before = contents(service)
    is_not_sparks = statement.startswith("COPY")
    with pytest.raises(Exception, match="PARSE_SYNTAX_ERROR" if is_not_sparks else FORBIDDEN) as refused:
        client.sql(statement.format(lake=service.world.lake.base)).collect()
    assert not re.search("Traceback|\tat |py4j", str(refused.value))
    assert contents(service) == before
    assert client.sql("SELECT count(*) FROM gold.totals").collect()[0][0] == 2


def contents(service: Service) -> list[Path]:
    return sorted(Path(service.world.lake.base).rglob("*"))


@pytest.mark.parametrize(
    "zone", ["landing", "bronze", "silver", "quarantine", "audit/ledger", "audit/decisions", "logs"]
)
def test_the_raw_side_cannot_be_opened_by_its_path(service: Service, client: SparkSession, zone: str) -> None:
    place = Path(service.world.lake.base, zone)
    for kind in ("text", "binaryFile", "parquet"):
        with pytest.raises(Exception, match=UNREADABLE):
            client.sql(f"SELECT * FROM {kind}.`{place}/*`").collect()
    assert "PermissionError" in service.as_its_user(f"import os; print(os.listdir({str(place)!r}))")


def test_a_table_of_the_raw_side_cannot_be_asked_by_its_path(service: Service, client: SparkSession) -> None:
    published = f"SELECT count(*) FROM delta.`{service.world.lake.base}/gold/totals`"
    assert client.sql(published).collect()[0][0] == 2
    for table in ("silver/reg_things", "bronze/reg_things", "audit/ledger"):
        with pytest.raises(Exception, match=UNREADABLE):
            client.sql(f"SELECT * FROM delta.`{service.world.lake.base}/{table}`").collect()


def test_its_user_can_write_nowhere_in_the_lake(service: Service) -> None:
    code = f"""
import os, duckdb
for folder, _, _ in os.walk({service.world.lake.root!r}):
    try:
        duckdb.sql(f"COPY (SELECT 1) TO '{{folder}}/mine.parquet'")
        print("wrote", folder)
    except duckdb.IOException as error:
        assert "ermission" in str(error), error
print("done")
"""
    assert service.as_its_user(code).strip() == "done"


def test_no_question_runs_java(client: SparkSession) -> None:
    for function in ("reflect", "java_method", "try_reflect"):
        with pytest.raises(Exception, match="UNRESOLVED_ROUTINE"):
            client.sql(f"SELECT {function}('java.lang.System', 'getenv', 'SPARK_CONNECT_AUTHENTICATE_TOKEN')").collect()


def test_an_analyst_may_keep_a_view_of_ones_own(client: SparkSession) -> None:
    client.sql("SELECT * FROM gold.totals WHERE period = 2013").createOrReplaceTempView("mine")
    assert client.sql("SELECT count(*) FROM mine").collect()[0][0] == 1


def test_without_the_token_connect_says_nothing(service: Service) -> None:
    with pytest.raises(Exception, match=r"UNAUTHENTICATED|[Tt]oken"):
        ask_at(f"sc://localhost:{service.connect}", "another").sql("SELECT 1").collect()


def test_it_listens_on_this_machine_only(service: Service) -> None:
    heard = addresses_of(family_of(service.pid))
    assert {address for address, _ in heard} == {"127.0.0.1"}
    assert {service.thrift, service.connect} <= {port for _, port in heard}


def test_who_can_read_more_than_gold_is_told_to_start_it_as_another_user(service: Service) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "jobs", "serve", "--json"], env={**service.environment, "PYTHONHOME": "", "HOME": str(Path.home())},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    failure = json.loads(done.stdout)["error"]
    assert (done.returncode, failure["code"]) == (1, "E504")
    assert "silver" in failure["actual"]


@pytest.mark.parametrize("content", [None, " \n"], ids=["no file", "an empty file"])
def test_without_a_token_it_does_not_start(service: Service, tmp_path: Path, content: str | None) -> None:
    """Connect asks for no token where it was given none."""
    if content is not None:
        (tmp_path / "token").write_text(content)
    done = subprocess.run(
        [service.python, "-m", "jobs", "serve", "--token-file", str(tmp_path / "token"), "--trusted", "--json"], env=service.environment,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    failure = json.loads(done.stdout)["error"]
    assert (done.returncode, failure["code"], failure["place"]) == (2, "E002", "--token-file")


def test_the_address_that_it_prints_is_one_that_a_client_takes(service: Service) -> None:
    address = re.search(r"Connect: (sc://\S+)", service.log.read_text())
    assert address is not None
    spark = ask_at(address[1], TOKEN)
    assert spark.sql("SELECT 1").collect()[0][0] == 1
    spark.stop()


def test_it_fails_with_its_code_when_its_spark_is_gone(service: Service, tmp_path: Path) -> None:
    """So that who watches over it starts it again."""
    thrift, connect = free_ports(2)
    ports = ["--thrift-port", str(thrift), "--connect-port", str(connect)]
    command = [service.python, "-m", "jobs", "serve", *ports, "--trusted"]
    log = tmp_path / "serve.log"
    with running(command, log, partial(is_ready, log), service.environment, cwd=PROJECT) as process:
        java = next(p for p in psutil.Process(process.pid).children(recursive=True) if p.name() == "java")
        java.kill()
        assert process.wait(60) == 1
    assert "E502 The Spark server is gone" in log.read_text()


def test_it_ends_when_it_is_asked_to_and_leaves_no_process(service: Service) -> None:
    family = psutil.Process(service.pid).children(recursive=True)
    os.kill(service.pid, signal.SIGTERM)
    gone, alive = psutil.wait_procs([*family], timeout=60)
    assert (len(gone) >= 1, alive) == (True, [])
