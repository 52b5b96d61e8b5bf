"""What stands behind a published figure: the rows of silver, the delivered records, the landed files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from jobs.contracts import Contract
from jobs.digest import canonical_rows
from jobs.landing import Receipt
from jobs.persons import persons

PLACE = ("_business_date", "_revision", "_file", "_record")


@dataclass(frozen=True)
class Source:
    """A silver table behind a figure, at the version that the release stands on.

    `rows` are those that the figure was made of; None where they could not be told from the others, and the whole table stands
    behind it. `total` counts the rows of the table at that version, history included; `named` are the columns from which, by the
    gold contract, its columns come.
    """

    contract: Contract
    table_id: str
    version: int
    total: int
    rows: pa.Table | None
    named: tuple[str, ...]

    @property
    def name(self) -> str:
        return f"silver.{self.contract.table}"

    def shown(self) -> list[str]:
        """The columns that may be shown: where a row comes from, and what names no person."""
        hidden = persons(self.contract)
        return [*PLACE, *[c.name for c in self.contract.columns if c.name not in hidden]]

    def leading(self) -> list[str]:
        """Of those the few that tell most: place, key, and what the figure comes from."""
        key = () if self.contract.whole_row_key else self.contract.key
        return [n for n in self.shown() if n in PLACE or n in key or n in self.named]

    def lines(self) -> list[dict[str, Any]]:
        """The rows as texts, ordered by place, then by value. Of a person nothing is shown."""
        if self.rows is None:
            return []
        names = self.shown()
        found = [dict(zip(names, row, strict=True)) for row in canonical_rows(self.rows, names)]
        return sorted(found, key=lambda row: (*[str(row[n]).rjust(12, "0") for n in PLACE], json.dumps(row)))


@dataclass(frozen=True)
class Delivered:
    """A delivery behind a figure: its receipt, and the records of it that are, by file.

    `hashes` are those of the records, so that a file can be asked for them later; of a dataset that names persons there are none.
    `records` is empty where the whole delivery stands behind the figure. `mended` counts records that a person mended.
    """

    contract: Contract
    receipt: Receipt
    records: Mapping[str, Sequence[int]]
    hashes: Mapping[str, Sequence[str]]
    mended: int = 0

    @property
    def count(self) -> int:
        return sum(len(numbers) for numbers in self.records.values())


@dataclass(frozen=True)
class Figure:
    """One published row, what it was made of, and where that was delivered. Making it again gave the same values."""

    table: str
    title: str
    key: Mapping[str, str]
    release: int
    released_at: str
    version: int
    digest: str
    values: Mapping[str, str | None]
    sources: tuple[Source, ...]
    deliveries: tuple[Delivered, ...]
    given: tuple[str, ...]  # what the mart reads beside tables: receipts, decisions
    receipts: tuple[Receipt, ...] = ()


def hash_record(cells: Sequence[str | None]) -> str:
    """SHA-256 of a delivered record: its cells as a JSON array, in the contract's order."""
    return hashlib.sha256(json.dumps(list(cells), ensure_ascii=False, separators=(",", ":")).encode()).hexdigest()


def hash_records(rows: pa.Table, contract: Contract) -> dict[int, str]:
    """The hash of each record of a file, by number. Columns: those delivered, `_record`."""
    cells = [rows[c.name].to_pylist() for c in contract.delivered]
    return {n: hash_record(record) for n, *record in zip(rows["_record"].to_pylist(), *cells, strict=True)}


def text_row(rows: pa.Table, contract: Contract) -> dict[str, str | None]:
    """The only row of a table by column, each value as the digest writes it."""
    names = [c.name for c in contract.columns]
    (values,) = canonical_rows(rows, names)
    return {n: v if v is None else json.dumps(v) if isinstance(v, bool) else str(v) for n, v in zip(names, values, strict=True)}  # fmt: skip
