"""The page for a department: what was wrong with what it delivered, with file and record, to be sent to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jobs.contracts import Contract
from jobs.landing import Receipt
from jobs.report.delivery import Timing, meanings_of, timing_of
from jobs.report.facts import AsideRule, Facts, group_asides

NIGHTS = 28
PLACES = 50


@dataclass(frozen=True)
class Trouble:
    """A delivery with something to say about: that it came late or not at all, its error, its set-aside rows by rule."""

    receipt: Receipt
    status: str
    is_late: bool
    timing: Timing
    error: Mapping[str, Any]
    rows: int
    asides: Sequence[AsideRule]
    meanings: Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class DepartmentView:
    """What the template of a department shows: its datasets, how many deliveries were looked at, and their troubles."""

    source: str
    owner: str
    contracts: Sequence[Contract]
    nights: int
    looked_at: int
    troubles: Mapping[str, Sequence[Trouble]]
    limit: int


def view_department(facts: Facts, source: str) -> DepartmentView:
    """Gather what a department is told about its newest 28 nights: of each business date the newest revision."""
    contracts = [c for c in facts.contracts.values() if c.source == source]
    newest = {c.dataset: _newest(facts, c) for c in contracts}
    troubles = {
        d: [t for t in (_trouble(facts, r) for r in found) if _is_worth_telling(t)] for d, found in newest.items()
    }
    looked_at = sum(len(found) for found in newest.values())
    return DepartmentView(source, contracts[0].owner, contracts, NIGHTS, looked_at, troubles, PLACES)


def _newest(facts: Facts, contract: Contract) -> list[Receipt]:
    """Of each of the newest nights the newest revision, or that nothing came."""
    found: dict[str, Receipt] = {}
    for r in sorted((r for r in facts.receipts if r.dataset == contract.dataset), key=lambda r: (r.status == "delivered", r.revision)):  # fmt: skip
        found[r.business_date] = r
    return [found[day] for day in sorted(found, reverse=True)[:NIGHTS]]


def _trouble(facts: Facts, receipt: Receipt) -> Trouble:
    lines = [x for x in (facts.newest("bronze", receipt), facts.newest("silver", receipt)) if x]
    errors = [x.error for x in lines if x.error]
    rows, asides = group_asides(facts, receipt, PLACES) if receipt.status == "delivered" else (0, [])
    timing = timing_of(facts, receipt)
    error = errors[-1] if errors else receipt.problem
    return Trouble(
        receipt, facts.status(receipt), timing.is_late, timing, error, rows, asides, meanings_of(lines, asides)
    )


def _is_worth_telling(trouble: Trouble) -> bool:
    return bool(trouble.is_late or trouble.error or trouble.rows or trouble.status == "not delivered")
