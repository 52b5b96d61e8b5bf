"""Rules have one implementation: rows that our condition marks are the rows that Great Expectations counts."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from jobs import quality
from jobs.suites import NO_CONDITION, ROW_RULES, Rule

pytestmark = pytest.mark.spark
SCHEMA = "a int, b int, c int, s string, t string"
numbers = st.one_of(st.none(), st.integers(-3, 3))
words = st.one_of(st.none(), st.sampled_from(["", "x", "xy", "Xyz", "1", "12", "北京"]))
tables = st.lists(st.tuples(numbers, numbers, numbers, words, words), min_size=1, max_size=40)


def pairs_ignoring(*more: str) -> st.SearchStrategy[str]:
    return st.sampled_from(["both_values_are_missing", "either_value_is_missing", "neither", *more])


KWARGS: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "expect_column_values_to_not_be_null": st.fixed_dictionaries({"column": st.sampled_from(["a", "s"])}),
    "expect_column_values_to_be_null": st.fixed_dictionaries({"column": st.sampled_from(["a", "s"])}),
    "expect_column_values_to_be_between": st.one_of(
        st.fixed_dictionaries({"column": st.just("a"), "min_value": st.integers(-2, 2)}, optional={"strict_min": st.booleans()}),
        st.fixed_dictionaries({"column": st.just("b"), "min_value": st.just(-1), "max_value": st.integers(0, 2)}),
    ),
    "expect_column_values_to_be_in_set": st.fixed_dictionaries({"column": st.just("s"), "value_set": st.lists(st.sampled_from(["x", "1", ""]), min_size=1, unique=True)}),
    "expect_column_values_to_match_regex": st.fixed_dictionaries({"column": st.just("s"), "regex": st.sampled_from(["^x", "^[0-9]+$", "y", "^$"])}),
    "expect_column_value_lengths_to_be_between": st.fixed_dictionaries({"column": st.just("s"), "min_value": st.integers(0, 2), "max_value": st.integers(2, 3)}),
    "expect_column_pair_values_to_be_equal": st.fixed_dictionaries({"column_A": st.just("s"), "column_B": st.just("t"), "ignore_row_if": pairs_ignoring()}),
    "expect_column_pair_values_a_to_be_greater_than_b": st.fixed_dictionaries(
        {"column_A": st.just("a"), "column_B": st.just("b"), "ignore_row_if": pairs_ignoring()}, optional={"or_equal": st.booleans()}
    ),
    "expect_column_pair_values_to_be_in_set": st.fixed_dictionaries(
        {"column_A": st.just("a"), "column_B": st.just("b"), "value_pairs_set": st.just([(0, 0), (1, 2)]), "ignore_row_if": pairs_ignoring()}
    ),
    "expect_multicolumn_sum_to_equal": st.fixed_dictionaries(
        {"column_list": st.just(["a", "b", "c"]), "sum_total": st.integers(-1, 1), "ignore_row_if": st.sampled_from(["all_values_are_missing", "any_value_is_missing", "never"])}
    ),
}  # fmt: skip


@st.composite
def rules(draw: st.DrawFn) -> list[Rule]:
    """One rule of each type, some of them for a part of the rows only."""
    found = []
    for kind, kwargs in KWARGS.items():
        given_kwargs = draw(kwargs)
        if kind not in NO_CONDITION and draw(st.booleans()) and draw(st.booleans()):
            given_kwargs |= {"row_condition": "c > 0", "condition_parser": "spark"}
        found.append(Rule(f"t.{kind}", kind, given_kwargs, "critical", "validity", "why", quarantine=True))
    return found


def test_every_type_that_may_set_rows_aside_is_compared() -> None:
    assert set(KWARGS) == ROW_RULES


@settings(
    max_examples=3,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(table=tables, suite=rules())
def test_our_condition_and_great_expectations_count_the_same_rows(
    spark: SparkSession, table: list[tuple[Any, ...]], suite: list[Rule]
) -> None:
    rows = spark.createDataFrame(table, SCHEMA).coalesce(1)
    marked = [
        F.sum(F.coalesce(c.broken, F.lit(False)).cast("int")).alias(r.id)
        for r, c in zip(suite, quality.conditions(rows, suite), strict=True)
    ]
    ours = rows.agg(*marked).collect()[0].asDict()
    theirs = {r.rule: r.broken for r in quality.validate(rows, suite, len(table))}
    assert ours == theirs
