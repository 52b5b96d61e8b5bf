"""Links of a generated city, built by the mart alone from its registers: against what is true, and against a second computation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pyarrow as pa
import pytest
from pyspark.sql import DataFrame, SparkSession

from jobs.cities import load_contracts
from jobs.marts.entities import entity_link
from jobs.synthetic import employment, enterprises, land, services, tax
from jobs.synthetic.aliases import aliases, rename, true_links
from jobs.synthetic.answers.links import Link, find_links
from jobs.synthetic.faults import break_delivery
from jobs.synthetic.folded import Registers
from jobs.synthetic.world import World

pytestmark = pytest.mark.long

WORLD = World(7, Decimal("0.2"), date(2026, 1, 5), 1)
SMALL = replace(WORLD, scale=Decimal("0.05"))
DELIVER = (enterprises.deliver, tax.payments, employment.insurance, land.parcels, services.approvals)
Tables = Mapping[str, pa.Table]


def first_night(world: World, level: str) -> Tables:
    """The registers of those who name enterprises, as they stand after the first night."""
    registers = Registers()
    for deliver in DELIVER:
        registers.apply(*break_delivery(world, rename(world, deliver(world, 0), level), level))
    return registers.tables


def frame(spark: SparkSession, tables: Tables, dataset: str) -> DataFrame:
    """The columns of a dataset that the mart reads, under the contract's names."""
    columns = [c for c in load_contracts("optics_valley")[dataset].columns if _is_read(c.name)]
    cells = [tuple(row[c.header] or None for c in columns) for row in tables[dataset].to_pylist()]
    texts = spark.createDataFrame(cells, ", ".join(f"{c.name} string" for c in columns))
    return texts.select(*[texts[c.name].cast(c.spark_type).alias(c.name) for c in columns])


def _is_read(column: str) -> bool:
    ends = ("uscc", "_name", "_address", "address", "legal_form", "established_date")
    return column.endswith(ends) and column not in ("successor_uscc", "item_name")


def link(spark: SparkSession, tables: Tables) -> dict[tuple[str, str], Link]:
    datasets = ("tax.payment", "employment.insurance", "land.parcel", "services.approval", "market.enterprise")
    decisions = spark.createDataFrame(
        [], "source_system string, source_key string, entity_id string, decision string, decided_by string"
    )
    found = entity_link(*[frame(spark, tables, d) for d in datasets], decisions).collect()
    return {(r.source_system, r.source_key): Link(r.entity_id, r.proposed_id, r.method, str(r.score)) for r in found}


def measure(world: World, tables: Tables, found: Mapping[tuple[str, str], Link]) -> tuple[Decimal, Decimal]:
    """Precision and recall against the true links to enterprises that the register has."""
    known, former = set(tables["market.enterprise"]["统一社会信用代码"].to_pylist()), true_links(world)
    meant = {key: former.get(key, key[1]) for key in found}
    true = {key for key, code in meant.items() if code in known}
    linked = {key for key, x in found.items() if x.entity}
    right = Decimal(sum(found[key].entity == meant[key] for key in linked))
    return right / len(linked), right / len(true)


@pytest.mark.spark
@pytest.mark.slow
def test_at_level_light_links_are_as_precise_and_as_many_as_they_have_to_be(spark: SparkSession) -> None:
    tables = first_night(WORLD, "light")
    found = link(spark, tables)
    precision, recall = measure(WORLD, tables, found)
    assert precision >= Decimal("0.99")
    assert recall >= Decimal("0.97")
    assert found == find_links(tables), "a second computation comes to the same links, proposals and scores"
    assert set(Counter(x.method for x in found.values())) == {"code", "name", "review", "none"}


@pytest.mark.spark
@pytest.mark.slow
def test_at_level_none_every_link_is_right_and_none_is_missing(spark: SparkSession) -> None:
    tables = first_night(SMALL, "none")
    found = link(spark, tables)
    assert measure(SMALL, tables, found) == (1, 1)
    assert found == find_links(tables)


@pytest.mark.parametrize("level", ["light", "all"])
def test_what_departments_call_enterprises_leaves_something_to_review_and_what_is_proposed_is_right(level: str) -> None:
    found, former = find_links(first_night(WORLD, level)), true_links(WORLD)
    proposed = {key: x.proposed for key, x in found.items() if x.method == "review"}
    assert len(proposed) > 10
    assert proposed == {key: former[key] for key in proposed}


def test_at_level_none_nothing_waits() -> None:
    assert {x.method for x in find_links(first_night(SMALL, "none")).values()} <= {"code", "none"}


def test_departments_write_a_name_in_many_ways() -> None:
    world = replace(WORLD, scale=Decimal(1))
    known = enterprises.enterprises(world)
    names = dict(zip(known.codes, known.names, strict=True))
    called = [(names[code], a.name) for s in ("tax", "employment", "land") for code, a in aliases(world, s).items()]
    ways = {
        "same": lambda name, own: name == own, "former": lambda name, own: name == f"原{own}",
        "branch": lambda name, own: name.endswith("分公司"), "blank": lambda name, own: " " in name,
        "half-width brackets": lambda name, own: "(" in name, "short form": lambda name, own: name.endswith("有限公司") and "股份" not in name,
        "another name": lambda name, own: "实业" in name,
    }  # fmt: skip
    assert {way: any(is_it(name, own) for own, name in called) for way, is_it in ways.items()} == dict.fromkeys(
        ways, True
    )


def test_some_enterprises_share_a_trade_name_and_differ_in_legal_form() -> None:
    known = enterprises.enterprises(WORLD)
    bare = [name.removesuffix(enterprises.ENDINGS[form]) for name, form in zip(known.names, known.form, strict=True)]
    shared = [name for name, count in Counter(bare).items() if count > 1]
    assert len(shared) == len(known.names) // enterprises.PAIRED
