"""What a reader is told about a file, and what it gives back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pyarrow as pa

from jobs.errors import Notice


@dataclass(frozen=True)
class Field:
    """One delivered column: its name in the lake and the header it arrives under."""

    name: str
    header: str
    required: bool
    logical_type: str = "string"


@dataclass(frozen=True)
class Layout:
    """How a file is written, as its contract declares it. An excess of a limit refuses the file (E207)."""

    format: str  # csv (any delimiter), xlsx, or json (an array of arrays, the first is the header)
    columns: tuple[Field, ...]
    aliases: Mapping[str, str] = field(default_factory=dict)  # other header text -> declared header text
    delimiter: str = ","
    quote: str = '"'  # empty: quotes mean nothing
    encoding: str = "utf-8"
    header_row: int = 1  # counted from 1; the lines above it are not read
    sheet: str = ""  # the first one when empty
    max_undecodable: float = 0.001  # greatest share of records that may be undecodable
    max_cell_bytes: int = 1_000_000
    max_record_bytes: int = 10_000_000
    max_columns: int = 2_000


@dataclass(frozen=True)
class Refused:
    """A record that cannot be placed in its columns. `detail` never holds a value of the record; `raw` is all of it."""

    record: int
    line: int | None
    code: str
    detail: str
    raw: bytes


@dataclass(frozen=True)
class Reading:
    """What a file holds: one row a readable record, in the order of the file.

    `table`: a string column per declared column, in contract order; `_extra` (JSON object of what is not declared,
    null where there is nothing); `_record` (int64: the record's number after the header, from 1, refused ones counted).
    `records` = rows + refused. `header`: the columns as delivered, in their order.
    """

    records: int
    table: pa.Table
    refused: tuple[Refused, ...]
    notices: tuple[Notice, ...]
    header: tuple[str, ...] = field(default=(), compare=False)
