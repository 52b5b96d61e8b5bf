"""What people decided, what ran and what was published cannot be rewritten unnoticed: `lake audit` names the first bad entry."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any

import pytest
from deltalake import DeltaTable, write_deltalake

from jobs import delta, vacuum
from jobs.chain import Checkpoint, Tree, canonical, grow, verify_entries, without_chain
from jobs.ledger import Decision, Ledger, Line, Run
from jobs.release import Released, publish
from tests.commands import Command, typed_at
from tests.little import World, no_session

pytestmark = pytest.mark.long

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
TAMPERS = 2000
Rows = list[dict[str, Any]]


def fill(world: World, lines: int = 12, first: int = 0) -> None:
    """Some lines, decisions and a release, each as a night writes it."""
    for n in range(first, first + lines):
        ledger = Ledger(world.lake, Run(f"run-{n}", 1, NOW + timedelta(minutes=n)))
        counts = {"good": n, "set_aside": n % 3}
        done = ledger.append(
            Line("silver", "reg.things", "accepted", f"2025-01-{n % 28 + 1:02}", 1, counts=counts, seconds=n / 7)
        )
        if n % 2:
            ledger.decide(
                Decision("dismiss", "tester", "checked", "reg.things", done.business_date, file="data.csv", record=n)
            )
    tables = [
        Released("totals", "new", version=first, digest=f"{first:064}"),
        Released("other", "held", why="its suite"),
    ]
    publish(world.lake, None, tables, {}, "run", NOW)


def rows_of(world: World, table: str) -> Rows:
    found = delta.read_arrow(world.lake.table("audit", table))
    assert found is not None
    return sorted(found.to_pylist(), key=lambda row: row["_entry"] or 0)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A lake that nobody changes; `lake` is a copy of it."""
    world = World(tmp_path_factory.mktemp("audited"), no_session)
    fill(world)
    return world


@pytest.fixture
def lake(whole: World, world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    shutil.copytree(whole.lake.root, world.lake.root, dirs_exist_ok=True)
    return typed_at(world, monkeypatch, capsys)


def checkpoint_of(rows: Rows, size: int | None = None) -> Checkpoint:
    tree = grow(rows[:size])
    return Checkpoint("ledger", tree.size, tree.root, "2026-01-02T00:00:00Z")


def another(value: Any, random: Random) -> Any:
    """A value of the same type that is another one, or none."""
    if value is not None and random.random() < 0.2:
        return None
    if isinstance(value, str) and value:
        at = random.randrange(len(value))
        return value[:at] + chr(ord(value[at]) ^ 1) + value[at + 1 :]
    if isinstance(value, datetime):
        return value + timedelta(microseconds=random.choice((-1, 1)))
    return "0" if value in (None, "") else value + random.choice((-1, 1))


def tamper(rows: Rows, random: Random) -> tuple[str, Rows, int]:
    """One act of an intruder on a copy: what it was, the rows after it, and the first entry that is no more as it was."""
    found = [dict(row) for row in rows]
    kind = random.choice(("flip", "number", "delete", "swap values", "swap places", "put in", "cut"))
    a, b = sorted(random.sample(range(len(rows)), 2))
    if kind == "flip":
        column = random.choice([name for name in rows[a] if name != "_entry"])
        found[a][column] = another(found[a][column], random)
        return kind, found, a + 1
    if kind == "number":
        found[b]["_entry"] = a + 1
        return kind, found, a + 1
    if kind == "delete":
        return kind, found[:a] + found[a + 1 :], a + 1
    if kind.startswith("swap"):
        keeps = ("_entry", "_root") if kind == "swap values" else ("_entry",)
        found[a], found[b] = ({**found[y], **{k: found[x][k] for k in keeps}} for x, y in ((a, b), (b, a)))
        return kind, found, a + 1
    if kind == "put in":
        return kind, [*found, {**found[b], "_entry": a + 1}], a + 1
    return kind, found[:b], b + 1


def test_every_one_of_two_thousand_acts_is_found_and_its_first_entry_named(whole: World) -> None:
    random = Random(20260101)
    tables = [rows_of(whole, name) for name in ("ledger", "decisions", "ledger", "releases")]
    kinds = set()
    for n in range(TAMPERS):
        rows = tables[n % len(tables)]
        kind, touched, first = tamper(rows, random)
        random.shuffle(touched)
        _, fault = verify_entries(touched, [checkpoint_of(rows)])
        assert (kind, fault and fault.entry) == (kind, first)
        kinds.add(kind)
    assert len(kinds) == 7


@pytest.mark.parametrize("seed", range(20))
def test_a_past_written_anew_with_all_its_roots_is_told_by_checkpoints_that_were_handed_out(
    whole: World, seed: int
) -> None:
    random, rows = Random(seed), rows_of(whole, "ledger")
    marks = [checkpoint_of(rows, size) for size in (3, 6, 9, 12)]
    at = random.randrange(len(rows))
    changed = [without_chain(row) for row in rows]
    changed[at]["outcome"] = "refused"
    anew: Rows = []
    for row in changed:
        anew.append({**row, "_entry": len(anew) + 1, "_root": grow([*anew, {**row, "_entry": len(anew) + 1}]).root})
    assert verify_entries(anew)[1] is None
    fault = verify_entries(anew, marks)[1]
    assert fault is not None
    assert (fault.entry, fault.last) == (at // 3 * 3 + 1, at // 3 * 3 + 3)


def test_the_tree_is_that_of_rfc_6962() -> None:
    """The entries and roots by which Certificate Transparency's own programs are tested."""
    entries = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
    roots = [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ]
    tree, found = Tree(), []
    for entry in entries:
        tree = tree.add(bytes.fromhex(entry))
        found.append(tree.root)
    assert (found, Tree().root) == (roots, sha256().hexdigest())
    assert Tree.from_json(json.loads(json.dumps(tree.to_json()))) == tree


def test_an_untouched_lake_is_sound_also_after_small_files_are_joined(
    lake: Command, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delta, "FEW_FILES", 1)
    assert vacuum.compact(world.lake.table("audit", "ledger")) == 11
    fill(world, 2, first=12)
    code, said, _ = lake("audit", "verify", "--json")
    assert code == 0
    sizes = {t["table"]: (t["size"], t["first_bad_entry"]) for t in json.loads(said)["tables"]}
    assert sizes == {"checkpoints": (0, None), "decisions": (7, None), "ledger": (14, None), "releases": (4, None), "restatements": (0, None)}  # fmt: skip


def test_a_table_goes_on_after_its_log_was_shortened(lake: Command, world: World) -> None:
    path = world.lake.table("audit", "ledger")
    for entry in (Path(path) / "_delta_log").iterdir():
        os.utime(entry, (0, 0))
    assert vacuum.shorten_log(path) == 11
    fill(world, 2, first=12)
    assert lake("audit", "verify")[0] == 0
    assert [row["_entry"] for row in rows_of(world, "ledger")] == list(range(1, 15))


def open_ledger(world: World) -> DeltaTable:
    return DeltaTable(world.lake.table("audit", "ledger"))


ACTS: dict[str, tuple[Callable[[DeltaTable], Any], int]] = {
    "a changed outcome": (lambda t: t.update({"outcome": "'held'"}, predicate="line = 5"), 5),
    "a removed line": (lambda t: t.delete("line = 7"), 7),
    "two lines in each other's place": (lambda t: t.update({"_entry": "5 - _entry"}, predicate="line IN (1, 4)"), 1),
    "a number taken away": (lambda t: t.update({"_entry": "NULL"}, predicate="line = 9"), 9),
    "a root taken away": (lambda t: t.update({"_root": "NULL"}, predicate="line = 3"), 3),
}


@pytest.mark.parametrize("act", ACTS)
def test_a_touched_table_is_told_with_its_first_bad_entry(lake: Command, world: World, act: str) -> None:
    do, entry = ACTS[act]
    do(open_ledger(world))
    code, _, said = lake("audit", "verify")
    assert code == 6
    assert said.startswith(f"E610 An audit table is not what was written: audit.ledger entry {entry}\n")
    fill(world, 3, first=12)  # whoever goes on writing hides nothing
    code, said, _ = lake("audit", "verify", "--json")
    assert [t["first_bad_entry"] for t in json.loads(said)["tables"] if t["table"] == "ledger"] == [entry]
    assert lake("audit", "checkpoint")[0] == 6, "what is not sound is not sealed"


@pytest.mark.parametrize("cut", ["deleted", "restored", "log entries gone"])
def test_a_cut_end_is_told_by_the_checkpoint_that_somebody_else_has(
    lake: Command, world: World, tmp_path: Path, cut: str
) -> None:
    mark = tmp_path / "mark.json"
    assert lake("audit", "checkpoint", "--out", str(mark))[0] == 0
    DeltaTable(world.lake.table("audit", "checkpoints")).delete()  # he who cuts the one cuts the other
    if cut == "deleted":
        open_ledger(world).delete("line > 10")
    elif cut == "restored":
        open_ledger(world).restore(9)
    else:
        for version in (10, 11):
            (Path(world.lake.table("audit", "ledger")) / "_delta_log" / f"{version:020}.json").unlink()
    assert lake("audit", "verify")[0] == 0, "the table itself is whole"
    code, _, said = lake("audit", "verify", "--checkpoint", str(mark))
    assert code == 6
    assert "audit.ledger the first of entries 11 to 12" in said


def test_the_lakes_own_checkpoint_tells_of_a_ledger_that_was_deleted(lake: Command, world: World) -> None:
    """Nothing needs the ledger to go on; that it is gone is told."""
    assert lake("audit", "checkpoint")[0] == 0
    path = Path(world.lake.table("audit", "ledger"))
    path.rename(path.with_name("elsewhere"))
    fill(world, 2)
    code, _, said = lake("audit", "verify")
    assert (code, "audit.ledger the first of entries 3 to 12" in said) == (6, True)


def test_a_checkpoint_is_taken_again_only_where_something_was_written(lake: Command, world: World) -> None:
    for _ in range(2):
        assert lake("audit", "checkpoint", "--now", "2026-01-02T00:00:00Z")[0] == 0
    assert [(r["table"], r["size"]) for r in rows_of(world, "checkpoints")] == [("decisions", 6), ("ledger", 12), ("releases", 2)]  # fmt: skip
    fill(world, 1, first=12)
    code, said, _ = lake("audit", "checkpoint", "--json")
    assert (code, [t["size"] for t in json.loads(said)["tables"]]) == (0, [3, 6, 13, 4])
    assert lake("audit", "verify")[0] == 0


@pytest.mark.parametrize("text", ["", "{}", '{"city": "elsewhere", "tables": []}', '{"city": "little", "tables": [1]}'])
def test_what_is_no_checkpoint_of_this_city_is_said_to_be_none(lake: Command, tmp_path: Path, text: str) -> None:
    (tmp_path / "mark.json").write_text(text)
    code, _, said = lake("audit", "verify", "--checkpoint", str(tmp_path / "mark.json"))
    assert (code, said[:4]) == (2, "E002")


def test_a_ledger_from_before_there_were_chains_is_written_on(lake: Command, world: World) -> None:
    table = delta.read_arrow(world.lake.table("audit", "ledger"))
    assert table is not None
    path = Path(world.lake.table("audit", "ledger"))
    path.rename(path.with_name("elsewhere"))
    write_deltalake(str(path), table.drop_columns(["_entry", "_root"]))
    fill(world, 2, first=12)
    code, said, _ = lake("audit", "verify", "--json")
    [ledger] = [t for t in json.loads(said)["tables"] if t["table"] == "ledger"]
    assert (code, ledger["size"], ledger["older"]) == (0, 14, 12)
    open_ledger(world).update({"outcome": "'held'"}, predicate="line = 4")
    code, _, said = lake("audit", "verify")
    assert (code, "audit.ledger the first of entries 1 to 13" in said) == (6, True)


def test_a_ledger_from_before_there_were_chains_is_under_the_root_of_the_first_line_that_has_one(whole: World) -> None:
    older = [without_chain(row) for row in rows_of(whole, "ledger")]
    tree = grow(older)
    chained = replace(tree).add(canonical({"line": 13}))
    rows: Rows = [*older, {"line": 13, "_entry": 13, "_root": chained.root}]
    assert verify_entries(rows) == (chained, None)
    for touched, entry in ((rows[1:], 1), ([{**rows[0], "outcome": "x"}, *rows[1:]], 1), ([{"line": 0}, *rows], 14)):
        fault = verify_entries(touched)[1]
        assert fault is not None
        assert fault.entry == entry
