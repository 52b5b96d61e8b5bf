"""Unusual deliveries that nobody has signed: what is said of them, and the gold tables that wait for it."""

from __future__ import annotations

from dataclasses import replace

from jobs import gold
from jobs.bands import Counted, find_unusual
from jobs.contracts import Contract
from jobs.errors import LakeError
from jobs.ledger import Line
from jobs.night.opened import Night, note_line

STAGE = "band"


def find_unsigned(night: Night) -> dict[str, LakeError]:
    """By silver table the oldest unusual delivery of its dataset that nobody has approved."""
    found: dict[str, LakeError] = {}
    for contract in night.contracts.values():
        for _, error in _unsigned(night, contract):
            found.setdefault(contract.table, error)
    return found


def note_unusual(night: Night) -> dict[str, LakeError]:
    """Write down, once, which deliveries are unusual and which no longer are; returns what `find_unsigned` does."""
    now = {}
    for contract in night.contracts.values():
        for counted, error in _unsigned(night, contract):
            now[contract.dataset, counted.business_date, counted.revision, STAGE] = (counted, error)
    for key, (counted, error) in now.items():
        line = Line(STAGE, key[0], "held", key[1], key[2], counted.sha256, error=error.parts())
        known = night.ledger.newest(STAGE, *key[:3])
        if known is None or (known.outcome, known.sha256, known.error) != ("held", line.sha256, line.error):
            note_line(night, line, error)
    for line in list_held(night):
        if line.key not in now:
            note_line(night, replace(line, outcome="accepted", error={}), None)
    return find_unsigned(night)


def list_held(night: Night) -> list[Line]:
    """What is written down as unusual, signed or not."""
    return [x for x in night.ledger.lines.values() if x.stage == STAGE and x.outcome == "held"]


def why_held(mart: gold.Mart, unsigned: dict[str, LakeError]) -> str:
    """Why a mart waits: the first of the tables that it reads itself with an unusual delivery; empty where there is none."""
    error = next((unsigned[name] for name in mart.reads if name in unsigned), None)
    if error is None:
        return ""
    w = error.where
    return f"{error.code} {w.dataset} {w.business_date} r{w.revision}: {error.actual}, not {error.expected}"


def _unsigned(night: Night, contract: Contract) -> list[tuple[Counted, LakeError]]:
    if not (contract.volume_band or contract.shift_factor):
        return []
    found = []
    for counted, error in find_unusual(contract, _counted(night, contract)):
        where = (contract.dataset, counted.business_date, counted.revision, counted.sha256)
        if any(d.kind == "approve" for d in night.ledger.decisions_on(*where)):
            continue
        error.evidence = f"bronze.{contract.table}"
        error.at(dataset=where[0], business_date=where[1], revision=where[2], stage=STAGE)
        found.append((counted, error))
    return found


def _counted(night: Night, contract: Contract) -> list[Counted]:
    """Of each business date the delivery that is in silver, the oldest date first."""
    best: dict[str, Line] = {}
    for line in sorted(night.ledger.lines.values(), key=lambda x: x.revision):
        if line.dataset == contract.dataset and line.is_in_silver(line.sha256):
            best[line.business_date] = line
    return [
        Counted(day, x.revision, x.sha256, int(x.counts["judged"]), x.counts.get("sums") or {})
        for day, x in sorted(best.items())
    ]
