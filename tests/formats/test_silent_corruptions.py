"""What Spark's own readers let through without a word does not happen here; each test is one such case."""

from __future__ import annotations

from pathlib import Path

import pytest

from jobs.errors import LakeError
from jobs.formats import Field, Layout, read


def layout(*headers: str, **options: object) -> Layout:
    return Layout("csv", tuple(Field(h, h, True) for h in headers), **options)  # type: ignore[arg-type]


def write(tmp_path: Path, data: bytes, name: str = "file.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(data)
    return path


def test_rare_characters_of_gbk_are_not_turned_into_others(tmp_path: Path) -> None:
    path = write(tmp_path, "姓名,地\n㐂𠮷,深圳\n".encode("gb18030"))
    table = read(path, layout("姓名", "地", encoding="GBK")).table
    assert table.to_pylist() == [{"姓名": "㐂𠮷", "地": "深圳", "_extra": None, "_record": 1}]
    assert "�" not in str(table)


def test_swapped_columns_are_not_read_by_position(tmp_path: Path) -> None:
    reading = read(write(tmp_path, b"price,lot\n100,7\n"), layout("lot", "price"))
    assert reading.table.select(["lot", "price"]).to_pylist() == [{"lot": "7", "price": "100"}]


def test_a_quoted_line_break_splits_no_record_and_doubled_quotes_are_one(tmp_path: Path) -> None:
    reading = read(write(tmp_path, b'a,b\n"x\ny","say ""hi"""\n'), layout("a", "b"))
    assert reading.table.select(["a", "b"]).to_pylist() == [{"a": "x\ny", "b": 'say "hi"'}]


def test_a_file_cut_in_its_last_row_has_no_good_last_row(tmp_path: Path) -> None:
    with pytest.raises(LakeError, match="E102"):
        read(write(tmp_path, b"a,b,c\n1,2,3\n4,5"), layout("a", "b", "c"))


@pytest.mark.parametrize("name", ["_x.csv", ".x.csv"])
def test_a_file_whose_name_begins_with_an_underscore_or_a_dot_is_not_skipped(tmp_path: Path, name: str) -> None:
    assert read(write(tmp_path, b"a\n1\n", name), layout("a")).records == 1


def test_columns_of_one_name_are_not_renamed(tmp_path: Path) -> None:
    with pytest.raises(LakeError, match="E301"):
        read(write(tmp_path, b"a,A\n1,2\n"), layout("a"))


def test_an_unclosed_quote_does_not_swallow_the_rest(tmp_path: Path) -> None:
    with pytest.raises(LakeError, match=r"E203.*line 2"):
        read(write(tmp_path, b'a,b\n"1,2\n3,4\n'), layout("a", "b"))


def test_an_empty_quoted_text_is_not_null(tmp_path: Path) -> None:
    assert read(write(tmp_path, b'a,b\n"",1\n'), layout("a", "b")).table["a"].to_pylist() == [""]
