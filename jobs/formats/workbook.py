"""Read an XLSX sheet as text, and say where the workbook changed what was typed."""

from __future__ import annotations

import datetime as dt
import io
from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal
from xml.etree.ElementTree import ParseError

import pyarrow as pa
from python_calamine import CalamineError, CalamineWorkbook

from jobs.errors import LakeError, Notice
from jobs.formats.content import DAMAGED_ZIP
from jobs.formats.header import Match, clean_header, match_header
from jobs.formats.layout import Layout, Reading
from jobs.formats.table import build_table
from jobs.formats.workbook_parts import check_parts, find_error_cells

Cell = int | float | str | bool | dt.time | dt.date | dt.datetime | dt.timedelta

# A workbook has no type for "3-12" or "1:30": typed as an apartment they become a date and a time. Numbers as text
# (lots, postal codes) are too common to be worth a note, and a text in a number column is judged by the cast.
_KINDS = {dt.datetime: "date", dt.date: "date", dt.time: "time", dt.timedelta: "duration", bool: "boolean"}
_FITTING: dict[str, set[str]] = {
    "date": {"date", "timestamp"},
    "time": {"time"},
    "duration": set(),
    "boolean": {"boolean"},
    "error": set(),
}


def read(raw: bytes, layout: Layout) -> Reading:
    """Read one sheet. Rows after the last one that holds anything are not records; blank ones before it are.

    Numbers are written as they would be typed: no exponent, whole ones without a point. Dates and times are ISO, a
    moment at midnight is a date. A date, time, duration or boolean where the contract has another type is noted in
    `_extra` as "HEADER#type", and counted in N317; so is an error (#N/A), whose text is the cell's.
    """
    rows, errors = _load_rows(raw, layout)
    place = f"row {layout.header_row}"
    if len(rows) < layout.header_row:
        raise LakeError("E315", place=place, expected="a header row", actual=f"the sheet ends at row {len(rows)}")
    header = [_write(cell) for cell in rows[layout.header_row - 1]]
    records = rows[layout.header_row :]
    while records and not any(_write(cell) for cell in records[-1]):
        records.pop()
    width = len(header)
    while width and not clean_header(header[width - 1]) and not any(_write(r[width - 1]) for r in records):
        width -= 1
    match = match_header(header[:width], layout, place)
    cells = [[row[i] for row in records] for i in range(width)]
    texts = [[_write(cell) for cell in column] for column in cells]
    _check_size(texts, layout)
    notes, notices = _note_kinds(cells, errors, match, layout)
    columns = [pa.chunked_array([pa.array(column, pa.string())]) for column in texts]
    numbers = pa.array(range(1, len(records) + 1), pa.int64())
    table = build_table(columns, numbers, match, layout, notes)
    return Reading(len(records), table, (), match.notices + notices, match.headers)


def _load_rows(raw: bytes, layout: Layout) -> tuple[list[list[Cell]], dict[tuple[int, int], str]]:
    """Give all rows of the sheet, and its error cells by row and column."""
    try:
        if not raw.startswith(b"PK"):
            raise ValueError("not a ZIP archive")
        check_parts(raw)
        with CalamineWorkbook.from_filelike(io.BytesIO(raw)) as book:
            sheet = book.get_sheet_by_name(layout.sheet) if layout.sheet else book.get_sheet_by_index(0)
            rows: list[list[Cell]] = sheet.to_python(skip_empty_area=False)
        errors = find_error_cells(raw, sheet.name)
        for (row, column), text in errors.items():
            rows[row][column] = text
    except (CalamineError, LookupError, ParseError, *DAMAGED_ZIP) as error:
        expected = f'a workbook with the sheet "{layout.sheet}"' if layout.sheet else "an XLSX workbook"
        raise LakeError("E316", expected=expected, actual=str(error)[:120]) from None
    return rows, errors


def _write(cell: Cell) -> str:
    if isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, int | float):
        return format(Decimal(repr(cell + 0)), "f").removesuffix(".0")  # + 0: a zero has no sign
    if isinstance(cell, dt.timedelta):
        minutes, seconds = divmod(cell.seconds, 60)
        return f"{cell.days * 24 + minutes // 60:02}:{minutes % 60:02}:{seconds:02}"
    if isinstance(cell, dt.datetime) and cell.time() == dt.time():
        return cell.date().isoformat()
    return cell.isoformat()


def _note_kinds(
    cells: Sequence[Sequence[Cell]], errors: Mapping[tuple[int, int], str], match: Match, layout: Layout
) -> tuple[dict[int, dict[str, str]], tuple[Notice, ...]]:
    """Find cells whose kind the contract does not declare: entries of `_extra` by row, and a notice a column."""
    notes: dict[int, dict[str, str]] = {}
    notices = []
    for field, at in zip(layout.columns, match.places, strict=True):
        if at is None:
            continue
        counts: Counter[str] = Counter()
        for row, cell in enumerate(cells[at]):
            kind = "error" if (row + layout.header_row, at) in errors else _KINDS.get(type(cell))
            if kind and field.logical_type not in _FITTING[kind]:
                notes.setdefault(row, {})[f"{clean_header(field.header)}#type"] = kind
                counts[kind] += 1
        if counts:
            told = ", ".join(f"{n} of kind {kind}" for kind, n in sorted(counts.items()))
            notices.append(Notice("N317", f'column "{field.header}", declared {field.logical_type}: {told}'))
    return notes, tuple(notices)


def _check_size(texts: Sequence[Sequence[str]], layout: Layout) -> None:
    longest = max(
        (len(text.encode()) for column in texts for text in column if len(text) * 4 > layout.max_cell_bytes), default=0
    )
    if longest > layout.max_cell_bytes:
        raise LakeError("E207", expected=f"a cell of at most {layout.max_cell_bytes} bytes", actual=f"{longest} bytes")
