"""Gold: marts, each declared by a contract, built whole or by days, validated before it is published."""

from __future__ import annotations

import ast
import importlib
import inspect
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from threading import Lock
from types import ModuleType
from typing import Any

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs import delta, quality
from jobs.by_day import Part, built_spans, write_days
from jobs.cities import PROJECT, load_module
from jobs.contracts import Contract, fingerprint
from jobs.days import arrow_within, sql_within
from jobs.digest import digest_of_days, digest_table
from jobs.errors import LakeError
from jobs.lake import Lake
from jobs.stage import is_small
from jobs.suites import ROW_RULES, Rule, Suite, derive_rules

RECEIPTS, DECISIONS = "receipts", "decisions"
GIVEN = (RECEIPTS, DECISIONS)  # parameters of a builder that name no table
_parsing = Lock()  # Python 3.11 counts the depth of all its parsers as one: two at once fail (SystemError)
ABOUT_ROW_COUNT = "expect_table_row_count_to_"


@dataclass(frozen=True)
class Mart:
    """A gold table: its contract, suite and builder, and the tables that the builder's parameters name."""

    contract: Contract
    suite: Suite
    build: Callable[..., DataFrame]
    reads: tuple[str, ...]

    @property
    def table(self) -> str:
        return self.contract.name


@dataclass(frozen=True)
class Source:
    """One table that a mart reads, at one version."""

    name: str
    table_id: str
    version: int


@dataclass(frozen=True)
class Built:
    """A built gold table and what its suite says."""

    table_id: str
    version: int
    rows: int
    digest: str
    results: tuple[quality.Result, ...]
    held: LakeError | None
    statement: str = ""


def find_mart(contract: Contract, suite: Suite) -> Mart:
    """The builder of a gold table: a function of the table's name in `jobs/marts/<subject>.py`."""
    build = getattr(_mart_module(contract), contract.name, None)
    if build is None:
        raise LakeError(
            "E003", dataset=contract.dataset, place="mart", expected=f"a function {contract.name}", actual="none"
        )
    return Mart(contract, suite, build, tuple(inspect.signature(build).parameters))


def _mart_module(contract: Contract) -> ModuleType:
    """`jobs/marts/<subject>.py` of the project, or of the configuration root that holds the contract."""
    root, subject = contract.path.parents[2], contract.properties["mart"]
    if root == PROJECT:
        return importlib.import_module(f"jobs.marts.{subject}")
    return load_module(root / "jobs" / "marts" / f"{subject}.py")


def mart_fingerprint(mart: Mart, sources: Sequence[Source], receipts: str, decisions: str = "") -> str:
    """Identity of the input of a build: the mart's module and those it imports, its contract, its critical rules, what it reads."""
    code = _code_of(inspect.getsource(inspect.getmodule(mart.build) or mart.build))
    schema = [[c.name, c.spark_type, c.required, c.key_position] for c in mart.contract.columns]
    rules = [[r.id, r.type, r.kwargs] for r in mart.suite.gold if r.severity == "critical"]
    read = [[s.name, s.table_id, s.version] for s in sources]
    decided = [decisions] if DECISIONS in mart.reads else []
    contract = mart.contract
    days = [contract.period, contract.incremental, contract.every_day_of] if contract.incremental else []
    return fingerprint([*code, schema, rules, read, receipts if RECEIPTS in mart.reads else "", *decided, *days])


def _code_of(source: str) -> list[str]:
    """A mart's module, and the other modules of `jobs/marts` that it imports, directly or not: they make its rows too."""
    found: dict[str, str] = {}
    left = set(_imported_marts(source))
    while left:
        name = left.pop()
        found[name] = inspect.getsource(importlib.import_module(name))
        left |= _imported_marts(found[name]) - set(found)
    return [source, *[found[name] for name in sorted(found)]]


@cache
def _imported_marts(source: str) -> frozenset[str]:
    with _parsing:
        nodes = [n for n in ast.walk(ast.parse(source)) if isinstance(n, ast.ImportFrom)]
    return frozenset(n.module for n in nodes if n.module and n.module.startswith("jobs.marts."))


def build(
    spark: SparkSession, lake: Lake, mart: Mart, inputs: Mapping[str, DataFrame], identity: str, approved: bool,
    part: Part | None = None,
) -> Built:  # fmt: skip
    """Build one gold table in one overwrite, or some days of it, then validate what was built.

    A whole head that was built from the same input is taken as it is: a repeat writes nothing.
    """
    path = lake.table("gold", mart.table)
    state = delta.table_state(path)
    if state is None or state.metadata.get("fingerprint") != identity or not delta.holds(path, state.id, state.version):
        columns = [F.col(c.name).cast(c.spark_type).alias(c.name) for c in mart.contract.columns]
        rows, said = mart.build(**inputs).select(*columns), {"stage": "gold", "fingerprint": identity}
        rows = (rows.where(sql_within(mart.contract.period, part.spans)) if part else rows).coalesce(1)
        if mart.contract.incremental:
            write_days(spark, path, mart.contract, rows, said, part)
        else:
            delta.overwrite(rows, path, "gold", "gold", said)
        state = delta.table_state(path)
    assert state is not None
    return _examine(spark, path, mart, state, approved)


def _examine(spark: SparkSession, path: str, mart: Mart, state: delta.TableState, approved: bool) -> Built:
    """Validate what a version was built of, the whole table or some days, and say what the table then is."""
    contract, version = mart.contract, state.version
    spans = built_spans(state)
    kept = arrow_within(contract.period, contract.column(contract.period).spark_type, spans) if spans else None
    arrow = delta.read_arrow(path, version, where=kept)
    assert arrow is not None
    total = delta.count_records(path, {}) if spans else arrow.num_rows
    built = delta.read(spark, path, version, where=sql_within(contract.period, spans))
    results = _validate(mart, built, arrow, total)
    failed = quality.failing(results)
    held = None
    if failed and not approved:
        held = LakeError(
            "E705",
            dataset=contract.dataset,
            stage="gold",
            place=failed[0].rule,
            expected=failed[0].reason,
            actual=f"{failed[0].broken} rows",
        )
    digest = digest_of_days(state.metadata["days"]) if contract.incremental else digest_table(arrow, contract)
    return Built(state.id, version, total, digest, results, held, _state_figures(contract, arrow))


def _state_figures(contract: Contract, rows: pa.Table) -> str:
    """The contract's sentence with the figures of a table of one row; nothing where it has none, or another number of rows."""
    statement = str(contract.properties.get("statement", ""))
    return statement.format_map(rows.to_pylist()[0]) if statement and rows.num_rows == 1 else ""


def _validate(mart: Mart, built: DataFrame, arrow: pa.Table, total: int) -> tuple[quality.Result, ...]:
    """Rules about single rows and the key, counted in one pass with GX's conditions; then GX on the table for rules about the whole.

    Of a table of which only some days were built, `built` and `arrow` hold these days, and `total` is the number of all its rows.
    """
    derived = [replace(r, kwargs={**r.kwargs, "mostly": 1.0}) for r in derive_rules(mart.contract) if not _is_cast(r)]
    rules = [*derived, *[r for r in mart.suite.gold if r.type in ROW_RULES]]
    repeats = Rule(
        f"gold.{mart.table}.key", "expect_compound_columns_to_be_unique", {}, "critical", "uniqueness",
        f"One row a {mart.contract.grain}.",
    )  # fmt: skip
    conditions = quality.conditions(built, rules)
    true = F.lit(True)
    found = built.agg(
        F.count_distinct(F.struct(*mart.contract.key)).alias("keys"),
        *[F.count_if(F.coalesce(c.broken, ~true)).alias(f"broken_{n}") for n, c in enumerate(conditions)],
        *[F.count_if(true if c.asked is None else c.asked).alias(f"asked_{n}") for n, c in enumerate(conditions)],
    ).collect()[0]
    rows = arrow.num_rows
    counted = quality.validate_counts(
        [*rules, repeats],
        {repeats.id: rows - int(found["keys"]), **{r.id: int(found[f"broken_{n}"]) for n, r in enumerate(rules)}},
        {repeats.id: rows, **{r.id: int(found[f"asked_{n}"]) for n, r in enumerate(rules)}},
    )
    whole = [r for r in mart.suite.gold if r.type not in ROW_RULES]
    if total == rows:
        batch = quality.to_batch(arrow, whole) if is_small(rows) else built
        return (*counted, *(quality.validate(batch, whole, rows) if whole else ()))
    return (*counted, *(quality.validate_row_count(whole, total) if whole else ()))


def _is_cast(rule: Rule) -> bool:
    return str(rule.kwargs.get("column", "")).startswith("_")


def order_marts(marts: Sequence[Mart]) -> list[list[Mart]]:
    """Marts by level: each reads gold of the levels before its own only."""
    names = {f"gold_{m.table}" for m in marts}
    levels: list[list[Mart]] = []
    left = list(marts)
    while left:
        waiting = {f"gold_{m.table}" for m in left}
        ready = [m for m in left if not waiting & names & set(m.reads)]
        if not ready:
            raise LakeError("E003", place="marts", expected="an order", actual="marts that read each other")
        levels.append(ready)
        left = [m for m in left if m not in ready]
    return levels


def receipts_frame(spark: SparkSession, rows: Sequence[Mapping[str, Any]]) -> DataFrame:
    """Receipts for marts. Grain: dataset x business_date. Columns: due_at, delivered_at, status."""
    schema = "dataset string, business_date date, due_at timestamp, delivered_at timestamp, status string"
    names = ["dataset", "business_date", "due_at", "delivered_at", "status"]
    return spark.createDataFrame([tuple(r[n] for n in names) for r in rows], schema)


def decisions_frame(spark: SparkSession, rows: Sequence[Mapping[str, str]]) -> DataFrame:
    """Decisions on links for marts. Grain: source_system x source_key x entity_id. Columns: decision, decided_by."""
    names = ["source_system", "source_key", "entity_id", "decision", "decided_by"]
    return spark.createDataFrame([tuple(r[n] for n in names) for r in rows], ", ".join(f"{n} string" for n in names))


def receipts_identity(rows: Sequence[Mapping[str, Any]]) -> str:
    return fingerprint(json.loads(json.dumps(list(rows), default=str)))
