"""Read the regular part of a delimited text at the speed of pyarrow, once a check of its bytes proves it regular.

pyarrow alone is not strict: it reads "x"y as xy, lets a lone quote join two records, keeps NUL. The checks below are
on whole arrays of bytes, so they cost a fraction of the parse.
"""

from __future__ import annotations

import codecs
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.csv as pc
from numpy.typing import NDArray

from jobs.formats.records import Dialect

_LF, _CR = 10, 13
_BLOCK = 4 << 20

Places = NDArray[np.int64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Lines:
    """Lines by line feed: where each begins, and whether it may be anything else than one regular record."""

    starts: Places
    irregular: Flags


def parse_whole(data: bytes, start: int, width: int, dialect: Dialect) -> list[pa.ChunkedArray] | None:
    """Parse everything from `start`; None where it is not proven that each record is regular."""
    shape = _count_records(data, start, width, dialect)
    if shape is None:
        return None
    records, has_breaks = shape
    if not records:
        return [pa.chunked_array([], pa.string()) for _ in range(width)]
    columns = parse_regular(memoryview(data)[start:], width, dialect, has_breaks)
    return columns if columns is not None and len(columns[0]) == records else None


def parse_regular(
    data: bytes | memoryview, width: int, dialect: Dialect, has_breaks: bool
) -> list[pa.ChunkedArray] | None:
    """Parse records without a header into `width` string columns; None where pyarrow finds a fault."""
    if bytes(data[:3]) == codecs.BOM_UTF8:  # it is a cell's text here, and pyarrow takes one away
        data = codecs.BOM_UTF8 + bytes(data)
    try:
        table = pc.read_csv(
            pa.BufferReader(pa.py_buffer(data)),
            pc.ReadOptions(
                column_names=[str(i) for i in range(width)], block_size=max(_BLOCK, 4 * dialect.max_cell_bytes)
            ),
            pc.ParseOptions(
                delimiter=dialect.delimiter.decode(),
                quote_char=dialect.quote.decode() or False,
                newlines_in_values=has_breaks,
                ignore_empty_lines=False,
            ),
            pc.ConvertOptions(column_types={str(i): pa.string() for i in range(width)}, strings_can_be_null=False),
        )
    except pa.ArrowInvalid:
        return None
    return list(table.columns)


def _count_records(data: bytes, start: int, width: int, dialect: Dialect) -> tuple[int, bool] | None:
    """Count the records and say whether cells hold line feeds; None where a byte stands in an irregular place."""
    if start == len(data):
        return 0, False
    has_lone_return = data.find(b"\r", start) >= 0 and data.count(b"\r", start) != data.count(b"\r\n", start)
    if has_lone_return or data.find(b"\0", start) >= 0:
        return None
    text = np.frombuffer(data, np.uint8, offset=start)
    ends = np.flatnonzero(text == _LF)
    has_breaks = False
    if dialect.quote:
        quotes = np.flatnonzero(text == ord(dialect.quote))
        if len(quotes) % 2 or _misplaced_openings(data, start, quotes[0::2], dialect).any():
            return None
        if _misplaced_closings(data, start, quotes[1::2], dialect).any():
            return None
        outside = np.searchsorted(quotes, ends) % 2 == 0
        has_breaks = not outside.all()
        ends = ends[outside]
    if not len(ends) or ends[-1] + 1 < len(text):
        ends = np.append(ends, len(text))
    lengths = np.diff(ends, prepend=-1) - 1
    # pyarrow fills a blank line up to a whole record.
    if lengths.max() > min(dialect.max_cell_bytes, dialect.max_record_bytes) or (
        width > 1 and (lengths - (text[ends - 1] == _CR)).min() <= 0
    ):
        return None
    return len(ends), has_breaks


def _misplaced_openings(data: bytes, start: int, openings: Places, dialect: Dialect) -> Flags:
    """Say of quotes that open a cell whether they stand neither behind its edge nor behind their other half."""
    before = np.frombuffer(data, np.uint8, offset=start - 1)[openings]
    wrong: Flags = (before != ord(dialect.delimiter)) & (before != ord(dialect.quote)) & (before != _LF)
    return wrong


def _misplaced_closings(data: bytes, start: int, closings: Places, dialect: Dialect) -> Flags:
    """Say of quotes that close a cell whether they stand neither before its edge nor before their other half."""
    inner = closings[: len(closings) - int(len(closings) > 0 and closings[-1] + 1 + start == len(data))]
    behind = np.frombuffer(data, np.uint8, offset=start + 1)[inner]
    wrong = (behind != ord(dialect.delimiter)) & (behind != ord(dialect.quote)) & (behind != _LF) & (behind != _CR)
    return np.append(wrong, np.zeros(len(closings) - len(inner), bool))


def find_irregular_lines(data: bytes, start: int, width: int, dialect: Dialect) -> Lines:
    """Flag each line that is not surely one regular record of `width` cells, given that a record begins there.

    What follows the last line feed is flagged too. Places count from the beginning of `data`.
    """
    text = np.frombuffer(data, np.uint8, offset=start)
    ends = np.flatnonzero(text == _LF)
    starts = np.append(0, ends + 1)
    if starts[-1] < len(text):
        ends = np.append(ends, len(text))
    else:
        starts = starts[:-1]
    if not len(ends):
        return Lines(starts + start, np.empty(0, bool))
    irregular = ends - starts > min(dialect.max_cell_bytes, dialect.max_record_bytes)
    irregular[-1] |= ends[-1] == len(text)
    lone = np.flatnonzero(text == _CR)
    lone = lone[np.append(text, 0)[lone + 1] != _LF]
    suspect = [np.flatnonzero(text == 0), lone, _find_undecodable(data, start)]
    delimiters = text == ord(dialect.delimiter)
    if dialect.quote:
        inside, misplaced = _follow_quotes(data, start, ends, dialect)
        suspect.append(misplaced)
        delimiters &= ~inside
    for places in suspect:
        irregular[np.searchsorted(ends, places)] = True
    irregular |= np.diff(np.searchsorted(np.flatnonzero(delimiters), ends), prepend=0) != width - 1
    return Lines(starts + start, irregular)


def _follow_quotes(data: bytes, start: int, ends: Places, dialect: Dialect) -> tuple[Flags, Places]:
    """Say of each byte whether it is quoted, and give misplaced quotes and the ends of lines that leave one open.

    Each line is followed by itself: a quote left open in one does not turn the next inside out.
    """
    marks = np.frombuffer(data, np.uint8, offset=start) == ord(dialect.quote)
    quotes = np.flatnonzero(marks)
    odd = ends[np.diff(np.searchsorted(quotes, ends), prepend=0) % 2 == 1]
    marks[odd[odd < len(marks)]] = True  # closes it for the bytes behind
    inside = np.bitwise_xor.accumulate(marks)
    opening = inside[quotes]
    openings, closings = quotes[opening], quotes[~opening]
    wrong_openings = openings[_misplaced_openings(data, start, openings, dialect)]
    wrong_closings = closings[_misplaced_closings(data, start, closings, dialect)]
    return inside, np.concatenate((odd, wrong_openings, wrong_closings))


def _find_undecodable(data: bytes, start: int) -> Places:
    """Give one place in each line that is not UTF-8, counted from `start`."""
    found: list[int] = []
    at = start
    while 0 <= at < len(data):
        try:
            str(memoryview(data)[at:], "utf-8")
            break
        except UnicodeDecodeError as error:
            found.append(at + error.start - start)
            at = data.find(b"\n", at + error.start) + 1 or len(data)
    return np.array(found, np.int64)
