"""Fold deliveries of events: a key has the row of the greatest business date. No history; the key is the contract's columns."""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from functools import reduce
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs import delta
from jobs.days import KINDS, sql_within
from jobs.fold import fold_events, hash_of
from jobs.repeats import Settled
from jobs.rules import LINEAGE
from jobs.stage import Entry, Stage, keep

Counts = dict[int, dict[str, int]]


def fold_newest(stage: Stage, entry: Entry, settled: Settled, good: int, metadata: dict[str, Any]) -> Counts:
    """Replace the date's rows where no key is known from another date, else MERGE. `good`: rows to be folded."""
    rows = settled.good.select("_row.*", *LINEAGE)
    known = _known(stage, entry, rows) if delta.exists(stage.path) else None
    if known is None or known.isEmpty():
        where = f"_business_date = DATE'{entry.business_date}'"
        _write(stage, rows, {**metadata, "counts": {entry.name: {"inserted": good}}}, where)
        return {0: {"inserted": delta.count_records(stage.path, {"_business_date": entry.business_date})}}
    by = {r["_is_same"]: r["count"] for r in known.groupBy("_is_same").count().collect()}
    counts = {"changed": by.get(False, 0), "unchanged": by.get(True, 0)}
    counts["inserted"] = rows.count() - sum(counts.values())
    on = " AND ".join([*(f"t.`{c}` <=> s.`{c}`" for c in stage.contract.key), *_bounds(stage, rows, "t.")])
    clauses = f"ON {on} WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *"
    delta.merge(stage.spark, stage.path, rows, clauses, "silver", {**metadata, "counts": {entry.name: counts}})
    return {0: counts}


def _known(stage: Stage, entry: Entry, rows: DataFrame) -> DataFrame:
    """This delivery's rows whose key the table has from another date, and whether their values are the same."""
    table = delta.read(stage.spark, stage.path, where=" AND ".join(_bounds(stage, rows)))
    table = table.where(f"_business_date != DATE'{entry.business_date}'")
    same_key = [F.col(f"n.`{c}`").eqNullSafe(F.col(f"k.`{c}`")) for c in stage.contract.key]
    both = rows.alias("n").join(table.alias("k"), reduce(operator.and_, same_key))
    return both.select((_value(stage, "n") == _value(stage, "k")).alias("_is_same"))


def _bounds(stage: Stage, rows: DataFrame, prefix: str = "") -> list[str]:
    """Between which days the table can have keys of these rows, by a date or local time in the key: files of others are not read.

    With a prefix, a condition for MERGE.
    """
    dated = [c for c in stage.contract.key if stage.contract.column(c).spark_type in KINDS]
    if not dated:
        return []
    low, high = rows.agg(F.min(dated[0]).cast("date"), F.max(dated[0]).cast("date")).collect()[0]
    kind = stage.contract.column(dated[0]).spark_type if prefix else ""
    return [f"({sql_within(prefix + dated[0], [(low, high)], kind)})"] if low else []


def _value(stage: Stage, side: str) -> Column:
    return hash_of([f"{side}.`{c.name}`" for c in stage.contract.columns])


def refold(
    stage: Stage, entries: Sequence[Entry], settled: Settled, metadata: dict[str, Any], *, small: bool
) -> Counts:
    """Fold every accepted delivery again from bronze, in one overwrite."""
    observed = settled.good.select("_row", *LINEAGE, "_d", "_key", "_value")
    rows = keep(fold_events(observed), small=small)
    counts: Counts = {n: {} for n in range(len(entries))}
    for row in rows.groupBy("_d", "_event").count().collect():
        counts[row["_d"]][row["_event"]] = row["count"]
    named = {e.name: counts[n] for n, e in enumerate(entries)}
    _write(stage, rows.where("_event != 'outranked'").select("_row.*", *LINEAGE), {**metadata, "counts": named}, "")
    rows.unpersist()
    return counts


def _write(stage: Stage, rows: DataFrame, metadata: Mapping[str, Any], where: str) -> None:
    delta.overwrite(
        rows, stage.path, "silver", "silver", metadata, where=where, partition_by=("_business_date",),
        statistics=stage.contract.key[:4],
    )  # fmt: skip
