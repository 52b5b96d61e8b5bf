"""A delivery unlike those of the nights before is in silver, and the figures made of it wait until somebody signs."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from jobs.bands import Counted, find_unusual
from jobs.cities import load_contracts
from jobs.contracts import Contract
from jobs.ledger import Decision
from jobs.night import Night
from tests.commands import typed_at
from tests.little import World, csv_of, write_conf

THINGS = "reg.things"
FIRST = date(2026, 1, 1)


def contract(**properties: Any) -> Contract:
    known = load_contracts("optics_valley")["tax.payment"]
    return replace(known, properties={**known.properties, "volumeBand": 0, "shiftFactor": {}, **properties})


def night(number: int, rows: int, amount: str = "0") -> Counted:
    day = (FIRST + timedelta(days=number)).isoformat()
    return Counted(day, 1, "0", rows, {"amount_cny": amount})


def codes(contract: Contract, counted: Sequence[Counted]) -> list[tuple[str, str]]:
    return [(c.business_date, error.code) for c, error in find_unusual(contract, counted)]


@pytest.mark.parametrize(("rows", "is_unusual"), [(100, False), (150, False), (50, False), (151, True), (49, True), (0, True)])  # fmt: skip
def test_half_as_many_rows_as_usual_are_the_last_that_pass(rows: int, is_unusual: bool) -> None:
    found = codes(contract(volumeBand=0.5), [*[night(n, 100) for n in range(5)], night(5, rows)])
    assert found == ([("2026-01-06", "E702")] if is_unusual else [])


def test_four_nights_and_nineteen_rows_tell_nothing() -> None:
    assert codes(contract(volumeBand=0.5), [*[night(n, 100) for n in range(4)], night(5, 1)]) == []
    assert codes(contract(volumeBand=0.5), [*[night(n, 19) for n in range(9)], night(9, 1)]) == []


def test_only_the_last_28_nights_are_what_is_usual() -> None:
    grown = [*[night(n, 100) for n in range(30)], *[night(n, 1_000) for n in range(30, 60)]]
    assert [day for day, _ in codes(contract(volumeBand=0.5), grown)] == [
        (FIRST + timedelta(days=n)).isoformat() for n in range(30, 45)
    ], "until half of the 28 nights before are of the new size"


@pytest.mark.parametrize(
    ("amount", "is_unusual"),
    [
        ("1000.00", False),
        ("10000.00", False),
        ("100000.00", True),
        ("0.10", True),
        ("100.00", False),
        ("99.99", True),
    ],
)
def test_an_amount_in_another_unit_is_seen_by_its_mean(amount: str, is_unusual: bool) -> None:
    found = codes(contract(shiftFactor={"amount_cny": 10}), [*[night(n, 50, "1000.00") for n in range(5)], night(5, 50, amount)])  # fmt: skip
    assert found == ([("2026-01-06", "E403")] if is_unusual else [])


def test_more_rows_with_the_same_amounts_are_no_shift() -> None:
    usual = [night(n, 50, "1000.00") for n in range(5)]
    assert codes(contract(shiftFactor={"amount_cny": 10}), [*usual, night(5, 5_000, "100000.00")]) == []


def things(rows: int, value: int = 3) -> str:
    return csv_of([(key, 2013, value) for key in range(rows)])


def deliver_nights(world: World, numbers: Sequence[int]) -> None:
    """Usual nights of thirty things, the sixth with ten."""
    for n in numbers:
        world.deliver(THINGS, (FIRST + timedelta(days=n)).isoformat(), things(10 if n == 5 else 30))


def sign(world: World) -> Decision:
    return world.decide("approve", THINGS, "2026-01-06")


def totals(world: World) -> list[int]:
    return [r["total"] for r in world.rows("totals", "gold")]


def run(world: World, now: str = "2026-02-01T12:00:00Z") -> Night:
    return world.run(now=now, release=True)


@pytest.mark.spark
@pytest.mark.slow
def test_gold_keeps_its_figures_until_a_person_signs_the_unusual_delivery(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    deliver_nights(world, range(5))
    run(world)
    deliver_nights(world, [5])
    held = run(world)
    assert [(p.code, p.where.business_date, p.actual) for p in held.problems] == [("E702", "2026-01-06", "10 rows")]
    assert sum(r["is_current"] for r in world.rows(THINGS)) == 10, "silver has what was delivered"
    lake = typed_at(world, monkeypatch, capsys)
    status = json.loads(lake("status", "--json")[1])
    assert (status["gold"], [(h["code"], h["date"]) for h in status["held"]]) == ({"totals": "held"}, [("E702", "2026-01-06")])  # fmt: skip
    assert status["why"]["totals"] == "E702 reg.things 2026-01-06 r1: 10 rows, not 15 to 45 rows, 50% round the median of 5 nights before"  # fmt: skip
    assert totals(world) == [90]
    assert run(world).lines == [], "again is nothing"
    assert "reg.things 2026-01-06 is unusual, and gold waits (E702): lake approve" in lake("status")[1]
    assert lake("approve", status["held"][0]["id"], "--by", "A. Clerk", "--reason", "the register was cleaned")[0] == 0
    assert run(world).problems == []
    assert (totals(world), json.loads(lake("status", "--json")[1])["held"]) == ([30], [])


@pytest.mark.spark
@pytest.mark.slow
def test_a_correction_needs_no_signature(world: World) -> None:
    deliver_nights(world, range(6))
    assert [p.code for p in run(world).problems] == ["E702"]
    assert totals(world) == [], "nothing was ever released"
    assert run(world).lines == [], "again is nothing"
    world.deliver(THINGS, "2026-01-06", things(31), revision=2)
    assert run(world).problems == []
    assert totals(world) == [93]


@pytest.mark.spark
@pytest.mark.slow
def test_the_order_in_which_nights_arrive_changes_nothing_about_what_waits(world: World) -> None:
    order = list(range(7))
    random.Random(3).shuffle(order)
    deliver_nights(world, order[:3])
    run(world)
    deliver_nights(world, order[3:])
    night = run(world)
    assert [(p.code, p.where.business_date) for p in night.problems] == [("E702", "2026-01-06")]
    sign(world)
    assert run(world).problems == []
    assert totals(world) == [90]


@pytest.mark.spark
@pytest.mark.slow
def test_amounts_a_hundred_times_as_large_wait_as_well(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = write_conf(tmp_path / "conf")
    path = root / "conf" / "cities" / "little" / "reg" / "things.odcs.yaml"
    text = path.read_text("utf-8").replace("controlSums, value: [value]}", "controlSums, value: [value]}\n      - {property: shiftFactor, value: {value: 10}}")  # fmt: skip
    path.write_text(text, "utf-8")
    monkeypatch.setenv("LAKE_CONF", str(root))
    deliver_nights(world, range(5))
    run(world)
    world.deliver(THINGS, "2026-01-06", things(30, 300))
    (problem,) = run(world).problems
    assert (problem.code, problem.where.place) == ("E403", "value")
    assert problem.expected == "a mean of 0.30 to 30.00, the median of 5 nights before by 10"
    assert totals(world) == [90]
