"""What a mart stands on: the datasets behind it, their accepted deliveries, and those that it waits for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from jobs import gold, landing
from jobs.cities import load_gold
from jobs.contracts import Contract
from jobs.ledger import Line
from jobs.night.opened import Night
from jobs.release import Released
from jobs.suites import load_suite

NAMED = 3  # nights of a dataset that a release names one by one


def marts(night: Night) -> list[gold.Mart]:
    return [gold.find_mart(c, load_suite(c)) for c in load_gold(night.lake.city).values()]


def datasets_behind(night: Night, mart: gold.Mart, known: Mapping[str, gold.Mart]) -> list[Contract]:
    """Datasets that a mart stands on, also through other gold tables."""
    by_table = {c.table: c for c in night.contracts.values()}
    found: dict[str, Contract] = {}
    for name in mart.reads:
        if name == gold.RECEIPTS:
            found |= {c.dataset: c for c in night.contracts.values()}
        elif name in gold.GIVEN:
            continue
        elif name.startswith("gold_"):
            other = known[name.removeprefix("gold_")]
            found |= {c.dataset: c for c in datasets_behind(night, other, known)}
        else:
            found[by_table[name].dataset] = by_table[name]
    return sorted(found.values(), key=lambda c: c.dataset)


def _behind(night: Night, mart: gold.Mart) -> list[Contract]:
    return datasets_behind(night, mart, {m.table: m for m in marts(night)})


def stands_on(night: Night, mart: gold.Mart) -> tuple[Sequence[Any], ...]:
    """The set of (dataset, date, revision, sha256) in the silver tables behind a mart."""
    found = []
    for contract in _behind(night, mart):
        if mart.reads == (gold.RECEIPTS,):
            continue
        best: dict[str, list[Any]] = {}
        for r in landing.list_receipts(night.lake, contract):
            line = night.ledger.newest("silver", contract.dataset, r.business_date, r.revision)
            if line and line.is_in_silver(r.sha256):
                best[r.business_date] = [contract.dataset, r.business_date, r.revision, r.sha256]
        found += list(best.values())
    return tuple(found)


def why_stale(night: Night, mart: gold.Mart, tables: Mapping[str, Released]) -> str:
    """Why a mart's figures are not those of all that was due: deliveries and gold tables behind it that are held, refused, failed, or did not come."""
    if mart.reads == (gold.RECEIPTS,):
        return ""
    found = _held_parents(mart, tables, {m.table: m for m in marts(night)})
    for contract in _behind(night, mart):
        receipts = landing.list_receipts(night.lake, contract, absent=True)
        for line in _open_lines(night, receipts):
            delivery = "" if line.code == "E706" else f" {line.business_date} r{line.revision}"
            found.append(f"{contract.dataset}{delivery} {line.outcome} ({line.code})")
        found += filter(None, [_missing(contract, receipts)])
    return "; ".join(dict.fromkeys(found))


def _missing(contract: Contract, receipts: Sequence[landing.Receipt]) -> str:
    """Nights whose delivery was due and has not come; where a delivery says all there is, those after the newest that came."""
    came = {r.business_date for r in receipts if r.status == "delivered"}
    absent = sorted({r.business_date for r in receipts if r.status == "not_delivered"} - came, reverse=True)
    if contract.mode not in ("changes", "events"):
        absent = [day for day in absent if day > max(came, default="")]
    more = f" and {len(absent) - NAMED} more" if len(absent) > NAMED else ""
    return f"{contract.dataset} {', '.join(absent[:NAMED])}{more} not delivered" if absent else ""


def _held_parents(mart: gold.Mart, tables: Mapping[str, Released], known: Mapping[str, gold.Mart]) -> list[str]:
    """Held gold tables that a mart reads, also through other gold tables."""
    found = []
    for name in (n.removeprefix("gold_") for n in mart.reads if n.startswith("gold_")):
        parent = tables.get(name)
        if parent and parent.status == "held":
            found.append(f"gold.{name} held ({parent.why.split(' ')[0]})")
        found += _held_parents(known[name], tables, known)
    return found


def open_lines(night: Night, contract: Contract) -> list[Line]:
    """Of each business date the newest revision, where it is held, refused or failed: its newest line."""
    return _open_lines(night, landing.list_receipts(night.lake, contract))


def _open_lines(night: Night, receipts: Sequence[landing.Receipt]) -> list[Line]:
    found = []
    for r in {r.business_date: r for r in receipts if r.status == "delivered"}.values():
        stages = [night.ledger.newest(s, r.dataset, r.business_date, r.revision) for s in ("silver", "bronze")]
        line = next((x for x in stages if x is not None), None)
        if line and line.outcome in ("held", "refused", "failed"):
            found.append(line)
    return found
