"""Read a JSON array of arrays, as the Census API answers: the first array is the header."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import NoReturn

import pyarrow as pa

from jobs.errors import LakeError
from jobs.formats.content import check_share, decode_strictly, describe_undecodable, find_codec, judge_alone
from jobs.formats.header import match_header
from jobs.formats.layout import Layout, Reading, Refused
from jobs.formats.table import build_table

_NO_ARRAY = ("Q204", "not an array")
_BLANKS = re.compile(r"[ \t\n\r]*")


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


# Numbers stay as they are written: 1.10 is not 1.1.
_DECODER = json.JSONDecoder(parse_float=str, parse_int=str, parse_constant=_refuse_constant)


def read(raw: bytes, layout: Layout) -> Reading:
    """Read a JSON array of arrays.

    null is null, true and false are these words, numbers are their literal text. A record of another length is refused
    (Q204), as is one with an array or object in a cell (Q314), NUL (Q205) or what is no character (Q201).
    """
    codec = find_codec(layout.encoding, raw)
    text = decode_strictly(raw, codec).decode("utf-8", "surrogateescape" if codec == "utf-8" else "surrogatepass")
    (line, source, header), *records = _find_records(text) or [(1, "", None)]
    place = f"line {line}"
    if not isinstance(header, list) or not all(isinstance(cell, str) for cell in header):
        raise LakeError("E315", place=place, expected="an array of column names first", actual="something else")
    fault = _judge(header, len(header), source.encode(codec, "surrogateescape"), codec)
    if fault:
        raise LakeError("E201" if fault[0] == "Q201" else "E315", place=place, expected="a header", actual=fault[1])
    match = match_header(header, layout, place)
    refused: list[Refused] = []
    rows: list[list[str | None]] = []
    numbers: list[int] = []
    for number, (line, source, record) in enumerate(records, 1):
        delivered = source.encode(codec, "surrogateescape")
        fault = judge_alone(_judge, record, match.width, delivered, codec)
        if fault or not isinstance(record, list):
            refused.append(Refused(number, line, *(fault or _NO_ARRAY), delivered))
        else:
            rows.append([_write(cell) for cell in record])
            numbers.append(number)
            _check_size(rows[-1], layout, f"line {line}")
    check_share(refused, len(records), layout)
    columns = [
        pa.chunked_array([pa.array(c, pa.string())]) for c in (zip(*rows, strict=True) if rows else [()] * match.width)
    ]
    table = build_table(columns, pa.array(numbers, pa.int64()), match, layout)
    return Reading(len(records), table, tuple(refused), match.notices, match.headers)


def _find_records(text: str) -> list[tuple[int, str, object]]:
    """Give line, source text and value of each element of the outer array. Raises E316 where the text is not JSON."""
    try:
        return list(_walk(text))
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise LakeError("E316", place=place, expected="JSON: an array of arrays", actual=error.msg) from None
    except (ValueError, RecursionError) as error:
        actual = "arrays nested too deep" if isinstance(error, RecursionError) else str(error)
        raise LakeError("E316", expected="JSON: an array of arrays", actual=actual) from None


def _walk(text: str) -> Iterator[tuple[int, str, object]]:
    at = _skip_blanks(text, 0)
    if text[at : at + 1] != "[":
        raise json.JSONDecodeError("no array begins here", text, at)
    at = _skip_blanks(text, at + 1)
    line, counted = 1, 0
    separator = "]" if text[at : at + 1] == "]" else ","
    while separator == ",":
        value, end = _DECODER.raw_decode(text, at)
        line, counted = line + text.count("\n", counted, at), at
        yield line, text[at:end], value
        end = _skip_blanks(text, end)
        separator = text[end : end + 1]
        if separator not in (",", "]"):
            raise json.JSONDecodeError("expecting ',' or ']'", text, end)
        at = _skip_blanks(text, end + 1) if separator == "," else end
    if _skip_blanks(text, at + 1) != len(text):
        raise json.JSONDecodeError("text behind the array", text, at + 1)


def _skip_blanks(text: str, at: int) -> int:
    return _BLANKS.match(text, at).end()  # type: ignore[union-attr]  # it matches the empty text too


def _judge(record: object, width: int, delivered: bytes, codec: str) -> tuple[str, str] | None:
    if not isinstance(record, list):
        return _NO_ARRAY
    texts = "".join(cell for cell in record if isinstance(cell, str))
    try:
        texts.encode()
    except UnicodeEncodeError:
        return "Q201", describe_undecodable(delivered, codec)[0]
    if any(isinstance(cell, list | dict) for cell in record):
        return "Q314", "an array or object in a cell"
    if "\0" in texts:
        return "Q205", "NUL in a cell"
    return ("Q204", f"{len(record)} cells, the header has {width}") if len(record) != width else None


def _write(cell: str | bool | None) -> str | None:
    return cell if isinstance(cell, str | None) else "true" if cell else "false"


def _check_size(row: Sequence[str | None], layout: Layout, place: str) -> None:
    longest = max((len(cell.encode()) for cell in row if cell and len(cell) * 4 > layout.max_cell_bytes), default=0)
    if longest > layout.max_cell_bytes:
        raise LakeError(
            "E207", place=place, expected=f"a cell of at most {layout.max_cell_bytes} bytes", actual=f"{longest} bytes"
        )
