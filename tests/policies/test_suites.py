"""Suites: what the contract implies, and a stage without a check is none."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from jobs import quality
from jobs.cities import load_contracts
from jobs.errors import LakeError
from jobs.suites import Rule, Suite, load_suite
from tests.little import CITY, write_conf

Write = Callable[[str], Suite]


@pytest.fixture
def suite_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    root = write_conf(tmp_path / "root")
    monkeypatch.setenv("LAKE_CONF", str(root))

    def write(text: str) -> Suite:
        path = root / "expectations" / CITY / "reg" / "things.yaml"
        path.write_text(text or path.read_text())
        return load_suite(load_contracts(CITY)["reg.things"])

    return write


def a_rule(kind: str = "expect_column_values_to_not_be_null", **kwargs: object) -> Rule:
    return Rule("a.b.x", kind, kwargs or {"column": "a"}, "critical", "validity", "why")


def test_the_contract_implies_its_rules_in_order(suite_of: Write) -> None:
    derived = [r for r in suite_of("").silver if r.derived]
    assert [r.id.removeprefix("reg.things.") for r in derived] == [
        "key.type", "key.required", "period.type", "period.required", "value.type", "value.required", "value.minimum", "value.maximum",
    ]  # fmt: skip
    assert {(r.severity, r.quarantine, r.kwargs["mostly"]) for r in derived} == {("critical", True, 0.5)}


def test_a_quarantine_rule_takes_the_contracts_share(suite_of: Write) -> None:
    line = "  - {type: expect_column_values_to_not_be_null, kwargs: {column: hold%s}, severity: critical, meta: {rule: reg.things.%s, action: quarantine, dimension: validity, reason: why}}\n"
    suite = suite_of("bronze:\n" + line % ("", "b") + "silver:\n" + line % ("", "s") + line % (", mostly: 0.9", "t"))
    assert {r.id: r.kwargs["mostly"] for r in suite.silver if not r.derived} == {
        "reg.things.s": 0.5,
        "reg.things.t": 0.9,
    }


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "bronze: []\nsilver: []\n",
        "bronze: []\nsilver:\n  - {type: x, kwargs: {}, severity: critical, meta: {rule: a, dimension: validity, reason: b}}\n",
        "gold: []\n",
    ],
)
def test_a_suite_with_an_empty_stage_is_a_failure(suite_of: Write, text: str) -> None:
    with pytest.raises(LakeError, match="E703"):
        suite_of(text)


@pytest.mark.parametrize(
    "entry", ["{type: x}", "{type: x, kwargs: {}, severity: critical, meta: {rule: a}}", "just a text"]
)
def test_an_expectation_that_lacks_a_field_is_refused(suite_of: Write, entry: str) -> None:
    with pytest.raises(LakeError, match="E003"):
        suite_of(f"bronze:\n  - {entry}\nsilver:\n  - {entry}\n")


def test_no_expectation_is_no_pass() -> None:
    with pytest.raises(LakeError, match=r"E703[\s\S]*none"):
        quality.validate(pd.DataFrame({"a": ["1"]}), [], 1)


@pytest.mark.long
def test_an_empty_frame_does_not_pass_for_the_rows_that_should_be_there() -> None:
    with pytest.raises(LakeError, match=r"E703[\s\S]*3 rows"):
        quality.validate(pd.DataFrame({"a": pd.Series([], dtype="object")}), [a_rule()], 3)


@pytest.mark.long
def test_an_exception_inside_great_expectations_is_a_failure() -> None:
    with pytest.raises(LakeError, match=r"E703.*a.b.x"):
        quality.validate(pd.DataFrame({"a": ["1"]}), [a_rule(column="nowhere")], 1)


def test_a_warning_that_fails_is_counted_and_holds_nothing() -> None:
    rule = Rule("a.b.x", "expect_column_values_to_not_be_null", {"column": "a"}, "warning", "completeness", "why")
    results = quality.validate(pd.DataFrame({"a": ["1", None, None]}), [rule], 3)
    assert [(r.success, r.broken, r.evaluated) for r in results] == [(False, 2, 3)]
    assert quality.failing(results) == []


@pytest.mark.parametrize(
    ("mostly", "evaluated", "allowed"),
    [(0.99, 100, 1), (0.99, 99, 0), (0.9, 10, 1), (0.7, 10, 3), (1.0, 1000, 0), (0.0, 5, 5), (0.999, 1000, 1)],
)
def test_the_rows_that_may_break_a_rule_are_rounded_down(mostly: float, evaluated: int, allowed: int) -> None:
    assert quality.allowed_rows(a_rule(column="a", mostly=mostly), evaluated) == allowed
