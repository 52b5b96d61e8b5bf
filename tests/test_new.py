"""`lake new`: what a file shows stands in the draft, what it cannot say is asked for, and a filled draft runs."""

from __future__ import annotations

import json
import os
import re
import zipfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import yaml

from jobs.bronze import layout_of
from jobs.cities import PROJECT, load_contracts
from jobs.contracts import Contract
from jobs.draft import draft, read_sample
from jobs.errors import LakeError
from jobs.formats import read
from jobs.lint import lint_city
from jobs.odcs import load_contract
from tests.commands import typed_at
from tests.little import CITY, World

pytestmark = pytest.mark.long

NOW = datetime(2025, 1, 2, tzinfo=UTC)
TREES = "Tree ID,Diameter,Planted\nT1,40,2019-03-14\nT2,,2018-12-01\nT3,55,\n"


def drafted(tmp_path: Path, name: str, data: bytes, header_row: int = 1) -> dict[str, Any]:
    """The contract that is drafted from a file."""
    sample = tmp_path / name
    sample.write_bytes(data)
    found: dict[str, Any] = yaml.safe_load(
        contract_of(draft(read_sample(sample, header_row), "little", "parks.trees", "2025-01-01", NOW))
    )
    return found


def contract_of(files: Mapping[str, bytes]) -> bytes:
    return next(data for name, data in files.items() if name.endswith(".odcs.yaml"))


def columns(contract: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {c["name"]: c for c in contract["schema"][0]["properties"]}


def properties(contract: dict[str, Any]) -> dict[str, Any]:
    return {p["property"]: p["value"] for p in contract["schema"][0]["customProperties"]}


@pytest.mark.parametrize(
    ("values", "kind", "more"),
    [
        ("1 -20 300", "integer", {}),
        ("007 012 100", "string", {}),
        ("1 2.50 -3.125", "number", {"physicalType": "decimal(6,3)"}),
        ("1234567890123456789 2", "string", {}),
        ("2024-01-31 2024-02-01", "date", {}),
        ("01/31/2024 02/01/2024", "date", {"logicalTypeOptions": {"format": "MM/dd/yyyy"}}),
        ("31/01/2024 01/02/2024", "date", {"logicalTypeOptions": {"format": "dd/MM/yyyy"}}),
        ("01/02/2024 03/04/2024", "string", {}),
        ("2024-01-31T10:00:00 2024-01-31T10:05", "timestamp", {"physicalType": "timestamp_ntz"}),
        ("2024-01-31T10:00:00Z 2024-01-31T10:05:00+08:00", "timestamp", {}),
        ("true false", "boolean", {}),
        ("N/A 1", "string", {}),
    ],
)
def test_a_column_has_the_type_that_fits_all_its_values(
    tmp_path: Path, values: str, kind: str, more: Mapping[str, Any]
) -> None:
    rows = "".join(f"r{n},{v}\n" for n, v in enumerate([*values.split(), ""]))
    found = columns(drafted(tmp_path, "a.csv", f"id,x\n{rows}".encode()))["x"]
    assert {k: v for k, v in found.items() if k not in ("name", "classification", "description")} == {
        "logicalType": kind,
        **more,
    }


def test_delimiter_encoding_and_chinese_headers_are_found(tmp_path: Path) -> None:
    contract = drafted(tmp_path, "a.csv", "编号\t街道\n1\t珞喻路\n2\t光谷大道\n".encode("gb18030"))
    server = contract["servers"][0]
    assert (server["format"], server["delimiter"], server["encoding"]) == ("csv", "\\t", "gb18030")
    assert [(c["name"], c["physicalName"]) for c in columns(contract).values()] == [
        ("column_1", "编号"),
        ("column_2", "街道"),
    ]


def test_a_workbook_and_a_json_array_are_read_as_such(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for row in (["Register of trees"], ["Tree", "Height"], ["T1", 3.5], ["T2", 12.25]):
        book.active.append(row)
    book.save(tmp_path / "made.xlsx")
    contract = drafted(tmp_path, "trees.xlsx", (tmp_path / "made.xlsx").read_bytes(), header_row=2)
    assert contract["servers"][0]["format"] == "xlsx"
    assert properties(contract)["headerRow"] == 2
    assert columns(contract)["height"]["physicalType"] == "decimal(6,2)"
    contract = drafted(tmp_path, "trees.json", b'[["tree", "height"], ["T1", 3.5], ["T2", null]]')
    assert contract["servers"][0]["format"] == "json"
    assert columns(contract)["height"]["logicalType"] == "number"


def test_a_table_in_a_zip_is_read_as_what_is_in_it(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "made.zip", "w") as archive:
        archive.writestr("trees.csv", "tree,height\nT1,3.5\nT2,4.5\n")
    contract = drafted(tmp_path, "trees.csv.zip", (tmp_path / "made.zip").read_bytes())
    assert contract["servers"][0]["format"] == "csv"
    assert columns(contract)["height"]["physicalType"] == "decimal(4,1)"


@pytest.mark.parametrize(
    ("rows", "key"),
    [
        ("a,1,x\nb,1,y\n", ["id"]),
        ("a,1,x\na,2,x\n", ["n"]),
        ("a,1,x\na,2,x\nb,1,x\n", ["id", "n"]),
        ("a,1,x\na,1,x\n", []),
        (",1,x\nb,1,x\n", []),
    ],
)
def test_the_key_is_what_tells_the_rows_of_the_sample_apart(tmp_path: Path, rows: str, key: list[str]) -> None:
    contract = drafted(tmp_path, "a.csv", f"id,n,x\n{rows}".encode())
    keyed = {c["primaryKeyPosition"]: c["name"] for c in columns(contract).values() if c.get("primaryKey")}
    assert [keyed[n] for n in sorted(keyed)] == key
    assert properties(contract).get("wholeRowKey", False) == (not key)


@pytest.mark.parametrize(
    ("data", "code"),
    [(b"a,b\n1,\xff\xff\n", "E201"), (b"", "E105"), (b"a,a\n1,2\n", "E301"), (b"a,b\n1,2\n3", "E102")],
)
def test_a_sample_that_is_no_table_is_refused(tmp_path: Path, data: bytes, code: str) -> None:
    with pytest.raises(LakeError) as refused:
        drafted(tmp_path, "a.csv", data)
    assert refused.value.code == code


def shipped() -> list[Contract]:
    return list(load_contracts("new_york").values())


@pytest.mark.parametrize("contract", shipped(), ids=lambda c: c.dataset)
def test_a_draft_of_a_published_file_reads_it_and_lacks_only_what_people_must_say(
    contract: Contract, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = PROJECT / "tests" / "data" / "new_york" / contract.source / contract.name / "2024-09-16"
    sample = next(p for p in sorted(folder.iterdir()) if p.name != "manifest.json")
    for name, data in draft(
        read_sample(sample, layout_of(contract).header_row), "new_york", "drafts.sample", "2024-09-16", NOW
    ).items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(data)
    made = load_contract(tmp_path / "conf" / "cities" / "new_york" / "drafts" / "sample.odcs.yaml", "new_york")
    reading = read(sample, layout_of(made))
    assert (len(reading.refused), reading.notices, reading.table["_extra"].null_count) == (0, (), reading.records)
    manifest = json.loads((tmp_path / "tests/data/new_york/drafts/sample/2024-09-16/manifest.json").read_text())
    assert manifest["files"][0]["records"] == reading.records
    monkeypatch.setenv("LAKE_CONF", str(tmp_path))
    asked = [f.removeprefix("drafts.sample: ") for f in lint_city("new_york")]
    people = (
        r"no team: whom to ask\?|no dataGranularityDescription|\w+ has no description|\w+ is classified nothing: .*"
    )
    assert [f for f in asked if not re.fullmatch(people, f)] == []
    assert len(asked) == 2 + 2 * len(made.columns)


@pytest.mark.spark
def test_a_filled_draft_runs_from_landing_to_silver(
    world: World, tmp_path: Path, little_conf: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lake, root = typed_at(world, monkeypatch, capsys), tmp_path / "parks"
    (tmp_path / "trees.csv").write_text(TREES)
    arguments = ("new", "parks.trees", str(tmp_path / "trees.csv"), "--to", str(root), "--date", "2025-01-01")
    code, out, _ = lake(*arguments)
    assert code == 0
    wrote = re.findall(r"^wrote (.+)$", out, re.M)
    assert sorted(wrote) == sorted(str(p) for p in root.rglob("*") if p.is_file())
    path = next(Path(p) for p in wrote if p.endswith(".odcs.yaml"))
    text = path.read_text().replace("classification: ''", "classification: public").replace("''", "said")
    path.write_text(text)
    monkeypatch.setenv("LAKE_CONF", os.pathsep.join([str(little_conf), str(root)]))
    assert [f for f in lint_city(CITY) if f.startswith("parks")] == []
    world.inbox = root / "tests" / "data" / CITY
    assert world.run(dataset="parks.trees").problems == []
    assert [(r["tree_id"], r["diameter"], str(r["planted"])) for r in world.rows("parks.trees")] == [
        ("T1", 40, "2019-03-14"), ("T2", None, "2018-12-01"), ("T3", 55, "None"),
    ]  # fmt: skip


def test_nothing_that_stands_is_written_over(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lake = typed_at(world, monkeypatch, capsys)
    (tmp_path / "trees.csv").write_text(TREES)
    arguments = (
        "new",
        "parks.trees",
        str(tmp_path / "trees.csv"),
        "--to",
        str(tmp_path / "parks"),
        "--date",
        "2025-01-01",
    )
    assert lake(*arguments)[0] == 0
    before = {p: p.read_bytes() for p in (tmp_path / "parks").rglob("*") if p.is_file()}
    code, _, err = lake(*arguments)
    assert code == 2
    assert "E002" in err
    assert {p: p.read_bytes() for p in (tmp_path / "parks").rglob("*") if p.is_file()} == before


@pytest.mark.parametrize("name", ["trees", "parks.trees.more", "Parks.trees", "reg.things", "../parks.trees"])
def test_a_name_that_is_none_or_taken_is_refused(
    name: str, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "trees.csv").write_text(TREES)
    lake = typed_at(world, monkeypatch, capsys)
    assert lake("new", name, str(tmp_path / "trees.csv"), "--to", str(tmp_path / "parks"))[0] == 2
    assert not (tmp_path / "parks").exists()
