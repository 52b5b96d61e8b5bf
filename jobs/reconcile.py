"""Reconcile: of every delivery the numbers of its way through, and whether the identities that it has reached hold; and whether
gold adds up to the silver that it was made of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

import pyarrow.compute as pc

from jobs import delta, versions
from jobs.contracts import Contract
from jobs.identities import list_identities
from jobs.lake import Lake
from jobs.landing import Receipt
from jobs.ledger import Ledger
from jobs.release import Release, Released

DIFFERENT = "DIFFERENT"
READ = ("landed", "bronze", "refused")
JUDGED = {
    "judged": "judged", "good": "good", "aside": "set_aside", "duplicates": "duplicates", "inserted": "inserted", "changed": "changed",
    "ended": "ended", "unchanged": "unchanged", "outranked": "outranked", "absent": "ended_by_absence",
}  # fmt: skip
COLUMNS = ("dataset", "date", "rev", "outcome", "delivered", *READ, *JUDGED, "sums", "identities")


def reconcile_delivery(ledger: Ledger, contract: Contract, receipt: Receipt) -> dict[str, Any]:
    """One delivery, however far it went. Columns: `COLUMNS`; numbers of what it has not reached are 0."""
    stages = [ledger.newest(s, receipt.dataset, receipt.business_date, receipt.revision) for s in ("bronze", "silver")]
    bronze, silver = [dict(x.counts) if x else {} for x in stages]
    last = next((x for x in reversed(stages) if x), None)
    place = (receipt.dataset, receipt.business_date, f"r{receipt.revision}", last.outcome if last else "landed")
    stated = receipt.manifest.get("records", "")  # what the supplier says; nothing where it says nothing
    numbers = [stated, *[bronze.get(k, 0) for k in READ], *[silver.get(k, 0) for k in JUDGED.values()]]
    sums = " ".join(f"{k}={v}" for k, v in silver.get("sums", {}).items())
    wrong = [str(x) for x in list_identities(contract, bronze, silver) if not x.holds]
    verdict = f"{DIFFERENT}: {', '.join(wrong)}" if wrong else "equal" if bronze else ""
    return dict(zip(COLUMNS, (*place, *numbers, sums, verdict), strict=True))


def reconcile_deliveries(
    ledger: Ledger, contracts: Mapping[str, Contract], receipts: Iterable[Receipt]
) -> list[dict[str, Any]]:
    """Every delivery, in the order of the receipts."""
    return [reconcile_delivery(ledger, contracts[r.dataset], r) for r in receipts if r.status == "delivered"]


GOLD = ("table", "column", "from", "in silver", "in gold", "difference")


def reconcile_gold(
    lake: Lake, datasets: Mapping[str, Contract], gold: Mapping[str, Contract], release: Release
) -> list[dict[str, Any]]:
    """The columns of a release that conserve a silver column, with both sums. Columns: `GOLD`.

    Silver is read in the version that the table was built from; where that is not kept any more, its sum is empty.
    """
    tables = [(contract, release.tables[name]) for name, contract in gold.items() if name in release.tables]
    return [
        _conserved(lake, datasets, contract, released, column, source)
        for contract, released in tables
        if released.version >= 0
        for column, source in contract.conserves.items()
    ]


def _conserved(
    lake: Lake, datasets: Mapping[str, Contract], contract: Contract, released: Released, column: str, source: str
) -> dict[str, Any]:
    dataset, _, name = source.rpartition(".")
    silver = datasets[dataset]
    read = next((r for r in released.reads if r["name"] == silver.table), None)  # none: released before it was read
    path = lake.table("silver", silver.table)
    version = versions.rows_until(path, int(read["version"])) if read else -1
    kept = read and delta.holds(path, str(read["table_id"]), version)
    before = _sum(path, version, name, current=silver.keeps_history) if kept else None
    after = _sum(lake.table("gold", contract.name), released.version, column, current=False)
    difference = "" if before is None else after - before
    shown = ("" if before is None else before, after, difference)
    return dict(zip(GOLD, (contract.dataset, column, source, *map(str, shown)), strict=True))


def _sum(path: str, version: int, column: str, *, current: bool) -> Decimal:
    """The exact sum of a column, of the current rows where a table has others."""
    rows = delta.read_arrow(path, version, [column], pc.field("is_current") if current else None)
    found = pc.sum(rows[column]).as_py() if rows is not None else None
    return Decimal(found or 0)
