"""Four nights of Optics Valley with every fault, told out of order and two ways, end in what is known to be true of them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import nbformat
import pytest
from bs4 import BeautifulSoup
from nbclient import NotebookClient

from jobs.cities import PROJECT, load_contracts, load_gold
from jobs.ledger import Ledger, Run
from jobs.report import write_report
from jobs.suppliers.up import serve_all
from jobs.synthetic.nights import write_nights
from jobs.synthetic.world import World as City
from tests.commands import typed_at
from tests.little import World, write_person_key

pytestmark = [pytest.mark.spark, pytest.mark.slow]
NOW = "2026-03-01T00:00:00Z"
Verify = Callable[[Path], tuple[int, dict[str, Any]]]


@dataclass(frozen=True)
class Told:
    """A lake that was told a city's nights, and the folder with their truth."""

    world: World
    truth: Path


@pytest.fixture(scope="module")
def told(spark: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    """The third night comes first and from the inbox, the others from the departments' own systems."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("optics_valley")
        patch.setenv("XDG_STATE_HOME", str(folder / "state"))
        patch.delenv("LAKE_CONF", raising=False)
        patch.setenv("LAKE_PERSON_KEY_FILE", str(write_person_key(folder)))
        write_nights(City(7, Decimal("0.05"), date(2026, 1, 5), 4), "all", folder / "city", lambda: None)
        world = World(folder, lambda: spark, "optics_valley")
        inbox = folder / "city" / "inbox"
        for night in inbox.glob("*/*/2026-01-07*"):
            shutil.copytree(night, world.inbox / night.relative_to(inbox))
        assert world.run(now=NOW, release=True).problems == []
        with serve_all(load_contracts("optics_valley"), inbox, folder / "suppliers") as variables:
            for name, value in variables.items():
                patch.setenv(name, value)
            assert world.run(now=NOW, release=True, deliveries="live").problems == []
        yield Told(world, folder / "city" / "truth")


@pytest.fixture
def verify(told: Told, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Verify:
    def call(truth: Path) -> tuple[int, dict[str, Any]]:
        lake = typed_at(told.world, monkeypatch, capsys)
        code, out, _ = lake("verify", "--city", "optics_valley", "--truth", str(truth), "--json")
        return code, json.loads(out)

    return call


def test_every_figure_count_and_set_aside_record_is_as_it_truly_is(told: Told, verify: Verify) -> None:
    code, found = verify(told.truth)
    assert {row["what"]: row["examples"] for row in found["compared"] if row["examples"]} == {}
    assert (code, found["different"]) == (0, 0)
    assert len(found["compared"]) == 15 + 3


def test_enterprises_are_linked_as_well_as_they_can_be(told: Told, verify: Verify) -> None:
    _, found = verify(told.truth)
    assert Decimal(found["precision"]) >= Decimal("0.99")
    assert Decimal(found["recall"]) >= Decimal("0.97")


def test_one_wrong_figure_is_found_and_named(told: Told, verify: Verify, tmp_path: Path) -> None:
    shutil.copytree(told.truth.parent, tmp_path / "city")
    path = tmp_path / "city" / "truth" / "gold" / "dim_department.jsonl"
    path.write_text(path.read_text("utf-8").replace('"datasets": "3"', '"datasets": "4"'), "utf-8")
    code, found = verify(tmp_path / "city" / "truth")
    wrong = {row["what"]: (row["missing"], row["unexpected"]) for row in found["compared"] if row["missing"]}
    assert (code, wrong) == (1, {"gold.dim_department": (1, 1)})


def test_tax_is_conserved_from_payments_to_districts_to_the_fen(told: Told) -> None:
    paid = sum(row["amount_cny"] for row in told.world.rows("tax.payment"))
    months = told.world.rows("macro_economy_monthly", "gold")
    assert sum(row["tax_total"] for row in months) == paid


def test_tax_is_conserved_from_payments_to_enterprises_and_industries_to_the_fen(told: Told) -> None:
    """What no enterprise is known for stays with the codes that are linked to none."""
    payments = told.world.rows("tax.payment")
    nobody = {
        r["source_key"]
        for r in told.world.rows("entity_link", "gold")
        if r["source_system"] == "tax" and not r["entity_id"]
    }
    assert nobody
    linked = [p for p in payments if p["uscc"] not in nobody]
    recent = [p for p in linked if p["tax_month"] >= date(2025, 2, 1)]
    of_enterprises = sum(row["tax_12m"] for row in told.world.rows("enterprise_360", "gold"))
    of_industries = sum(row["tax"] for row in told.world.rows("industry_monthly", "gold"))
    assert of_enterprises == sum(p["amount_cny"] for p in recent)
    assert of_industries == sum(p["amount_cny"] for p in linked)


def test_the_release_says_of_how_many_enterprises_it_knows(told: Told) -> None:
    (row,) = told.world.rows("enterprise_coverage", "gold")
    ledger = Ledger(told.world.lake, Run("test", 1, datetime.now(UTC)))
    line = ledger.newest("gold", "gold.enterprise_coverage")
    assert line is not None
    said = line.counts["statement"]
    assert f"{row['with_both']} of {row['registered']} living enterprises" in said
    assert str(row["coverage"]) in said


def test_the_page_of_the_release_names_what_waits_for_its_parent(told: Told) -> None:
    waiting = [json.loads(line) for line in (told.truth / "pending.jsonl").read_text("utf-8").splitlines()]
    assert {"tax.payment.uscc", "employment.insurance.uscc", "land.parcel.holder_uscc"} <= {
        p["column"] for p in waiting
    }
    lake = told.world.lake
    write_report(lake, load_contracts(lake.city), load_gold(lake.city), "Optics Valley")
    (newest,) = [p for p in Path(lake.base).glob("reports/releases/*.html") if p.stem.endswith("2")]
    page = BeautifulSoup(newest.read_text("utf-8"), "html.parser")
    shown = {
        row["data-pending"]: [int(c["data-value"]) for c in row.select("[data-value]")]
        for row in page.select("[data-pending]")
    }
    assert shown == {p["column"]: [p["rows"], len(p["keys"])] for p in waiting}


def test_no_person_leaves_the_raw_side(told: Told) -> None:
    rows = told.world.rows("employment.insurance")
    assert rows
    assert all(row["person_id"].startswith("k1.") for row in rows)


@pytest.mark.parametrize(
    "path", sorted((PROJECT / "notebooks" / "optics_valley").glob("*.ipynb")), ids=lambda p: p.stem
)
def test_a_notebook_of_a_module_draws_what_it_reads(told: Told, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAKE_ROOT", told.world.lake.root)
    monkeypatch.setenv("LAKE_SPARK_TEST", "1")
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(
        notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(PROJECT)}}
    ).execute()
    shown = [output.get("data", {}) for cell in notebook.cells for output in cell.get("outputs", [])]
    assert len([data for data in shown if "image/svg+xml" in data]) == 2
