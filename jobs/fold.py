"""Silver is a fold over deliveries: the semantics of the four modes, and of history.

An observation is what one delivery says of one key: `set` (here is its row), `end` (a delete) or `frozen` (a set-aside row: the
key's state stays as it is). Deliveries are numbered by business date from 0; the rows that are current before them stand at -1. The
fast path folds one delivery into the current rows, the late path all deliveries into nothing; both by the same functions.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

COUNTS = ("inserted", "changed", "ended", "unchanged", "outranked", "ended_by_absence", "end_unproven")


@dataclass(frozen=True)
class Coverage:
    """Which periods each delivery covers, by its number, and whether absence in it proves an end.

    A snapshot, and a full delivery of changes, covers everything: the one period ''.
    """

    periods: Mapping[int, frozenset[str]]
    complete: frozenset[int]

    def by_period(self) -> dict[str, tuple[list[int], list[int]]]:
        """Per period the deliveries that end what they do not name, and those that leave it unproven."""
        found: dict[str, tuple[list[int], list[int]]] = {}
        for number, periods in sorted(self.periods.items()):
            for period in periods:
                found.setdefault(period, ([], []))[number not in self.complete].append(number)
        return found


def hash_of(columns: Sequence[str]) -> Column:
    """A 128-bit identity of some columns; null is told from an empty text."""
    return F.md5(F.concat_ws("\u001f", *[F.coalesce(F.col(c).cast("string"), F.lit("\u0000")) for c in columns]))


def fold_history(observations: DataFrame, coverage: Coverage, dates: Sequence[str]) -> DataFrame:
    """Fold observations into events: one row per key and delivery at which something was set or ended.

    Takes `_key`, `_value`, `_period`, `_d`, `_kind` and any further columns, at most one row per key and delivery. Returns them with
    `_event` (inserted, changed, unchanged, ended, ended_by_absence or nothing), `_starts` (the event begins a run of equal values),
    `_unproven` (absences in incomplete deliveries), `valid_from` and `valid_to`.
    """
    by_key = Window.partitionBy("_key").orderBy("_d")
    seen = observations.withColumns(
        {
            "_state_period": F.last(F.when(F.col("_kind") == "set", F.col("_period")), ignorenulls=True).over(by_key),
            "_next": F.lead("_d").over(by_key),
        }
    )
    seen = seen.withColumn("_cover", _cover_of(F.col("_state_period"), coverage))
    upcoming = F.array_min(
        F.filter("_cover.ends", lambda x: (x > F.col("_d")) & (x < F.coalesce(F.col("_next"), F.lit(1 << 30))))
    )
    seen = seen.withColumn("_gone", F.when(F.col("_kind") != "end", upcoming))
    last = F.least(F.coalesce(F.col("_next"), F.lit(1 << 30)), F.coalesce(F.col("_gone"), F.lit(1 << 30)))
    seen = seen.withColumn("_missing", F.filter("_cover.unproven", lambda x: (x > F.col("_d")) & (x < last)))
    own = F.struct(F.col("_d").alias("d"), F.col("_kind").alias("kind"))
    gone = F.struct(F.col("_gone").alias("d"), F.lit("absent").alias("kind"))
    both = F.when(F.col("_gone").isNull(), F.array(own)).otherwise(F.array(own, gone))
    events = seen.withColumn("_e", F.explode(both)).withColumns({"_d": F.col("_e.d"), "_kind": F.col("_e.kind")})
    return _name_events(events.drop("_e", "_gone", "_next", "_cover", "_state_period"), dates)


def _cover_of(period: Column, coverage: Coverage) -> Column:
    """Of a period, the numbers of the deliveries that end (`ends`) or leave unproven (`unproven`) what they do not name."""
    known = {p: {"ends": ends, "unproven": unproven} for p, (ends, unproven) in coverage.by_period().items()}
    schema = "map<string, struct<ends: array<int>, unproven: array<int>>>"
    return F.try_element_at(F.from_json(F.lit(json.dumps(known)), schema), period)


def _name_events(events: DataFrame, dates: Sequence[str]) -> DataFrame:
    """Compare each event with the state before it; a frozen key's state is the one before."""
    order = Window.partitionBy("_key").orderBy("_d")
    before = order.rowsBetween(Window.unboundedPreceding, -1)
    effect = F.when(F.col("_kind") == "set", F.col("_value")).when(F.col("_kind") != "frozen", F.lit(""))
    events = events.withColumn("_was", F.coalesce(F.last(effect, ignorenulls=True).over(before), F.lit("")))
    alive, is_set = F.col("_was") != "", F.col("_kind") == "set"
    event = (
        F.when(is_set & ~alive, "inserted")
        .when(is_set & (F.col("_was") != F.col("_value")), "changed")
        .when(is_set, "unchanged")
        .when((F.col("_kind") == "end") & alive, "ended")
        .when(F.col("_kind") == "end", "unchanged")
        .when((F.col("_kind") == "absent") & alive, "ended_by_absence")
    )
    events = events.withColumns(
        {"_event": event, "_starts": F.coalesce(event.isin("inserted", "changed"), F.lit(False))}
    )
    events = events.withColumn(
        "_bounds", F.coalesce(event.isin("inserted", "changed", "ended", "ended_by_absence"), F.lit(False))
    )
    after = order.rowsBetween(1, Window.unboundedFollowing)
    next_bound = F.min(F.when(F.col("_bounds"), F.col("_d"))).over(after)
    day = F.array(*[F.to_date(F.lit(d)) for d in dates])
    found = {
        "valid_to": F.when(F.col("_starts"), F.get(day, next_bound)),
        "valid_from": F.when(F.col("_d") < 0, F.col("valid_from")).otherwise(F.get(day, F.col("_d"))),
        "_unproven": F.when(
            (event.isin("inserted", "changed", "unchanged") & is_set) | ((F.col("_kind") == "frozen") & alive),
            F.col("_missing"),
        ),
    }
    return events.withColumns(found).drop("_was", "_missing", "_bounds")


def history_rows(events: DataFrame) -> DataFrame:
    """The runs of equal values: what a history table holds."""
    return events.where("_starts").withColumn("is_current", F.col("valid_to").isNull())


def count_events(events: DataFrame) -> dict[int, dict[str, int]]:
    """Events by delivery number and name, with the ends that an incomplete delivery left unproven."""
    found: dict[int, Counter[str]] = {}
    for row in events.groupBy("_d", "_event", "_unproven").count().collect():
        if row["_event"] and row["_d"] >= 0:
            found.setdefault(row["_d"], Counter())[row["_event"]] += row["count"]
        for number in row["_unproven"] or ():
            found.setdefault(number, Counter())["end_unproven"] += row["count"]
    return {number: dict(counts) for number, counts in found.items()}


def fold_events(observations: DataFrame) -> DataFrame:
    """Events: name what becomes of each good row; a key has the row of the greatest business date.

    Returns the rows with `_event` (inserted, changed, unchanged or outranked).
    """
    by_key = Window.partitionBy("_key").orderBy("_d")
    rows = observations.withColumns({"_later": F.lead("_d").over(by_key), "_was": F.lag("_value").over(by_key)})
    event = (
        F.when(F.col("_later").isNotNull(), "outranked")
        .when(F.col("_was").isNull(), "inserted")
        .when(F.col("_was") != F.col("_value"), "changed")
        .otherwise("unchanged")
    )
    return rows.withColumn("_event", event).drop("_later", "_was")


def last_of_sequence(rows: DataFrame, sequence: str) -> DataFrame:
    """Changes: mark all but the last row of a key in a delivery as `_outranked`."""
    order = Window.partitionBy("_d", "_key").orderBy(F.col(sequence).desc())
    return rows.withColumn("_outranked", F.row_number().over(order) > 1)
