"""The page of one delivery: what arrived, whether the numbers add up, what was checked, set aside and decided."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from jobs.contracts import Contract
from jobs.error_codes import CODES
from jobs.identities import Identity, list_identities
from jobs.landing import Receipt
from jobs.ledger import Decision, Line
from jobs.report.facts import AsideRule, Facts, group_asides

LIMIT = 200


@dataclass(frozen=True)
class Timing:
    """How a delivery's time stands to its due time: whole minutes before or after it, none where nothing came."""

    was_due: bool
    minutes: int | None = None
    is_after: bool = False
    is_late: bool = False  # of a first delivery only: a correction is not late


@dataclass(frozen=True)
class DeliveryView:
    """What the template of a delivery shows."""

    contract: Contract
    receipt: Receipt
    status: str
    due: datetime | None
    timing: Timing
    is_late: bool
    files: Sequence[Mapping[str, Any]]
    landed: int | None
    manifest: str
    identities: Sequence[Identity]
    absence: Sequence[tuple[str, int]]
    sums: Mapping[str, str]
    periods: Sequence[str]
    expectations: Sequence[tuple[str, Sequence[Mapping[str, Any]]]]
    aside_rows: int
    asides: Sequence[AsideRule]
    limit: int
    meanings: Mapping[str, Sequence[str]]
    notices: Sequence[Mapping[str, Any]]
    errors: Sequence[Mapping[str, Any]]
    decisions: Sequence[Decision]
    lines: Sequence[Line]
    releases: Sequence[tuple[int, int | None]]


def view_delivery(facts: Facts, receipt: Receipt) -> DeliveryView:
    """Gather what the page of one delivery shows."""
    contract = facts.contracts[receipt.dataset]
    bronze, silver = facts.newest("bronze", receipt), facts.newest("silver", receipt)
    lines = [x for x in (bronze, silver, facts.unusual(receipt)) if x]
    counts: dict[str, Any] = dict(silver.counts) if silver else {}
    total, asides = group_asides(facts, receipt, LIMIT)
    decisions = _decisions(facts, receipt)
    timing = timing_of(facts, receipt)
    return DeliveryView(
        contract=contract,
        receipt=receipt,
        status=facts.status(receipt),
        due=facts.due(receipt),
        timing=timing,
        is_late=timing.is_late,
        files=_files(receipt),
        landed=bronze.counts.get("landed") if bronze and bronze.outcome != "refused" else None,
        manifest=_spell_manifest(receipt),
        identities=reached(facts, receipt),
        absence=[(n, int(counts[n])) for n in ("ended_by_absence", "end_unproven") if n in counts],
        sums=counts.get("sums", {}),
        periods=[p for p in counts.get("periods", ()) if p],
        expectations=[(x.stage, failing_first(x.results)) for x in lines if x.results],
        aside_rows=total,
        asides=asides,
        limit=LIMIT,
        meanings=meanings_of(lines, asides),
        notices=[{**n, "title": _title(n["code"])} for x in lines for n in x.notices],
        errors=_errors(receipt, lines),
        decisions=decisions,
        lines=lines,
        releases=facts.standing_on(receipt),
    )


def _spell_manifest(receipt: Receipt) -> str:
    return json.dumps(dict(receipt.manifest), indent=2, ensure_ascii=False, sort_keys=True) if receipt.manifest else ""


def _title(code: str) -> str:
    return CODES[code].title if code in CODES else ""


def timing_of(facts: Facts, receipt: Receipt) -> Timing:
    """How a delivery's time stands to its due time."""
    due = facts.due(receipt)
    if due is None or receipt.status != "delivered":
        return Timing(due is not None)
    late = datetime.fromisoformat(receipt.delivered_at) - due
    is_after = late > timedelta(0)
    return Timing(True, abs(late) // timedelta(minutes=1), is_after, is_after and receipt.revision == 1)


def reached(facts: Facts, receipt: Receipt) -> list[Identity]:
    """The identities that a delivery has reached, with their numbers."""
    bronze, silver = facts.newest("bronze", receipt), facts.newest("silver", receipt)
    readable = bronze.counts if bronze and bronze.outcome != "refused" else {}
    return list_identities(facts.contracts[receipt.dataset], readable, silver.counts if silver else {})


def failing_first(results: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Failing rules first, critical ones before warnings, then those that rows break, then in the suite's order."""
    return sorted(results, key=lambda r: (bool(r["success"]), r["severity"] != "critical", not r["broken"]))


def _files(receipt: Receipt) -> list[dict[str, Any]]:
    """Delivered files, with the records that the manifest states of each."""
    stated = {str(e["name"]): e.get("records") for e in receipt.manifest.get("files", ())}
    return [
        {
            "name": f.name,
            "size": f.size,
            "sha256": f.sha256,
            "content": f.content_sha256 if f.content_sha256 != f.sha256 else "",
            "records": stated.get(f.name, stated.get(f.name.removesuffix(".gz"))),
        }
        for f in receipt.files
    ]


def _errors(receipt: Receipt, lines: Sequence[Line]) -> list[Mapping[str, Any]]:
    found = [x.error for x in lines if x.error]
    return found or ([receipt.problem] if receipt.problem else [])


def _decisions(facts: Facts, receipt: Receipt) -> list[Decision]:
    where = (receipt.dataset, receipt.business_date, receipt.revision, receipt.sha256)
    found = [d for d in facts.decisions if (d.dataset, d.business_date, d.revision, d.sha256) == where]
    return sorted(found, key=lambda d: (d.file, d.record, d.kind, d.id))


def meanings_of(lines: Sequence[Line], asides: Sequence[AsideRule]) -> dict[str, tuple[str, ...]]:
    """Why each rule of set-aside rows exists, in sentences: its reason in the suite, or what its code means."""
    reasons = {str(r["rule"]): (str(r["reason"]),) for x in lines for r in x.results}
    codes = {a.rule: (CODES[a.rule].title, CODES[a.rule].cause) for a in asides if a.rule in CODES}
    return {
        **codes,
        **{a.rule: reasons[a.rule] for a in asides if a.rule in reasons},
        "dismissed": ("A person dismissed it.",),
    }
