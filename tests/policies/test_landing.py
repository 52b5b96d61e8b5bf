"""Landing: revisions, repeats and what a manifest can say."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from jobs.cities import load_contracts
from jobs.contracts import Contract
from jobs.errors import LakeError
from jobs.lake import Lake
from jobs.landing import Receipt, find_arrivals, is_landed, land, list_receipts, object_path, record_absence
from jobs.manifests import read_manifest
from tests.little import CITY

NOW = datetime(2025, 1, 2, 6, tzinfo=UTC)
Deliver = Callable[..., tuple[Receipt, bool]]


@pytest.fixture
def contract(little_conf: Path, monkeypatch: pytest.MonkeyPatch) -> Contract:
    monkeypatch.setenv("LAKE_CONF", str(little_conf))
    return load_contracts(CITY)["reg.things"]


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(str(tmp_path / "lake"), CITY)


@pytest.fixture
def deliver(tmp_path: Path, lake: Lake, contract: Contract) -> Deliver:
    """Write files into a delivery folder and land it."""

    def put(folder: str = "2025-01-01", **files: bytes | str) -> tuple[Receipt, bool]:
        place = tmp_path / "inbox" / "reg" / "things" / folder
        place.mkdir(parents=True, exist_ok=True)
        for name, data in (files or {"a_csv": "x"}).items():
            (place / name.replace("_", ".")).write_bytes(data if isinstance(data, bytes) else data.encode())
        arrival = next(a for a in find_arrivals(tmp_path / "inbox", contract) if a.folder == folder)
        return land(lake, contract, arrival, NOW)

    return put


def manifest(*files: dict[str, Any], **more: Any) -> str:
    return json.dumps({"files": list(files), **more})


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_the_folder_gives_the_revision(deliver: Deliver) -> None:
    assert [deliver(f)[0].revision for f in ("2025-01-01", "2025-01-01.r2", "2025-01-01.r5")] == [1, 2, 5]


def test_the_manifest_gives_the_revision_where_it_names_one(deliver: Deliver) -> None:
    assert deliver(a_csv="x", manifest_json=manifest({"name": "a.csv"}, revision=3))[0].revision == 3


def test_the_same_bytes_of_a_folder_are_landed_once(deliver: Deliver, lake: Lake, contract: Contract) -> None:
    first, is_new = deliver(a_csv="x")
    assert is_new
    assert deliver(a_csv="x") == (first, False)
    assert len(list_receipts(lake, contract)) == 1


def test_new_bytes_in_a_landed_folder_take_the_number_above_the_highest(deliver: Deliver) -> None:
    deliver("2025-01-01", a_csv="x")
    deliver("2025-01-01.r4", a_csv="y")
    assert deliver("2025-01-01", a_csv="z")[0].revision == 5


def test_a_lower_number_that_comes_late_keeps_its_number(deliver: Deliver) -> None:
    deliver("2025-01-01.r3")
    assert deliver("2025-01-01", a_csv="x")[0].revision == 1


def test_landed_bytes_are_kept_under_their_hash_and_never_changed(deliver: Deliver, lake: Lake) -> None:
    receipt, _ = deliver(a_csv="x")
    deliver(a_csv="y")
    path = Path(object_path(lake, receipt.files[0].sha256))
    assert path.read_bytes() == b"x"
    assert path.name == sha(b"x")


def test_a_landed_folder_is_recognised_without_writing(
    tmp_path: Path, deliver: Deliver, lake: Lake, contract: Contract
) -> None:
    deliver(a_csv="x")
    arrival = find_arrivals(tmp_path / "inbox", contract)[0]
    assert is_landed(lake, contract, arrival)
    (arrival.path / "a.csv").write_text("y")
    assert not is_landed(lake, contract, arrival)


@pytest.mark.parametrize("name", [".hidden", "data.csv.part"])
def test_a_folder_with_a_part_of_a_file_is_still_arriving(tmp_path: Path, deliver: Deliver, name: str) -> None:
    folder = tmp_path / "inbox" / "reg" / "things" / "2025-01-01"
    folder.mkdir(parents=True)
    (folder / name).write_text("x")
    with pytest.raises(LakeError, match="E101"):
        deliver(a_csv="x")


def test_folders_that_are_no_business_date_are_left_alone(tmp_path: Path, contract: Contract) -> None:
    for name in ("2025-01-01", "2025-01-01.r0", "2025-01-01.r02", "old", "2025-1-1"):
        (tmp_path / "inbox" / "reg" / "things" / name).mkdir(parents=True)
    assert [a.folder for a in find_arrivals(tmp_path / "inbox", contract)] == ["2025-01-01"]


@pytest.mark.parametrize(
    ("files", "code"),
    [
        ({"manifest_json": manifest({"name": "a.csv", "sha256": sha(b"x")})}, ""),
        ({"manifest_json": manifest({"name": "a.csv", "sha256": sha(b"x").upper()})}, ""),
        ({"manifest_json": manifest({"name": "a.csv", "sha256": sha(b"y")})}, "E102"),
        ({"manifest_json": manifest({"name": "b.csv"})}, "E106"),
        ({"manifest_json": manifest({"name": "a.csv"}), "b_csv": "y"}, "E106"),
        ({"manifest_json": "{"}, "E106"),
        ({"manifest_json": "[1]"}, "E106"),
        ({"manifest_json": '{"files": [{"sha256": "0"}]}'}, "E106"),
        ({"manifest_json": manifest({"name": "a.csv"}, revision="two")}, "E106"),
        ({"manifest_json": manifest({"name": "a.csv"}, delivered_at="soon")}, "E106"),
        ({"manifest_json": manifest({"name": "a.csv"}, delivered_at="2025-01-02T03:00:00")}, "E106"),
        ({"manifest_csv": f"name,sha256,records\na.csv,{sha(b'x')},1\n"}, ""),
        ({"manifest_csv": f"name,sha256\na.csv,{sha(b'y')}\n"}, "E102"),
        ({"manifest_csv": "name,records\na.csv,many\n"}, "E106"),
        ({"manifest_csv": b"name\n\xff\n"}, "E106"),
        ({"A_csv": "y"}, "E110"),
    ],
)  # fmt: skip
def test_a_manifest_and_names_are_held_against_the_files(
    deliver: Deliver, lake: Lake, files: dict[str, Any], code: str
) -> None:
    receipt, _ = deliver(a_csv="x", **files)
    assert receipt.problem.get("code", "") == code
    assert receipt.files, "what was delivered is evidence also where it is refused"


ACCOUNTS = {
    "name": "清单.csv", "encoding": "gb18030",
    "fields": {"name": "文件", "records": "笔数", "delivered_at": "时间", "revision": "版次", "full": "全量"}, "sums": {"value": "金额合计"},
}  # fmt: skip
NOTE = {"name": "清单.json", "fields": {"records": "总数", "files": "文件", "files.name": "名称", "revision": "版次"}}


@pytest.mark.parametrize(
    ("form", "written", "stated"),
    [
        (
            ACCOUNTS, "文件,笔数,时间,版次,全量,金额合计\na.csv,2,2025-01-02T03:00:00+08:00,2,是,1.50\nb.csv,3,2025-01-02T03:00:00+08:00,2,是,0.25\n".encode("gb18030"),
            {"files": [{"name": "a.csv", "records": 2}, {"name": "b.csv", "records": 3}], "sums": {"value": "1.75"}, "delivered_at": "2025-01-02T03:00:00+08:00", "revision": "2", "full": True},
        ),
        (NOTE, '{"总数": 5, "版次": 2, "文件": [{"名称": "a.csv"}, {"名称": "b.csv"}], "备注": "-"}'.encode(), {"records": 5, "revision": 2, "files": [{"name": "a.csv"}, {"name": "b.csv"}]}),
    ],
    ids=["a list of accounts", "a note in other words"],
)  # fmt: skip
def test_a_department_states_what_it_sends_in_its_own_form(
    tmp_path: Path, lake: Lake, contract: Contract, form: dict[str, Any], written: bytes, stated: dict[str, Any]
) -> None:
    declared = replace(contract, properties={**contract.properties, "manifest": form})
    folder = tmp_path / "inbox" / "reg" / "things" / "2025-01-01"
    folder.mkdir(parents=True)
    for name, data in (("a.csv", b"x"), ("b.csv", b"y"), (form["name"], written)):
        (folder / name).write_bytes(data)
    (arrival,) = find_arrivals(tmp_path / "inbox", contract)
    receipt, _ = land(lake, declared, arrival, datetime(2025, 1, 2, 6, tzinfo=UTC))
    assert (dict(receipt.manifest), receipt.problem, receipt.revision) == (stated, {}, 2)
    assert [f.name for f in receipt.files] == ["a.csv", "b.csv"]


def test_rows_of_a_list_that_name_two_revisions_are_refused(contract: Contract) -> None:
    declared = replace(contract, properties={**contract.properties, "manifest": ACCOUNTS})
    written = "文件,笔数,时间,版次,全量,金额合计\na.csv,2,,1,,1\nb.csv,3,,2,,1\n".encode("gb18030")
    with pytest.raises(LakeError, match="E106"):
        read_manifest(declared, "清单.csv", written)


def test_a_file_that_changes_while_it_is_taken_is_not_kept_under_the_wrong_hash(
    tmp_path: Path, lake: Lake, deliver: Deliver, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "inbox" / "reg" / "things" / "2025-01-01" / "a.csv"
    exists = lake.files.exists
    with monkeypatch.context() as patch:
        patch.setattr(lake.files, "exists", lambda target: path.write_bytes(b"longer") and exists(target))
        with pytest.raises(LakeError, match=r"E109[\s\S]*a.csv"):
            deliver(a_csv=b"short")
    objects = Path(lake.base, "landing", "objects")
    assert [p for p in objects.rglob("*") if p.is_file() and p.suffix != ".part"] == []
    receipt, _ = deliver(a_csv=b"longer")
    assert object_path(lake, receipt.files[0].sha256) and receipt.files[0].sha256 == sha(b"longer")


def test_a_compressed_file_may_be_stated_by_its_content(deliver: Deliver) -> None:
    stated = manifest({"name": "a.csv", "sha256": sha(b"x")})
    assert deliver(a_csv_gz=gzip.compress(b"x"), manifest_json=stated)[0].problem == {}


def test_the_time_of_delivery_is_the_manifests_else_the_clock(deliver: Deliver) -> None:
    stated = manifest({"name": "a.csv"}, delivered_at="2025-01-02T03:00:00+08:00")
    assert deliver("2025-01-01", a_csv="x", manifest_json=stated)[0].delivered_at == "2025-01-01T19:00:00Z"
    assert deliver("2025-01-02", a_csv="x")[0].delivered_at == "2025-01-02T06:00:00Z"


def test_a_file_whose_name_does_not_tell_its_period_is_refused(tmp_path: Path, lake: Lake, contract: Contract) -> None:
    yearly = replace(contract, properties={**contract.properties, "periodFromFile": r"_(?P<period>\d{4})\."})
    for folder, name in (("2025-01-01", "tax_2012.csv"), ("2025-01-02", "tax.csv")):
        place = tmp_path / "inbox" / "reg" / "things" / folder
        place.mkdir(parents=True)
        (place / name).write_text("x")
    receipts = [land(lake, yearly, a, NOW)[0] for a in find_arrivals(tmp_path / "inbox", yearly)]
    assert [r.problem.get("code", "") for r in receipts] == ["", "E108"]


def test_an_absence_is_written_once_and_never_after_a_delivery(
    deliver: Deliver, lake: Lake, contract: Contract
) -> None:
    assert record_absence(lake, contract, "2025-01-02", "not_delivered", NOW)
    assert record_absence(lake, contract, "2025-01-02", "not_delivered", NOW) is None
    deliver("2025-01-01")
    assert record_absence(lake, contract, "2025-01-01", "not_delivered", NOW) is None
