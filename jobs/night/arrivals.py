"""Extract: land what the inbox has and write down what did not come."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from jobs import landing
from jobs.due import due_at, is_due
from jobs.errors import LakeError, Notice
from jobs.failures import placing
from jobs.landing import Arrival, Receipt
from jobs.ledger import Line
from jobs.night.inbox import look_into_inbox
from jobs.night.opened import Night, note_lineage, say_problem
from jobs.night.supply import bring


def extract(night: Night) -> list[Receipt]:
    """Fetch, land what the inbox has and write down what did not come; returns the receipts of new deliveries."""
    bring(night)
    inbox = look_into_inbox(night)
    for problem in inbox.problems:
        say_problem(night, problem)
    for notice in inbox.notices:
        night.notices.append(notice)
        night.tell("notice", notice)
    found = inbox.arrivals
    landed = [r for a in found for r in _land(night, a)]
    for text in sorted({a.business_date for a in found} | set(night.selection.dates)):
        _record_absences(night, date.fromisoformat(text), {a.dataset for a in found if a.business_date == text})
    return landed


def _land(night: Night, arrival: Arrival) -> Iterator[Receipt]:
    about = {"dataset": arrival.dataset, "business_date": arrival.business_date, "revision": arrival.revision}
    try:
        with placing(night.lake, **about, stage="extract", place=arrival.folder):
            receipt, is_new = landing.land(
                night.lake,
                night.contracts[arrival.dataset],
                arrival,
                night.run.now,
                lambda r: note_lineage(night, _landed(night, r)),
            )
    except LakeError as error:
        if error.exit == 6:  # no other delivery fares better
            raise
        say_problem(night, error)
        return
    if is_new:
        night.tell("landed", receipt)
        yield receipt
    else:
        night.tell("notice", Notice("N106", f"{arrival.dataset} {arrival.folder}"))


def _landed(night: Night, receipt: Receipt) -> Line:
    """What a ledger line would say of a landed delivery; its receipt says it, so the ledger has none."""
    counts = {"files": len(receipt.files)}
    return Line(
        "landing", receipt.dataset, "accepted", receipt.business_date, receipt.revision, receipt.sha256, counts=counts,
        run_id=night.run.id, attempt=night.run.attempt, at=night.run.now.isoformat(),
    )  # fmt: skip


def _record_absences(night: Night, day: date, arrived: set[str]) -> None:
    for contract in night.selected:
        if contract.dataset in arrived:
            continue
        due = is_due(contract, day, night.city)
        if due and night.run.now < due_at(contract, day, night.city):
            continue
        status = "not_delivered" if due else "not_due"
        with placing(
            night.lake, dataset=contract.dataset, business_date=day.isoformat(), stage="extract", place="landing"
        ):
            landing.record_absence(night.lake, contract, day.isoformat(), status, night.run.now)
