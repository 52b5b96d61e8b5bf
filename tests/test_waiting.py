"""What still waits is said by every run, with its exit code, until somebody acts; and marts that stand on it are stale."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from jobs import night as nights
from jobs.cli import main
from jobs.release import find_release
from tests.little import GOLD, GOLD_SUITE, World, csv_of, write_conf

pytestmark = pytest.mark.long

NOW = "2026-01-01T12:00:00Z"
DATE = "2025-01-01"
ROWS = csv_of([(1, 2013, 10)])
HELD = "key,period,value,hold\n1,2013,10,x\n"
REFUSED = {"files": [{"name": "data.csv", "sha256": "0" * 64}]}


@pytest.fixture
def lake(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """A lake for commands that need no Java: one that asked for it would fail."""
    monkeypatch.setenv("LAKE_CITY", "little")
    monkeypatch.setenv("LAKE_ROOT", world.lake.root)
    monkeypatch.setenv("LAKE_INBOX", str(world.inbox))
    monkeypatch.setattr("jobs.opening._open_driver", refuse_session)
    return world


def refuse_session(*_: object) -> None:
    raise AssertionError("a JVM was asked for")


def type_in(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr("sys.argv", ["lake", *words, "--now", NOW])
    with pytest.raises(SystemExit) as left:
        main()
    return int(left.value.code or 0)


@pytest.mark.parametrize("again", [("run",), ("retry",), ("run", "--date", DATE), ("bronze", "--date", DATE, "--dataset", "reg.things")])  # fmt: skip
def test_a_refused_delivery_is_said_again_by_the_next_run(
    lake: World, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], again: tuple[str, ...]
) -> None:
    lake.deliver("reg.things", DATE, ROWS, manifest=REFUSED)
    assert type_in(monkeypatch, "run") == 4
    before = lake.versions()
    capfd.readouterr()
    assert type_in(monkeypatch, *again) == 4
    said = capfd.readouterr().out
    assert "N107 Nothing to do: everything that was delivered is done or waits for somebody." in said
    assert ["reg.things", DATE, "r1", "E102"] in [line.split()[:4] for line in said.splitlines()]
    assert "a corrected delivery goes into" in said
    assert lake.versions() == before


def test_a_held_delivery_is_said_again_with_the_command_that_approves_it(
    lake: World, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    lake.deliver("reg.things", DATE, HELD)
    assert [type_in(monkeypatch, "run"), type_in(monkeypatch, "run", "--json")] == [3, 3]
    told = json.loads(capfd.readouterr().out.splitlines()[-1])
    assert [(w["dataset"], w["date"], w["code"]) for w in told["waiting"]] == [("reg.things", DATE, "E701")]
    ident = told["waiting"][0]["next"].split("lake approve ")[1].split()[0]
    assert type_in(monkeypatch, "approve", ident, "--by", "tester", "--reason", "checked") == 0


def test_who_tries_one_night_again_is_told_of_no_other(
    lake: World, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    for date in (DATE, "2025-01-02"):
        lake.deliver("reg.things", date, HELD)
    assert [type_in(monkeypatch, "run"), type_in(monkeypatch, "retry", "--date", DATE, "--json")] == [3, 3]
    told = json.loads(capfd.readouterr().out.splitlines()[-1])
    assert [(w["dataset"], w["date"]) for w in told["waiting"]] == [("reg.things", DATE)]


def test_the_worst_of_what_waits_decides_the_exit_code(lake: World, monkeypatch: pytest.MonkeyPatch) -> None:
    lake.deliver("reg.things", DATE, HELD)
    lake.deliver("tax.yearly", DATE, ROWS, manifest=REFUSED)
    assert [type_in(monkeypatch, "run"), type_in(monkeypatch, "run")] == [4, 4]
    assert type_in(monkeypatch, "run", "--dataset", "reg.things") == 3
    assert type_in(monkeypatch, "run", "--dataset", "road.counts") == 0


def test_a_newer_revision_takes_the_place_of_one_that_waited(lake: World, monkeypatch: pytest.MonkeyPatch) -> None:
    lake.deliver("reg.things", DATE, ROWS, manifest=REFUSED)
    lake.deliver("reg.things", DATE, HELD, revision=2)
    assert [type_in(monkeypatch, "run"), type_in(monkeypatch, "run")] == [4, 3]


def test_a_run_that_finds_nothing_waiting_says_that_all_is_released(
    lake: World, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    assert type_in(monkeypatch, "run") == 0
    assert "N107 Nothing to do: everything that was delivered is done and released." in capfd.readouterr().out


@pytest.fixture
def two_marts(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """`gold.doubles` reads `gold.totals`."""
    root = write_conf(tmp_path / "conf")
    for path, text in (
        ("conf/gold/doubles.odcs.yaml", GOLD.replace("totals", "doubles").replace("reg.things", "gold.totals")),
        ("expectations/gold/doubles.yaml", GOLD_SUITE.replace("totals", "doubles")),
    ):
        (root / path).write_text(text)
    mart = "from pyspark.sql import DataFrame\n\n\ndef doubles(gold_totals: DataFrame) -> DataFrame:\n    return gold_totals.selectExpr('period', 'total * 2 AS total')\n"
    (root / "jobs/marts/doubles.py").write_text(mart)
    city = root / "conf/cities/little/city.yaml"
    city.write_text(city.read_text().replace("[totals]", "[totals, doubles]"))
    monkeypatch.setenv("LAKE_CONF", str(root))
    return world


@pytest.mark.spark
def test_a_mart_that_reads_a_held_gold_table_is_stale_and_the_hold_is_said_again(two_marts: World) -> None:
    world = two_marts
    world.deliver("reg.things", DATE, ROWS)
    world.run(release=True)
    world.deliver("reg.things", "2025-01-02", csv_of([(1, 2013, 10), (2, 2014, 10), (3, 2015, 10)]))
    assert world.problem_codes(world.run(release=True)) == ["E705"]
    newest = find_release(world.lake, None)
    assert newest is not None
    assert {t.table: t.status for t in newest.tables.values()} == {"totals": "held", "doubles": "stale"}
    assert newest.tables["doubles"].why == "gold.totals held (E705)"
    again = world.run(release=True)
    assert again.lines == []
    assert [(x.dataset, x.code) for x in nights.list_waiting(again)] == [("gold.totals", "E705")]


@pytest.mark.spark
def test_a_release_names_the_nights_that_were_due_and_did_not_come_until_they_do(world: World) -> None:
    def why() -> tuple[int, str, str]:
        newest = find_release(world.lake, None)
        assert newest is not None
        return newest.number, newest.tables["totals"].status, newest.tables["totals"].why

    world.deliver("reg.things", DATE, ROWS)
    world.run(DATE, release=True)
    assert why() == (1, "new", "")
    world.run("2025-01-02", release=True)
    assert why() == (2, "stale", "reg.things 2025-01-02 not delivered")
    for day in (3, 4, 5, 6):
        world.run(f"2025-01-0{day}", release=True)
    assert why() == (6, "stale", "reg.things 2025-01-06, 2025-01-05, 2025-01-04 and 2 more not delivered")
    world.deliver("reg.things", "2025-01-06", csv_of([(1, 2013, 11)]))
    world.run("2025-01-06", release=True)
    assert why() == (7, "new", "")  # the newest snapshot says all there is
    assert world.run("2025-01-06", release=True).lines == []
