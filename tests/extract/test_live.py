"""A night that is fetched from the departments' own systems is the night that lies in the inbox."""

from __future__ import annotations

import json
import os
import stat
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from jobs import night as nights
from jobs.bronze import layout_of
from jobs.cities import PROJECT, load_contracts
from jobs.formats import read
from jobs.landing import Receipt, list_receipts, local_object
from jobs.ledger import Run
from jobs.manifests import find_manifest
from jobs.suppliers.servers import running
from tests.extract.conftest import CITY, Lake
from tests.little import World, no_session

pytestmark = pytest.mark.programs


def extract(world: World, deliveries: str) -> list[Receipt]:
    night = world.run_nothing()
    night.run, night.server = Run("test", 1, datetime(2026, 3, 1, tzinfo=UTC)), deliveries
    try:
        landed = nights.extract(night)
    finally:
        night.close()
    assert night.problems == []
    return landed


def receipts(world: World) -> list[Receipt]:
    return [r for c in load_contracts(CITY).values() for r in list_receipts(world.lake, c)]


def records(world: World, receipt: Receipt, folder: Path) -> list[dict[str, object]]:
    """The records of a delivery under the headers of its contract, file by file."""
    contract = load_contracts(CITY)[receipt.dataset]
    tables = [
        read(local_object(world.lake, f.sha256, folder), layout_of(contract, f.name)).table for f in receipt.files
    ]
    return [row for table in tables for row in table.to_pylist()]


def test_whichever_way_a_night_comes_its_records_manifest_and_time_are_the_same(
    suppliers: dict[str, str], city_inbox: Path, valley: World, tmp_path: Path
) -> None:
    by_folder = World(tmp_path / "by_folder", no_session, CITY)
    by_folder.inbox = city_inbox
    extract(valley, "live")
    extract(by_folder, "inbox")
    fetched, laid = receipts(valley), receipts(by_folder)
    assert len(fetched) == 12 * 2 + 1
    for one, other in zip(fetched, laid, strict=True):
        where = (one.dataset, one.business_date, one.revision)
        assert where == (other.dataset, other.business_date, other.revision)
        assert records(valley, one, tmp_path) == records(by_folder, other, tmp_path), where
        assert [f.name for f in one.files] == [f.name for f in other.files]
        assert one.delivered_at == other.delivered_at
        without = {k: v for k, v in other.manifest.items() if k != "files"}
        assert {k: v for k, v in one.manifest.items() if k != "files"} == without
        assert one.problem == {}


@pytest.mark.parametrize("dataset", ["tax.payment", "land.parcel", "traffic.reading"])
def test_files_arrive_byte_for_byte(suppliers: dict[str, str], city_inbox: Path, lake: Lake, valley: World, dataset: str) -> None:  # fmt: skip
    assert lake("extract", "--date", "2026-01-02", "--dataset", dataset, "--deliveries", "live")[0] == 0
    for receipt in receipts(valley):
        folder = city_inbox.joinpath(*dataset.split("."), receipt.folder)
        there = [p.name for p in folder.iterdir()]
        assert {f.name for f in receipt.files} == {*there} - {
            find_manifest(load_contracts(valley.lake.city)[dataset], there)
        }
        for f in receipt.files:
            assert local_object(valley.lake, f.sha256, folder).read_bytes() == (folder / f.name).read_bytes()


def test_a_landed_night_is_not_fetched_again_unless_asked_for(
    suppliers: dict[str, str], lake: Lake, valley: World
) -> None:
    words = ("extract", "--date", "2026-01-01", "--dataset", "employment.insurance", "--deliveries", "live")
    assert lake(*words)[0] == 0
    (first,) = receipts(valley)
    with pytest.MonkeyPatch.context() as down:
        down.setenv("LAKE_EMPLOYMENT_TOKEN", "another")
        assert lake(*words)[0] == 2  # it is asked what it has
    code, out, _ = lake(*words, "--refetch")
    assert (code, receipts(valley)) == (0, [first])
    assert "same bytes" in out


def test_a_correction_that_a_supplier_offers_is_a_revision(
    suppliers: dict[str, str], lake: Lake, valley: World
) -> None:
    assert lake("extract", "--date", "2026-01-02", "--dataset", "tax.payment", "--deliveries", "live")[0] == 0
    assert [(r.folder, r.revision) for r in receipts(valley)] == [("2026-01-02", 1), ("2026-01-02.r2", 2)]


def test_a_services_answers_are_kept_as_they_came(
    suppliers: dict[str, str], lake: Lake, valley: World, tmp_path: Path
) -> None:
    assert lake("extract", "--date", "2026-01-01", "--dataset", "employment.insurance", "--deliveries", "live")[0] == 0
    (receipt,) = receipts(valley)
    assert [f.name for f in receipt.files] == ["insurance.json"]
    assert [f.name for f in receipt.raw] == ["raw/page-00001.json"]
    page = json.loads(local_object(valley.lake, receipt.raw[0].sha256, tmp_path).read_bytes())
    assert page["total"] == len(records(valley, receipt, tmp_path))


def test_a_plan_says_what_would_be_fetched_and_fetches_nothing(
    suppliers: dict[str, str], lake: Lake, valley: World
) -> None:
    code, out, _ = lake("plan", "--source", "services", "--deliveries", "live", "--json")
    steps = [step for step in json.loads(out)["steps"] if step[0] == "fetch"]
    assert (code, steps) == (0, [["fetch", f"services.{d}", n, n] for d in ("approval", "step") for n in ("2026-01-01", "2026-01-02")])  # fmt: skip
    assert receipts(valley) == []


def test_what_was_fetched_does_not_stay_beside_the_lake(suppliers: dict[str, str], lake: Lake, valley: World, state_home: Path) -> None:  # fmt: skip
    assert lake("extract", "--date", "2026-01-01", "--deliveries", "live")[0] == 0
    assert [p for p in state_home.rglob("*") if p.suffix in (".csv", ".json", ".xlsx")] == []


def test_a_missing_secret_is_named_and_stops_no_other_department(
    suppliers: dict[str, str], lake: Lake, valley: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LAKE_TAX_PASSWORD")
    code, _, err = lake("extract", "--date", "2026-01-01", "--deliveries", "live")
    assert code == 2
    assert "E802 No way to the supplier: tax.payment extract server live" in err
    assert "LAKE_TAX_PASSWORD or LAKE_TAX_PASSWORD_FILE" in err
    assert {r.dataset for r in receipts(valley)} == set(load_contracts(CITY)) - {"tax.payment"}


def test_a_secret_may_lie_in_a_file(suppliers: dict[str, str], lake: Lake, valley: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:  # fmt: skip
    file = tmp_path / "password"
    file.write_text(f"{suppliers['LAKE_TAX_PASSWORD']}\n")
    monkeypatch.delenv("LAKE_TAX_PASSWORD")
    monkeypatch.setenv("LAKE_TAX_PASSWORD_FILE", str(file))
    assert lake("extract", "--date", "2026-01-01", "--dataset", "tax.payment", "--deliveries", "live")[0] == 0


def test_no_secret_is_printed_logged_or_kept(suppliers: dict[str, str], lake: Lake, valley: World) -> None:
    said = lake("extract", "--date", "2026-01-01", "--deliveries", "live")
    secrets = [v for k, v in suppliers.items() if k.endswith(("PASSWORD", "TOKEN", "SECRET_KEY"))]
    assert len(secrets) == 5
    files = [p for p in Path(valley.lake.base).rglob("*") if p.is_file()]
    everything = "".join(said[1:]).encode() + b"".join(p.read_bytes() for p in files)
    assert [s for s in secrets if s.encode() in everything] == []


def test_a_department_without_a_server_of_its_own_is_read_from_the_inbox(world: World) -> None:
    world.deliver("reg.things", "2025-01-01", "key,period,value\n1,2013,10\n")
    assert [r.dataset for r in extract(world, "live")] == ["reg.things"]


def test_the_doctor_asks_every_department_what_it_has(
    suppliers: dict[str, str], lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAKE_EMPLOYMENT_ADDRESS", "http://127.0.0.1:9")
    code, out, _ = lake("doctor", "--deliveries", "live", "--json")
    found = {f["name"]: f for f in json.loads(out)["findings"]}
    assert code == 1
    assert found["tax.payment (sftp)"]["detail"] == "3 deliveries, the newest 2026-01-02.r2"
    assert found["traffic.reading (local)"]["detail"] == "2 deliveries, the newest 2026-01-02"
    down = found["employment.insurance (api)"]
    assert (down["ok"], down["detail"][:4]) == (False, "E122")
    assert "ask the department" in down["remedy"]


def test_the_suppliers_of_a_folder_beside_one_are_up_until_they_are_stopped(city_inbox: Path, tmp_path: Path) -> None:
    """As README types it: by a relative path."""
    (tmp_path / "city").symlink_to(city_inbox.parent)
    told = tmp_path / "city" / "suppliers.env"
    command = [sys.executable, "-m", "jobs", "suppliers", "up", "--city", CITY, "--from", "city"]
    env = {**os.environ, "PYTHONPATH": str(PROJECT)}
    with running(
        command,
        tmp_path / "log",
        lambda: told.exists() and "Up, on loopback" in (tmp_path / "log").read_text(),
        env,
        cwd=tmp_path,
    ) as up:
        assert stat.S_IMODE(told.stat().st_mode) == 0o600
        folders = [line.partition("=")[2] for line in told.read_text().splitlines() if "_FOLDER=" in line]
        assert folders
        assert all(Path(folder).is_absolute() and Path(folder).is_dir() for folder in folders)
        up.terminate()
        assert up.wait(60) == 0
    assert not told.exists()
    assert not any(Path(folder).exists() for folder in folders)
