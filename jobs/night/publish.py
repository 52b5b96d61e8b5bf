"""Publish one release of every gold table, where it would say something new."""

from __future__ import annotations

from dataclasses import asdict

from jobs import delta, gold, release
from jobs.cities import load_gold
from jobs.failures import placing
from jobs.ledger import Line
from jobs.night.build import decisions_identity, find_sources, is_alike, is_whole, receipt_rows, run_gold
from jobs.night.opened import Night, counts_for, note_line
from jobs.night.standing import marts, why_stale
from jobs.night.unusual import find_unsigned, why_held
from jobs.pending import find_pending


def run_release(night: Night) -> release.Release | None:
    """Build what changed and publish it; None where a release would say nothing new."""
    last = release.find_release(night.lake, None)
    if last and not _is_noted(night, last):  # killed between the release and its line
        _note_release(night, last)
    tables = run_gold(night, last)
    if release.is_same(last, tables) or all(t.version < 0 for t in tables):
        return None
    number = last.number + 1 if last else 1
    with placing(night.lake, dataset=f"release.{number}", stage="release", place="audit.releases"):
        made = release.publish(night.lake, last, tables, load_gold(night.lake.city), night.run.id, night.run.now)
    _note_release(night, made)
    return made


def _is_noted(night: Night, made: release.Release) -> bool:
    return night.ledger.newest("release", f"release.{made.number}") is not None


def _note_release(night: Night, made: release.Release) -> None:
    pending = [asdict(p) for p in find_pending(night.lake, night.contracts)]
    counts = counts_for(night, {"tables": len(made.tables), **({"pending": pending} if pending else {})})
    line = Line(stage="release", dataset=f"release.{made.number}", outcome="released", counts=counts)
    with placing(night.lake, dataset=line.dataset, stage="release", place="audit.ledger"):
        note_line(night, line, None, {f"gold.{t.table}": t.version for t in made.tables.values() if t.version >= 0})


def is_release_owed(night: Night) -> bool:
    """Whether a release would say something new, without building anything."""
    last = release.find_release(night.lake, None)
    if last is None:
        return any(delta.exists(night.lake.table("silver", c.table)) for c in night.contracts.values())
    if not _is_noted(night, last):
        return True
    receipts, decisions = gold.receipts_identity(receipt_rows(night)), decisions_identity(night)
    unsigned = find_unsigned(night)
    for mart in marts(night):
        before, waits = last.tables.get(mart.table), why_held(mart, unsigned)
        if before and waits and (before.status, before.why) == ("held", waits):
            continue
        sources = find_sources(night, mart, last.tables)
        if before is None or (sources is None) != (
            before.version < 0 and before.status == "held" and not before.fingerprint
        ):
            return True
        if (
            sources is not None
            and before.version >= 0
            and _needs_build(night, mart, before, gold.mart_fingerprint(mart, sources, receipts, decisions))
        ):
            return True
        if before.status not in ("held", "restored") and (why_stale(night, mart, last.tables) != before.why):
            return True
    return False


def _needs_build(night: Night, mart: gold.Mart, before: release.Released, identity: str) -> bool:
    if (before.fingerprint == identity and is_whole(night, before)) or is_alike(night, before, identity):
        return False
    done = night.ledger.newest("gold", f"gold.{mart.table}")
    approved = any(
        x.kind == "approve" and x.table == mart.table and x.input_fingerprint == identity
        for x in night.ledger.decisions
    )
    return not (done and done.fingerprint == identity and done.outcome == "held" and not approved)
