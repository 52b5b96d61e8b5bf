"""Checkpoints of the audit tables: how many entries each has, and their root; kept in the lake, and handed to somebody else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from jobs import delta
from jobs.chain import ENTRY, Checkpoint, Fault, Row, verify_entries
from jobs.errors import LakeError
from jobs.lake import Lake

TABLES = ("checkpoints", "decisions", "ledger", "releases", "restatements")
CHECKPOINT = pa.schema(
    [("at", pa.timestamp("us", tz="UTC")), ("table", pa.string()), ("size", pa.int64()), ("root", pa.string())]
)
# What tells a person which entry it is; no value of a record stands there.
NAMES = {
    "ledger": ("line", "stage", "dataset", "business_date", "revision"),
    "decisions": ("id", "kind", "dataset", "business_date", "table"),
    "releases": ("release", "table"),
    "restatements": ("release", "table", "column"),
    "checkpoints": ("at", "table"),
}


@dataclass(frozen=True)
class Verified:
    """One audit table: entries that are as they were written, their root, rows from before tables had chains, the first bad entry."""

    table: str
    size: int
    root: str
    older: int
    fault: Fault | None


def verify_tables(lake: Lake, outside: Sequence[Checkpoint] = ()) -> list[Verified]:
    """Hold every audit table against its own roots, the lake's checkpoints as far as they are sound, and some from outside.

    Checkpoints are read first: a table that is written meanwhile is only longer than they say.
    """
    rows = _read(lake, "checkpoints")
    sound = _verify("checkpoints", rows, outside).size
    kept = [Checkpoint(r["table"], r["size"], r["root"], _iso(r["at"])) for r in rows if (r.get(ENTRY) or 0) <= sound]
    known = [*kept, *outside]
    return [_verify(table, rows if table == "checkpoints" else _read(lake, table), known) for table in TABLES]


def _verify(table: str, rows: Sequence[Row], known: Sequence[Checkpoint]) -> Verified:
    tree, fault = verify_entries(rows, [mark for mark in known if mark.table == table])
    return Verified(table, tree.size, tree.root, sum(row.get(ENTRY) is None for row in rows), fault)


def take_checkpoint(lake: Lake, now: datetime) -> list[Checkpoint]:
    """Write down size and root of every audit table that there is; raises E610 where one is not sound.

    Where nothing was written since the last one, nothing is written.
    """
    verified = verify_tables(lake)
    for found in verified:
        if found.fault:
            raise bad_entry(found.table, found.fault)
    taken = [Checkpoint(v.table, v.size, v.root, _iso(now)) for v in verified if v.size]
    known = {(row["table"], row["size"]) for row in _read(lake, "checkpoints")}
    if any((c.table, c.size) not in known for c in taken if c.table != "checkpoints"):
        rows = [{"at": now, "table": c.table, "size": c.size, "root": c.root} for c in taken]
        delta.append_rows(lake.table("audit", "checkpoints"), pa.Table.from_pylist(rows, CHECKPOINT), "checkpoint")
    return taken


def bad_entry(table: str, fault: Fault) -> LakeError:
    """The failure that names the first bad entry."""
    place = (
        f"entry {fault.entry}" if fault.last == fault.entry else f"the first of entries {fault.entry} to {fault.last}"
    )
    evidence = " ".join(_name(fault.row[n]) for n in NAMES[table] if fault.row.get(n) not in (None, "", 0))
    return LakeError(
        "E610", place=f"audit.{table} {place}", expected=fault.expected, actual=fault.actual,
        evidence=f"there stands {evidence}" if evidence else "",
    )  # fmt: skip


def _name(value: object) -> str:
    return _iso(value) if isinstance(value, datetime) else str(value)[:80]


def _read(lake: Lake, table: str) -> list[Row]:
    rows = delta.read_arrow(lake.table("audit", table))
    return rows.to_pylist() if rows is not None else []


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def read_marks(found: Mapping[str, Any]) -> list[Checkpoint]:
    """Checkpoints from the object that `lake audit checkpoint` wrote."""
    return [Checkpoint(str(t["table"]), int(t["size"]), str(t["root"]), str(t["at"])) for t in found["tables"]]
