"""Write a gold table by days: all of them, or some on top of its last released version.

The commit says which days were built, and holds the digest of every day of the table, so that nothing of the other days is read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from pyspark.sql import DataFrame, SparkSession

from jobs import delta
from jobs.contracts import Contract
from jobs.days import Span, has_day, sql_within
from jobs.digest import digest_by_day
from jobs.stage import keep


@dataclass(frozen=True)
class Part:
    """What of an incremental table is built again: some days, on top of its last released version."""

    base: int
    spans: tuple[Span, ...]


def write_days(
    spark: SparkSession, path: str, contract: Contract, rows: DataFrame, said: Mapping[str, Any], part: Part | None
) -> None:
    """Write all days of a table, or those of a part on top of the version that it starts from, in one commit beside a RESTORE."""
    rows, where = keep(rows, small=True), ""
    spans: Sequence[Span] = ()
    days = digest_by_day(rows.toArrow(), contract)
    if part:
        before = delta.metadata_of(path, part.base)
        _start_from(spark, path, part.base, before)
        days |= {d: x for d, x in before["days"].items() if not has_day(part.spans, date.fromisoformat(d))}
        kind = contract.column(contract.period).spark_type
        where, spans = sql_within(contract.period, part.spans, kind), part.spans
    built = [[str(first), str(last)] for first, last in spans]
    delta.overwrite(rows, path, "gold", "gold", {**said, "built": built, "days": days}, where=where)
    rows.unpersist()


def _start_from(spark: SparkSession, path: str, version: int, said: Mapping[str, Any]) -> None:
    """Make a released version the newest: a build that was held, or killed before its release, may stand above it."""
    state = delta.table_state(path)
    if state is not None and state.version != version and state.metadata.get("fingerprint") != said["fingerprint"]:
        delta.restore(spark, path, version)


def built_spans(state: delta.TableState) -> list[Span]:
    """The days of which a version was built; none where it was built whole."""
    return [(date.fromisoformat(first), date.fromisoformat(last)) for first, last in state.metadata.get("built", ())]
