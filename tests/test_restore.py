"""A lake goes back to a release: after damage of gold, or because a person wants it; and the next run goes on from there."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from jobs import delta
from jobs.release import read_releases
from tests.commands import Command, typed_at
from tests.little import World, csv_of

pytestmark = [pytest.mark.spark, pytest.mark.slow]
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


@pytest.fixture(scope="module")
def two_releases(shared_world: World) -> World:
    """Two nights, two releases with other figures."""
    for day, value in (("2025-01-01", 10), ("2025-01-02", 11)):
        shared_world.deliver("reg.things", day, csv_of([(1, 2013, value), (2, 2014, 20)]))
        assert shared_world.run(release=True).problems == []
    return shared_world


@pytest.fixture
def released(world: World, two_releases: World) -> World:
    return world.take(two_releases)


@pytest.fixture
def command(released: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    return typed_at(released, monkeypatch, capsys)


def digests(world: World) -> list[str]:
    return [r.tables["totals"].digest for r in read_releases(world.lake)]


def totals(world: World) -> list[int]:
    """What the newest release says, read without a JVM."""
    newest = read_releases(world.lake)[-1].tables["totals"]
    rows = delta.read_arrow(world.lake.table("gold", "totals"), newest.version)
    assert rows is not None
    return [row["total"] for row in rows.sort_by("period").to_pylist()]


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_gold_stops_every_command_until_a_release_is_restored(
    released: World, command: Command, damage: str
) -> None:
    code, harm = DAMAGES[damage]
    harm(Path(released.lake.table("gold", "totals")))
    released.deliver("reg.things", "2025-01-03", csv_of([(1, 2013, 12), (2, 2014, 20)]))
    before = {p: p.read_bytes() for p in Path(released.lake.base).rglob("*") if p.is_file()}
    for typed in (("run",), ("gold", "--date", "2025-01-03"), ("fsck",)):
        left, _, said = command(*typed)
        assert (left, code in said, "lake restore --release N" in said) == (6, True, True), said
    assert {p: p.read_bytes() for p in Path(released.lake.base).rglob("*") if p.is_file()} == before

    assert command("restore", "--release", "1", *SIGNED)[0] == 0
    first, _, third = digests(released)
    assert (third, totals(released)) == (first, [10, 20])
    assert (command("digest")[0], command("fsck")[0]) == (0, 0)


def test_a_query_is_refused_rather_than_answered_with_fewer_rows(released: World, command: Command) -> None:
    """And the run after a restore builds what silver says, with a version of its own: what release 2 stood on stays lost."""
    DAMAGES["an entry without bytes"][1](Path(released.lake.table("gold", "totals")))
    left, _, said = command("sql", "SELECT * FROM gold.totals")
    assert (left, "E602" in said) == (6, True), said
    assert command("restore", "--release", "1", *SIGNED)[0] == 0
    left, out, said = command("sql", "SELECT sum(total) AS n FROM gold.totals", "--format", "json")
    assert (left, json.loads(out), "as in release 1, by A. Clerk: the disk" in said) == (0, [{"n": 30}], True), said
    second = digests(released)[1]
    assert command("run")[0] == 0
    assert (digests(released)[3], totals(released)) == (second, [11, 20])
    left, _, said = command("sql", "SELECT * FROM gold_r2.totals")
    assert (left, "E602" in said) == (6, True), said
    assert json.loads(command("plan", "--json")[1])["steps"] == []


def test_a_release_is_restored_though_nothing_is_damaged(released: World, command: Command) -> None:
    assert command("restore", "--release", "1", *SIGNED)[0] == 0
    assert totals(released) == [10, 20]
    assert command("restore", "--release", "2", *SIGNED)[0] == 0
    first, second, third, fourth = digests(released)
    assert ((third, fourth), totals(released)) == ((first, second), [11, 20])
    restated = [(r["release"], r["old"], r["new"]) for r in released.rows("restatements", "audit")]
    assert sorted(restated) == [(2, "10", "11"), (3, "11", "10"), (4, "10", "11")]
    left, out, _ = command("run", "--json")
    assert (left, json.loads(out)["lines"], len(digests(released))) == (0, [], 4)


def test_a_release_that_is_itself_damaged_is_not_published(released: World, command: Command) -> None:
    """The newest release is whole, and nights go on; the damage is said until the file is back."""
    file_of(Path(released.lake.table("gold", "totals")), 0).unlink()
    left, _, said = command("restore", "--release", "1", *SIGNED)
    assert (left, "E603" in said, len(digests(released))) == (6, True, 2)
    assert (command("run")[0], totals(released)) == (0, [11, 20])
    left, _, said = command("fsck", "--full")
    assert (left, "from a backup" in said) == (6, True)


def test_a_release_that_does_not_exist_cannot_be_restored(released: World, command: Command) -> None:
    code, _, said = command("restore", "--release", "7", *SIGNED)
    assert (code, "E004" in said) == (2, True)


@pytest.mark.parametrize("zone", ["silver", "gold"])
def test_what_is_advised_for_a_table_mends_it(released: World, command: Command, zone: str) -> None:
    table = Path(released.lake.table(zone, "reg_things" if zone == "silver" else "totals"))
    (table / "_delta_log" / entry(0)).write_bytes(b"")
    rows = released.history("reg.things") if zone == "gold" else []
    left, _, said = command("run")
    assert (left, "E602" in said, f"rm -r {table}" in said) == (6, True, True), said
    shutil.rmtree(table)
    assert command("run")[0] == 0
    assert (totals(released), command("fsck", "--full")[0]) == ([11, 20], 0)
    assert rows in ([], released.history("reg.things"))
