"""Quarantine: what was set aside, beside the record as it was delivered. A table a dataset, on the raw side."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs import delta
from jobs.bronze import Bronze, refused_rows
from jobs.contracts import Contract
from jobs.lake import Lake
from jobs.repeats import Settled
from jobs.rules import LINEAGE, spell_rules
from jobs.stage import Entry, Judged, Stage


def quarantine_refused(stage: Stage, entry: Entry, bronze: Bronze) -> None:
    """Set aside the records that could not be read, before bronze is committed."""
    schema = "_file string, _record bigint, _line bigint, _rules array<string>, _detail string, _raw binary"
    frame = stage.spark.createDataFrame(refused_rows(bronze), schema)
    none = F.lit(None).cast("string")
    _write(stage, entry, frame.withColumns({"_key": none, "_delivered": none}), "bronze")


def has_quarantine(lake: Lake, contract: Contract, entry: Entry, at: str) -> bool:
    """Whether quarantine holds rows of this delivery and stage: else an empty write would replace nothing."""
    keys = {"_business_date": entry.business_date, "_revision": str(entry.revision), "_stage": at}
    return bool(delta.partition_files(lake.table("quarantine", contract.table), keys))


def set_aside(stage: Stage, entry: Entry, judged: Judged, settled: Settled, count: int) -> None:
    """Write the rows that are set aside, each with all its rules and the record as it was delivered."""
    if not count and not has_quarantine(stage.lake, stage.contract, entry, "silver"):
        return
    aside = settled.aside if settled.aside is not None else judged.rows.limit(0).withColumn("_verdict", F.lit("aside"))
    own = F.when(F.col("_verdict") == "aside", F.array()).otherwise(F.array("_verdict"))
    spelled = F.concat(spell_rules([r.id for r in judged.rules if r.quarantine]), own)
    named = aside.select(
        *LINEAGE, spelled.alias("_rules"), F.to_json(F.struct(*[f"_row.{k}" for k in stage.contract.key])).alias("_key"),
        F.when(F.col("_dismissed"), "dismissed").alias("_detail"),
    )  # fmt: skip
    delivered = F.to_json(F.struct(*[c.name for c in stage.contract.delivered]), {"ignoreNullFields": "false"})
    whole = settled.records.join(F.broadcast(named), list(LINEAGE)).withColumns(
        {"_delivered": delivered, "_line": F.lit(None).cast("bigint"), "_raw": F.lit(None).cast("binary")}
    )
    _write(stage, entry, whole, "silver")


def _write(stage: Stage, entry: Entry, rows: DataFrame, at: str) -> None:
    """Grain: a set-aside record or row. Columns: where it came from, the rules it broke, its key, what was delivered."""
    whole = rows.select(
        F.to_date(F.lit(entry.business_date)).alias("_business_date"), F.lit(entry.revision).cast("int").alias("_revision"),
        F.lit(at).alias("_stage"), "_file", "_record", "_line", "_rules", "_detail", "_key", "_delivered", "_raw",
    )  # fmt: skip
    where = f"_business_date = DATE'{entry.business_date}' AND _revision = {entry.revision} AND _stage = '{at}'"
    metadata = {"stage": f"quarantine {at}", "delivery": [entry.business_date, entry.revision, entry.sha256]}
    delta.overwrite(
        whole.coalesce(1), stage.quarantine, "quarantine", f"quarantine_{at}", metadata, where=where,
        partition_by=("_business_date", "_revision", "_stage"), statistics=("_record",),
    )  # fmt: skip
