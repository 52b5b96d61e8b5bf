"""What is declared of a dataset or a gold table, as frozen dataclasses.

Safe for a DAG to import: the standard library only.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from jobs.errors import LakeError

MODES = ("snapshot", "partition", "changes", "events")
SERVERS = ("inbox", "live")
NAME = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True)
class Column:
    """One column: what arrives (`header`) and what the table holds (`name`, `spark_type`)."""

    name: str
    header: str
    logical_type: str
    spark_type: str
    required: bool = False
    key_position: int | None = None
    enum: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    classification: str = ""
    description: str = ""
    sources: tuple[str, ...] = ()
    parent: str = ""  # the key of another dataset that the column names
    unit: str = ""

    @property
    def format(self) -> str:
        return str(self.options.get("format", ""))

    @property
    def precision(self) -> int:
        """Digits of a decimal; 0 of any other type."""
        return self._digits[0]

    @property
    def scale(self) -> int:
        """Digits of a decimal behind its point."""
        return self._digits[1]

    @property
    def _digits(self) -> tuple[int, int]:
        found = re.fullmatch(r"decimal\((\d+),\s*(\d+)\)", self.spark_type)
        return (int(found[1]), int(found[2])) if found else (0, 0)


@dataclass(frozen=True)
class Due:
    """When a dataset is due and how long it is kept."""

    schedule: str
    latency_hours: int
    retention_years: int


@dataclass(frozen=True)
class RowDate:
    """The column that dates a row, which lies at most `before` days before the business date and `after` days after it."""

    column: str
    before: int = 0
    after: int = 0


@dataclass(frozen=True)
class Place:
    """A server of the contract: how and where a delivery is fetched. Secrets come from the environment by name."""

    name: str
    type: str
    path: str
    format: str
    delimiter: str
    encoding: str
    secrets: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Contract:
    """One dataset of a source, or one gold table."""

    city: str
    source: str
    name: str
    title: str
    description: Mapping[str, str]
    owner: str
    grain: str
    columns: tuple[Column, ...]
    delivered: tuple[Column, ...]
    properties: Mapping[str, Any]
    places: Mapping[str, Place]
    due: Due
    path: Path

    @property
    def dataset(self) -> str:
        return f"{self.source}.{self.name}"

    @property
    def table(self) -> str:
        return f"{self.source}_{self.name}"

    @property
    def mode(self) -> str:
        return str(self.properties["mode"])

    @property
    def keeps_history(self) -> bool:
        return self.mode != "events"

    @property
    def whole_row_key(self) -> bool:
        return bool(self.properties.get("wholeRowKey", False))

    @property
    def key(self) -> tuple[str, ...]:
        """Names of the key columns; every column where nature gives no key."""
        if self.whole_row_key:
            return tuple(c.name for c in self.columns)
        keyed = [c for c in self.columns if c.key_position is not None]
        return tuple(c.name for c in sorted(keyed, key=lambda c: c.key_position or 0))

    @property
    def period(self) -> str:
        return str(self.properties.get("period", ""))

    @property
    def incremental(self) -> Mapping[str, tuple[str, ...]]:
        """Of a gold table that is built by days: the tables of which it reads these days only, each with the columns that date a row."""
        stated = dict(self.properties.get("incremental", {}))
        return {table: (dated,) if isinstance(dated, str) else tuple(dated) for table, dated in stated.items()}

    @property
    def every_day_of(self) -> str:
        """Of a gold table that is built by days: the one of these tables from whose first day to whose last it has every day."""
        return str(self.properties.get("everyDayOf", ""))

    @property
    def steps(self) -> tuple[str, ...]:
        return tuple(self.properties.get("steps", ()))

    @property
    def rows_per_record(self) -> int:
        return int(self.properties.get("rowsPerRecord", 1))

    @property
    def mostly(self) -> float:
        return float(self.properties.get("mostly", 0.99))

    @property
    def min_rows(self) -> int:
        return int(self.properties.get("minRows", 0))

    @property
    def row_date(self) -> RowDate | None:
        """Which column dates a row, and how many days round the business date it may say."""
        declared = self.properties.get("rowDate")
        return RowDate(**declared) if declared else None

    @property
    def volume_band(self) -> Decimal:
        """Share by which a delivery's rows may differ from the median of the nights before; 0 where nothing is compared."""
        return Decimal(str(self.properties.get("volumeBand", "0.5" if self.mode == "snapshot" else 0)))

    @property
    def shift_factor(self) -> Mapping[str, Decimal]:
        """By control sum the factor by which its mean a row may differ from the median of the nights before."""
        return {c: Decimal(str(f)) for c, f in self.properties.get("shiftFactor", {}).items()}

    @property
    def control_sums(self) -> tuple[str, ...]:
        return tuple(self.properties.get("controlSums", ()))

    @property
    def null_tokens(self) -> tuple[str, ...]:
        return ("", *self.properties.get("nullTokens", ()))

    @property
    def formats(self) -> Mapping[str, str]:
        """Formats by the end of a file's name, where not all files have that of the server."""
        return dict(self.properties.get("formats", {}))

    @property
    def manifest(self) -> Mapping[str, Any]:
        """The form of the supplier's manifest, where it is not ours: `name`, `encoding`, `fields`, `sums`, `hash_totals`."""
        return dict(self.properties.get("manifest", {}))

    @property
    def conserves(self) -> Mapping[str, str]:
        """Of a gold table: columns whose sum is that of a silver column, `<source>.<dataset>.<column>`."""
        return dict(self.properties.get("conserves", {}))

    @property
    def sequence(self) -> str:
        return str(self.properties.get("sequence", ""))

    @property
    def operation(self) -> str:
        return str(self.properties.get("operation", ""))

    @property
    def period_from_file(self) -> str:
        return str(self.properties.get("periodFromFile", ""))

    def column(self, name: str) -> Column:
        return next(c for c in self.columns if c.name == name)

    def inbox(self) -> Place:
        return self.places["inbox"]


def check_name(name: str) -> str:
    """Return the name, or refuse it (E813): it becomes part of paths and SQL."""
    if not all(NAME.fullmatch(part) for part in name.split(".")):
        raise LakeError("E813", place="name", expected="small letters, digits and _", actual=repr(name)[:60])
    return name


def fingerprint(value: object) -> str:
    """SHA-256 of a value written as canonical JSON: the identity of a declaration."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode()).hexdigest()
