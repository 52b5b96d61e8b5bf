"""Plain Spark and Delta: the same tables with no checks at all, as one would first write it, in a session as Spark starts it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.session import open_session, session_conf
from tests.bench.generate import BUSINESS_DATE, COLUMNS
from tests.bench.measure import Meter

TYPES = {"measured_at": "timestamp_ntz", "volume": "int", "speed": "decimal(5,1)", "occupancy": "decimal(5,2)"}


NEEDED = (
    "spark.master", "spark.driver.memory", "spark.driver.extraClassPath", "spark.sql.extensions", "spark.sql.catalog.spark_catalog",
    "spark.sql.catalogImplementation", "spark.sql.session.timeZone", "spark.sql.warehouse.dir", "spark.ui.enabled",
)  # fmt: skip


def start() -> Any:
    """A session with Spark's and Delta's defaults: only what Delta, this machine and equal results need is set."""
    return open_session("bench", conf={key: value for key, value in session_conf().items() if key in NEEDED})


def run(spark: Any, inbox: Path, root: Path, meter: Meter) -> dict[str, Any]:
    """Read, write bronze; cast, write silver; aggregate, write gold. No quarantine, no duplicates found, no record numbers."""
    tables = {zone: str(root / zone) for zone in ("bronze", "silver", "gold")}
    with meter.stage("bronze"):
        write(read_files(spark, inbox), tables["bronze"])
    with meter.stage("silver"):
        bronze = spark.read.format("delta").load(tables["bronze"])
        cast = [F.col(c).try_cast(TYPES[c]).alias(c) if c in TYPES else F.col(c) for c in COLUMNS]
        write(bronze.select(*cast, "_file", "_business_date"), tables["silver"])
    with meter.stage("gold and release"):
        made = count_by_day(spark.read.format("delta").load(tables["silver"]))
        made.coalesce(1).write.format("delta").save(tables["gold"])
    return {}


def read_files(spark: Any, inbox: Path) -> DataFrame:
    """The delivered values as text, with their file and business date."""
    schema = ", ".join(f"{c} string" for c in COLUMNS)
    raw = spark.read.csv(str(inbox / "bench" / "sensor" / BUSINESS_DATE / "*.csv"), schema=schema, header=True)
    day = F.to_date(F.lit(BUSINESS_DATE)).alias("_business_date")
    found: DataFrame = raw.select("*", F.input_file_name().alias("_file"), day)
    return found


def write(rows: DataFrame, path: str) -> None:
    """A table of nights."""
    rows.write.format("delta").partitionBy("_business_date").save(path)


def count_by_day(rows: DataFrame) -> DataFrame:
    """Gold: one row a sensor and day."""
    return rows.groupBy("sensor_id", F.to_date("measured_at").alias("day")).agg(
        F.count("*").alias("readings"), F.sum("volume").alias("volume"), F.sum("speed").alias("speeds")
    )
