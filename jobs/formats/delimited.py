"""Read delimited text (CSV, TSV): whole columns at once where it is regular, record by record where it is not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from jobs.errors import LakeError
from jobs.formats.bulk import find_irregular_lines, parse_regular, parse_whole
from jobs.formats.content import (
    check_share,
    decode_strictly,
    describe_undecodable,
    encode_again,
    find_codec,
    judge_alone,
)
from jobs.formats.header import Match, clean_header, match_header
from jobs.formats.layout import Layout, Reading, Refused
from jobs.formats.records import LINE_END, Dialect, Scanned, count_line_ends, make_dialect, scan_record
from jobs.formats.table import build_table


@dataclass(frozen=True)
class _Source:
    """The text after its header: everything that stays the same from record to record."""

    data: bytes  # UTF-8, but for what could not be decoded
    body: int  # where the first record begins
    width: int
    codec: str
    dialect: Dialect


def read(raw: bytes, layout: Layout) -> Reading:
    """Read delimited text.

    Records are told apart by quotes and line ends as RFC 4180 has it; LF, CR LF and CR all end a line. A blank line is
    a record: of one empty cell where the header has one column, else one with too few cells (Q204). A last line
    without its end is accepted when it has all cells, and refuses the file (E102) when it does not: it was cut short.
    "" and an empty cell both become the empty text.
    """
    codec = find_codec(layout.encoding, raw)
    data = decode_strictly(raw, codec)
    dialect = make_dialect(layout.delimiter, layout.quote, layout.max_cell_bytes, layout.max_record_bytes)
    match, body = _read_header(data, codec, dialect, layout)
    source = _Source(data, body, match.width, codec, dialect)
    columns = parse_whole(data, body, match.width, dialect)
    if columns is None:
        return _read_by_line(source, match, layout)
    numbers = pa.array(np.arange(1, len(columns[0]) + 1))
    return Reading(len(numbers), build_table(columns, numbers, match, layout), (), match.notices, match.headers)


def _read_header(data: bytes, codec: str, dialect: Dialect, layout: Layout) -> tuple[Match, int]:
    at = 0
    place = f"line {layout.header_row}"
    for _ in range(layout.header_row - 1):
        found = LINE_END.search(data, at)
        at = found.end() if found else len(data)
    header = scan_record(data, at, dialect)
    if at == len(data) or header.misquoted or b"\0" in data[at : header.stop]:
        actual = "the file ends above it" if at == len(data) else "a quote in the wrong place, or NUL"
        raise LakeError("E315", place=place, expected="a header row", actual=actual)
    try:
        names = [clean_header(cell.decode()) for cell in header.cells]
    except UnicodeDecodeError:
        actual, _ = describe_undecodable(encode_again(data[at : header.stop], codec), codec)
        raise LakeError("E201", place=place, expected=f"a header in {codec}", actual=actual) from None
    return match_header(names, layout, place), header.end


def _read_by_line(source: _Source, match: Match, layout: Layout) -> Reading:
    """Parse regular lines together, the others one by one, and put the rows back into the order of the file."""
    regular, regular_numbers, scanned = _split(source)
    refused: list[Refused] = []
    rows: list[tuple[bytes, ...]] = []
    row_numbers: list[int] = []
    for number, line, record in _add_lines(source, scanned):
        fault = judge_alone(_judge, source, record, line)
        if fault:
            raw = encode_again(source.data[record.start : record.stop], source.codec)
            refused.append(Refused(number, line, *fault, raw))
        else:
            rows.append(record.cells)
            row_numbers.append(number)
    total = len(regular_numbers) + len(scanned)
    check_share(refused, total, layout)
    columns = parse_regular(regular, match.width, source.dialect, False) if regular else _make_columns([], match.width)
    assert columns is not None and len(columns[0]) == len(regular_numbers), "regular lines are records"
    numbers = pa.array(np.concatenate((regular_numbers, np.array(row_numbers, np.int64))))
    if rows:
        exact = _make_columns(rows, match.width)
        columns = [pa.chunked_array([*a.chunks, *b.chunks], pa.string()) for a, b in zip(columns, exact, strict=True)]
    table = build_table(columns, numbers, match, layout)
    if rows and regular:
        table = table.take(pc.sort_indices(numbers))
    return Reading(total, table, tuple(refused), match.notices, match.headers)


def _split(source: _Source) -> tuple[bytes, np.ndarray, list[tuple[int, Scanned]]]:
    """Give the text of all regular lines, their record numbers, and every other record with its number."""
    lines = find_irregular_lines(source.data, source.body, source.width, source.dialect)
    starts = np.append(lines.starts, len(source.data))
    texts: list[bytes] = []
    numbers: list[np.ndarray] = [np.empty(0, np.int64)]
    scanned: list[tuple[int, Scanned]] = []
    line = record = 0
    for i in [*np.flatnonzero(lines.irregular).tolist(), len(lines.starts)]:
        if i < line:
            continue
        texts.append(source.data[starts[line] : starts[i]])
        numbers.append(np.arange(record + 1, record + 1 + i - line))
        record += i - line
        at, line = int(starts[i]), i
        while at < len(source.data):
            found = scan_record(source.data, at, source.dialect)
            record += 1
            scanned.append((record, found))
            at = found.end
            while starts[line] < at:
                line += 1
            if starts[line] == at:
                break
    return b"".join(texts), np.concatenate(numbers), scanned


def _add_lines(source: _Source, scanned: Sequence[tuple[int, Scanned]]) -> Iterator[tuple[int, int, Scanned]]:
    at, line = 0, 1
    for number, record in scanned:
        line += count_line_ends(source.data, at, record.start)
        at = record.start
        yield number, line, record


def _judge(source: _Source, record: Scanned, line: int) -> tuple[str, str] | None:
    """Say why a record is refused: code and detail. Raises E102 where it is the last one and cut short."""
    text = source.data[record.start : record.stop]
    is_cut = record.stop == record.end
    cells = f"{len(record.cells)} cells, the header has {source.width}"
    try:
        text.decode()
    except UnicodeDecodeError:
        detail, at_end = describe_undecodable(encode_again(text, source.codec), source.codec)
        if is_cut and at_end:
            raise LakeError(
                "E102", place=f"line {line}", expected="a whole last line", actual="half a character"
            ) from None
        return "Q201", detail
    if b"\0" in text:
        return "Q205", f"NUL at byte {text.index(0)} of the record"
    if record.misquoted:
        return "Q203", f"in cell {record.misquoted}"
    if is_cut and len(record.cells) < source.width:
        raise LakeError("E102", place=f"line {line}", expected="a whole last line", actual=f"{cells}, and no line end")
    return ("Q204", cells) if len(record.cells) != source.width else None


def _make_columns(rows: Sequence[tuple[bytes, ...]], width: int) -> list[pa.ChunkedArray]:
    cells = zip(*rows, strict=True) if rows else [()] * width
    return [pa.chunked_array([pa.array(column, pa.binary()).cast(pa.string())]) for column in cells]
