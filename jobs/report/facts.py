"""What the pages are made of, read once: receipts, ledger lines, decisions, releases, places of set-aside rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from jobs import delta
from jobs.cities import City
from jobs.contracts import Contract
from jobs.due import due_at, is_due
from jobs.lake import Lake
from jobs.landing import Receipt, all_receipts
from jobs.ledger import Decision, Line, all_lines, read_decisions
from jobs.release import Release, read_releases, read_restatements

# Never `_key`, `_delivered` or `_raw`: they hold values of the data.
PLACES = ["_business_date", "_revision", "_stage", "_file", "_record", "_line", "_rules", "_detail"]


@dataclass(frozen=True)
class Facts:
    """Everything the pages say, in one order. `asides` holds places of set-aside rows by dataset."""

    city: City
    contracts: Mapping[str, Contract]
    gold_contracts: Mapping[str, Contract]
    receipts: tuple[Receipt, ...]
    lines: tuple[Line, ...]
    decisions: tuple[Decision, ...]
    releases: tuple[Release, ...]
    restatements: tuple[Mapping[str, Any], ...]
    asides: Mapping[str, pa.Table]

    @property
    def delivered(self) -> list[Receipt]:
        return [r for r in self.receipts if r.status == "delivered"]

    def newest(self, stage: str, receipt: Receipt) -> Line | None:
        """The newest line of a stage about exactly these bytes."""
        return self._newest.get((stage, receipt.dataset, receipt.business_date, receipt.revision, receipt.sha256))

    @cached_property
    def _newest(self) -> dict[tuple[str, str, str, int, str], Line]:
        return {(x.stage, x.dataset, x.business_date, x.revision, x.sha256): x for x in self.lines}

    def arrivals(self, night: str, dataset: str) -> list[Receipt]:
        return self._arrivals.get((night, dataset), [])

    @cached_property
    def _arrivals(self) -> dict[tuple[str, str], list[Receipt]]:
        found: dict[tuple[str, str], list[Receipt]] = {}
        for r in self.receipts:
            found.setdefault((r.business_date, r.dataset), []).append(r)
        return found

    def due(self, receipt: Receipt) -> datetime | None:
        """When the delivery was due; None where nothing was."""
        contract = self.contracts[receipt.dataset]
        return due_at(contract, receipt.night, self.city) if is_due(contract, receipt.night, self.city) else None

    def status(self, receipt: Receipt) -> str:
        """One word: accepted, held, refused, failed, landed (not judged yet), not delivered or not due."""
        if receipt.status != "delivered":
            return receipt.status.replace("_", " ")
        found = [x for x in (self.newest("bronze", receipt), self.newest("silver", receipt)) if x]
        if not found:
            return "refused" if receipt.problem else "landed"
        last = max(found, key=lambda x: x.line)
        if last.stage == "bronze" and last.outcome == "accepted":
            return found[-1].outcome if found[-1].stage == "silver" else "landed"
        return last.outcome

    def unusual(self, receipt: Receipt) -> Line | None:
        """What is said of a delivery unlike the nights before, until somebody signs it."""
        line = self.newest("band", receipt)
        about = (receipt.dataset, receipt.business_date, receipt.revision, receipt.sha256)
        signed = any(
            d.kind == "approve" and (d.dataset, d.business_date, d.revision, d.sha256) == about for d in self.decisions
        )
        return line if line and line.outcome == "held" and not signed else None

    def about(self, stage: str, dataset: str) -> list[Line]:
        """Every line of a stage of a dataset, gold table or release, as they were written."""
        return self._about.get((stage, dataset), [])

    @cached_property
    def _about(self) -> dict[tuple[str, str], list[Line]]:
        found: dict[tuple[str, str], list[Line]] = {}
        for x in self.lines:
            found.setdefault((x.stage, x.dataset), []).append(x)
        return found

    def standing_on(self, receipt: Receipt) -> list[tuple[int, int | None]]:
        """The releases that stand on a delivery, as runs from a number to a number; to None where it is in the newest one too."""
        numbers = [r.number for r in self.releases]
        places = self._standing.get((receipt.dataset, receipt.business_date, receipt.revision, receipt.sha256), [])
        runs: list[list[int]] = []
        for at in places:
            if runs and runs[-1][1] == at - 1:
                runs[-1][1] = at
            else:
                runs.append([at, at])
        return [(numbers[a], None if b == len(numbers) - 1 else numbers[b]) for a, b in runs]

    @cached_property
    def _standing(self) -> dict[tuple[Any, ...], list[int]]:
        """By delivery the places, in the list of releases, of those that stand on it."""
        found: dict[tuple[Any, ...], list[int]] = {}
        for at, release in enumerate(self.releases):
            for what in {tuple(d) for t in release.tables.values() for d in t.stands_on}:
                found.setdefault(what, []).append(at)
        return found


def read_facts(
    lake: Lake, contracts: Mapping[str, Contract], gold_contracts: Mapping[str, Contract], city: City
) -> Facts:
    """Read them without a JVM."""
    receipts = sorted(all_receipts(lake, contracts), key=lambda r: (r.business_date, r.dataset, r.revision, r.status))
    return Facts(
        city=city,
        contracts=contracts,
        gold_contracts=gold_contracts,
        receipts=tuple(receipts),
        lines=tuple(all_lines(lake.table("audit", "ledger"))),
        decisions=tuple(read_decisions(lake)),
        releases=tuple(read_releases(lake)),
        restatements=tuple(read_restatements(lake)),
        asides=dict(_read_asides(lake, contracts)),
    )


def _read_asides(lake: Lake, contracts: Mapping[str, Contract]) -> Iterator[tuple[str, pa.Table]]:
    for contract in contracts.values():
        found = delta.read_arrow(lake.table("quarantine", contract.table), columns=PLACES)
        if found is not None:
            yield contract.dataset, found.sort_by([(name, "ascending") for name in ("_stage", "_file", "_record")])


@dataclass(frozen=True)
class AsideRule:
    """Rows that one rule set aside: how many in all, and the places of the first of them."""

    rule: str
    rows: int
    places: Sequence[Mapping[str, Any]]


def group_asides(facts: Facts, receipt: Receipt, limit: int) -> tuple[int, list[AsideRule]]:
    """Set-aside rows of a delivery, counted once, and by each rule that they break with at most `limit` places a rule.

    A row that a person dismissed may break no rule; it stands under `dismissed`.
    """
    rows = facts.asides.get(receipt.dataset)
    if rows is None:
        return 0, []
    night = pc.equal(rows["_business_date"], pa.scalar(receipt.night, pa.date32()))
    rows = rows.filter(pc.and_(night, pc.equal(rows["_revision"], receipt.revision))).combine_chunks()
    names, parents = pc.list_flatten(rows["_rules"]), pc.list_parent_indices(rows["_rules"])
    found = {str(rule): parents.filter(pc.equal(names, rule)) for rule in pc.unique(names).to_pylist()}
    ruleless = pc.indices_nonzero(pc.equal(pc.fill_null(pc.list_value_length(rows["_rules"]), 0), 0))
    if len(ruleless):
        found["dismissed"] = ruleless
    places = rows.select(["_stage", "_file", "_record", "_line", "_detail"])
    groups = [AsideRule(rule, len(at), places.take(at.slice(0, limit)).to_pylist()) for rule, at in found.items()]
    return rows.num_rows, sorted(groups, key=lambda g: (-g.rows, g.rule))
