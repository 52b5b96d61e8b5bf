"""Whichever way a text takes through the reader, fast or record by record, the result is the same."""

from __future__ import annotations

from collections.abc import Callable
from unittest import mock

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.errors import LakeError
from jobs.formats import Field, Layout, bulk, delimited

CELL = st.text(st.sampled_from("ab ,\"\n\ré目\ufeff'"), max_size=5)
WIDTH = st.integers(1, 3)
DIRT = st.lists(
    st.sampled_from([b"a", b",", b'"', b'""', b"\n", b"\r\n", b"\r", b"\0", "é".encode(), b"\xff", b'"a"']), max_size=12
)


some = settings(max_examples=3 * settings.default.max_examples // 5, deadline=None)  # 60, but for `make test-fast`


def layout(width: int) -> Layout:
    return Layout("csv", tuple(Field(f"c{i}", f"c{i}", True) for i in range(width)), max_undecodable=1.0)


def header(width: int) -> bytes:
    return ",".join(f"c{i}" for i in range(width)).encode() + b"\n"


def write(cell: str, always_quoted: bool) -> str:
    is_quoted = always_quoted or any(mark in cell for mark in ',"\r\n')
    return '"' + cell.replace('"', '""') + '"' if is_quoted else cell


def outcome(data: bytes, width: int) -> object:
    try:
        reading = delimited.read(data, layout(width))
    except LakeError as error:
        return error.parts()
    return reading.records, reading.table.to_pylist(), reading.refused


def all_irregular(data: bytes, start: int, width: int, dialect: object) -> bulk.Lines:
    find: Callable[..., bulk.Lines] = bulk.find_irregular_lines
    starts = find(data, start, width, dialect).starts
    return bulk.Lines(starts, np.ones(len(starts), bool))


def outcomes(data: bytes, width: int) -> list[object]:
    fast = outcome(data, width)
    with mock.patch.object(delimited, "parse_whole", return_value=None):
        by_line = outcome(data, width)
        with mock.patch.object(delimited, "find_irregular_lines", all_irregular):
            return [fast, by_line, outcome(data, width)]


@settings(some)
@given(st.data(), WIDTH, st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_what_a_writer_wrote_is_read_back_exactly_by_each_way(
    data: st.DataObject, width: int, end: str, quote_all: bool
) -> None:
    rows = data.draw(st.lists(st.lists(CELL, min_size=width, max_size=width), max_size=5))
    text = "".join(",".join(write(cell, quote_all) for cell in row) + end for row in rows)
    fast, by_line, by_record = outcomes(header(width) + text.encode(), width)
    assert fast == by_line == by_record
    assert isinstance(fast, tuple)
    assert [list(row.values())[:width] for row in fast[1]] == rows


@settings(some, max_examples=2 * some.max_examples)
@given(DIRT, WIDTH)
def test_dirt_has_one_outcome_by_each_way(parts: list[bytes], width: int) -> None:
    fast, by_line, by_record = outcomes(header(width) + b"".join(parts), width)
    assert fast == by_line == by_record


@settings(some)
@given(DIRT, WIDTH)
def test_no_byte_of_a_refused_record_is_lost_and_each_record_is_counted_once(parts: list[bytes], width: int) -> None:
    data = header(width) + b"".join(parts)
    try:
        reading = delimited.read(data, layout(width))
    except LakeError:
        return
    numbers = reading.table["_record"].to_pylist() + [x.record for x in reading.refused]
    assert sorted(numbers) == list(range(1, reading.records + 1))
    assert all(x.raw in data for x in reading.refused)
