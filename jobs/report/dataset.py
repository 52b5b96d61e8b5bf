"""The pages of one dataset: its contract and deliveries with what each changed, and its rules through the nights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jobs.contracts import Contract
from jobs.landing import Receipt
from jobs.report.delivery import timing_of
from jobs.report.facts import Facts

NIGHTS_OF_A_RULE = 28
COUNTED = ("good", "set_aside", "duplicates", "inserted", "changed", "ended", "unchanged", "outranked")


@dataclass(frozen=True)
class Revision:
    """One delivery: how it ended and what it did to silver; `counts` is empty where it was not judged."""

    receipt: Receipt
    status: str
    is_late: bool
    counts: Mapping[str, int]


@dataclass(frozen=True)
class Asked:
    """One evaluation of a rule: of which delivery, with which counts."""

    receipt: Receipt
    result: Mapping[str, Any]


@dataclass(frozen=True)
class RuleHistory:
    """A rule as it was last asked, and each time that it was, the newest first."""

    stage: str
    rule: Mapping[str, Any]
    asked: Sequence[Asked]

    @property
    def evaluated(self) -> int:
        return sum(int(a.result["evaluated"]) for a in self.asked)

    @property
    def broken(self) -> int:
        return sum(int(a.result["broken"]) for a in self.asked)

    @property
    def unmet(self) -> int:
        return sum(not a.result["success"] for a in self.asked)


@dataclass(frozen=True)
class DatasetView:
    """What the templates of a dataset show."""

    contract: Contract
    revisions: Sequence[Revision]
    rules: Sequence[RuleHistory]
    limit: int


def view_dataset(facts: Facts, contract: Contract) -> DatasetView:
    """Gather what the pages of one dataset show."""
    receipts = [r for r in facts.delivered if r.dataset == contract.dataset]
    newest = sorted(receipts, key=lambda r: (r.business_date, r.revision), reverse=True)
    return DatasetView(contract, [_revision(facts, r) for r in newest], _rules(facts, newest), NIGHTS_OF_A_RULE)


def _revision(facts: Facts, receipt: Receipt) -> Revision:
    silver = facts.newest("silver", receipt)
    counts = dict(silver.counts) if silver and "judged" in silver.counts else {}
    shown = {name: int(counts[name]) for name in COUNTED if name in counts}
    if "ended" in shown:
        shown["ended"] += int(counts.get("ended_by_absence", 0))
    return Revision(receipt, facts.status(receipt), timing_of(facts, receipt).is_late, shown)


def _rules(facts: Facts, newest: Sequence[Receipt]) -> list[RuleHistory]:
    """Every rule that was ever asked of the dataset; those that were not met come first."""
    found: dict[tuple[str, str], list[Asked]] = {}
    for receipt in newest:
        for line in filter(None, (facts.newest("bronze", receipt), facts.newest("silver", receipt))):
            for result in line.results:
                found.setdefault((line.stage, str(result["rule"])), []).append(Asked(receipt, result))
    histories = [RuleHistory(stage, asked[0].result, asked) for (stage, _), asked in found.items()]
    return sorted(histories, key=lambda h: (not h.unmet, not h.broken, h.stage, str(h.rule["rule"])))
