"""Find one delimited record at a time, exactly: its cells, its end, and what is wrong with it.

No library says which record a quote or a line break belongs to, at which line it begins and which bytes it holds; this
is what an engineer needs to find a bad record in a file of millions. Clean files never come here (`bulk`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from jobs.errors import LakeError

LINE_END = re.compile(rb"\r\n|\r|\n")
_REST_OF_LINE = re.compile(rb"[^\r\n]*")


@dataclass(frozen=True)
class Dialect:
    """How records are written. Delimiter and quote are single ASCII characters, so they are never part of another."""

    delimiter: bytes
    quote: bytes
    bare: re.Pattern[bytes]
    quoted: re.Pattern[bytes]
    max_cell_bytes: int
    max_record_bytes: int


@dataclass(frozen=True)
class Scanned:
    """One record: `stop` is where its line end begins, `end` where the next record begins; equal where it has none."""

    start: int
    stop: int
    end: int
    cells: tuple[bytes, ...]
    misquoted: int  # the number of the first cell with a quote in the wrong place, from 1; 0 where all are right


def make_dialect(delimiter: str, quote: str, max_cell_bytes: int, max_record_bytes: int) -> Dialect:
    """Prepare the patterns of a delimiter and a quote."""
    if (
        len(delimiter) != 1
        or len(quote) > 1
        or not (delimiter + quote).isascii()
        or delimiter in (quote, "\r", "\n", "\0")
    ):
        raise LakeError(
            "E003", expected="one ASCII character as delimiter, another as quote", actual=repr((delimiter, quote))
        )
    d, q = re.escape(delimiter).encode(), re.escape(quote).encode()
    bare = re.compile(rb"[^\r\n" + d + rb"]*")
    quoted = re.compile(q + rb"([^" + q + rb"]*+(?:" + q + q + rb"[^" + q + rb"]*+)*+)" + q if q else rb"(?!)()")
    return Dialect(delimiter.encode(), quote.encode(), bare, quoted, max_cell_bytes, max_record_bytes)


def scan_record(data: bytes, start: int, dialect: Dialect) -> Scanned:
    """Read the record that begins at `start`.

    A quote belongs to the cell's text where it stands amid an unquoted one (37 36'37.8"N): nothing else can be meant.
    Text behind a closing quote, or a quote at the end of an unquoted cell, leaves open what was meant; such a record
    ends with the line on which that is seen, so that it does not take its neighbours with it. Raises E203, E207.
    """
    cells: list[bytes] = []
    at = start
    misquoted = 0
    while not misquoted:
        cell, at, right = _scan_cell(data, at, dialect)
        cells.append(cell)
        if len(cell) > dialect.max_cell_bytes:
            raise _over(data, start, f"a cell of at most {dialect.max_cell_bytes} bytes", len(cell))
        if not right:
            misquoted = len(cells)
            at = _REST_OF_LINE.match(data, at).end()  # type: ignore[union-attr]  # it matches the empty text too
        elif data[at : at + 1] == dialect.delimiter:
            at += 1
        else:
            break
    if at - start > dialect.max_record_bytes:
        raise _over(data, start, f"a record of at most {dialect.max_record_bytes} bytes", at - start)
    line_end = LINE_END.match(data, at)
    return Scanned(start, at, line_end.end() if line_end else at, tuple(cells), misquoted)


def _scan_cell(data: bytes, at: int, dialect: Dialect) -> tuple[bytes, int, bool]:
    quote = dialect.quote
    if not quote or data[at : at + 1] != quote:
        bare = dialect.bare.match(data, at)
        assert bare is not None  # it matches the empty text too
        return bare[0], bare.end(), not (quote and bare[0].endswith(quote))
    quoted = dialect.quoted.match(data, at)
    if quoted is None:
        line = count_line_ends(data, 0, at) + 1
        raise LakeError("E203", place=f"line {line}", expected="a closing quote", actual="the end of the file")
    behind = data[quoted.end() : quoted.end() + 1]
    return quoted[1].replace(quote + quote, quote), quoted.end(), behind in (b"", b"\r", b"\n", dialect.delimiter)


def _over(data: bytes, start: int, expected: str, actual: int) -> LakeError:
    line = count_line_ends(data, 0, start) + 1
    return LakeError("E207", place=f"line {line}", expected=expected, actual=f"{actual} bytes")


def count_line_ends(data: bytes, start: int, end: int) -> int:
    """Count physical line ends (LF, CR LF, CR) between two places that are not inside one."""
    return data.count(b"\n", start, end) + data.count(b"\r", start, end) - data.count(b"\r\n", start, end)
