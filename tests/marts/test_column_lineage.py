"""The column lineage that gold contracts state is what Spark's analysed plan of each mart says.

The rule: `transformSourceObjects` names every silver column whose value flows into the column. It may also name columns that only
decide: in a CASE, as what is counted, by filtering, joining, grouping or ordering rows; or the key of what is counted. It names
nothing else. Through gold tables the plan is followed down to silver. Receipts and decisions have no delivered column.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pytest
from pyspark.sql import DataFrame, SparkSession

from jobs import gold
from jobs.cities import city_names, load_contracts, load_gold
from jobs.contracts import Contract
from jobs.suites import load_suite
from tests.marts.plans import Flow, flows_of, mark

pytestmark = pytest.mark.spark
TABLES = sorted({(city, table) for city in city_names() for table in load_gold(city)})


@dataclass(frozen=True)
class Plan:
    """What the plan of a gold table says: the flow of each column, what decides about its rows, the keys of what it reads."""

    flows: Mapping[str, Flow]
    deciding: frozenset[str]
    keys: frozenset[str]


@pytest.fixture(scope="module")
def plans(spark: SparkSession) -> dict[tuple[str, str], Plan]:
    found: dict[tuple[str, str], Plan] = {}
    for city in city_names():
        for level in gold.order_marts([gold.find_mart(c, load_suite(c)) for c in load_gold(city).values()]):
            for mart in level:
                found[city, mart.table] = read_plan(spark, city, mart, found)
    return found


def read_plan(spark: SparkSession, city: str, mart: gold.Mart, known: Mapping[tuple[str, str], Plan]) -> Plan:
    """Build a mart on empty tables of its contracts' types, and read its plan."""
    silver = {c.table: c for c in load_contracts(city).values()}
    below = [known[city, name.removeprefix("gold_")] for name in mart.reads if name.startswith("gold_")]

    def leaf(name: str) -> Flow:
        table, column = name.split("/")
        if table.startswith("gold_"):
            return known[city, table.removeprefix("gold_")].flows[column]
        return Flow(frozenset([name if table in gold.GIVEN else f"{silver[table].dataset}.{column}"]))

    inputs = {name: mark(empty_input(spark, city, name), name) for name in mart.reads}
    flows, deciding = flows_of(mart.build(**inputs), leaf)
    keys = {f"{silver[name].dataset}.{k}" for name in mart.reads if name in silver for k in silver[name].key}
    return Plan(
        flows,
        deciding.union(*[p.deciding for p in below]),
        frozenset(keys).union(*[p.keys for p in below]),
    )


def empty_input(spark: SparkSession, city: str, name: str) -> DataFrame:
    if name == gold.RECEIPTS:
        return gold.receipts_frame(spark, [])
    if name == gold.DECISIONS:
        return gold.decisions_frame(spark, [])
    tables: dict[str, Contract] = {c.table: c for c in load_contracts(city).values()}
    tables |= {f"gold_{n}": c for n, c in load_gold(city).items()}
    return spark.createDataFrame([], ", ".join(f"`{c.name}` {c.spark_type}" for c in tables[name].columns))


def delivered(columns: frozenset[str]) -> set[str]:
    return {c for c in columns if "/" not in c}


@pytest.mark.parametrize(("city", "table"), TABLES)
def test_a_gold_contract_names_every_column_whose_value_flows_into_a_figure(
    city: str, table: str, plans: dict[tuple[str, str], Plan]
) -> None:
    plan = plans[city, table]
    unnamed = {
        c.name: sorted(delivered(plan.flows[c.name].direct) - set(c.sources)) for c in load_gold(city)[table].columns
    }
    assert {name: sources for name, sources in unnamed.items() if sources} == {}


@pytest.mark.parametrize(("city", "table"), TABLES)
def test_a_gold_contract_names_no_column_that_has_no_part_in_a_figure(
    city: str, table: str, plans: dict[tuple[str, str], Plan]
) -> None:
    plan = plans[city, table]
    idle = {
        c.name: sorted(set(c.sources) - plan.flows[c.name].all - plan.deciding - plan.keys)
        for c in load_gold(city)[table].columns
    }
    assert {name: sources for name, sources in idle.items() if sources} == {}


@pytest.mark.parametrize(("city", "table"), TABLES)
def test_where_no_value_flows_a_gold_contract_names_what_decides(
    city: str, table: str, plans: dict[tuple[str, str], Plan]
) -> None:
    flows = plans[city, table].flows
    silent = [
        c.name
        for c in load_gold(city)[table].columns
        if not c.sources and not flows[c.name].direct and delivered(flows[c.name].indirect)
    ]
    assert silent == []


def test_the_plan_tells_a_value_from_what_only_decides_about_it(spark: SparkSession) -> None:
    """The judge itself, on a plan that is known: a struct's field, a CASE, a count, a join and a union."""
    from pyspark.sql import functions as F

    rows = mark(spark.createDataFrame([], "a int, b int, c int, d int"), "t")
    other = mark(spark.createDataFrame([], "k int, e int"), "o")
    best = F.max(F.struct("b", "c"))
    made = rows.groupBy("a").agg(best["c"].alias("of_struct"), F.count("d").alias("count"), F.max("d").alias("d"))
    made = made.join(other, F.col("a") == F.col("k")).select(
        "of_struct", "count", F.when(F.col("d") > 1, F.col("e")).alias("case")
    )
    flows, deciding = flows_of(made.unionByName(made), lambda name: Flow(frozenset([name.replace("/", ".")])))
    said = {name: (sorted(f.direct), sorted(f.indirect)) for name, f in flows.items()}
    assert said == {"of_struct": (["t.c"], []), "count": ([], ["t.d"]), "case": (["o.e"], ["t.d"])}
    assert deciding == {"t.a", "o.k"}
