"""Workbooks: cells as they would be typed, and a note where the workbook changed what was typed."""

from __future__ import annotations

import datetime as dt
import io
import json
from collections.abc import Sequence
from pathlib import Path

import openpyxl
import pytest

from jobs.errors import LakeError
from jobs.formats import Field, Layout, Reading, read

NAMES = ("a", "b", "c")


def layout(*types: str, **options: object) -> Layout:
    columns = tuple(Field(n, n, True, t) for n, t in zip(NAMES, types, strict=False))
    return Layout(**{"format": "xlsx", "columns": columns} | options)  # type: ignore[arg-type]


def read_rows(tmp_path: Path, content: Sequence[Sequence[object]], wanted: Layout) -> Reading:
    book = openpyxl.Workbook()
    for row in content:
        book.active.append(row)
    path = tmp_path / "book.xlsx"
    book.save(path)
    return read(path, wanted)


def cells(reading: Reading, column: str = "a") -> list[str | None]:
    return reading.table[column].to_pylist()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (7, "7"),
        (2013.0, "2013"),
        (-0.0, "0"),
        (0.1, "0.1"),
        (1e-7, "0.0000001"),
        (1e21, "1000000000000000000000"),
        (1234567.25, "1234567.25"),
        (True, "true"),
        (dt.date(2013, 5, 1), "2013-05-01"),
        (dt.datetime.fromisoformat("2013-05-01"), "2013-05-01"),
        (dt.datetime.fromisoformat("2013-05-01T13:45:00"), "2013-05-01T13:45:00"),
        (dt.time(13, 45), "13:45:00"),
        (dt.timedelta(hours=26), "26:00:00"),
        (" x  ", " x  "),
        ("007", "007"),
    ],
)
def test_a_cell_is_written_as_it_would_be_typed(tmp_path: Path, value: object, text: str) -> None:
    assert cells(read_rows(tmp_path, [["a", "b"], [value, "x"]], layout("string"))) == [text]


def test_an_empty_cell_is_the_empty_text(tmp_path: Path) -> None:
    assert cells(read_rows(tmp_path, [["a", "b"], [None, 1]], layout("string"))) == [""]


def test_headers_with_line_breaks_and_title_rows_above_are_matched(tmp_path: Path) -> None:
    wanted = Layout("xlsx", (Field("unit", "APART MENT NUMBER", True),), header_row=3)
    reading = read_rows(tmp_path, [["Title"], [None], ["X", "apart\nMENT \nNUMBER"], [1, "2B"]], wanted)
    assert cells(reading, "unit") == ["2B"]


def test_rows_after_the_last_cell_are_no_records_and_blank_ones_between_are(tmp_path: Path) -> None:
    reading = read_rows(
        tmp_path, [["a", "b"], [1, 2], [None, None], [3, 4], [None, ""], ["", None]], layout("string", "string")
    )
    assert (reading.records, cells(reading)) == (3, ["1", "", "3"])


def test_a_date_in_a_text_column_is_noted_and_counted(tmp_path: Path) -> None:
    content = [
        ["a", "b", "d"],
        [dt.date(2012, 3, 12), dt.date(2013, 1, 1), "x"],
        [dt.time(1, 30), dt.date(2013, 1, 2), "y"],
        ["2B", dt.date(2013, 1, 3), "z"],
    ]
    reading = read_rows(tmp_path, content, layout("string", "date"))
    extra = [json.loads(text) for text in cells(reading, "_extra")]
    assert extra == [{"a#type": "date", "d": "x"}, {"a#type": "time", "d": "y"}, {"d": "z"}]
    assert [n.text for n in reading.notices if n.code == "N317"] == [
        'column "a", declared string: 1 of kind date, 1 of kind time'
    ]


def test_a_number_in_a_text_column_is_no_news(tmp_path: Path) -> None:
    reading = read_rows(tmp_path, [["a"], [10001]], layout("string"))
    assert (cells(reading, "_extra"), reading.notices) == ([None], ())


def test_an_error_cell_is_not_taken_for_an_empty_one(tmp_path: Path) -> None:
    reading = read_rows(tmp_path, [["a", "b"], ["x", 1], ["#N/A", 2]], layout("string"))
    assert cells(reading) == ["x", "#N/A"]
    assert json.loads(str(cells(reading, "_extra")[1])) == {"a#type": "error", "b": "2"}


def test_the_declared_sheet_is_read(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.append(["z"])
    book.create_sheet("Second").append(["a"])
    book.save(tmp_path / "book.xlsx")
    assert read(tmp_path / "book.xlsx", layout("string", sheet="Second")).records == 0
    with pytest.raises(LakeError, match="E316"):
        read(tmp_path / "book.xlsx", layout("string", sheet="Third"))


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_cut_workbook_is_refused(tmp_path: Path, share: float) -> None:
    whole = io.BytesIO()
    book = openpyxl.Workbook()
    book.active.append(["a"])
    book.save(whole)
    (tmp_path / "book.xlsx").write_bytes(whole.getvalue()[: int(len(whole.getvalue()) * share)])
    with pytest.raises(LakeError, match="E316"):
        read(tmp_path / "book.xlsx", layout("string"))


def test_text_under_the_name_of_a_workbook_is_refused(tmp_path: Path) -> None:
    (tmp_path / "book.xlsx").write_text("a,b\n")
    with pytest.raises(LakeError, match="E316"):
        read(tmp_path / "book.xlsx", layout("string"))


def test_a_workbook_without_its_header_row_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LakeError, match="E315"):
        read_rows(tmp_path, [["x"]], layout("string", header_row=5))
