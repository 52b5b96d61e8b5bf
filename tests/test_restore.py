"""A lake goes back to a release: after damage of gold, or because a person wants it; and the next run goes on from there."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from jobs.release import read_releases
from tests.commands import Command, typed_at
from tests.little import World, csv_of

pytestmark = pytest.mark.spark
SIGNED = ("--by", "A. Clerk", "--reason", "the disk")


def entry(version: int) -> str:
    return f"{version:020}.json"


def file_of(table: Path, version: int) -> Path:
    actions = [json.loads(line) for line in (table / "_delta_log" / entry(version)).read_text().splitlines()]
    return table / next(a["add"]["path"] for a in actions if "add" in a)


DAMAGES: dict[str, tuple[str, Callable[[Path], None]]] = {
    "an entry without bytes": ("E602", lambda table: (table / "_delta_log" / entry(1)).write_bytes(b"") and None),
    "a torn entry": ("E602", lambda table: (table / "_delta_log" / entry(1)).write_bytes(b'{"add":{"pa') and None),
    "a lost entry": ("E602", lambda table: (table / "_delta_log" / entry(1)).unlink()),
    "a lost file": ("E603", lambda table: file_of(table, 1).unlink()),
    "a short file": ("E604", lambda table: file_of(table, 1).write_bytes(b"PAR1") and None),
}


@pytest.fixture
def command(world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    return typed_at(world, monkeypatch, capsys)


@pytest.fixture
def released(world: World) -> World:
    """Two nights, two releases with other figures."""
    for day, value in (("2025-01-01", 10), ("2025-01-02", 11)):
        world.deliver("reg.things", day, csv_of([(1, 2013, value), (2, 2014, 20)]))
        world.run(release=True)
    return world


def digests(world: World) -> list[str]:
    return [r.tables["totals"].digest for r in read_releases(world.lake)]


def totals(command: Command, table: str = "gold.totals") -> list[int]:
    code, out, said = command("sql", f"SELECT total FROM {table} ORDER BY period", "--format", "json")
    assert code == 0, said
    return [row["total"] for row in json.loads(out)]


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_gold_stops_every_command_until_a_release_is_restored(
    released: World, command: Command, damage: str
) -> None:
    code, harm = DAMAGES[damage]
    table = Path(released.lake.table("gold", "totals"))
    harm(table)
    released.deliver("reg.things", "2025-01-03", csv_of([(1, 2013, 12), (2, 2014, 20)]))
    before = {p: p.read_bytes() for p in Path(released.lake.base).rglob("*") if p.is_file()}
    for typed in (("run",), ("gold", "--date", "2025-01-03"), ("fsck",)):
        left, _, said = command(*typed)
        assert (left, code in said, "lake restore --release N" in said) == (6, True, True), said
    assert command("sql", "SELECT * FROM gold.totals")[0] == 6
    assert {p: p.read_bytes() for p in Path(released.lake.base).rglob("*") if p.is_file()} == before

    assert command("restore", "--release", "1", *SIGNED)[0] == 0
    first, _, third = digests(released)
    assert (third, totals(command), command("digest")[0]) == (first, [10, 20], 0)
    assert "as in release 1, by A. Clerk: the disk" in command("sql", "SELECT * FROM gold.totals")[2]
    assert command("sql", "SELECT * FROM gold_r2.totals")[0] == 6
    assert command("fsck")[0] == 0

    assert command("run")[0] == 0
    assert (totals(command), totals(command, "gold_r3.totals")) == ([12, 20], [10, 20])
    assert json.loads(command("plan", "--json")[1])["steps"] == []


def test_a_release_is_restored_though_nothing_is_damaged(released: World, command: Command) -> None:
    assert command("restore", "--release", "1", *SIGNED)[0] == 0
    assert totals(command) == [10, 20]
    assert command("restore", "--release", "2", *SIGNED)[0] == 0
    first, second, third, fourth = digests(released)
    assert ((third, fourth), totals(command)) == ((first, second), [11, 20])
    restated = [(r["release"], r["old"], r["new"]) for r in released.rows("restatements", "audit")]
    assert sorted(restated) == [(2, "10", "11"), (3, "11", "10"), (4, "10", "11")]
    code, out, _ = command("run", "--json")
    assert (code, json.loads(out)["lines"], len(digests(released))) == (0, [], 4)


def test_after_a_restore_the_next_run_publishes_what_silver_says(released: World, command: Command) -> None:
    assert command("restore", "--release", "1", *SIGNED)[0] == 0
    assert command("run")[0] == 0
    assert (digests(released)[3] == digests(released)[1], totals(command)) == (True, [11, 20])


def test_a_release_that_is_itself_damaged_is_not_published(released: World, command: Command) -> None:
    file_of(Path(released.lake.table("gold", "totals")), 0).unlink()
    code, _, said = command("restore", "--release", "1", *SIGNED)
    assert (code, "E603" in said, len(digests(released))) == (6, True, 2)
    assert (command("run")[0], totals(command)) == (0, [11, 20])
    code, _, said = command("fsck", "--full")
    assert (code, "from a backup" in said) == (6, True)


def test_a_release_that_does_not_exist_cannot_be_restored(released: World, command: Command) -> None:
    code, _, said = command("restore", "--release", "7", *SIGNED)
    assert (code, "E004" in said) == (2, True)


@pytest.mark.parametrize("zone", ["silver", "gold"])
def test_what_is_advised_for_a_table_mends_it(released: World, command: Command, zone: str) -> None:
    table = Path(released.lake.table(zone, "reg_things" if zone == "silver" else "totals"))
    (table / "_delta_log" / entry(0)).write_bytes(b"")
    rows = released.history("reg.things") if zone == "gold" else None
    code, _, said = command("run")
    assert (code, "E602" in said, f"rm -r {table}" in said) == (6, True, True), said
    shutil.rmtree(table)
    assert command("run")[0] == 0
    assert (totals(command), command("fsck", "--full")[0]) == ([11, 20], 0)
    assert rows is None or released.history("reg.things") == rows
