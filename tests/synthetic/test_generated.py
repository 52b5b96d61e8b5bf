"""`lake generate`: the same seed gives the same bytes, nobody in it exists, and what was broken is written down where it is."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from stdnum.cn import uscc

from jobs import cli
from jobs.bronze import layout_of
from jobs.cities import PROJECT, load_contracts
from jobs.formats import read
from jobs.manifests import find_manifest, read_manifest
from jobs.synthetic.aliases import aliases
from jobs.synthetic.employment import insurance
from jobs.synthetic.enterprises import deliver as market
from jobs.synthetic.enterprises import enterprises
from jobs.synthetic.folded import KEYS, Registers
from jobs.synthetic.land import parcels
from jobs.synthetic.nights import write_nights
from jobs.synthetic.tax import corrected_payments, payments
from jobs.synthetic.world import Delivery, World

pytestmark = pytest.mark.long

SMALL = World(3, Decimal("0.05"), date(2026, 1, 29), 5)


def write(out: Path, world: World = SMALL, level: str = "all") -> Path:
    write_nights(world, level, out, lambda: None)
    return out


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("city"))


def digests(folder: Path) -> dict[str, str]:
    return {
        p.relative_to(folder).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in folder.rglob("*")
        if p.is_file()
    }


def stated(folder: Path) -> dict[str, Any]:
    """What the manifest of a delivery states, read in the form that its contract declares."""
    contract = load_contracts("optics_valley")[".".join(folder.parts[-3:-1])]
    name = find_manifest(contract, [p.name for p in folder.iterdir()])
    return dict(read_manifest(contract, name, (folder / name).read_bytes()))


def test_every_department_states_what_it_sends_in_its_own_form(city: Path) -> None:
    names = {
        find_manifest(contract, [p.name for p in folder.iterdir()])
        for contract in load_contracts("optics_valley").values()
        for folder in (city / "inbox" / contract.source / contract.name).iterdir()
    }
    assert names == {"manifest.json", "对账清单.csv", "交接单.json"}


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


@pytest.mark.programs
def test_the_same_seed_gives_the_same_bytes_in_another_process(city: Path, tmp_path: Path) -> None:
    """Texts have other hashes there, so that no order of a set may be in a file."""
    wish = ["--seed", "3", "--scale", "0.05", "--from", "2026-01-29", "--nights", "5", "--faults", "all"]
    command = [
        sys.executable,
        "-m",
        "jobs",
        "generate",
        "--city",
        "optics_valley",
        "--out",
        str(tmp_path / "again"),
        *wish,
    ]
    subprocess.run(command, cwd=PROJECT, env=os.environ | {"PYTHONHASHSEED": "11"}, check=True, capture_output=True)
    assert digests(tmp_path / "again") == digests(city)


def test_another_seed_gives_another_city(city: Path, tmp_path: Path) -> None:
    other = digests(write(tmp_path / "other", World(4, SMALL.scale, SMALL.first, 1)))
    mine = digests(city)
    same = {name for name in other if name.startswith("inbox") and mine[name] == other[name]}
    assert same == set()


def test_no_identifier_has_a_real_division(city: Path) -> None:
    texts = [p.read_bytes() for p in (city / "inbox").rglob("*") if p.suffix in (".csv", ".json")]
    real = re.compile(
        rb"(?<![0-9A-Z])(?:9[1-3](?!0999)[0-9]{6}[0-9A-Z]{10}|(?!0999)[1-9][0-9]{5}(?:19|20)[0-9]{9}[0-9X])(?![0-9A-Z])"
    )
    assert [m for text in texts for m in real.findall(text)] == []


def test_codes_and_names_of_enterprises_are_unique_and_valid() -> None:
    known = enterprises(SMALL)
    assert len(set(known.codes)) == len(set(known.names)) == len(known.codes)
    assert all(map(uscc.is_valid, known.codes))


def test_every_file_can_be_read_by_its_contract_and_its_manifest_counts_it(city: Path) -> None:
    for contract in load_contracts("optics_valley").values():
        for folder in (city / "inbox" / contract.source / contract.name).iterdir():
            manifest = stated(folder)
            found = {f["name"]: read(folder / f["name"], layout_of(contract, f["name"])) for f in manifest["files"]}
            assert {n: r.records for n, r in found.items()} == {f["name"]: f["records"] for f in manifest["files"]}
            assert [r.refused for r in found.values() if r.refused] == []


def test_a_night_of_changes_after_the_first_ends_in_what_a_full_one_says() -> None:
    """The registry forgets who left; whoever closed stays, as closed."""
    registers = Registers()
    for night in range(SMALL.nights):
        registers.apply(market(SMALL, night), [])
    known = enterprises(SMALL)
    last = SMALL.nights - 1
    assert set(registers.tables["market.enterprise"]["统一社会信用代码"].to_pylist()) == {
        c for c, there in zip(known.codes, known.is_registered(last), strict=True) if there
    }


def test_on_the_first_of_a_month_everybody_insured_is_named_again() -> None:
    registers, first = Registers(), (date(2026, 2, 1) - SMALL.first).days
    for night in range(first):
        registers.apply(insurance(SMALL, night), [])
    before = sequences(registers)
    delivery = insurance(SMALL, first)
    registers.apply(delivery, [])
    after = sequences(registers)
    assert delivery.full
    assert set(before) <= set(after)
    assert [person for person, told in before.items() if told == after[person]] == []


def sequences(registers: Registers) -> dict[str, str]:
    """When each insured person was last told of, by identity number."""
    columns = registers.tables["employment.insurance"].select(["身份证号", "变更序号"]).columns
    return dict(zip(*[c.to_pylist() for c in columns], strict=True))


def total_of(delivery: Delivery, header: str) -> Decimal:
    return sum((Decimal(v) for v in delivery.files["payment.csv"][header].to_pylist()), Decimal(0))


def test_a_correction_has_the_same_payments_and_less_arrears() -> None:
    world = World(3, Decimal("0.5"), date(2026, 1, 6), 2)  # enterprises file until the 28th
    first, second = payments(world, 1), corrected_payments(world, 1)
    assert second is not None and second.revision == 2
    assert first.files["payment.csv"]["税票号码"] == second.files["payment.csv"]["税票号码"]
    assert total_of(second, "欠缴金额") < total_of(first, "欠缴金额")
    assert len({total_of(d, "欠缴金额") + total_of(d, "实缴金额") for d in (first, second)}) == 1


def test_the_land_registry_zips_what_it_delivers_whole() -> None:
    assert [list(parcels(SMALL, night).files) for night in (0, 1)] == [["parcel.csv.zip"], ["parcel.xlsx"]]


def test_faults_are_where_the_register_says(city: Path) -> None:
    register = lines(city / "faults" / "register.jsonl")
    contracts = load_contracts("optics_valley")
    broken: dict[tuple[str, str], set[int]] = {}
    for fault in register:
        revision = f".r{fault['revision']}" if fault["revision"] > 1 else ""
        folder = f"{fault['dataset'].replace('.', '/')}/{fault['business_date']}{revision}"
        broken.setdefault((fault["dataset"], f"{folder}/{fault['file']}"), set()).add(fault["record"])
    for (dataset, file), records in broken.items():
        table = read(city / "inbox" / file, layout_of(contracts[dataset], file)).table
        assert records - {0} <= set(table["_record"].to_pylist())
    assert {f["outcome"] for f in register if f["record"]} == {"aside", "duplicate"}
    assert {f["kind"] for f in register if not f["record"]} == {"columns in another order", "amounts in another unit"}


def test_the_first_delivery_of_a_corrected_night_states_fen_for_yuan(city: Path) -> None:
    inbox = city / "inbox" / "tax" / "payment"
    register = lines(city / "faults" / "register.jsonl")
    (night,) = {f["business_date"] for f in register if f["kind"] == "amounts in another unit"}
    first, corrected = (Decimal(stated(inbox / folder)["sums"]["实缴金额"]) for folder in (night, f"{night}.r2"))
    assert 80 * corrected < first <= 100 * corrected, "arrears that were paid after all are in the correction only"


def test_at_least_fifty_kinds_of_faults_are_put_in(city: Path) -> None:
    register = lines(city / "faults" / "register.jsonl")
    assert len({(f["dataset"], f["kind"], *f["rules"]) for f in register}) >= 50


def test_without_faults_nothing_is_broken_and_every_code_means_itself(tmp_path: Path) -> None:
    out = write(tmp_path / "clean", World(3, SMALL.scale, SMALL.first, 2), "none")
    assert lines(out / "faults" / "register.jsonl") == []
    assert all(r["source_key"] == r["entity_id"] for r in lines(out / "truth" / "links.jsonl"))
    assert {r["method"] for r in lines(out / "truth" / "gold" / "entity_link.jsonl")} <= {"code", "none"}


def test_some_departments_know_an_enterprise_under_a_former_code() -> None:
    world = World(3, Decimal(1), SMALL.first, 1)
    known = [aliases(world, s) for s in ("tax", "employment", "land")]
    assert all(50 < len(k) < 200 for k in known)
    assert not {a.code for k in known for a in k.values()} & set(enterprises(world).codes)


def test_truth_has_every_fen_of_the_good_payments_in_one_district_and_month(city: Path) -> None:
    """Read back from the files: the newest revision of each night, without what the register of faults names."""
    contract = load_contracts("optics_valley")["tax.payment"]
    bad = {
        (f["business_date"], f["revision"], f["record"])
        for f in lines(city / "faults" / "register.jsonl")
        if f["dataset"] == "tax.payment"
    }
    newest: dict[str, tuple[int, Path]] = {}
    for folder in (city / "inbox" / "tax" / "payment").iterdir():
        night, _, revision = folder.name.partition(".r")
        newest[night] = max(newest.get(night, (0, folder)), (int(revision or 1), folder))
    assert max(revision for revision, _ in newest.values()) == 2
    paid = Decimal(0)
    for night, (revision, folder) in newest.items():
        for row in read(folder / "payment.csv", layout_of(contract)).table.to_pylist():
            if (night, revision, row["_record"]) not in bad:
                paid += Decimal(row["amount_cny"])
    months = lines(city / "truth" / "gold" / "macro_economy_monthly.jsonl")
    assert sum(Decimal(r["tax_total"]) for r in months) == paid
    assert len({(r["division_code"], r["month"]) for r in months}) == len(months)


@pytest.mark.parametrize("dataset", sorted(KEYS))
def test_a_register_of_truth_has_the_key_of_the_contract(dataset: str) -> None:
    contract = load_contracts("optics_valley")[dataset]
    headers = {c.name: c.header for c in contract.delivered}
    mode, keys = KEYS[dataset]
    assert (mode, list(keys)) == (contract.mode, [headers[k] for k in contract.key])


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--scale", "huge"), "a number from 0.001 to 50"),
        (("--scale", "NaN"), "a number from 0.001 to 50"),
        (("--faults", "some"), "none, light, all"),
        (("--from", "2026-02-30"), "a date"),
        (("--city", "new_york"), "optics_valley"),
    ],
)
def test_a_wrong_wish_is_refused_before_anything_is_written(
    tmp_path: Path, arguments: tuple[str, ...], says: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    refused: Callable[..., str],
) -> None:  # fmt: skip
    assert says in refused("generate", "--city", "optics_valley", "--out", str(tmp_path / "out"), *arguments)
    assert not (tmp_path / "out").exists()


def test_a_folder_that_is_a_file_is_refused(tmp_path: Path, refused: Callable[..., str]) -> None:
    (tmp_path / "out").write_text("mine", "ascii")
    assert "new or empty" in refused("generate", "--city", "optics_valley", "--out", str(tmp_path / "out"))


def test_verify_asks_for_the_city_and_for_the_register_of_faults(
    city: Path, tmp_path: Path, refused: Callable[..., str]
) -> None:
    truth = str(city / "truth")
    assert "new_york has no gold." in refused("verify", "--city", "new_york", "--truth", truth)
    shutil.copytree(city / "truth", tmp_path / "truth")
    assert "register.jsonl" in refused("verify", "--city", "optics_valley", "--truth", str(tmp_path / "truth"))


@pytest.fixture
def refused(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """What a command that is refused as misunderstood prints."""

    def call(*arguments: str) -> str:
        monkeypatch.setattr("sys.argv", ["lake", *arguments])
        with pytest.raises(SystemExit) as left:
            cli.main()
        assert left.value.code == 2
        return capsys.readouterr().err

    return call
