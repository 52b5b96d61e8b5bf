"""Unusual deliveries that nobody has signed: what is said of them, and the gold tables that wait for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from jobs import gold
from jobs.bands import Counted, find_unusual
from jobs.contracts import Contract
from jobs.errors import LakeError
from jobs.ledger import Line
from jobs.night.opened import Night, note_line

STAGE = "band"
Unusual = tuple[Contract, Counted, LakeError]


def find_unsigned(night: Night) -> dict[str, LakeError]:
    """By silver table the oldest unusual delivery of its dataset that nobody has approved."""
    return _oldest(_list_unsigned(night))


def note_unusual(night: Night) -> dict[str, LakeError]:
    """Write down, once, which deliveries are unusual and which no longer are; returns what `find_unsigned` does."""
    unsigned = _list_unsigned(night)
    now = [
        (Line(STAGE, c.dataset, "held", counted.business_date, counted.revision, counted.sha256, error=e.parts()), e)
        for c, counted, e in unsigned
    ]
    for line, error in now:
        known = night.ledger.newest(STAGE, line.dataset, line.business_date, line.revision)
        if known is None or (known.outcome, known.sha256, known.error) != ("held", line.sha256, line.error):
            note_line(night, line, error)
    keys = {line.key for line, _ in now}
    for line in [x for x in list_held(night) if x.key not in keys]:
        note_line(night, replace(line, outcome="accepted", error={}), None)
    return _oldest(unsigned)


def _oldest(unsigned: Sequence[Unusual]) -> dict[str, LakeError]:
    return {contract.table: error for contract, _, error in reversed(unsigned)}


def _list_unsigned(night: Night) -> list[Unusual]:
    return [(c, counted, error) for c in night.contracts.values() for counted, error in _unsigned(night, c)]


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
