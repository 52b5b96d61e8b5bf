"""The page of one release: its tables, what is held or stale and why, what they stand on, and figures that changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import Any

from jobs.contracts import Contract
from jobs.ledger import Decision, Line
from jobs.release import Release, Released
from jobs.report.delivery import failing_first
from jobs.report.facts import Facts

LIMIT = 500


@dataclass(frozen=True)
class Checked:
    """One build of a gold table and how its suite ended."""

    table: str
    build: str
    version: int
    results: Sequence[Mapping[str, Any]]
    error: Mapping[str, Any]
    statement: str = ""


@dataclass(frozen=True)
class ReleaseView:
    """What the template of a release shows."""

    release: Release
    tables: Sequence[Released]
    contracts: Mapping[str, Contract]
    deliveries: Sequence[tuple[str, str, int, str]]
    stands: Mapping[tuple[str, str, int, str], Sequence[str]]
    checked: Sequence[Checked]
    decisions: Sequence[Decision]
    restatements: Sequence[Mapping[str, Any]]
    restated: int
    is_newest: bool
    has_links: bool
    measured: Mapping[str, Any]
    pending: Sequence[Mapping[str, Any]]


def view_release(facts: Facts, release: Release) -> ReleaseView:
    """Gather what the page of one release shows."""
    tables = sorted(release.tables.values(), key=lambda t: (t.status in ("new", "unchanged"), t.table))
    stands: dict[tuple[str, str, int, str], list[str]] = {}
    for t in sorted(tables, key=lambda t: t.table):
        for d in t.stands_on:
            stands.setdefault((str(d[0]), str(d[1]), int(d[2]), str(d[3])), []).append(t.table)
    restated = [r for r in facts.restatements if r["release"] == release.number]
    identities = {x.fingerprint for t in tables for x in _builds(facts, release, t)}
    return ReleaseView(
        release=release, tables=tables, contracts=facts.gold_contracts, deliveries=sorted(stands), stands=stands,
        checked=[c for t in tables for c in _checked(facts, release, t)],
        decisions=[d for d in facts.decisions if d.input_fingerprint in identities or _is_on_link(d, release)],
        restatements=restated[:LIMIT], restated=len(restated), is_newest=release.number == facts.releases[-1].number,
        has_links=_has_links(release), measured=_measured(facts, release),
        pending=_pending(facts, release),
    )  # fmt: skip


def _pending(facts: Facts, release: Release) -> Sequence[Mapping[str, Any]]:
    """Rows that waited for their parent when the release was made."""
    found = facts.about("release", f"release.{release.number}")
    return found[-1].counts.get("pending", ()) if found else ()


def _has_links(release: Release) -> bool:
    return "entity_link" in release.tables and release.tables["entity_link"].version >= 0


def _is_on_link(decision: Decision, release: Release) -> bool:
    """Whether a decision is on a link, and was taken before the release."""
    is_before = f"{decision.at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" <= release.released_at
    return bool(decision.source_key) and is_before and _has_links(release)


def _measured(facts: Facts, release: Release) -> Mapping[str, Any]:
    """What `lake verify` last measured of the release's links; nothing where it has none or nobody measured them."""
    found = facts.about("verify", f"release.{release.number}")
    return found[-1].counts if found and _has_links(release) else {}


def _builds(facts: Facts, release: Release, table: Released) -> list[Line]:
    """Ledger lines of a table's builds up to this release; later runs do not change its page."""
    ends = facts.about("release", f"release.{release.number}")
    return [x for x in facts.about("gold", f"gold.{table.table}") if not ends or x.line < ends[0].line]


def _checked(facts: Facts, release: Release, table: Released) -> list[Checked]:
    """The checks of the released version; for a held table also those of the build that was not released."""
    builds = _builds(facts, release, table)
    kept = [x for x in builds if x.table_id == table.table_id and x.table_version == table.version and x.results]
    held = [x for x in builds if x.outcome == "held"] if table.status == "held" else []
    found = [("held back", held[-1])] if held else []
    if kept and (not held or kept[-1].line != held[-1].line):
        found.append(("released", kept[-1]))
    return [
        Checked(
            table.table, build, x.table_version, failing_first(x.results), x.error, str(x.counts.get("statement", ""))
        )
        for build, x in found
    ]
