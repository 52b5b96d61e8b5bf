"""Java's archive of loaded classes, made once at set-up.

With it a session starts with half of the CPU (2.4 instead of 4.6 CPU seconds) and start, first write and first MERGE
together need a third less. It is a shortcut only: where it is missing or does not fit, Java ignores it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from importlib import metadata
from pathlib import Path

from jobs import setup

_OPTION = "spark.driver.extraJavaOptions"


def archive_options() -> list[str]:
    """Return the options that use the archive, none where there is none; Java says nothing where it does not fit."""
    archive = _archive()
    return [f"-XX:SharedArchiveFile={archive}", "-Xlog:disable"] if archive.is_file() else []


def make_archive() -> None:
    """Start a session in a process of its own, let it do a little of everything, and keep the classes it loaded."""
    archive, key = _archive(), _archive().with_suffix(".key")
    wanted = f"{setup.find_java()}\n{setup.spark_home()}\n{metadata.version('pyspark')}\n{setup.find_jars()}\n"
    if key.is_file() and key.read_text() == wanted:
        return
    archive.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        fresh, conf = archive.with_suffix(".new"), Path(temporary) / "archive.conf"
        fresh.unlink(missing_ok=True)
        conf.write_text(f"{_OPTION} -XX:ArchiveClassesAtExit={fresh} -Xlog:disable -XX:TieredStopAtLevel=1\n")
        environment = {name: value for name, value in os.environ.items() if name != "LAKE_REMOTE"}
        # The output ends when the JVM does, so this waits for the archive too.
        subprocess.run(
            [sys.executable, "-m", "jobs.archive", temporary],
            check=False,
            cwd=setup.PROJECT,
            env=environment | {"LAKE_SPARK_CONF": str(conf)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
        )
    if fresh.is_file():
        fresh.replace(archive)
    key.write_text(wanted)


def _archive() -> Path:
    return setup.SETUP / "spark.jsa"


def _work(folder: str) -> None:
    """Touch the classes of an ordinary night."""
    from jobs.session import open_session

    spark, table = open_session(), f"{folder}/table"
    rows = spark.sql("SELECT id, id % 2 AS part, cast(id AS string) AS text, current_date() AS day FROM range(100)")
    rows.write.format("delta").partitionBy("part").save(table)
    rows.where("part = 1").write.format("delta").mode("overwrite").option("replaceWhere", "part = 1").save(table)
    spark.read.format("delta").load(table).createOrReplaceTempView("held")
    spark.sql(
        f"MERGE INTO delta.`{table}` t USING (SELECT * FROM held WHERE id < 9) s ON t.id = s.id AND t.part IN (0, 1) "
        "WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *"
    )
    spark.sql(
        "SELECT part, count(DISTINCT text), sum(try_cast(text AS decimal(18, 2))), max(xxhash64(id)), "
        "count_if(text RLIKE '^[0-9]+$') FROM held JOIN (SELECT id FROM held LIMIT 9) USING (id) GROUP BY part"
    ).toArrow()
    spark.sql(f"DESCRIBE HISTORY delta.`{table}`").collect()
    spark.stop()


if __name__ == "__main__":
    _work(sys.argv[1])
