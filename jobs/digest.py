"""The canonical digest of a table: equal rows, equal digest, on any machine and in any order.

Contract columns in contract order (history tables also valid_from, valid_to, is_current), one JSON array a row, lines sorted
bytewise, LF, SHA-256. An incremental table has such a digest a day, and its own is that of the sorted lines `day digest`: a night
then reads only the days that it built. Null is null, booleans true and false, numbers plain decimal text at declared scale, dates ISO,
`timestamp_ntz` with six digits, instants in UTC.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from jobs.contracts import Contract

HISTORY = ("valid_from", "valid_to", "is_current")


def digest_columns(contract: Contract) -> list[str]:
    """Names of the columns that count, in order."""
    history = HISTORY if contract.source != "gold" and contract.keeps_history else ()
    return [*[c.name for c in contract.columns], *history]


def digest_table(rows: pa.Table, contract: Contract) -> str:
    """The digest of a table by its contract."""
    if contract.incremental:
        return digest_of_days(digest_by_day(rows, contract))
    return digest_of(rows, digest_columns(contract))


def digest_by_day(rows: pa.Table, contract: Contract) -> dict[str, str]:
    """The digest of each day of the contract's period."""
    dated = rows.append_column("_day", pc.cast(rows[contract.period], pa.date32())).sort_by("_day")
    columns, found, start = digest_columns(contract), {}, 0
    for day in dated["_day"].value_counts().to_pylist():
        found[day["values"].isoformat()] = digest_of(dated.slice(start, day["counts"]), columns)
        start += day["counts"]
    return found


def digest_of_days(days: Mapping[str, str]) -> str:
    """SHA-256 of the lines `day digest` in order."""
    return hashlib.sha256("".join(f"{day} {digest}\n" for day, digest in sorted(days.items())).encode()).hexdigest()


def digest_of(rows: pa.Table, columns: Sequence[str]) -> str:
    """SHA-256 of the canonical lines of a table."""
    lines = sorted(canonical_line(row).encode() for row in canonical_rows(rows, columns))
    digest = hashlib.sha256()
    for line in lines:
        digest.update(line + b"\n")
    return digest.hexdigest()


def canonical_rows(rows: pa.Table, columns: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    """The rows of a table with each value as the digest writes it."""
    written = [list(map(_writer(rows.schema.field(c).type), rows[c].to_pylist())) for c in columns]
    return zip(*written, strict=True)


def canonical_line(row: Iterable[Any]) -> str:
    return json.dumps(list(row), ensure_ascii=False, separators=(",", ":"))


def _writer(kind: pa.DataType) -> Callable[[Any], Any]:
    if pa.types.is_timestamp(kind):
        return _write_instant if kind.tz else _write_local
    if pa.types.is_date(kind):
        return _write_date
    if pa.types.is_decimal(kind):
        return _write_decimal
    return lambda value: value if value is None or isinstance(value, (str, bool)) else str(value)


def _write_local(value: datetime | None) -> str | None:
    return None if value is None else value.strftime("%Y-%m-%dT%H:%M:%S.%f")


def _write_instant(value: datetime | None) -> str | None:
    return None if value is None else value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _write_date(value: date | None) -> str | None:
    return None if value is None else value.isoformat()


def _write_decimal(value: Decimal | None) -> str | None:
    return None if value is None else f"{value:f}"
