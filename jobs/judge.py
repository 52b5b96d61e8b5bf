"""Judge a delivery: steps, one cast, one mask of broken rules, and what repeats; which rows are good, which are set aside."""

from __future__ import annotations

import functools
import inspect
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from jobs import columns
from jobs.contracts import Contract, conf_roots, fingerprint, load_module
from jobs.errors import LakeError
from jobs.fold import hash_of
from jobs.rules import LINEAGE, cast_columns, is_set_aside, mark_rules, mask_names
from jobs.suites import Rule, Suite

Step = Callable[[DataFrame], DataFrame]
CONFLICT, TAKEN = "Q801", "Q802"


@dataclass(frozen=True)
class Tally:
    """Counts of one delivery's judged rows, from one pass."""

    judged: int
    aside: int
    broken: Mapping[str, int]
    evaluated: Mapping[str, int]
    sums: Mapping[str, str]
    periods: frozenset[str]
    unreadable: int


def find_steps(contract: Contract) -> list[Step]:
    """The contract's steps: functions of `jobs/cleaning/<source>.py`, of a configuration root or here, then of `columns.py`."""
    modules = [*_cleaning_modules(contract.source, conf_roots()), columns]
    return [_find_step(name, modules, contract) for name in contract.steps]


def _find_step(name: str, modules: Sequence[ModuleType], contract: Contract) -> Step:
    for module in modules:
        if hasattr(module, name):
            step: Step = getattr(module, name)
            return step
    raise LakeError(
        "E003", dataset=contract.dataset, place="steps", expected="a function of a cleaning module", actual=name
    )


@functools.cache
def _cleaning_modules(source: str, roots: tuple[Path, ...]) -> list[ModuleType]:
    paths = [root / "jobs" / "cleaning" / f"{source}.py" for root in roots]
    return [load_module(path) for path in paths if path.is_file()]


def silver_fingerprint(contract: Contract, suite: Suite) -> str:
    """Identity of what makes silver of bronze: schema, mode, keys, the steps' source, the critical and quarantine rules."""
    judged = [c for c in suite.silver if c.severity == "critical" or c.quarantine]
    schema = [[c.name, c.spark_type, c.format, c.key_position] for c in contract.columns]
    declared = {k: v for k, v in contract.properties.items() if k not in ("shareClass", "openClass")}
    steps = [inspect.getsource(step) for step in find_steps(contract)]
    return fingerprint([schema, declared, steps, [[r.id, r.type, r.kwargs, r.quarantine] for r in judged]])


def type_rows(bronze: DataFrame, contract: Contract) -> DataFrame:
    """From bronze to silver's shape: the period out of the file name, the steps in order, one cast."""
    rows = bronze
    if contract.period_from_file:
        pattern = contract.period_from_file.replace("(?P<", "(?<")
        group = _group_number(contract.period_from_file)
        name = F.regexp_extract("_file", r"([^/]*)$", 1)
        rows = rows.withColumn(contract.period, F.regexp_extract(name, pattern, group))
    for step in find_steps(contract):
        rows = rows.transform(step)
    return cast_columns(rows, contract)


def _group_number(pattern: str) -> int:
    import re

    return re.compile(pattern).groupindex["period"]


def rule_conditions(
    typed: DataFrame, rules: Sequence[Rule], of_suite: Callable[[DataFrame, Sequence[Rule]], list[Column]]
) -> list[Column]:
    """A condition a rule, true for rows that break it: the cast's own mark for types, GX's Spark condition for the rest."""
    others = [r for r in rules if not _is_cast(r)]
    found = dict(zip([r.id for r in others], of_suite(typed, others) if others else [], strict=True))
    return [F.col(r.kwargs["column"]) if _is_cast(r) else found[r.id] for r in rules]


def _is_cast(rule: Rule) -> bool:
    return str(rule.kwargs.get("column", "")).startswith("_unconverted_")


def judge_rows(typed: DataFrame, contract: Contract, broken: Sequence[Column], number: Column) -> DataFrame:
    """Mark every row with its broken rules, its key and whether key and period can be read.

    Returns lineage, `_row` (the contract's columns in one struct: plans over a hundred columns are slow to plan), `_rules_n`,
    `_aside`, `_key` (128-bit, null where unreadable), `_period`, `_value` (128-bit of what makes a row differ).
    """
    rows = mark_rules(typed, broken)
    key = contract.key
    bad = [F.col(f"_unconverted_{c}") for c in key if f"_unconverted_{c}" in typed.columns]
    if not contract.whole_row_key:
        bad += [F.col(c).isNull() for c in key]
    unreadable = functools.reduce(lambda a, b: a | b, bad, F.lit(False))
    period = F.col(contract.period).cast("string") if contract.mode == "partition" else F.lit("")
    values = [c.name for c in contract.columns if c.name not in (contract.sequence, contract.operation)]
    return rows.select(
        *LINEAGE, F.struct(*[c.name for c in contract.columns]).alias("_row"), *mask_names(len(broken)),
        is_set_aside(len(broken)).alias("_aside"), F.when(~unreadable, hash_of(key)).alias("_key"), period.alias("_period"),
        hash_of(values).alias("_value"), number.alias("_d"), F.lit(False).alias("_dismissed"),
    )  # fmt: skip


def tally(judged: DataFrame, contract: Contract, rules: Sequence[Rule]) -> dict[int, Tally]:
    """Count everything in one pass: rows, broken rules, non-null values, control sums, periods; by delivery number."""
    masks = mask_names(len(rules))
    counted = sorted(
        {str(v) for r in rules for k, v in r.kwargs.items() if k == "column" and not str(v).startswith("_")}
    )
    unreadable = F.col("_key").isNull() | (F.col("_period").isNull())
    grouped = judged.groupBy("_d", *masks, "_period", unreadable.alias("_unreadable")).agg(
        F.count("*").alias("_rows"),
        *[F.count(f"_row.{c}").alias(f"_n_{c}") for c in counted],
        *[F.sum(f"_row.{c}").alias(f"_sum_{c}") for c in contract.control_sums],
    )
    found: dict[int, list[Mapping[str, object]]] = {}
    for row in grouped.collect():
        found.setdefault(row["_d"], []).append(row.asDict())
    return {d: _tally(rows, contract, rules, masks) for d, rows in found.items()}


def _tally(
    rows: Sequence[Mapping[str, object]], contract: Contract, rules: Sequence[Rule], masks: Sequence[str]
) -> Tally:
    from decimal import Decimal

    from jobs.rules import broken_bits

    judged = sum(int(str(r["_rows"])) for r in rows)
    broken: dict[str, int] = {}
    for row in rows:
        for bit in broken_bits([int(str(row[m])) for m in masks]):
            broken[rules[bit].id] = broken.get(rules[bit].id, 0) + int(str(row["_rows"]))
    return Tally(
        judged=judged,
        aside=sum(int(str(r["_rows"])) for r in rows if any(r[m] for m in masks)),
        broken=broken,
        evaluated={r.id: _evaluated(r, rows, judged) for r in rules},
        sums={
            c: str(sum((Decimal(str(r[f"_sum_{c}"] or 0)) for r in rows), Decimal(0))) for c in contract.control_sums
        },
        periods=frozenset(str(r["_period"]) for r in rows if r["_period"] is not None),
        unreadable=sum(int(str(r["_rows"])) for r in rows if r["_unreadable"] and any(r[m] for m in masks)),
    )


def _evaluated(rule: Rule, rows: Sequence[Mapping[str, object]], judged: int) -> int:
    """Rows that GX would evaluate: all for not-null and casts, else those with a value."""
    name = f"_n_{rule.kwargs.get('column', '')}"
    if rule.type == "expect_column_values_to_not_be_null" or not rows or name not in rows[0]:
        return judged
    return sum(int(str(r[name])) for r in rows)


def repeated_keys(judged: DataFrame) -> DataFrame:
    """Keys that stand more than once in a delivery, by a 64-bit hash: few, and looked at closely afterwards.

    Grain: `_d` x `_hash`.
    """
    hashed = judged.where("_key IS NOT NULL").select("_d", F.xxhash64("_key").alias("_hash"))
    return hashed.groupBy("_d", "_hash").count().where("count > 1").drop("count")


def settle_repeats(judged: DataFrame, repeated: DataFrame, contract: Contract) -> DataFrame:
    """Say of each row what it is: `_verdict` good, aside, duplicate, Q801 (conflict) or Q802 (key of a set-aside row).

    Exact copies of a good row are duplicates and the first (by file and record) stays. Two good rows of one key with different
    values are both set aside; in changes, of one key and one sequence. A set-aside row takes the other rows of its key with it.
    """
    rows = judged.withColumn("_hash", F.xxhash64("_key"))
    once = F.when(F.col("_aside"), "aside").otherwise("good")
    lonely = rows.join(F.broadcast(repeated), ["_d", "_hash"], "left_anti").withColumns(
        {"_verdict": once, "_copy": F.lit(None).cast("string")}
    )
    several = rows.join(F.broadcast(repeated), ["_d", "_hash"], "left_semi")
    return lonely.unionByName(several.transform(_settle, contract)).drop("_hash")


def _settle(rows: DataFrame, contract: Contract) -> DataFrame:
    values = hash_of([f"_row.{c.name}" for c in contract.columns])
    rows = rows.withColumn("_copy", F.when(~F.col("_aside"), values))
    place = ["_file", "_record"]
    first = F.row_number().over(Window.partitionBy("_d", "_key", "_copy").orderBy(*place))
    rows = rows.withColumn("_nth", F.when(~F.col("_aside"), first))
    unit = ["_d", "_key", f"_row.{contract.sequence}"] if contract.mode == "changes" else ["_d", "_key"]
    kinds = F.size(F.collect_set(F.when(F.col("_nth") == 1, F.col("_copy"))).over(Window.partitionBy(*unit)))
    rows = rows.withColumn("_conflict", ~F.col("_aside") & (kinds > 1))
    by_key = Window.partitionBy("_d", "_key")
    spoiled = F.max(F.col("_aside")).over(by_key)
    if contract.mode == "changes":
        spoiled = spoiled | F.max(F.col("_conflict")).over(by_key)
    verdict = (
        F.when(F.col("_aside"), "aside")
        .when(F.col("_nth") > 1, "duplicate")
        .when(F.col("_conflict"), CONFLICT)
        .when(spoiled, TAKEN)
        .otherwise("good")
    )
    return rows.withColumn("_verdict", verdict).drop("_nth", "_conflict")


def delivered_record(bronze: DataFrame, contract: Contract) -> DataFrame:
    """Bronze records as JSON, to stand beside set-aside rows."""
    names = [c.name for c in contract.delivered]
    return bronze.select(*LINEAGE, F.to_json(F.struct(*names), {"ignoreNullFields": "false"}).alias("_delivered"))


def json_of(values: Mapping[str, object]) -> str:
    return json.dumps(values, ensure_ascii=False, sort_keys=True)
