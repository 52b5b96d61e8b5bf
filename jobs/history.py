"""Fold deliveries into a history table: a row for each run of equal values of a key. Modes snapshot, partition and changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs import delta
from jobs.contracts import Contract
from jobs.fold import Coverage, count_events, fold_history, history_rows, last_of_sequence
from jobs.quarantine import has_quarantine
from jobs.repeats import Settled
from jobs.rules import LINEAGE
from jobs.stage import Entry, Judged, Stage, is_small, keep
from jobs.tally import Tally

Counts = dict[int, dict[str, int]]


def fold_newest(stage: Stage, entry: Entry, judged: Judged, settled: Settled, metadata: dict[str, Any]) -> Counts:
    """Fold the newest delivery into the current rows."""
    observed, outranked = _observe(stage.contract, settled)
    coverage = _coverage(stage, [entry], judged.tallies, settled)
    observed = observed.withColumn("valid_from", F.lit(None).cast("date"))
    if delta.exists(stage.path):
        current = delta.read(stage.spark, stage.path, keys={"is_current": "true"}).select(
            F.struct(*[c.name for c in stage.contract.columns]).alias("_row"), "valid_from", *LINEAGE, "_key", "_value",
            F.lit(-1).alias("_d"), F.lit("set").alias("_kind"), _period_of(stage.contract).alias("_period"),
        )  # fmt: skip
        observed = observed.unionByName(current)
    small = stage.is_small() and is_small(judged.tally(0).judged)
    observed = observed.coalesce(1) if small else observed
    events = keep(fold_history(observed, coverage, [entry.business_date]), small=small)
    counts = _named(count_events(events), outranked, [entry])
    _write_changes(stage, events, {**metadata, "counts": {entry.name: counts.get(0, {})}})
    events.unpersist()
    return counts


def refold(
    stage: Stage, entries: Sequence[Entry], judged: Judged, settled: Settled, metadata: dict[str, Any], *, small: bool
) -> Counts:
    """Fold every accepted delivery again from bronze, in one overwrite."""
    observed, outranked = _observe(stage.contract, settled)
    coverage = _coverage(stage, entries, judged.tallies, settled)
    observed = observed.withColumn("valid_from", F.lit(None).cast("date"))
    observed = observed.coalesce(1) if small else observed
    events = keep(fold_history(observed, coverage, [e.business_date for e in entries]), small=small)
    counts = _named(count_events(events), outranked, entries)
    named = {e.name: counts.get(n, {}) for n, e in enumerate(entries)}
    overwrite(stage, _rows(events).drop("_d"), {**metadata, "counts": named})
    events.unpersist()
    return counts


def _named(counts: Counts, outranked: DataFrame | None, entries: Sequence[Entry]) -> Counts:
    """Counts by delivery, with the rows that a later sequence of the same delivery outranks."""
    for row in outranked.groupBy("_d").count().collect() if outranked is not None else ():
        counts.setdefault(row["_d"], {})["outranked"] = row["count"]
    return {n: counts.get(n, {}) for n in range(len(entries))}


def _observe(contract: Contract, settled: Settled) -> tuple[DataFrame, DataFrame | None]:
    """Observations of the fold (one a key and delivery), and the rows that a later sequence outranks."""
    good, outranked, kind = settled.good, None, F.lit("set")
    if contract.mode == "changes":
        good = last_of_sequence(good, f"_row.{contract.sequence}")
        outranked, good = good.where("_outranked"), good.where("NOT _outranked")
        kind = F.when(F.upper(f"_row.{contract.operation}").isin("D", "DELETE"), "end").otherwise("set")
    columns = ["_row", *LINEAGE, "_d", "_key", "_value", "_period", "_kind"]
    found = good.withColumn("_kind", kind).select(*columns)
    if settled.aside is None:
        return found, outranked
    frozen = settled.aside.where("NOT _dismissed AND _key IS NOT NULL").dropDuplicates(["_d", "_key"])
    return found.unionByName(
        frozen.withColumns({"_value": F.lit(""), "_kind": F.lit("frozen")}).select(*columns)
    ), outranked


def _coverage(stage: Stage, entries: Sequence[Entry], tallies: Mapping[int, Tally], settled: Settled) -> Coverage:
    """Which periods each delivery covers, and in which absence proves an end."""
    mode = stage.contract.mode
    everything = frozenset({""})
    periods = {
        n: tallies[n].periods if mode == "partition" and n in tallies else everything
        for n, e in enumerate(entries)
        if mode in ("snapshot", "partition") or (mode == "changes" and e.full)
    }
    incomplete = {n for n, e in enumerate(entries) if _has_open_refusals(stage, e)}
    if settled.odd is not None and any(t.unplaced for t in tallies.values()):
        broken = settled.odd.where("_verdict = 'aside' AND NOT _dismissed AND (_key IS NULL OR _period IS NULL)")
        incomplete |= {r["_d"] for r in broken.select("_d").distinct().collect()}
    return Coverage(periods, frozenset(periods) - frozenset(incomplete))


def _has_open_refusals(stage: Stage, entry: Entry) -> bool:
    """Whether a record of this delivery could not be read and nobody has decided on it."""
    if not has_quarantine(stage.lake, stage.contract, entry, "bronze"):
        return False
    where = (
        (pc.field("_business_date") == pa.scalar(entry.business_date).cast(pa.date32()))
        & (pc.field("_revision") == entry.revision)
        & (pc.field("_stage") == "bronze")
    )
    rows = delta.read_arrow(stage.quarantine, columns=["_file", "_record"], where=where)
    decided = {(d.file, d.record) for d in entry.decisions if d.kind in ("mend", "dismiss")}
    return rows is not None and any((r["_file"], r["_record"]) not in decided for r in rows.to_pylist())


def _period_of(contract: Contract) -> Column:
    return F.col(contract.period).cast("string") if contract.mode == "partition" else F.lit("")


def _rows(events: DataFrame) -> DataFrame:
    return history_rows(events).select(
        "_row.*", "valid_from", "valid_to", "is_current", *LINEAGE, "_key", "_value", "_d"
    )


def _write_changes(stage: Stage, events: DataFrame, metadata: Mapping[str, Any]) -> None:
    rows = _rows(events)
    if not delta.exists(stage.path):
        return overwrite(stage, rows.drop("_d"), metadata)
    if stage.is_small():
        return overwrite(stage, rows.drop("_d").coalesce(1), metadata, instead_of="is_current = true")
    moved = (
        rows.where("_d >= 0 OR valid_to IS NOT NULL")
        .withColumn("_close", F.when(F.col("_d") < 0, F.col("_key")))
        .drop("_d")
        .persist()
    )
    try:
        if moved.isEmpty():
            return delta.note(stage.spark, stage.path, "silver", metadata)
        values = ", ".join(f"`{c}`" for c in moved.columns if c != "_close")
        sources = ", ".join(f"s.`{c}`" for c in moved.columns if c != "_close")
        delta.merge(
            stage.spark, stage.path, moved,
            "ON t._key = s._close AND t.is_current = true "
            "WHEN MATCHED THEN UPDATE SET valid_to = s.valid_to, is_current = false "
            f"WHEN NOT MATCHED THEN INSERT ({values}) VALUES ({sources})",
            "silver", metadata,
        )  # fmt: skip
    finally:
        moved.unpersist()


def overwrite(stage: Stage, rows: DataFrame, metadata: Mapping[str, Any], instead_of: str = "") -> None:
    with delta.taking_any_rows(stage.spark) if instead_of else nullcontext():
        delta.overwrite(
            rows, stage.path, "silver", "silver", metadata, where=instead_of, statistics=("_key", "valid_from"),
            partition_by=("is_current",),
        )  # fmt: skip
