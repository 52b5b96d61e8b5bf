"""Reconcile: every delivery with its numbers, and commands that look at a part of the lake."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from jobs import night as nights
from jobs.cli import main
from jobs.ledger import Ledger, all_lines
from tests.little import World, csv_of, write_conf

pytestmark = pytest.mark.long

DATE, LATER = "2025-01-01", "2025-01-02"
ROWS = csv_of([(1, 2013, 10)])
HELD = "key,period,value,hold\n1,2013,10,x\n"
REFUSED = {"files": [{"name": "data.csv", "sha256": "0" * 64}]}
JUDGED = {
    "judged": 1, "good": 1, "set_aside": 0, "duplicates": 0, "inserted": 1, "changed": 0, "ended": 0, "unchanged": 0, "outranked": 0,
}  # fmt: skip


@pytest.fixture
def lake(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """One delivery of each fate, read without a JVM."""
    monkeypatch.setenv("LAKE_CITY", "little")
    monkeypatch.setenv("LAKE_ROOT", world.lake.root)
    monkeypatch.setenv("LAKE_INBOX", str(world.inbox))
    world.deliver("reg.things", DATE, ROWS)
    world.deliver("tax.yearly", DATE, ROWS, manifest=REFUSED)
    world.deliver("road.counts", LATER, HELD)
    night = world.run_nothing()
    nights.extract(night)
    nights.process(night, ("bronze",))
    return world


def judge(lake: World, **counts: int) -> None:
    """Write the ledger line of a judged delivery."""
    ledger = Ledger(lake.lake, lake.run_nothing().run)
    read = ledger.newest("bronze", "reg.things", DATE, 1)
    assert read is not None
    ledger.append(replace(read, stage="silver", outcome="accepted", counts={**JUDGED, **counts}))


def type_in(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr("sys.argv", ["lake", *words, "--now", "2025-03-01T00:00:00Z"])
    with pytest.raises(SystemExit) as left:
        main()
    return int(left.value.code or 0)


def told(capfd: pytest.CaptureFixture[str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(capfd.readouterr().out.splitlines()[0])
    return found


def test_every_delivery_is_listed_however_far_it_went(
    lake: World, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    judge(lake)
    assert type_in(monkeypatch, "reconcile", "--json") == 0
    rows = told(capfd)["rows"]
    assert {(r["dataset"], r["outcome"], r["landed"], r["judged"], r["identities"]) for r in rows} == {
        ("reg.things", "accepted", 1, 1, "equal"),
        ("road.counts", "held", 1, 0, "equal"),
        ("tax.yearly", "refused", 0, 0, "equal"),
    }


@pytest.mark.parametrize(
    ("counts", "wrong"),
    [
        ({"judged": 2, "duplicates": 1}, "judged = bronze × rows_per_record"),
        ({"set_aside": 1}, "judged = good + set_aside + duplicates"),
        ({"unchanged": 1}, "good = inserted + changed + ended + unchanged + outranked"),
        ({"mended": 1}, "judged = bronze and mended × rows_per_record"),
    ],
)
def test_an_identity_that_does_not_hold_is_named(
    lake: World, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], counts: dict[str, int], wrong: str
) -> None:
    judge(lake, **counts)
    assert type_in(monkeypatch, "reconcile", "--dataset", "reg.things", "--json") == 1
    assert [r["identities"] for r in told(capfd)["rows"]] == [f"DIFFERENT: {wrong}"]


@pytest.mark.parametrize("command", ["status", "reconcile"])
@pytest.mark.parametrize(
    ("words", "datasets"),
    [
        (("--dataset", "reg.things"), {"reg.things"}),
        (("--source", "tax"), {"tax.yearly"}),
        (("--date", LATER), {"road.counts"}),
    ],
)
def test_a_part_of_the_lake_is_looked_at_by_its_selectors(
    lake: World, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], command: str, words: tuple[str, ...], datasets: set[str],
) -> None:  # fmt: skip
    assert type_in(monkeypatch, command, *words, "--json") == 0
    answer = told(capfd)
    delivered = [
        r for r in answer.get("deliveries", answer.get("rows")) if r.get("delivery", "delivered") == "delivered"
    ]
    assert {r["dataset"] for r in delivered} == datasets


@pytest.mark.parametrize("command", ["gold", "release", "status", "reconcile"])
@pytest.mark.parametrize(("date", "code"), [("2025-02-30", 2), ("2099-01-01", 2), (DATE, 0)])
def test_a_date_that_a_command_is_typed_for_is_a_date(
    world: World, monkeypatch: pytest.MonkeyPatch, command: str, date: str, code: int
) -> None:
    monkeypatch.setenv("LAKE_CITY", "little")
    monkeypatch.setenv("LAKE_ROOT", world.lake.root)
    assert type_in(monkeypatch, command, "--date", date) == code


@pytest.mark.spark
def test_the_ledger_keeps_the_date_that_gold_and_a_release_are_typed_for(world: World) -> None:
    world.deliver("reg.things", DATE, ROWS)
    world.run()
    night = world.run_nothing()
    night.selection = nights.Selection(done_for=LATER)
    nights.run_release(night)
    lines = all_lines(world.lake.table("audit", "ledger"))
    assert {x.stage: x.counts.get("for_date") for x in lines if x.stage not in ("bronze", "silver")} == {
        "gold": LATER,
        "release": LATER,
    }


@pytest.mark.spark
@pytest.mark.parametrize(
    ("mart", "code", "sums"),
    [("value", 0, ("33", "33", "0")), ("value + 1", 1, ("33", "35", "2"))],
    ids=["a mart that loses nothing", "a mart that adds something"],
)
def test_gold_adds_up_to_the_silver_that_it_was_made_of(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], mart: str, code: int, sums: tuple[str, ...],
) -> None:  # fmt: skip
    conf = write_conf(tmp_path / "conf")
    path = conf / "jobs" / "marts" / "totals.py"
    path.write_text(path.read_text().replace('F.sum("value")', f'F.sum(F.expr("{mart}"))'))
    monkeypatch.setenv("LAKE_CONF", str(conf))
    monkeypatch.setenv("LAKE_CITY", "little")
    monkeypatch.setenv("LAKE_ROOT", world.lake.root)
    world.deliver("reg.things", DATE, csv_of([(1, 2013, 10), (2, 2014, 20)]))
    world.deliver("reg.things", LATER, csv_of([(1, 2013, 13), (2, 2014, 20)]), manifest={"records": 2})
    world.run(release=True)
    capfd.readouterr()
    assert type_in(monkeypatch, "reconcile", "--json") == code
    answer = told(capfd)
    assert [r["delivered"] for r in answer["rows"]] == ["", 2]
    assert [tuple(r.values()) for r in answer["gold"]] == [("gold.totals", "total", "reg.things.value", *sums)]
