"""`lake check` says of a file what a night would: what is refused, set aside, a copy, a conflict, or new."""

from __future__ import annotations

import json

import pytest

from tests.commands import typed_at
from tests.little import World, csv_of

pytestmark = pytest.mark.spark


def test_a_file_is_judged_as_a_night_would_and_nothing_is_written(
    world: World, spark: object, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [
        (1, 2013, 10, "a"),
        (1, 2013, 10, "a"),
        (2, 2013, 20, "a"),
        (2, 2013, 21, "a"),
        (3, 2013, 5000, "a"),
        (4, 2013, 40, "a"),
    ]
    file = world.inbox / "sent.csv"
    file.write_text(csv_of([*rows, ("5", "2013")], "key,period,value,surprise"))
    before = world.versions()
    lake = typed_at(world, monkeypatch, capsys)
    _, out, said = lake("check", str(file), "--dataset", "loose.snapshot", "--json")
    found = json.loads(out)
    assert found["counts"] == {
        "landed": 7, "bronze": 6, "refused": 1, "judged": 6, "set aside": 3, "duplicates": 1, "conflicts": 2,
    }, said  # fmt: skip
    places = {int(p.split(":")[0].removeprefix("record ")): p.split(": ", 1)[1] for p in found["places"]}
    assert (places[3], places[4], 5 in places, 7 in places) == ("Q801", "Q801", True, True)
    assert any("surprise" in notice for notice in found["notices"])
    _, out, _ = lake("check", str(file), "--dataset", "loose.snapshot")
    assert ("surprise" in out, "conflicts" in out) == (True, True)
    assert world.versions() == before
