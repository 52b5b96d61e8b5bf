"""Fold deliveries of events: a key has the row of the greatest business date. No history; the key is the contract's columns."""

from __future__ import annotations

import operator
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs import delta
from jobs.contracts import Contract
from jobs.days import KINDS, sql_within
from jobs.fold import fold_events, hash_of
from jobs.repeats import Settled
from jobs.rules import LINEAGE
from jobs.stage import Entry, Stage, keep

Counts = dict[int, dict[str, int]]
_PLAIN = re.compile(r"[\w.:/-]+", re.ASCII)  # a text that is the same in every SQL


@dataclass(frozen=True)
class Bounds:
    """Between which values of a column the table can have keys of some rows, as conditions in SQL; files of other rows are not read."""

    to_read: str
    to_merge: str


def fold_newest(stage: Stage, entry: Entry, settled: Settled, good: int, metadata: dict[str, Any]) -> Counts:
    """Replace the date's rows where no key is known from another date, else MERGE. `good`: rows to be folded."""
    rows = settled.good.select("_row.*", *LINEAGE)
    if not delta.exists(stage.path):
        return _replace_date(stage, entry, rows, good, metadata)
    bounds = _find_bounds(stage.contract, rows)
    known = _known(stage, entry, rows, bounds)
    if known.isEmpty():
        return _replace_date(stage, entry, rows, good, metadata)
    by = {r["_is_same"]: r["count"] for r in known.groupBy("_is_same").count().collect()}
    counts = {"changed": by.get(False, 0), "unchanged": by.get(True, 0)}
    counts["inserted"] = rows.count() - sum(counts.values())
    on = " AND ".join([*(f"t.`{c}` <=> s.`{c}`" for c in stage.contract.key), bounds.to_merge])
    clauses = f"ON {on} WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *"
    delta.merge(stage.spark, stage.path, rows, clauses, "silver", {**metadata, "counts": {entry.name: counts}})
    return {0: counts}


def _replace_date(stage: Stage, entry: Entry, rows: DataFrame, good: int, metadata: dict[str, Any]) -> Counts:
    where = f"_business_date = DATE'{entry.business_date}'"
    _write(stage, rows, {**metadata, "counts": {entry.name: {"inserted": good}}}, where)
    return {0: {"inserted": delta.count_records(stage.path, {"_business_date": entry.business_date})}}


def _known(stage: Stage, entry: Entry, rows: DataFrame, bounds: Bounds) -> DataFrame:
    """This delivery's rows whose key the table has from another date, and whether their values are the same."""
    table = delta.read(stage.spark, stage.path, where=bounds.to_read)
    table = table.where(f"_business_date != DATE'{entry.business_date}'")
    same_key = [F.col(f"n.`{c}`").eqNullSafe(F.col(f"k.`{c}`")) for c in stage.contract.key]
    both = rows.alias("n").join(table.alias("k"), reduce(operator.and_, same_key))
    return both.select((_value(stage, "n") == _value(stage, "k")).alias("_is_same"))


def _find_bounds(contract: Contract, rows: DataFrame) -> Bounds:
    """By the first day or local time of the key; where it has none by its first text, since numbers that are given out go up with time."""
    column, everything = _bounded_by(contract), Bounds("", "TRUE")
    if not column:
        return everything
    kind = contract.column(column).spark_type
    bound = F.col(column).cast("date" if kind in KINDS else kind)
    low, high = rows.agg(F.min(bound), F.max(bound)).collect()[0]
    if low is None:
        return everything
    if kind in KINDS:
        span = [(low, high)]
        return Bounds(sql_within(column, span), f"({sql_within(f't.{column}', span, kind)})")
    if not _PLAIN.fullmatch(low + high):
        return everything
    return Bounds(*(f"{c} >= '{low}' AND {c} <= '{high}'" for c in (column, f"t.{column}")))


def _bounded_by(contract: Contract) -> str:
    """The column of the key by which files of other rows are told apart; empty where it has none."""
    dated = [c for c in contract.key if contract.column(c).spark_type in KINDS]
    texts = [c for c in contract.key if contract.column(c).spark_type == "string"]
    return [*dated, *texts, ""][0]


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
        statistics=statistics_of(stage.contract),
    )  # fmt: skip


def statistics_of(contract: Contract) -> tuple[str, ...]:
    """Columns of which the log has the least and greatest value in each file: what keys are looked up by, and days and local times.

    Not the rest of the key: each file has nearly all its sensors or districts, so that no file would be spared by them.
    """
    dated = [c.name for c in contract.columns if c.spark_type in KINDS]
    return tuple(dict.fromkeys([_bounded_by(contract) or contract.key[0], *dated]))
