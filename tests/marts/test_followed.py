"""Rows that remember what they were made of: through every operation that marts use, and through every mart."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs import gold
from jobs.cities import load_contracts, load_gold
from jobs.suites import load_suite
from jobs.why import WHY, Marked, NotFollowedError

pytestmark = pytest.mark.spark
RECEIPTS = "dataset string, business_date date, due_at timestamp, delivered_at timestamp, status string"
DECISIONS = "source_system string, source_key string, entity_id string, decision string, decided_by string"


def marked(spark: SparkSession, rows: Sequence[tuple[object, ...]], columns: str) -> Marked:
    """Rows whose last value is their mark."""
    found = spark.createDataFrame([(*values, [mark]) for *values, mark in rows], f"{columns}, {WHY} array<string>")
    return Marked(found)


def marks_by_key(rows: Marked) -> dict[str, list[str]]:
    return {row["k"]: sorted(row[WHY]) for row in rows.rows.collect()}


@pytest.fixture
def sales(spark: SparkSession) -> Marked:
    return marked(spark, [("1", 10, "s1"), ("1", 5, "s2"), ("2", 7, "s3")], "k string, v int")


@pytest.fixture
def names(spark: SparkSession) -> Marked:
    return marked(spark, [("1", "one", "n1"), ("3", "three", "n3")], "k string, name string")


def test_a_group_remembers_all_its_rows_and_a_join_both_sides(sales: Marked, names: Marked) -> None:
    summed = sales.where("v > 0").groupBy("k").agg(F.sum("v").alias("v"))
    wanted = {"1": ["n1", "s1", "s2"], "2": ["s3"], "3": ["n3"]}
    assert marks_by_key(summed.join(names, "k", "full")) == wanted
    assert marks_by_key(summed.join(F.broadcast(names), "k", "left")) == {"1": wanted["1"], "2": wanted["2"]}


def test_rows_put_under_each_other_and_made_one_remember_each_other(sales: Marked, names: Marked) -> None:
    both = sales.withColumnRenamed("v", "name").drop("name").unionByName(names.select("k")).distinct()
    assert marks_by_key(both) == {"1": ["n1", "s1", "s2"], "2": ["s3"], "3": ["n3"]}


def test_a_row_put_beside_every_other_is_remembered_by_all(sales: Marked, names: Marked) -> None:
    count = names.agg(F.count("*").alias("names"))
    assert marks_by_key(sales.where("k = '2'").crossJoin(count)) == {"2": ["n1", "n3", "s3"]}


def test_what_is_not_known_is_refused_not_guessed(sales: Marked) -> None:
    for operation in ("dropDuplicates", "mapInArrow", "rollup"):
        with pytest.raises(NotFollowedError):
            getattr(sales, operation)("k")
    with pytest.raises(NotFollowedError):
        sales.groupBy("k").pivot("v")


@pytest.mark.parametrize("city", ["new_york", "optics_valley"])
def test_every_mart_can_be_followed(spark: SparkSession, city: str) -> None:
    """Spark analyses each mart on marked frames without rows; what it makes has marks, and the columns that are declared."""
    silver, tables = {c.table: c for c in load_contracts(city).values()}, load_gold(city)

    def read(name: str) -> DataFrame | Marked:
        if name in gold.GIVEN:
            return spark.createDataFrame([], RECEIPTS if name == gold.RECEIPTS else DECISIONS)
        contract = silver.get(name) or tables[name.removeprefix("gold_")]
        columns = [f"`{c.name}` {c.spark_type}" for c in contract.columns]
        return Marked(spark.createDataFrame([], ", ".join([*columns, f"{WHY} array<string>"])))

    marts = [gold.find_mart(c, load_suite(c)) for c in tables.values()]
    of_tables = [m for m in marts if set(m.reads) - set(gold.GIVEN)]
    assert of_tables
    for mart in of_tables:
        made = mart.build(**{name: read(name) for name in mart.reads})
        assert isinstance(made, Marked), mart.table
        assert made.columns == [c.name for c in mart.contract.columns]
        assert WHY in made.rows.columns
