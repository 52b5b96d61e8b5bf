"""Answers that leave the lake: no spreadsheet runs them, and numbers stay numbers."""

from __future__ import annotations

from decimal import Decimal

import pyarrow as pa
import pytest

from jobs.query import defuse, named_releases, to_csv, to_json


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "＝1+1", "＋1", "－1", "＠x", "=HYPERLINK(\"x\")"])  # fmt: skip
def test_a_text_that_begins_like_a_formula_gets_an_apostrophe(text: str) -> None:
    assert defuse(text) == "'" + text


@pytest.mark.parametrize(("value", "written"), [(-5, -5), (Decimal("-1.50"), "-1.50"), (-0.5, -0.5), ("a=b", "a=b"), ("1-2", "1-2"), ("", ""), (None, None), (Decimal("1E+3"), "1000")])  # fmt: skip
def test_other_values_stay_as_they_are(value: object, written: object) -> None:
    assert defuse(value) == written


def test_csv_quotes_what_it_must_and_keeps_negative_amounts() -> None:
    rows = pa.table({"name": ["=cmd", "a,b"], "amount": pa.array([Decimal("-1.50"), None], pa.decimal128(9, 2))})
    assert to_csv(rows) == 'name,amount\n\'=cmd,-1.50\n"a,b",\n'


def test_json_loses_no_digit() -> None:
    rows = pa.table({"amount": pa.array([Decimal("12345678901234567.89")], pa.decimal128(19, 2))})
    assert to_json(rows) == '[{"amount": "12345678901234567.89"}]'


def test_a_query_names_releases_by_number() -> None:
    assert named_releases("select * from gold_r12.a join GOLD_R3.b") == ["12", "3"]
