"""`lake fsck` finds every damage of a table's log and files, and names the place; of a whole lake it says nothing."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from jobs import delta, vacuum
from jobs.delta_log import CHECKPOINT
from jobs.errors import LakeError
from jobs.fsck import Table, examine_table
from tests.commands import Command, typed_at
from tests.little import World, csv_of

pytestmark = pytest.mark.long

VERSIONS, CHECKED = 12, 6
KEYS = ("_business_date", "_revision")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two tables of twelve versions as delta-rs writes them, one by files and one by rows, the former with a checkpoint before its end."""
    folder = tmp_path_factory.mktemp("whole")
    for n in range(VERSIONS - 1):
        rows = pa.table({"name": [f"name {n} {i}" for i in range(300)], "_record": pa.array(range(300), pa.int64())})
        rows = rows.append_column("_file", pa.array(["data.csv"] * 300).dictionary_encode())
        keys = dict(zip(KEYS, (f"2025-01-{n + 1:02}", "1"), strict=True))
        delta.replace_partition(str(folder / "bronze"), {f"part-{n}.parquet": rows}, keys, {"stage": "bronze", "n": n})
        delta.append_rows(str(folder / "audit"), pa.table({"line": [n], "text": [f"line {n}"]}), "ledger")
        if n + 1 == CHECKED:
            vacuum.shorten_log(str(folder / "bronze"))
    return folder


def look(table: Path, *, full: bool = True) -> list[LakeError]:
    return examine_table(Table(table.name, "things", str(table), "reg.things"), full=full)


def flip(path: Path, place: float = 0.5) -> None:
    content = bytearray(path.read_bytes())
    content[min(int(len(content) * place), len(content) - 1)] ^= 1
    path.write_bytes(content)


DAMAGES: dict[str, Callable[[Path], None]] = {
    "a bit at its beginning": lambda path: flip(path, 0.0),
    "a bit in its middle": flip,
    "a bit at its end": lambda path: flip(path, 1.0),
    "no bytes": lambda path: path.write_bytes(b"") and None,
    "a cut": lambda path: path.write_bytes(path.read_bytes()[:-20]) and None,
    "not there": Path.unlink,
}


def kept(table: Path) -> list[Path]:
    """Every file of a table but the check sums, which are proof and no content."""
    return sorted(p for p in table.rglob("*") if p.is_file() and not p.name.startswith("."))


@pytest.fixture
def copy(whole: Path, tmp_path: Path) -> Path:
    return shutil.copytree(whole, tmp_path / "copy")


@pytest.mark.parametrize("name", ["bronze", "audit"])
def test_nothing_is_said_of_a_whole_table(whole: Path, name: str) -> None:
    assert (look(whole / name), look(whole / name, full=False)) == ([], [])
    assert len(list((whole / name / "_delta_log").glob("*.json"))) == VERSIONS - (name == "audit")


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", ["bronze", "audit"])
def test_each_damage_of_each_file_is_found_and_named(copy: Path, name: str, damage: str) -> None:
    table = copy / name
    for path in kept(table):
        content = path.read_bytes()
        DAMAGES[damage](path)
        found = look(table)
        path.write_bytes(content)
        assert found, f"{path} {damage}"
        assert any(path.name in p.where.place and p.code in ("E602", "E603", "E604") for p in found), (path, found)
    assert look(table) == []


def test_no_flipped_bit_of_a_data_file_or_an_entry_goes_unseen(tmp_path: Path) -> None:
    table = tmp_path / "audit"
    for n in range(2):
        delta.append_rows(str(table), pa.table({"line": [n], "text": [f"line {n}"]}), "ledger")
    assert look(table) == []
    for path in (next(table.glob("*.parquet")), sorted((table / "_delta_log").glob("*.json"))[1]):
        content = path.read_bytes()
        for n in range(0, len(content), 7):
            path.write_bytes(content[:n] + bytes([content[n] ^ 1 << n % 8]) + content[n + 1 :])
            assert look(table), (path, n)
        path.write_bytes(content)


@pytest.mark.parametrize("damage", ["no bytes", "a cut", "not there", "a bit in its middle"])
def test_the_quick_form_finds_what_the_newest_version_cannot_be_read_by(copy: Path, damage: str) -> None:
    """Entries after the checkpoint, the checkpoint, and files that are gone or of another length; a flipped bit of a file is for --full."""
    table = copy / "bronze"
    log = table / "_delta_log"
    needed = [p for p in kept(log) if CHECKPOINT.fullmatch(p.name) or p.name > f"{CHECKED + 1:020}.json"]
    needed = [p for p in needed if p.name != "_last_checkpoint"]
    files = [p for p in table.rglob("part-*.parquet") if damage != "a bit in its middle"]
    assert len(needed) == VERSIONS - CHECKED - 1
    for path in (*needed, *files):
        content = path.read_bytes()
        DAMAGES[damage](path)
        assert [path.name in p.where.place for p in look(table, full=False)] == [True], path
        path.write_bytes(content)


def test_an_entry_cut_at_the_end_of_a_line_is_no_commit(copy: Path) -> None:
    """Readers of Delta take it for one that added nothing."""
    entry = copy / "audit" / "_delta_log" / f"{7:020}.json"
    entry.write_bytes(entry.read_bytes().splitlines(keepends=True)[0])
    rows = delta.read_arrow(str(copy / "audit"))
    assert rows is not None
    assert rows.num_rows < VERSIONS - 1
    assert [(p.code, "version 7" in p.where.place) for p in look(copy / "audit", full=False)] == [("E602", True)]


def test_what_a_killed_command_leaves_of_a_table_that_it_was_making_is_no_damage(tmp_path: Path) -> None:
    begun = tmp_path / "bronze" / "_delta_log" / "00000000000000000000.json#1"
    begun.parent.mkdir(parents=True)
    begun.write_bytes(b"")
    assert look(tmp_path / "bronze") == look(tmp_path / "bronze", full=False) == []
    assert delta.open_table(str(tmp_path / "bronze")) is None


def test_no_reader_passes_over_an_entry_without_bytes(copy: Path) -> None:
    (copy / "audit" / "_delta_log" / f"{7:020}.json").write_bytes(b"")
    with pytest.raises(LakeError, match="version 7"):
        delta.read_arrow(str(copy / "audit"))


def test_pages_prove_themselves_where_no_check_sums_stand_beside_a_file(copy: Path) -> None:
    """In an object store: a bit in a page is found, also in one that decodes."""
    table = copy / "bronze"
    for proof in table.rglob(".*.crc"):
        proof.unlink()
    assert look(table) == []
    path = next(table.rglob("part-3.parquet"))
    pages = [pq.ParquetFile(path).metadata.row_group(0).column(n) for n in range(3)]
    content = path.read_bytes()
    for column in pages:
        place = (column.dictionary_page_offset or column.data_page_offset) + column.total_compressed_size - 1
        path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        assert [p.code for p in look(table)] == ["E604"], column.path_in_schema


def test_upkeep_keeps_the_check_sums_of_live_files(copy: Path) -> None:
    table = copy / "bronze"
    vacuum.remove_old_files(str(table), 0)
    vacuum.shorten_log(str(table))
    assert {p.name for p in table.rglob("part-*.parquet")} == {p.name[1:-4] for p in table.rglob(".part-*.crc")}
    assert look(table) == []


@pytest.fixture
def command(world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    return typed_at(world, monkeypatch, capsys)


def content_of(world: World) -> dict[str, bytes]:
    return {str(p): p.read_bytes() for p in Path(world.lake.base).rglob("*") if p.is_file()}


@pytest.fixture
def read_night(world: World) -> World:
    """A night in landing, bronze and the ledger, and one that waits in the inbox; no JVM was needed."""
    from jobs import night as nights

    world.deliver("reg.things", "2025-01-01", csv_of([(1, 2013, 10), (2, 2014, 20)]))
    night = world.run_nothing()
    nights.extract(night)
    nights.process(night, ("bronze",))
    world.deliver("reg.things", "2025-01-02", csv_of([(1, 2013, 11)]))
    return world


def test_a_run_on_a_damaged_lake_writes_nothing_and_says_what_to_type(read_night: World, command: Command) -> None:
    bronze = Path(read_night.lake.table("bronze", "reg_things"))
    (bronze / "_delta_log" / f"{1:020}.json").write_bytes(b"")
    before = content_of(read_night)
    for typed in (["run"], ["bronze", "--date", "2025-01-02", "--dataset", "reg.things"], ["maintain"]):
        code, _, said = command(*typed)
        assert (code, "E602" in said, "bronze.reg_things version 1" in said) == (6, True, True), said
        assert (f"rm -r {bronze}" in said, content_of(read_night)) == (True, before)
    code, out, _ = command("fsck", "--json")
    damage = json.loads(out)["damage"]
    assert (code, [d["code"] for d in damage], damage[0]["dataset"]) == (6, ["E602"], "reg.things")


def test_another_dataset_goes_on(read_night: World, command: Command) -> None:
    (Path(read_night.lake.table("bronze", "reg_things")) / "_delta_log" / f"{1:020}.json").write_bytes(b"")
    read_night.deliver(
        "reg.moves", "2025-01-01", csv_of([(1, 2013, 10, 1, "I")], "key,period,value,sequence,operation")
    )
    assert command("bronze", "--date", "2025-01-01", "--dataset", "reg.moves")[0] == 0
    assert command("extract", "--date", "2025-01-01", "--dataset", "reg.moves")[0] == 0
    assert command("bronze", "--date", "2025-01-01", "--dataset", "reg.moves")[0] == 0
    assert len(read_night.rows("reg.moves", "bronze")) == 1


def test_what_is_advised_for_bronze_mends_it(read_night: World, command: Command) -> None:
    bronze, rows = Path(read_night.lake.table("bronze", "reg_things")), read_night.rows("reg.things", "bronze")
    next(bronze.rglob("part-*.parquet")).unlink()
    code, _, said = command("fsck")
    assert (code, "E603" in said, f"rm -r {bronze}" in said) == (6, True, True), said
    shutil.rmtree(bronze)
    assert command("bronze", "--date", "2025-01-01", "--dataset", "reg.things")[0] == 0
    assert (read_night.rows("reg.things", "bronze"), command("fsck", "--full")[0]) == (rows, 0)


def test_a_landed_file_with_other_bytes_is_found_and_delivered_again(read_night: World, command: Command) -> None:
    landed = next(p for p in Path(read_night.lake.path("landing", "objects")).rglob("*") if p.is_file())
    flip(landed)
    assert command("fsck")[0] == 0
    code, out, said = command("fsck", "--full", "--json")
    assert (code, [(d["code"], d["business_date"], d["revision"]) for d in json.loads(out)["damage"]]) == (6, [("E604", "2025-01-01", 1)]), said  # fmt: skip
    landed.unlink()
    assert command("fsck", "--full")[0] == 6
    assert command("extract", "--date", "2025-01-01", "--dataset", "reg.things")[0] == 0
    assert command("fsck", "--full")[0] == 0
