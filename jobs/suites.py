"""Suites: what is expected of a table, in Great Expectations' own fields, with what the contract implies added."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jobs.cities import conf_roots
from jobs.contracts import Column, Contract, RowDate
from jobs.divisions import load_divisions, successors
from jobs.errors import LakeError
from jobs.odcs import read_yaml

ROW_RULES = frozenset(
    {
        "expect_column_values_to_not_be_null",
        "expect_column_values_to_be_null",
        "expect_column_values_to_be_between",
        "expect_column_values_to_be_in_set",
        "expect_column_values_to_match_regex",
        "expect_column_value_lengths_to_be_between",
        "expect_column_pair_values_to_be_equal",
        "expect_column_pair_values_a_to_be_greater_than_b",
        "expect_column_pair_values_to_be_in_set",
        "expect_multicolumn_sum_to_equal",
    }
)
# Seen in 1.24.1 on Spark: its count leaves row_condition out, and its own arithmetic then fails.
NO_CONDITION = frozenset({"expect_column_pair_values_to_be_in_set"})
MARKS = (
    "_unconverted_",
    "_miscoded_",
    "_withdrawn_",
    "_misdated_",
    "_garbled",
    "_failed",
)  # what judging adds beside a value
DIMENSIONS = ("completeness", "validity", "uniqueness", "consistency", "timeliness", "accuracy")


@dataclass(frozen=True)
class Rule:
    """One expectation with its stable id. `quarantine`: rows that break it are set aside."""

    id: str
    type: str
    kwargs: Mapping[str, Any]
    severity: str
    dimension: str
    reason: str
    quarantine: bool = False
    code: str = "Q701"
    derived: bool = False

    def expectation(self) -> dict[str, Any]:
        """The rule as Great Expectations takes it."""
        return {"type": self.type, "kwargs": dict(self.kwargs), "severity": self.severity, "meta": {"rule": self.id}}


@dataclass(frozen=True)
class Suite:
    """The rules of one table by stage; silver begins with those that the contract implies."""

    dataset: str
    bronze: tuple[Rule, ...] = ()
    silver: tuple[Rule, ...] = ()
    gold: tuple[Rule, ...] = ()
    files: tuple[Path, ...] = field(default=(), compare=False)

    def quarantine_rules(self) -> tuple[Rule, ...]:
        return tuple(r for r in self.silver if r.quarantine)

    def row_rules(self) -> tuple[Rule, ...]:
        """Silver's rules about single rows, those that set rows aside first: each is a bit of a row's mask."""
        noted = tuple(r for r in self.silver if r.type in ROW_RULES and not r.quarantine)
        return (*self.quarantine_rules(), *noted)

    def batch_rules(self) -> tuple[Rule, ...]:
        """Silver's rules about the batch as a whole."""
        return tuple(r for r in self.silver if r.type not in ROW_RULES)


def load_suite(contract: Contract) -> Suite:
    """Read the suite of a dataset or gold table.

    Raises E703 where there is none or a stage of it is empty: a stage without a check would pass for one that was checked.
    """
    folder = ("gold",) if contract.source == "gold" else (contract.city, contract.source)
    paths = [root.joinpath("expectations", *folder, f"{contract.name}.yaml") for root in conf_roots()]
    found = [p for p in paths if p.is_file()]
    stages = ("gold",) if contract.source == "gold" else ("bronze", "silver")
    if not found:
        raise LakeError(
            "E703", dataset=contract.dataset, expected="a suite", actual="no file " + "/".join((*folder, contract.name))
        )
    loaded = read_yaml(found[0]) or {}
    rules = {stage: tuple(_rule(entry, contract, found[0]) for entry in loaded.get(stage) or ()) for stage in stages}
    empty = [s for s in stages if not rules[s]]
    if empty or set(loaded) - set(stages):
        raise LakeError(
            "E703", dataset=contract.dataset, stage=",".join(empty), expected=f"expectations for {', '.join(stages)}",
            actual=f"{found[0].name} has {', '.join(loaded) or 'nothing'}",
        )  # fmt: skip
    if "silver" in rules:
        rules["silver"] = (*derive_rules(contract), *rules["silver"])
    return Suite(dataset=contract.dataset, files=(found[0],), **rules)


def _rule(entry: Mapping[str, Any], contract: Contract, path: Path) -> Rule:
    try:
        meta, kwargs = entry["meta"], dict(entry["kwargs"])
        quarantine = meta.get("action") == "quarantine"
        if quarantine:
            kwargs.setdefault("mostly", contract.mostly)
        return Rule(
            id=meta["rule"], type=entry["type"], kwargs=kwargs, severity=entry["severity"],
            dimension=meta["dimension"], reason=meta["reason"], quarantine=quarantine,
        )  # fmt: skip
    except (KeyError, TypeError) as error:
        raise LakeError(
            "E003",
            dataset=contract.dataset,
            place=path.name,
            expected="type, kwargs, severity, meta",
            actual=repr(error),
        ) from error


def derive_rules(contract: Contract) -> tuple[Rule, ...]:
    """What the contract declares of each column, as expectations.

    One rule each for `required`, `type`, `enum`, `pattern`, `format`, `minimum` and `maximum`; critical, and rows that break one are
    set aside. `in_force` is a warning. Their ids are `<dataset>.<column>.<what>`.
    """
    return tuple(
        rule
        for column in contract.columns
        for rule in (*_derive_column(contract, column), *_derive_in_force(contract, column))
    )


def _derive_in_force(contract: Contract, column: Column) -> list[Rule]:
    """A warning for each withdrawn division that was read as its successor."""
    if column.spark_type != "string" or column.format != "division" or not successors(load_divisions(contract.city)):
        return []
    return [
        Rule(
            id=f"{contract.dataset}.{column.name}.in_force", type="expect_column_values_to_be_in_set",
            kwargs={"column": f"_withdrawn_{column.name}", "value_set": [False]}, severity="warning", dimension="validity",
            reason=f"{column.name} is a division in force; one that is withdrawn is read as its successor.", code="W702", derived=True,
        )
    ]  # fmt: skip


def _derive_column(contract: Contract, column: Column) -> list[Rule]:
    name, options = column.name, column.options
    between = "expect_column_values_to_be_between"
    found: list[tuple[str, str, dict[str, Any], str, str]] = []
    if column.spark_type != "string":
        code = "Q303" if column.logical_type in ("date", "timestamp") else "Q304"
        found.append(
            (
                "type",
                "expect_column_values_to_be_in_set",
                {"column": f"_unconverted_{name}", "value_set": [False]},
                code,
                "validity",
            )
        )
    if column.required:
        found.append(("required", "expect_column_values_to_not_be_null", {"column": name}, "Q317", "completeness"))
    if column.enum:
        found.append(
            (
                "enum",
                "expect_column_values_to_be_in_set",
                {"column": name, "value_set": list(column.enum)},
                "Q316",
                "validity",
            )
        )
    if "pattern" in options:
        found.append(
            (
                "pattern",
                "expect_column_values_to_match_regex",
                {"column": name, "regex": options["pattern"]},
                "Q318",
                "validity",
            )
        )
    if column.spark_type == "string" and column.format:
        found.append(
            (
                "format",
                "expect_column_values_to_be_in_set",
                {"column": f"_miscoded_{name}", "value_set": [False]},
                "Q319",
                "validity",
            )
        )
    dated = contract.row_date if contract.row_date and contract.row_date.column == name else None
    if dated:
        found.append(
            (
                "row_date",
                "expect_column_values_to_be_in_set",
                {"column": f"_misdated_{name}", "value_set": [False]},
                "Q407",
                "consistency",
            )
        )
    if "minimum" in options:
        found.append(("minimum", between, {"column": name, "min_value": options["minimum"]}, "Q318", "validity"))
    if "maximum" in options:
        found.append(("maximum", between, {"column": name, "max_value": options["maximum"]}, "Q318", "validity"))
    return [
        Rule(
            id=f"{contract.dataset}.{name}.{what}",
            type=kind,
            kwargs={**kwargs, "mostly": contract.mostly},
            severity="critical",
            dimension=dimension,
            reason=f"The contract says: {_say_dated(dated) if what == 'row_date' else _say(column, what)}.",
            quarantine=True,
            code=code,
            derived=True,
        )
        for what, kind, kwargs, code, dimension in found
    ]


def _say_dated(dated: RowDate | None) -> str:
    assert dated is not None
    if not (dated.before or dated.after):
        return f"{dated.column} is of the business date"
    return f"{dated.column} is at most {dated.before} days before the business date and {dated.after} after it"


def _say(column: Column, what: str) -> str:
    """What a contract declares of a column, in words."""
    name, options = column.name, column.options
    return {
        "type": f"{name} is of type {column.logical_type}",
        "required": f"every row has a value in {name}",
        "enum": f"{name} has one of its listed values",
        "pattern": f"{name} matches {options.get('pattern')}",
        "format": f"{name} is a valid {column.format}",
        "minimum": f"{name} is at least {options.get('minimum')}",
        "maximum": f"{name} is at most {options.get('maximum')}",
    }[what]
