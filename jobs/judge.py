"""Judge a delivery: steps, one cast, one mask of broken rules."""

from __future__ import annotations

import functools
import inspect
import operator
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs import columns
from jobs.cities import conf_roots, load_module
from jobs.codes import coded, codes_identity, is_wrong, replaced
from jobs.contracts import Contract, RowDate, fingerprint
from jobs.errors import LakeError
from jobs.fold import hash_of
from jobs.persons import PersonKey, key_identity, person_key, persons, token, with_pads
from jobs.quality import Condition
from jobs.rules import LINEAGE, bit_masks, cast_columns, is_any_set
from jobs.suites import MARKS, Rule, Suite

Step = Callable[[DataFrame], DataFrame]
NOT_OF_ROWS = ("shareClass", "openClass", "manifest", "volumeBand", "shiftFactor")  # no row of silver rests on them


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
    """Identity of what makes silver of bronze: schema, mode, keys, the steps' source, the critical and quarantine rules, the codes, the key."""
    judged = [c for c in suite.silver if c.severity == "critical" or c.quarantine]
    schema = [[c.name, c.spark_type, c.format, c.key_position] for c in contract.columns]
    declared = {k: v for k, v in contract.properties.items() if k not in NOT_OF_ROWS}
    steps = [inspect.getsource(step) for step in find_steps(contract)]
    parts: list[object] = [schema, declared, steps, [[r.id, r.type, r.kwargs, r.quarantine] for r in judged]]
    return fingerprint([*parts, *filter(None, [codes_identity(contract), key_identity(contract)])])


def type_rows(bronze: DataFrame, contract: Contract, *, proven: bool = False) -> DataFrame:
    """From bronze to silver's shape: the period out of the file name, the steps in order, one cast.

    `proven`: every value of these records was seen to convert.
    """
    rows = bronze
    if contract.period_from_file:
        pattern = contract.period_from_file.replace("(?P<", "(?<")
        group = _group_number(contract.period_from_file)
        name = F.regexp_extract("_file", r"([^/]*)$", 1)
        rows = rows.withColumn(contract.period, F.regexp_extract(name, pattern, group))
    for step in find_steps(contract):
        rows = rows.transform(step)
    typed = _read_withdrawn(cast_columns(rows, contract, proven=proven), contract)
    marks = {f"_miscoded_{c.name}": F.lit(False) if proven else is_wrong(c, contract.city) for c in coded(contract)}
    if dated := contract.row_date:
        marks[f"_misdated_{dated.column}"] = F.lit(False) if proven else _is_of_another_night(dated)
    return typed.withColumns(marks) if marks else typed


def _read_withdrawn(typed: DataFrame, contract: Contract) -> DataFrame:
    """Put the successor in the place of a withdrawn division, and mark where that was done."""
    found = replaced(contract)
    if not found:
        return typed
    marked = typed.withColumns({f"_withdrawn_{c}": F.expr(f"({to}) IS NOT NULL") for c, to in found.items()})
    return marked.withColumns({c: F.expr(f"coalesce({to}, `{c}`)") for c, to in found.items()})


def _is_of_another_night(dated: RowDate) -> Column:
    """Whether a row says a date outside its window round the business date; one without a date says nothing."""
    day = f"CAST(`{dated.column}` AS DATE)"
    window = f"date_sub(_business_date, {dated.before}) AND date_add(_business_date, {dated.after})"
    return F.expr(f"coalesce({day} NOT BETWEEN {window}, false)")


def _group_number(pattern: str) -> int:
    import re

    return re.compile(pattern).groupindex["period"]


def rule_conditions(
    typed: DataFrame, rules: Sequence[Rule], of_suite: Callable[[DataFrame, Sequence[Rule]], list[Condition]]
) -> list[Condition]:
    """A condition a rule: the mark that stands beside a value for types and codes, GX's Spark condition for the rest."""
    others = [r for r in rules if not _is_mark(r)]
    found = dict(zip([r.id for r in others], of_suite(typed, others) if others else [], strict=True))
    return [Condition(F.col(r.kwargs["column"])) if _is_mark(r) else found[r.id] for r in rules]


def _is_mark(rule: Rule) -> bool:
    return str(rule.kwargs.get("column", "")).startswith(MARKS)


def judge_rows(
    typed: DataFrame, contract: Contract, conditions: Sequence[Condition], setting_aside: int, number: Column,
    key: PersonKey | None = None,
) -> DataFrame:  # fmt: skip
    """Mark every row with its broken rules and its key; rows that break one of the first `setting_aside` rules are set aside.

    Returns lineage, `_row` (the contract's columns in one struct: plans over a hundred columns are slow to plan), `_rules_n` (bitmasks of
    broken rules, then of the domains of rules that the row is in), `_aside`, `_hash` (64-bit of the key, to find what repeats; null
    where the key is unreadable), `_period`, `_d` and `_dismissed`. Rules are asked of what was delivered; in `_row` a person is
    a token under `key`, by default that of this process.
    """
    bad = [F.col(f"_unconverted_{c}") for c in contract.key if f"_unconverted_{c}" in typed.columns]
    if not contract.whole_row_key:
        bad += [F.col(c).isNull() for c in contract.key]
    unreadable = functools.reduce(operator.or_, bad, F.lit(False))
    period = F.col(contract.period).cast("string") if contract.mode == "partition" else F.lit("")
    asked = domains(conditions)
    marks = {f"_broken_{n}": c.broken for n, c in enumerate(conditions)} | {
        f"_in_{n}": c for n, c in enumerate(asked.values())
    }
    shown = {c.name: F.col(c.name) for c in contract.columns}
    if named := persons(contract):
        key = key or person_key()
        typed = with_pads(typed, key)
        shown |= {c: token(F.col(c), key).alias(c) for c in named}
    masks = bit_masks([*marks], "_rules")
    return (typed.withColumns(marks) if marks else typed).select(
        *LINEAGE, F.struct(*shown.values()).alias("_row"), *map(F.expr, masks), F.when(~unreadable, F.xxhash64(*contract.key)).alias("_hash"),
        period.alias("_period"), number.alias("_d"), F.lit(False).alias("_dismissed"),
    ).withColumn("_aside", F.expr(is_any_set("_rules", setting_aside)))  # fmt: skip


def identify(rows: DataFrame, contract: Contract) -> DataFrame:
    """Add `_key` (128-bit, null where unreadable) and `_value` (128-bit of what makes a row differ) to judged rows.

    A step of its own, since where rows are many only few of them need it.
    """
    values = [c.name for c in contract.columns if c.name not in (contract.sequence, contract.operation)]
    key = hash_of([f"_row.{c}" for c in contract.key])
    return rows.withColumns(
        {"_key": F.when(F.col("_hash").isNotNull(), key), "_value": hash_of([f"_row.{c}" for c in values])}
    )


def domains(conditions: Sequence[Condition]) -> dict[str, Column]:
    """What rules are asked of, where that is not every row; one column a domain."""
    return {c.domain: c.asked for c in conditions if c.asked is not None}
