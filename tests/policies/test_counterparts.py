"""Every dataset has its counterparts, and nothing stands without one."""

from __future__ import annotations

import ast

import pytest

from jobs.cities import city_names, load_contracts, load_gold
from jobs.contracts import Contract
from jobs.judge import find_steps
from jobs.lint import CLASSES, lint_city
from jobs.odcs import DATASET_PROPERTIES
from jobs.suites import load_suite
from tests.policies.source_trees import PROJECT, modules

CITIES = [c for c in city_names() if (PROJECT / "conf" / "cities" / c).is_dir()]
DATASETS = [c for city in CITIES for c in load_contracts(city).values()]
OF_RECEIPTS = {"dataset_freshness", "dim_department", "dim_calendar_wd"}  # no contract declares a receipt
GENERATED = {"optics_valley"}  # `lake generate` makes their deliveries
SAMPLED = [c for c in DATASETS if c.city not in GENERATED]
GOLD = [c for city in CITIES for c in load_gold(city).values()]
by_name = {"ids": lambda c: f"{c.city} {c.dataset}"}


def names(folder: str, end: str) -> set[str]:
    return {str(p.relative_to(PROJECT / folder)).removesuffix(end) for p in (PROJECT / folder).rglob(f"*{end}")}


@pytest.mark.parametrize("city", CITIES)
def test_the_project_passes_its_own_lint(city: str) -> None:
    assert lint_city(city) == []


@pytest.mark.parametrize("contract", DATASETS + GOLD, **by_name)
def test_a_table_has_an_owner_a_grain_and_a_purpose(contract: Contract) -> None:
    assert contract.owner
    assert contract.grain
    assert contract.description.get("purpose")


@pytest.mark.parametrize("contract", DATASETS + GOLD, **by_name)
def test_every_column_has_a_description_and_a_class(contract: Contract) -> None:
    assert [c.name for c in contract.columns if len(c.description) < 3 or c.classification not in CLASSES] == []


@pytest.mark.parametrize("contract", DATASETS, **by_name)
def test_a_dataset_has_a_suite_for_bronze_and_silver(contract: Contract) -> None:
    suite = load_suite(contract)
    assert suite.bronze
    assert [r for r in suite.silver if not r.derived]
    assert all(r.reason for r in (*suite.bronze, *suite.silver))


@pytest.mark.parametrize("contract", GOLD, **by_name)
def test_a_gold_table_has_a_suite_and_names_where_its_columns_come_from(contract: Contract) -> None:
    assert load_suite(contract).gold
    assert any(c.sources for c in contract.columns) or contract.name in OF_RECEIPTS


@pytest.mark.parametrize("contract", SAMPLED, **by_name)
def test_a_dataset_has_a_sample_extract_with_a_manifest(contract: Contract) -> None:
    nights = list((PROJECT / "tests" / "data" / contract.city / contract.source / contract.name).glob("????-??-??"))
    assert nights
    assert all((night / "manifest.json").is_file() and len(list(night.iterdir())) > 1 for night in nights)


@pytest.mark.parametrize("contract", DATASETS, **by_name)
def test_a_dataset_says_who_may_have_it(contract: Contract) -> None:
    assert {"shareClass", "openClass"} <= set(contract.properties)


def test_every_suite_belongs_to_a_contract() -> None:
    suites = {s for s in names("expectations", ".yaml") if not s.startswith("gold/")}
    assert suites == names("conf/cities", ".odcs.yaml")
    assert {s.removeprefix("gold/") for s in names("expectations", ".yaml") - suites} == names(
        "conf/gold", ".odcs.yaml"
    )


def test_every_sample_folder_belongs_to_a_contract() -> None:
    folders = {
        "/".join(p.parts[-3:]) for city in CITIES for p in (PROJECT / "tests" / "data" / city).glob("*/*") if p.is_dir()
    }
    assert folders == {f"{c.city}/{c.source}/{c.name}" for c in SAMPLED}


def test_every_gold_contract_is_wanted_by_a_city() -> None:
    assert names("conf/gold", ".odcs.yaml") == {c.name for c in GOLD}


def test_every_mart_module_builds_a_gold_table_or_serves_one_that_does() -> None:
    wanted = {f"jobs.marts.{c.properties['mart']}" for c in GOLD}
    used = {n.module for m in wanted for n in ast.walk(modules()[m]) if isinstance(n, ast.ImportFrom) and n.module}
    assert {m for m in modules() if m.startswith("jobs.marts.")} - wanted - used == set()


def test_every_cleaning_module_and_step_is_used() -> None:
    sources = {c.source for c in DATASETS}
    assert {m.removeprefix("jobs.cleaning.") for m in modules() if m.startswith("jobs.cleaning.")} <= sources
    public = {
        n.name
        for m, t in modules().items()
        if m.startswith("jobs.cleaning.")
        for n in t.body
        if isinstance(n, ast.FunctionDef) and not n.name.startswith("_")
    }
    assert public - {step.__name__ for c in DATASETS for step in find_steps(c)} == set()


@pytest.mark.parametrize("name", sorted(DATASET_PROPERTIES))
def test_the_configuration_page_explains_every_property(name: str) -> None:
    page = (PROJECT / "conf" / "README.md").read_text("utf-8")
    assert any(f"`{name}`" in line.split("|")[1] for line in page.splitlines() if line.startswith("|"))
