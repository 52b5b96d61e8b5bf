"""Decisions of people on set-aside records, through the pipeline: the newest on a record counts."""

from __future__ import annotations

import pytest

from jobs import silver
from jobs.identities import list_identities
from jobs.ledger import read_decisions
from tests.little import World, csv_of, only_problem

pytestmark = pytest.mark.spark
DATE = "2025-01-01"
GOOD, OTHER, BAD = ({"key": "2", "period": "2013", "value": value} for value in ("21", "22", "x"))


def decide(world: World, kind: str, record: int, values: dict[str, str] | None = None) -> None:
    world.decide(kind, "reg.things", DATE, file="data.csv", record=record, values=values)


def test_a_second_mend_takes_the_place_of_a_bad_one(world: World) -> None:
    world.deliver("reg.things", DATE, csv_of([(1, 2013, 10)]) + "short\n")
    world.run()
    for values in (BAD, GOOD):
        decide(world, "mend", 2, values)
        assert world.problem_codes(world.run()) == []
    assert world.history("reg.things") == [(1, 2013, 10, DATE, None), (2, 2013, 21, DATE, None)]
    assert len(read_decisions(world.lake)) == 2, "both stay on record"
    assert world.run().lines == []


def test_a_dismissed_record_can_be_replayed(world: World) -> None:
    world.deliver("reg.things", DATE, csv_of([(1, 2013, 10), (2, 2013, "x")]))
    world.run()
    decide(world, "dismiss", 2)
    world.run()
    decide(world, "mend", 2, GOOD)
    world.run()
    assert world.history("reg.things") == [(1, 2013, 10, DATE, None), (2, 2013, 21, DATE, None)]
    assert world.rows("reg.things", "quarantine") == []
    assert world.line("reg.things", DATE).counts["set_aside"] == 0


def test_a_decision_that_was_overruled_counts_when_it_is_taken_again(world: World) -> None:
    world.deliver("reg.things", DATE, csv_of([(1, 2013, 10), (2, 2013, "x")]))
    world.run()
    for values in (GOOD, OTHER, GOOD, GOOD):
        decide(world, "mend", 2, values)
    world.run()
    assert (2, 2013, 21, DATE, None) in world.history("reg.things")
    assert len(read_decisions(world.lake)) == 3, "the same one twice in a row is nothing"


def test_silver_is_as_it_was_where_the_numbers_do_not_add_up(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.deliver("reg.things", DATE, csv_of([(1, 2013, 10)]))
    world.run()
    version, right = world.version("reg.things"), silver._counts
    monkeypatch.setattr(silver, "_counts", lambda *given: {**right(*given), "duplicates": 7})
    world.deliver("reg.things", "2025-01-02", csv_of([(1, 2013, 11)]))
    assert only_problem(world.run()).code == "E704"
    assert world.version("reg.things") == version


def test_the_numbers_of_a_mended_delivery_add_up(world: World) -> None:
    world.deliver("reg.things", DATE, csv_of([(1, 2013, 10)]) + "short\n")
    world.run()
    decide(world, "mend", 2, GOOD)
    night = world.run()
    bronze, last = world.line("reg.things", DATE, "bronze"), world.line("reg.things", DATE)
    found = list_identities(night.contracts["reg.things"], bronze.counts, last.counts)
    assert [(x.name, x.holds) for x in found] == [("landed", True), ("judged", True), ("verdict", True), ("fold", True)]
