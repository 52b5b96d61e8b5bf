"""The command `status`: what arrived, what became of it, what waits for a decision, which release is published."""

from __future__ import annotations

from typing import Any

from jobs import show
from jobs.ask import app, receipts_of
from jobs.landing import Receipt
from jobs.ledger import Ledger, Line
from jobs.links import count_waiting
from jobs.release import Release, find_release
from jobs.settings import DatasetOption, DateOption, Settings, SourceOption, select, with_settings


@app.command()
@with_settings
def status(settings: Settings, date: DateOption = "", source: SourceOption = "", dataset: DatasetOption = "") -> None:
    """What arrived, what became of it, what is held or late, and which release is published."""
    selection = select(settings, date, source, dataset)
    ledger = Ledger(settings.lake, settings.run)
    held = ledger.held_things()
    rows = [_delivery(ledger, held, r) for r in receipts_of(settings, selection)]
    newest = find_release(settings.lake, None)
    links = count_waiting(settings) if newest else 0
    if settings.json:
        tables = {t.table: t.status for t in newest.tables.values()} if newest else {}
        why = {t.table: t.why for t in newest.tables.values() if t.why} if newest else {}
        waiting = [_held(ident, line) for ident, line in held.items()]
        number = newest.number if newest else None
        show.print_json(
            "status", deliveries=rows, release=number, gold=tables, why=why, held=waiting, links_waiting=links
        )
        return
    show.print_table("", list(rows[0]) if rows else ["dataset"], [list(r.values()) for r in rows])
    for ident, line in held.items():
        if line.stage in ("gold", "band"):
            about = f"{line.dataset} {line.business_date}".rstrip()
            held_back = "is held" if line.stage == "gold" else "is unusual, and gold waits"
            show.out.print(f"{about} {held_back} ({line.code}): lake approve {ident} --by NAME --reason TEXT")
    _print_release(newest)
    if links:
        show.out.print(f"{links} links between departments wait for a decision: lake links list")


def _delivery(ledger: Ledger, held: dict[str, Line], r: Receipt) -> dict[str, object]:
    """What became of one delivery: the newest line of each stage, and the run that wrote the last."""
    stages = [ledger.newest(s, r.dataset, r.business_date, r.revision) for s in ("bronze", "silver")]
    last = next((x for x in reversed(stages) if x), None)
    return {
        "dataset": r.dataset,
        "date": r.business_date,
        "rev": f"r{r.revision}" if r.revision else "",
        "delivery": r.status,
        **{name: x.outcome if x else "" for name, x in zip(("bronze", "silver"), stages, strict=True)},
        "code": last.code if last else "",
        "approve id": next((ident for ident, x in held.items() if any(s and s.key == x.key for s in stages)), ""),
        "at": r.delivered_at,
        "run": f"{last.run_id} try {last.attempt}" if last else "",
    }


def _held(ident: str, line: Line) -> dict[str, Any]:
    rev = f"r{line.revision}" if line.revision else ""
    return {"id": ident, "stage": line.stage, "dataset": line.dataset, "date": line.business_date, "rev": rev, "code": line.code, "error": line.error}  # fmt: skip


def _print_release(newest: Release | None) -> None:
    show.out.print(f"Release {newest.number} of {newest.released_at}" if newest else "No release yet: lake run")
    for t in newest.tables.values() if newest else ():
        if t.status in ("held", "stale", "restored"):
            show.out.print(f"gold.{t.table} is {t.status}: {t.why}")
