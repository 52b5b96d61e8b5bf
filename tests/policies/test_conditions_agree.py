"""Rules have one implementation: rows that our condition marks, and that quarantine then holds, are the rows that Great Expectations counts."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs import quality
from jobs.suites import NO_CONDITION, ROW_RULES, Rule
from tests.little import CITY, World, write_conf

pytestmark = pytest.mark.spark
COLUMNS = {
    "a": "int", "b": "int", "c": "int", "s": "string", "t": "string", "price": "decimal(9,2)", "tax": "decimal(9,2)",
    "sold": "date", "built": "date", "is_open": "boolean", "is_paid": "boolean",
}  # fmt: skip
SCHEMA = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())
KINDS = {
    "int": st.integers(-3, 3),
    "string": st.sampled_from(["", "x", "xy", "Xyz", "1", "12", "北京"]),
    "decimal(9,2)": st.sampled_from([Decimal(x) for x in ("-1.00", "-0.01", "0.00", "0.10", "0.50", "1.00", "2.35")]),
    "date": st.sampled_from([date(2023, 12, 31), date(2024, 1, 1), date(2024, 2, 29), date(2024, 3, 1)]),
    "boolean": st.booleans(),
}
CONDITIONS = ["c > 0", "is_open", "NOT is_paid", "price < 1", "sold >= DATE'2024-02-01'", "s IS NOT NULL"]
PAIRS = [("a", "b"), ("s", "t"), ("price", "tax"), ("sold", "built"), ("is_open", "is_paid")]
rows_of = st.tuples(*[st.one_of(st.none(), KINDS[kind]) for kind in COLUMNS.values()])
tables = st.lists(rows_of, min_size=1, max_size=40)
full_tables = st.lists(rows_of, min_size=40, max_size=40)


def values(column: str) -> st.SearchStrategy[Any]:
    """A bound or member as YAML gives it: decimals come as numbers with a point."""
    found = KINDS[COLUMNS[column]]
    return found.map(float) if COLUMNS[column].startswith("decimal") else found


@st.composite
def between(draw: st.DrawFn, column: str) -> dict[str, Any]:
    low, high = sorted([draw(values(column)), draw(values(column))])
    bounds: dict[str, Any] = draw(
        st.sampled_from([{"min_value": low}, {"max_value": high}, {"min_value": low, "max_value": high}])
    )
    strict = {
        f"strict_{name[:3]}": True for name in ("min_value", "max_value") if name in bounds and draw(st.booleans())
    }
    return {"column": column, **bounds, **strict}  # fmt: skip


def of_pair(pair: tuple[str, str], **more: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    ignore = st.sampled_from(["both_values_are_missing", "either_value_is_missing", "neither"])
    named = {"column_A": st.just(pair[0]), "column_B": st.just(pair[1])}
    return st.fixed_dictionaries({**named, "ignore_row_if": ignore, **more})


def some_of(column: str) -> st.SearchStrategy[list[Any]]:
    return st.lists(values(column), min_size=1, max_size=3, unique=True)


def sums_of(columns: Sequence[str], total: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    ignore = st.sampled_from(["all_values_are_missing", "any_value_is_missing", "never"])
    return st.fixed_dictionaries({"column_list": st.just(list(columns)), "sum_total": total, "ignore_row_if": ignore})


COLUMN_OF = {kind: name for name, kind in reversed(COLUMNS.items())}
ORDERED = ["int", "decimal(9,2)", "date"]
KWARGS: dict[str, list[st.SearchStrategy[dict[str, Any]]]] = {
    "expect_column_values_to_not_be_null": [st.just({"column": c}) for c in ("s", "sold", "is_open")],
    "expect_column_values_to_be_null": [st.just({"column": c}) for c in ("a", "price")],
    "expect_column_values_to_be_between": [between(COLUMN_OF[kind]) for kind in ORDERED],
    "expect_column_values_to_be_in_set": [st.fixed_dictionaries({"column": st.just(c), "value_set": some_of(c)}) for c in COLUMN_OF.values()],
    "expect_column_values_to_match_regex": [st.fixed_dictionaries({"column": st.just("s"), "regex": st.sampled_from(["^x", "^[0-9]+$", "y", "^$"])})],
    "expect_column_value_lengths_to_be_between": [st.fixed_dictionaries({"column": st.just("s"), "min_value": st.integers(0, 2), "max_value": st.integers(2, 3)})],
    "expect_column_pair_values_to_be_equal": [of_pair(pair) for pair in PAIRS],
    "expect_column_pair_values_a_to_be_greater_than_b": [of_pair(pair, or_equal=st.booleans()) for pair in PAIRS if COLUMNS[pair[0]] in ORDERED],
    "expect_column_pair_values_to_be_in_set": [
        of_pair(pair, value_pairs_set=st.lists(st.lists(values(pair[0]), min_size=2, max_size=2), min_size=1, max_size=3)) for pair in PAIRS
    ],
    "expect_multicolumn_sum_to_equal": [sums_of("abc", st.integers(-1, 1)), sums_of(["price", "tax"], st.sampled_from([0, 1, 0.5]))],
}  # fmt: skip


@st.composite
def suites(draw: st.DrawFn) -> list[Rule]:
    """A rule of each type on each kind of column that it can be asked of, some of them for a part of the rows only."""
    found = []
    for kind, choices in KWARGS.items():
        for n, kwargs in enumerate(choices):
            given_kwargs = dict(draw(kwargs))
            if kind not in NO_CONDITION and draw(st.booleans()):
                given_kwargs |= {"row_condition": draw(st.sampled_from(CONDITIONS)), "condition_parser": "spark"}
            found.append(Rule(f"t.{kind}.{n}", kind, given_kwargs, "critical", "validity", "why", quarantine=True))
    return found


def count_marked(rows: DataFrame, suite: Sequence[Rule]) -> dict[str, int]:
    marked = [
        F.sum(F.coalesce(c.broken, F.lit(False)).cast("int")).alias(r.id.replace(".", "_"))
        for r, c in zip(suite, quality.conditions(rows, suite), strict=True)
    ]
    found = rows.agg(*marked).collect()[0].asDict()
    return {r.id: found[r.id.replace(".", "_")] for r in suite}


def test_every_type_that_may_set_rows_aside_is_compared() -> None:
    assert set(KWARGS) == ROW_RULES


@pytest.mark.slow
@settings(
    max_examples=4,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(table=tables, suite=suites())
def test_our_condition_and_great_expectations_count_the_same_rows(
    spark: SparkSession, table: list[tuple[Any, ...]], suite: list[Rule]
) -> None:
    rows = spark.createDataFrame(table, SCHEMA).coalesce(1)
    theirs = {r.rule: r.broken for r in quality.validate(rows, suite, len(table))}
    assert count_marked(rows, suite) == theirs


# ---- The same by a whole night ---------------------------------------------------------------------------------------

DECLARED = {
    "int": "logicalType: integer", "string": "logicalType: string", "decimal(9,2)": 'logicalType: number, physicalType: "decimal(9,2)"',
    "date": "logicalType: date", "boolean": "logicalType: boolean",
}  # fmt: skip
BATCHES = 1


def draw_batches() -> list[tuple[list[tuple[Any, ...]], list[Rule]]]:
    """Tables with a suite each; the same ones every time."""
    drawn: list[tuple[list[tuple[Any, ...]], list[Rule]]] = []

    @settings(max_examples=10, derandomize=True, database=None, deadline=None, suppress_health_check=[*HealthCheck])
    @given(full_tables, suites())
    def collect(table: list[tuple[Any, ...]], suite: list[Rule]) -> None:
        drawn.append((table, suite))

    collect()
    return drawn[-BATCHES:]


def write_dataset(root: Path, name: str, suite: Sequence[Rule]) -> None:
    """Declare a dataset of the little city with the generated columns below a key, and the rules, each of which sets rows aside."""
    of = root / "conf" / "cities" / CITY / "reg"
    text = (
        (of / "things.odcs.yaml")
        .read_text()
        .replace("things", name)
        .replace("mostly, value: 0.5", "mostly, value: 0.0")
    )
    head, properties, tail = text.partition("    properties:\n")
    key = "      - {name: id, logicalType: integer, required: true, primaryKey: true, primaryKeyPosition: 1, classification: public, description: The key.}\n"
    more = "".join(
        f"      - {{name: {c}, {DECLARED[kind]}, classification: public, description: Invented.}}\n"
        for c, kind in COLUMNS.items()
    )
    head = head.replace("controlSums, value: [value]", "controlSums, value: [price]")
    (of / f"{name}.odcs.yaml").write_text(head + properties + key + more + tail[tail.index("slaProperties") :])
    count = {
        "type": "expect_table_row_count_to_be_between",
        "kwargs": {"min_value": 1},
        "severity": "critical",
        "meta": meta(f"reg.{name}.b1"),
    }
    silver = [
        {"type": r.type, "kwargs": dict(r.kwargs), "severity": r.severity, "meta": meta(r.id, action="quarantine")}
        for r in suite
    ]
    path = root / "expectations" / CITY / "reg" / f"{name}.yaml"
    path.write_text(yaml.safe_dump({"bronze": [count], "silver": silver}, allow_unicode=True))


def meta(rule: str, **more: str) -> dict[str, str]:
    return {"rule": rule, "dimension": "validity", "reason": "Invented.", **more}


def csv_text(table: Sequence[Sequence[Any]]) -> str:
    def text(value: Any) -> str:
        return "-" if value is None else str(value).lower() if isinstance(value, bool) else str(value)

    rows = [",".join([str(n), *map(text, row)]) for n, row in enumerate(table, start=1)]
    return "\n".join([",".join(["id", *COLUMNS]), *rows]) + "\n"


def test_quarantine_holds_the_rows_that_great_expectations_counts(
    world: World, spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches = {f"batch{n}": batch for n, batch in enumerate(draw_batches())}
    root = write_conf(tmp_path / "conf")
    for name, (table, suite) in batches.items():
        write_dataset(root, name, suite)
        world.deliver(f"reg.{name}", "2025-01-01", csv_text(table))
    monkeypatch.setenv("LAKE_CONF", str(root))
    assert world.run().problems == []
    seen: set[str] = set()
    for name, (table, suite) in batches.items():
        judged = [tuple(None if value == "" else value for value in row) for row in table]  # as nullTokens say
        rows = spark.createDataFrame(judged, SCHEMA).coalesce(1)
        theirs = {r.rule: r.broken for r in quality.validate(rows, suite, len(table))}
        aside = world.rows(f"reg.{name}", "quarantine")
        held = Counter(rule for row in aside for rule in row["_rules"])
        assert {r.id: held[r.id] for r in suite} == theirs
        line = world.line(f"reg.{name}", "2025-01-01")
        assert {r["rule"]: r["broken"] for r in line.results if r["rule"] in theirs} == theirs
        assert line.counts["set_aside"] == len(aside) == len({json.dumps([r["_file"], r["_record"]]) for r in aside})
        seen |= {r.type for r in suite if theirs[r.id]}
    assert seen == ROW_RULES, "every type sets a row aside"
