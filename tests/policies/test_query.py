"""Answers that leave the lake: no spreadsheet runs them, and numbers stay numbers."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest

from jobs import show
from jobs.errors import LakeError
from jobs.query import cells, defuse, named_releases, to_csv, to_json, write_out


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "＝1+1", "＋1", "－1", "＠x", "=HYPERLINK(\"x\")"])  # fmt: skip
def test_a_text_that_begins_like_a_formula_gets_an_apostrophe(text: str) -> None:
    assert defuse(text) == "'" + text


@pytest.mark.parametrize(("value", "written"), [(-5, -5), (Decimal("-1.50"), "-1.50"), (-0.5, -0.5), ("a=b", "a=b"), ("1-2", "1-2"), ("", ""), (None, None), (Decimal("1E+3"), "1000")])  # fmt: skip
def test_other_values_stay_as_they_are(value: object, written: object) -> None:
    assert defuse(value) == written


def test_csv_quotes_what_it_must_and_keeps_negative_amounts() -> None:
    rows = pa.table({"name": ["=cmd", "a,b"], "amount": pa.array([Decimal("-1.50"), None], pa.decimal128(9, 2))})
    assert to_csv(rows) == 'name,amount\n\'=cmd,-1.50\n"a,b",\n'


def test_a_header_that_begins_like_a_formula_gets_an_apostrophe_too() -> None:
    assert to_csv(pa.table({"=cmd": [1]})) == "'=cmd\n1\n"


def test_two_columns_of_one_name_are_two_columns_in_csv_and_on_the_terminal() -> None:
    rows = pa.Table.from_arrays([pa.array([1]), pa.array([2])], ["a", "a"])
    assert to_csv(rows) == "a,a\n1,2\n"
    assert cells(rows, 10) == [["1", "2"]]


def test_two_columns_of_one_name_are_refused_for_json_and_parquet(tmp_path: Path) -> None:
    rows = pa.Table.from_arrays([pa.array([1]), pa.array([2])], ["a", "a"])
    with pytest.raises(LakeError, match="more than one column a"):
        to_json(rows)
    with pytest.raises(LakeError, match="more than one column a"):
        write_out(rows, tmp_path / "x.parquet")


@pytest.mark.parametrize("text", ["[red]Manhattan", ":smile:", "[/b]", "a[0].csv"])
def test_a_table_prints_cells_and_headers_as_they_are(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    show.print_table(text, [text], [[text]])
    show.out.print(text)
    show.err.print(text)
    said = capsys.readouterr()
    assert (said.out.count(text), said.err.count(text)) == (4, 1)


def test_json_loses_no_digit() -> None:
    rows = pa.table({"amount": pa.array([Decimal("12345678901234567.89")], pa.decimal128(19, 2))})
    assert to_json(rows) == '[{"amount": "12345678901234567.89"}]'


def test_a_query_names_releases_by_number() -> None:
    assert named_releases("select * from gold_r12.a join GOLD_R3.b") == {12, 3}
