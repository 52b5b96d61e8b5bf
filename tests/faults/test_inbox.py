"""What stands in the inbox and is no delivery: said by name, landed never, and no obstacle to the others."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from jobs import landing
from jobs import night as nights
from jobs.cli import main
from jobs.night.build import receipt_rows
from tests.little import World, csv_of, only_problem

NOW = "2025-03-01T00:10:00+08:00"  # in Shanghai; in UTC it is still February
ROWS = csv_of([(1, 2013, 10)])


@pytest.fixture
def lake(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setenv("LAKE_CITY", "little")
    monkeypatch.setenv("LAKE_ROOT", world.lake.root)
    monkeypatch.setenv("LAKE_INBOX", str(world.inbox))
    return world


def type_in(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr("sys.argv", ["lake", *words, "--now", NOW])
    with pytest.raises(SystemExit) as left:
        main()
    return int(left.value.code or 0)


@pytest.mark.parametrize("command", ["run", "plan"])
def test_a_folder_of_an_impossible_date_is_a_problem_of_its_dataset(
    lake: World, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], command: str
) -> None:
    lake.deliver("reg.things", "2025-02-30", ROWS)
    assert type_in(monkeypatch, command) == (2 if command == "run" else 0)
    said = capfd.readouterr().err
    assert "E005 The business date is not usable: reg.things extract 2025-02-30" in said
    assert "Traceback" not in said


def test_a_folder_of_an_impossible_date_stops_no_other_and_lands_nothing(lake: World) -> None:
    lake.deliver("reg.things", "2025-02-30", ROWS)
    lake.deliver("reg.things", "2025-02-27", ROWS)
    lake.deliver("tax.yearly", "2025-02-28", ROWS)
    night = lake.run_nothing()
    assert [(r.dataset, r.business_date) for r in nights.extract(night)] == [
        ("reg.things", "2025-02-27"),
        ("tax.yearly", "2025-02-28"),
    ]
    assert (only_problem(night).code, only_problem(night).where.dataset) == ("E005", "reg.things")


def test_a_receipt_of_an_impossible_date_is_no_delivery(lake: World) -> None:
    lake.deliver("reg.things", "2025-02-27", ROWS)
    night = lake.run_nothing()
    landed = nights.extract(night)[0]
    landing.keep_receipt(lake.lake, replace(landed, business_date="2025-02-30"))
    assert [d.receipt for d in nights.deliveries(night)] == [landed]
    assert {str(r["business_date"]) for r in receipt_rows(night) if r["status"] == "delivered"} == {"2025-02-27"}


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("reg/things/20250214", "N108 Not a delivery: reg/things/20250214: not YYYY-MM-DD or YYYY-MM-DD.r2"),
        ("reg/things/2025-02-15.R2", "N108 Not a delivery: reg/things/2025-02-15.R2: not YYYY-MM-DD or YYYY-MM-DD.r2"),
        ("reg/thing/2025-02-14", "N108 Not a delivery: reg/thing: no dataset of little"),
        ("parks/trees/2025-02-14", "N108 Not a delivery: parks: no source of little"),
        ("things.csv", "N108 Not a delivery: things.csv: no source of little"),
        ("reg/things/2099-01-01", "N109 Its business date is in the future: reg.things 2099-01-01"),
        ("reg/things/2025-03-02", "N109 Its business date is in the future: reg.things 2025-03-02"),
    ],
)
@pytest.mark.parametrize("command", ["run", "plan"])
def test_what_no_run_takes_is_said_by_name(
    lake: World, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], path: str, said: str, command: str
) -> None:
    place = lake.inbox / path
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(ROWS) if place.suffix == ".csv" else place.mkdir()
    assert type_in(monkeypatch, command) == 0
    printed = capfd.readouterr().out
    assert [line for line in printed.splitlines() if line.startswith(("N108", "N109"))] == [said]
    assert "N107 Nothing to do" in printed


def test_a_program_is_told_what_no_run_takes(
    lake: World, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (lake.inbox / "parks").mkdir()
    assert type_in(monkeypatch, "plan", "--json") == 0
    assert [n["code"] for n in json.loads(capfd.readouterr().out)["notices"]] == ["N108"]


def test_a_run_of_one_dataset_looks_at_the_folders_of_that_dataset(lake: World) -> None:
    for name in ("reg/things/old", "tax/yearly/old", "parks"):
        (lake.inbox / name).mkdir(parents=True)
    night = lake.run_nothing()
    night.selection = nights.Selection(dataset="tax.yearly")
    assert [n.text.split(":")[0] for n in nights.look_into_inbox(night).notices] == ["tax/yearly/old"]


def test_the_day_begins_in_the_zone_of_the_city(
    lake: World, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    lake.deliver("reg.things", "2025-03-01", ROWS)
    assert type_in(monkeypatch, "plan") == 0
    assert "N109" not in capfd.readouterr().out


def test_notes_and_names_that_still_arrive_are_passed_over(lake: World) -> None:
    for name in ("PROVENANCE.md", ".DS_Store", "reg.part"):
        Path(lake.inbox, name).write_text("x")
    assert nights.look_into_inbox(lake.run_nothing()).notices == ()
