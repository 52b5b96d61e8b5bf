"""The log of a run: JSON lines for whoever looks into what happened."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.commands import typed_at
from tests.little import World, csv_of

DATES = ("2025-01-01", "2025-01-02")


def test_each_run_has_a_log_with_a_line_for_what_it_landed_what_was_there_and_what_was_refused(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lake = typed_at(world, monkeypatch, capsys)
    world.deliver("reg.things", DATES[0], csv_of([(1, 2013, 10)]))
    arriving = world.deliver("reg.things", DATES[1], csv_of([(1, 2013, 10)]))
    (arriving / "more.csv.part").write_text("")

    def logged(run: str, date: str) -> list[dict[str, Any]]:
        lake("extract", "--date", date, "--run-id", run, "--try", "2")
        lines = Path(world.lake.path("logs", f"{run}.jsonl")).read_text("utf-8").splitlines()
        found = [json.loads(line) for line in lines]
        assert {(x["run"], x["try"]) for x in found} == {(run, 2)}
        return found

    (landed,), (again,), (refused,) = (
        logged(run, date) for run, date in (("one", DATES[0]), ("two", DATES[0]), ("three", DATES[1]))
    )
    about = ("reg.things", DATES[0], 1)
    assert (landed["event"], landed["dataset"], landed["business_date"], landed["files"]) == ("landed", *about)
    assert (again["event"], again["code"], again["text"]) == ("notice", "N106", f"reg.things {DATES[0]}")
    assert (refused["event"], refused["code"], refused["place"]) == ("problem", "E101", DATES[1])
