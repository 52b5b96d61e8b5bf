"""The product's fold, on Spark and Delta, compared with the judge's on generated histories.

A Spark job costs a second whatever its size, so histories of a mode are laid end to end: each has years and keys of its own, and ends
with a delivery that ends every key of it. They fold in one refold; the newest delivery then comes by the fast path. Short
histories also go through the whole product, arrival by arrival: one a mode in each lake, so that a run takes four arrivals.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cache
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from jobs import landing, places, silver
from jobs import night as nights
from jobs import stage as stages
from jobs.fold import COUNTS
from jobs.ledger import Decision as Recorded
from jobs.stage import Entry, Stage
from jobs.suites import load_suite
from tests.laws.fold_model import MODES, Counts, Decision, Delivery, Mend, Mode, Row, fold, fold_list
from tests.laws.strategies import OPERATIONS, History, csv_fields, csv_header, csv_text, histories, number_rows
from tests.little import World

pytestmark = pytest.mark.spark

TOGETHER = 6
FAST = 1
SHORT, LAKES = 5, 5


@cache
def draw_histories(mode: Mode, count: int, max_operations: int = 9) -> list[History]:
    """Draw histories and keep those that add most: operations, then operations next to each other; the same ones every time."""
    drawn: list[History] = []

    @settings(max_examples=200, derandomize=True, database=None, deadline=None, suppress_health_check=[*HealthCheck])
    @given(histories(mode, max_operations))
    def collect(history: History) -> None:
        drawn.append(history)

    collect()
    chosen: list[History] = []
    while len(chosen) < count:
        seen = {operation for history in chosen for operation in history.operations}
        pairs = {pair for history in chosen for pair in pairwise(history.operations)}
        chosen.append(max(drawn, key=lambda h: (len({*h.operations} - seen), len({*pairwise(h.operations)} - pairs))))
    return chosen


# ---- Histories end to end --------------------------------------------------------------------------------------------


def move_row(row: Row, number: int) -> Row:
    return row if row.key is None else replace(row, key=f"{number}{row.key}")


def move_date(date: str, number: int) -> str:
    return f"{2000 + number}{date[4:]}"


def move_delivery(delivery: Delivery, number: int) -> Delivery:
    rows = tuple(move_row(row, number) for row in delivery.rows)
    return replace(delivery, date=move_date(delivery.date, number), rows=rows)


def move_decision(decision: Decision, number: int) -> Decision:
    moved = replace(decision, date=move_date(decision.date, number))
    return replace(moved, row=move_row(moved.row, number)) if isinstance(moved, Mend) else moved


def close_year(mode: Mode, number: int) -> Delivery:
    """A delivery without flaws that covers everything and holds two keys that no other has."""
    sequence, operation = (1, "I") if mode == "changes" else (None, None)
    rows = [Row(f"{number}{9 - n}", p, "10", sequence, operation) for n, p in enumerate(("2012", "2013"))]
    return Delivery(f"{2000 + number}-12-31", 1, number_rows(rows), full=mode == "changes")


def lay_end_to_end(mode: Mode, found: Sequence[History]) -> tuple[list[Delivery], list[Decision]]:
    deliveries: dict[tuple[str, int], Delivery] = {}
    decisions: list[Decision] = []
    for number, history in enumerate(found, start=1):
        for each in [*(move_delivery(d, number) for d in history.deliveries), close_year(mode, number)]:
            deliveries[each.date, each.revision] = each
        decisions += [move_decision(d, number) for d in history.decisions]
    return list(deliveries.values()), decisions


# ---- The same in a lake ----------------------------------------------------------------------------------------------


def deliver(world: World, mode: Mode, delivery: Delivery) -> None:
    """Put a delivery into the inbox; what its manifest says, or text in `hold`, brings its status about."""
    text = csv_text(mode, delivery)
    if delivery.status == "held":
        lines = text.splitlines()
        wide = [f"{line},{'hold' if n == 0 else 'x'}" if "," in line else line for n, line in enumerate(lines)]
        text = "\n".join(wide) + "\n"
    stated = {"full": delivery.full} | ({"records": 999} if delivery.status == "refused" else {})
    world.deliver(f"loose.{mode}", delivery.date, text, revision=delivery.revision, manifest=stated)


def mended_values(mode: Mode, decision: Decision) -> dict[str, str] | None:
    return (
        dict(zip(csv_header(mode), csv_fields(mode, decision.row), strict=True)) if isinstance(decision, Mend) else None
    )


def record_decisions(world: World, mode: Mode, deliveries: Iterable[Delivery], decisions: Iterable[Decision]) -> None:
    """Write decisions into the audit table, a mend's values into landing."""
    night = world.run_nothing()
    known = {(d.date, d.revision): d for d in deliveries}
    receipts = landing.list_receipts(world.lake, night.contracts[f"loose.{mode}"])
    sha256 = {(r.business_date, r.revision): r.sha256 for r in receipts}
    for decision in decisions:
        place = (decision.date, decision.revision)
        refused = "" if decision.record in [row.record for row in known[place].rows] else "refused"
        values, landed = mended_values(mode, decision), ""
        if values is not None:
            data = json.dumps(values).encode()
            landed = hashlib.sha256(data).hexdigest()
            world.lake.write_atomic(landing.object_path(world.lake, landed), data)
        kind = "dismiss" if values is None else "mend"
        made = Recorded(kind, "tester", "checked", f"loose.{mode}", *place, sha256[place], "data.csv", decision.record)
        night.ledger.decide(replace(made, rule=refused, values_sha256=landed))


def list_entries(world: World, mode: Mode) -> list[Entry]:
    """Accepted deliveries as silver folds them, by the outcome that bronze gave them: of each date the highest revision."""
    night = world.run_nothing()
    found: dict[str, Entry] = {}
    for r in landing.list_receipts(world.lake, night.contracts[f"loose.{mode}"]):
        line = night.ledger.newest("bronze", f"loose.{mode}", r.business_date, r.revision)
        if line is not None and line.outcome == "accepted":
            decided = night.ledger.decisions_on(f"loose.{mode}", r.business_date, r.revision, r.sha256)
            full = bool(r.manifest["full"])
            found[r.business_date] = Entry(r.business_date, r.revision, r.sha256, full, tuple(decided))
    return [found[date] for date in sorted(found)]


def silver_rows(world: World, mode: Mode) -> list[tuple[Any, ...]]:
    if mode != "events":
        return world.history(f"loose.{mode}")
    rows = world.rows("loose.events")
    return sorted([(r["key"], r["period"], r["value"], str(r["_business_date"]), None) for r in rows], key=str)


def judged_rows(mode: Mode, deliveries: Sequence[Delivery], decisions: Sequence[Decision]) -> list[tuple[Any, ...]]:
    rows = fold(mode, deliveries, decisions).rows
    return sorted(
        [(int(r.key), int(r.period or 0), int(r.value or 0), r.valid_from, r.valid_to) for r in rows], key=str
    )


def fates(counts: Any) -> dict[str, int]:
    found = vars(counts) if isinstance(counts, Counts) else counts
    return {name: found.get(name, 0) for name in COUNTS}


@pytest.mark.parametrize("size", ["few rows", pytest.param("many rows", marks=pytest.mark.slow)])
@pytest.mark.parametrize("mode", MODES)
def test_spark_folds_histories_as_the_judge_does(
    world: World, mode: Mode, size: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`many rows`: as where a delivery is too large to be kept, and a table too large to be rewritten."""
    if size == "many rows":
        monkeypatch.setattr(stages, "SMALL", -1)
        monkeypatch.setattr(places, "FEW", 0)
    found = draw_histories(mode, TOGETHER)
    assert {operation for history in found for operation in history.operations} == set(OPERATIONS)
    deliveries, decisions = lay_end_to_end(mode, found)
    for delivery in deliveries:
        deliver(world, mode, delivery)
    night = world.run_nothing()
    nights.extract(night)
    nights.process(night, ("bronze",))
    record_decisions(world, mode, deliveries, decisions)

    entries = list_entries(world, mode)
    listed = fold_list(deliveries)
    assert [(e.business_date, e.revision) for e in entries] == [(d.date, d.revision) for d in listed]
    contract = night.contracts[f"loose.{mode}"]
    stage = Stage(night.spark, world.lake, contract, load_suite(contract))

    late = len(entries) - FAST
    read = [world.line(f"loose.{mode}", e.business_date, "bronze", e.revision).counts for e in entries]
    whole = silver.fold_delivery(stage, entries[0], entries[1:late], approved=False, bronze=read[0])
    expected = fold(mode, listed[:late], decisions).counts
    assert {day: fates(n) for (day, _), n in whole.refolded.items()} == {day: fates(n) for day, n in expected.items()}
    assert silver_rows(world, mode) == judged_rows(mode, listed[:late], decisions)

    for at in range(late, len(entries)):
        one = silver.fold_delivery(stage, entries[at], entries[:at], approved=False, bronze=read[at])
        expected_counts = vars(fold(mode, listed[: at + 1], decisions).counts[entries[at].business_date])
        assert {name: one.counts[name] for name in expected_counts} == expected_counts
    assert silver_rows(world, mode) == judged_rows(mode, listed, decisions)


def take(world: World, mode: Mode, arrival: Delivery | Decision) -> None:
    """Bring one arrival about: a folder in the inbox, or a person's decision."""
    if isinstance(arrival, Delivery):
        deliver(world, mode, arrival)
        return
    values = mended_values(mode, arrival)
    kind = "dismiss" if values is None else "mend"
    place = {"file": "data.csv", "record": arrival.record, "revision": arrival.revision}
    world.decide(kind, f"loose.{mode}", arrival.date, values=values, **place)


def upto(history: History, step: int) -> History:
    return replace(history, arrivals=history.arrivals[: step + 1])


def assert_counts(world: World, mode: Mode, history: History) -> None:
    """The ledger counts what the judge counts; of events, whose former nights are not counted again, but for the fold."""
    state = fold(mode, history.deliveries, history.decisions)
    judged = ("judged", "good", "set_aside", "duplicates")
    for delivery in fold_list(history.deliveries):
        expected = vars(state.counts[delivery.date])
        expected = {name: expected[name] for name in judged} if mode == "events" else expected
        line = world.line(f"loose.{mode}", delivery.date, revision=delivery.revision)
        assert {name: line.counts[name] for name in expected} == expected, (mode, delivery)


@pytest.mark.parametrize("mode", MODES)
def test_the_short_histories_of_a_mode_hold_every_operation(mode: Mode) -> None:
    found = draw_histories(mode, LAKES, SHORT)
    assert {operation for history in found for operation in history.operations} == set(OPERATIONS)
    assert all(3 <= len(history.arrivals) <= SHORT for history in found)
    assert len(MODES) * LAKES >= 20


@pytest.mark.slow
@pytest.mark.parametrize("number", range(LAKES))
def test_after_each_arrival_the_tables_have_the_judges_rows(
    world: World, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the last lake every delivery and table counts as large."""
    if number == LAKES - 1:
        monkeypatch.setattr(stages, "SMALL", -1)
        monkeypatch.setattr(places, "FEW", 0)
    found = {mode: draw_histories(mode, LAKES, SHORT)[number] for mode in MODES}
    for step in range(SHORT):
        for mode, history in found.items():
            for arrival in history.arrivals[step : step + 1]:
                take(world, mode, arrival)
        world.run()
        for mode, history in found.items():
            known = upto(history, step)
            assert silver_rows(world, mode) == judged_rows(mode, known.deliveries, known.decisions), (step, history)
    for mode, history in found.items():
        assert_counts(world, mode, history)
