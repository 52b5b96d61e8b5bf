"""Rows that wait for their parent: good rows whose key the table that they refer to does not have, or not yet.

A contract says with `relationships` that a column names the key of another dataset. Such a row is never set aside, and marts leave it
out by themselves where they need the parent; each release counts and names what waits, and it is gone from there when the parent comes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from jobs import delta
from jobs.contracts import Contract
from jobs.lake import Lake

SHOWN = 20


@dataclass(frozen=True)
class Pending:
    """Current rows of a column of silver whose parent has no current row: how many, of how many keys, and the first of these."""

    column: str
    parent: str
    rows: int
    keys: int
    first: tuple[str, ...]


def find_pending(lake: Lake, contracts: Mapping[str, Contract]) -> list[Pending]:
    """What waits now, by column; nothing of a column without rows that wait, or whose tables are not both there (lint names one that cannot be)."""
    return [
        found
        for contract in contracts.values()
        for column in contract.columns
        if column.parent and (found := _look(lake, contracts, contract, column.name, column.parent))
    ]


def _look(
    lake: Lake, contracts: Mapping[str, Contract], contract: Contract, column: str, parent: str
) -> Pending | None:
    dataset, _, key = parent.rpartition(".")
    if dataset not in contracts:
        return None
    named, there = _current(lake, contract, column), _current(lake, contracts[dataset], key)
    if named is None or there is None:
        return None
    missing = named.filter(pc.invert(pc.is_in(named, value_set=there)))
    keys = sorted(missing.unique().to_pylist())
    return (
        Pending(f"{contract.dataset}.{column}", parent, len(missing), len(keys), tuple(keys[:SHOWN])) if keys else None
    )


def _current(lake: Lake, contract: Contract, column: str) -> pa.ChunkedArray | None:
    """The values of a column in current rows, without nulls; None where there is no table, or one that is older than the column."""
    path, where = lake.table("silver", contract.table), pc.field("is_current") if contract.keeps_history else None
    table = delta.open_table(path)
    if table is None or column not in {f.name for f in table.schema().fields}:
        return None
    rows = delta.read_arrow(path, columns=[column], where=where)
    return rows[column].drop_null() if rows is not None else None
