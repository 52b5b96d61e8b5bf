"""Reconcile: of every delivery the numbers of its way through, and whether the identities that it has reached hold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from jobs.contracts import Contract
from jobs.identities import list_identities
from jobs.landing import Receipt
from jobs.ledger import Ledger

DIFFERENT = "DIFFERENT"
READ = ("landed", "bronze", "refused")
JUDGED = {
    "judged": "judged", "good": "good", "aside": "set_aside", "duplicates": "duplicates", "inserted": "inserted", "changed": "changed",
    "ended": "ended", "unchanged": "unchanged", "outranked": "outranked", "absent": "ended_by_absence",
}  # fmt: skip
COLUMNS = ("dataset", "date", "rev", "outcome", *READ, *JUDGED, "sums", "identities")


def reconcile_delivery(ledger: Ledger, contract: Contract, receipt: Receipt) -> dict[str, Any]:
    """One delivery, however far it went. Columns: `COLUMNS`; numbers of what it has not reached are 0."""
    stages = [ledger.newest(s, receipt.dataset, receipt.business_date, receipt.revision) for s in ("bronze", "silver")]
    bronze, silver = [dict(x.counts) if x else {} for x in stages]
    last = next((x for x in reversed(stages) if x), None)
    place = (receipt.dataset, receipt.business_date, f"r{receipt.revision}", last.outcome if last else "landed")
    numbers = [bronze.get(k, 0) for k in READ] + [silver.get(k, 0) for k in JUDGED.values()]
    sums = " ".join(f"{k}={v}" for k, v in silver.get("sums", {}).items())
    wrong = [str(x) for x in list_identities(contract, bronze, silver) if not x.holds]
    verdict = f"{DIFFERENT}: {', '.join(wrong)}" if wrong else "equal" if bronze else ""
    return dict(zip(COLUMNS, (*place, *numbers, sums, verdict), strict=True))


def reconcile_deliveries(
    ledger: Ledger, contracts: Mapping[str, Contract], receipts: Iterable[Receipt]
) -> list[dict[str, Any]]:
    """Every delivery, in the order of the receipts."""
    return [reconcile_delivery(ledger, contracts[r.dataset], r) for r in receipts if r.status == "delivered"]
