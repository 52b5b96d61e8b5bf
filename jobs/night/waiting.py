"""What still waits after a run: deliveries that are held or refused, and held gold tables."""

from __future__ import annotations

from collections.abc import Collection

from jobs import release
from jobs.cities import load_gold
from jobs.ledger import Line
from jobs.night.opened import Night
from jobs.night.standing import open_lines
from jobs.night.unusual import list_held


def list_waiting(night: Night, stages: Collection[str] = ("bronze", "silver", "gold")) -> list[Line]:
    """Newest lines of the selection that await a decision or another delivery, but for what this run has said itself.

    Of a dataset that waits for a refold (E706) the newest date stands for all.
    """
    lines = [x for c in night.selected for x in open_lines(night, c) if night.selection.has_date(x.business_date)]
    lines = [x for x in lines if x.stage in stages and not _is_approved(night, x)]
    found = {(x.dataset, "E706") if x.code == "E706" else x.key: x for x in lines}
    if "gold" in stages:
        unusual = [
            x for x in list_held(night) if night.selection.has_date(x.business_date) and not _is_approved(night, x)
        ]
        found |= {x.key: x for x in [*_held_tables(night), *unusual]}
    said = {(p.where.dataset, p.where.business_date, p.where.revision) for p in night.problems}
    refolds = {p.where.dataset for p in night.problems if p.code == "E706"}
    return [
        x
        for x in found.values()
        if (x.dataset, x.business_date, x.revision) not in said and not (x.code == "E706" and x.dataset in refolds)
    ]


def _is_approved(night: Night, line: Line) -> bool:
    decided = night.ledger.decisions_on(line.dataset, line.business_date, line.revision, line.sha256)
    return line.outcome == "held" and line.code != "E706" and any(d.kind == "approve" for d in decided)


def _held_tables(night: Night) -> list[Line]:
    """Gold tables whose newest build is held, and that no later release publishes."""
    last = release.find_release(night.lake, None)
    found = []
    for table in load_gold(night.lake.city):
        line = night.ledger.newest("gold", f"gold.{table}")
        published = last.tables.get(table) if last else None
        if line and line.outcome == "held" and (published is None or published.status == "held"):
            found.append(line)
    return found
