"""JSON arrays of arrays: strict JSON, values as written."""

from __future__ import annotations

from pathlib import Path

import pytest

from jobs.errors import LakeError
from jobs.formats import Field, Layout, Reading, read

LAYOUT = Layout("json", (Field("a", "a", True), Field("b", "b", False)), max_undecodable=1.0)


def read_text(tmp_path: Path, text: str | bytes) -> Reading:
    path = tmp_path / "file.json"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read(path, LAYOUT)


def test_values_stay_as_they_are_written(tmp_path: Path) -> None:
    reading = read_text(
        tmp_path, '[["b", "a"], [1.10, "x"], [null, true], [1e400, 123456789012345678901234567890],\n["", "é\\n"]]\n'
    )
    assert reading.table["a"].to_pylist() == ["x", "true", "123456789012345678901234567890", "é\n"]
    assert reading.table["b"].to_pylist() == ["1.10", None, "1e400", ""]


def test_what_is_no_record_is_refused_with_its_text_and_line(tmp_path: Path) -> None:
    reading = read_text(
        tmp_path,
        '[["a","b"],\n["1","2"],\n["3"],\n["4",["5"]],\n{"a":1},\n["\\u0000","x"],\n["\\ud800","x"],\n["6","7"]]',
    )
    found = [(x.record, x.line, x.code, x.raw) for x in reading.refused]
    assert found == [
        (2, 3, "Q204", b'["3"]'),
        (3, 4, "Q314", b'["4",["5"]]'),
        (4, 5, "Q204", b'{"a":1}'),
        (5, 6, "Q205", b'["\\u0000","x"]'),
        (6, 7, "Q201", b'["\\ud800","x"]'),
    ]
    assert reading.records == 7
    assert reading.table["_record"].to_pylist() == [1, 7]


def test_an_undecodable_cell_refuses_its_record(tmp_path: Path) -> None:
    reading = read_text(tmp_path, b'[["a","b"],["\xff","1"],["2","3"]]')
    assert [(x.code, x.raw, x.detail) for x in reading.refused] == [
        ("Q201", b'["\xff","1"]', "not utf-8 at byte 2 of the record: ff")
    ]


def test_undeclared_columns_keep_null_apart_from_text(tmp_path: Path) -> None:
    reading = read_text(tmp_path, '[["a","z"],["1",null],["2","x"]]')
    assert reading.table["_extra"].to_pylist() == ['{"z": null}', '{"z": "x"}']
    assert [n.code for n in reading.notices] == ["N310", "W312"]


@pytest.mark.parametrize(
    "text",
    [
        '[["a"],["1"]',
        '[["a"],["1"],]',
        '[["a"],["1"]] x',
        '[["a"],[NaN]]',
        '[["a"],[-Infinity]]',
        '[["a"],[-01]]',
        '[["a"]["1"]]',
        '[["a"],["\n"]]',
        '{"a": 1}',
        '"a"',
        " ",
        "[" * 100_000,
    ],
)
def test_what_is_not_strict_json_refuses_the_file(tmp_path: Path, text: str) -> None:
    with pytest.raises(LakeError, match="E316"):
        read_text(tmp_path, text)


def test_a_fault_of_syntax_is_told_by_line_and_column(tmp_path: Path) -> None:
    with pytest.raises(LakeError) as caught:
        read_text(tmp_path, '[["a"],\n["1" "2"]]')
    assert caught.value.where.place == "line 2, column 6"


@pytest.mark.parametrize("text", ["[]", "[1]", '[["x"],["1"]]', "[[1, [2]]]"])
def test_an_array_without_a_header_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(LakeError, match="E315"):
        read_text(tmp_path, text)


def test_a_header_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LakeError, match="E301"):
        read_text(tmp_path, '[["a","A"]]')


def test_an_undecodable_header_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LakeError, match="E201"):
        read_text(tmp_path, b'[["a","\xff"]]')
