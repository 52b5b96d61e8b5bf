"""The first page: the newest nights and releases, what needs a person, how good the data was; and a page a month for earlier ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from jobs.contracts import Contract
from jobs.landing import Receipt
from jobs.release import Release
from jobs.report.chart import KINDS, Bar
from jobs.report.delivery import reached, timing_of
from jobs.report.dimensions import Share, list_shares
from jobs.report.facts import Facts

NIGHTS_DRAWN = 12
NIGHTS_SHOWN = 60
RELEASES_SHOWN = 60
NIGHTS_OF_QUALITY = 28
ORDER = ("accepted", "landed", "held", "refused", "failed", "not delivered", "not due")


@dataclass(frozen=True)
class Entry:
    """One receipt in the table of nights."""

    receipt: Receipt
    status: str
    is_late: bool
    due: Any
    good: int | None


Cells = Mapping[tuple[str, str], Sequence[Entry]]  # by business date and dataset, newest revision first


@dataclass(frozen=True)
class MonthView:
    """What the template of a month shows: its nights, and what was released in it."""

    month: str
    contracts: Mapping[str, Contract]
    nights: Sequence[str]
    cells: Cells
    releases: Sequence[Release]
    restated: Mapping[int, int]


@dataclass(frozen=True)
class IndexView:
    """What the template of the first page shows; what is counted is counted of all nights. `months` are those with a page of their own."""

    contracts: Mapping[str, Contract]
    nights: Sequence[str]
    months: Sequence[str]
    cells: Cells
    statuses: Sequence[tuple[str, int]]
    late: int
    reached: int
    holding: int
    problems: Sequence[tuple[Entry, Mapping[str, Any]]]
    releases: Sequence[Release]
    restated: Mapping[int, int]
    bars: Sequence[Bar]
    kinds: Sequence[tuple[str, str]]
    drawn: int
    heat: Sequence[str]
    shares: Sequence[Share]


def view_months(facts: Facts) -> Iterator[MonthView]:
    """A view of each month of which the first page does not show all nights and releases."""
    nights = _nights(facts)
    releases = list(reversed(facts.releases))
    restated = Counter(r["release"] for r in facts.restatements)
    for month in _months(facts, nights, releases):
        of_month = [n for n in nights if n.startswith(month)]
        published = [r for r in releases if _month_of(facts, r) == month]
        cells = {(n, d): _entries(facts, n, d) for n in of_month for d in facts.contracts}
        counts = {r.number: restated[r.number] for r in published}
        yield MonthView(month, facts.contracts, of_month, cells, published, counts)


def _nights(facts: Facts) -> list[str]:
    """Every business date that a receipt tells of, newest first."""
    return sorted({r.business_date for r in facts.receipts}, reverse=True)


def _months(facts: Facts, nights: Sequence[str], releases: Sequence[Release]) -> list[str]:
    """The months, newest first, of the nights and releases that are not on the first page."""
    earlier = {n[:7] for n in nights[NIGHTS_SHOWN:]} | {_month_of(facts, r) for r in releases[RELEASES_SHOWN:]}
    return sorted(earlier, reverse=True)


def _month_of(facts: Facts, release: Release) -> str:
    return f"{datetime.fromisoformat(release.released_at).astimezone(ZoneInfo(facts.city.timezone)):%Y-%m}"


def view_index(facts: Facts) -> IndexView:
    """Gather what the first page shows."""
    nights, releases = _nights(facts), list(reversed(facts.releases))
    shown_nights, shown_releases = nights[:NIGHTS_SHOWN], releases[:RELEASES_SHOWN]
    restated = Counter(r["release"] for r in facts.restatements)
    cells = {(n, d): _entries(facts, n, d) for n in nights for d in facts.contracts}
    shown = [e for found in cells.values() for e in found]
    equations = [i for r in facts.delivered for i in reached(facts, r)]
    counted = Counter(e.status for e in shown)
    return IndexView(
        contracts=facts.contracts,
        nights=shown_nights,
        months=_months(facts, nights, releases),
        cells={(n, d): cells[n, d] for n in shown_nights for d in facts.contracts},
        statuses=[(s, counted[s]) for s in ORDER if counted[s]],
        late=sum(e.is_late for e in shown),
        reached=len(equations),
        holding=sum(i.holds for i in equations),
        problems=_problems(facts, cells),
        releases=shown_releases,
        restated={r.number: restated[r.number] for r in shown_releases},
        bars=_bars(facts, set(nights[:NIGHTS_DRAWN])),
        kinds=KINDS,
        drawn=NIGHTS_DRAWN,
        heat=shown_nights[::-1],
        shares=list_shares(facts, nights[:NIGHTS_OF_QUALITY][::-1]),
    )


def _entries(facts: Facts, night: str, dataset: str) -> list[Entry]:
    """Deliveries of a cell; only where none came, the word that says so."""
    found = facts.arrivals(night, dataset)
    came = [r for r in found if r.status == "delivered"]
    shown = sorted(came, key=lambda r: -r.revision) or sorted(found, key=lambda r: r.status != "not_delivered")[:1]
    return [_entry(facts, r) for r in shown]


def _entry(facts: Facts, receipt: Receipt) -> Entry:
    is_late = timing_of(facts, receipt).is_late
    silver = facts.newest("silver", receipt) if receipt.status == "delivered" else None
    good = int(silver.counts["good"]) if silver and "good" in silver.counts else None
    return Entry(receipt, facts.status(receipt), is_late, facts.due(receipt), good)


def _problems(facts: Facts, cells: Cells) -> list[tuple[Entry, Mapping[str, Any]]]:
    """Newest revisions that are held, refused, failed, missing, or unlike the nights before, with their errors."""
    found: list[tuple[Entry, Mapping[str, Any]]] = []
    for entry in (e for entries in cells.values() for e in entries[:1]):
        if unusual := facts.unusual(entry.receipt):
            found.append((entry, unusual.error))
        if entry.status in ("held", "refused", "failed", "not delivered"):
            lines = [facts.newest(stage, entry.receipt) for stage in ("silver", "bronze")]
            errors = [x.error for x in lines if x and x.error]
            found.append((entry, errors[0] if errors else entry.receipt.problem))
    return found


def _bars(facts: Facts, nights: set[str]) -> list[Bar]:
    """Rows good, set aside and duplicate of each judged delivery of the newest nights."""
    found = []
    for r in facts.delivered:
        line = facts.newest("silver", r)
        if r.business_date in nights and line and "judged" in line.counts:
            counts = line.counts
            name = r.business_date if r.revision == 1 else f"{r.business_date} r{r.revision}"
            found.append(Bar(r.dataset, name, int(counts["good"]), int(counts["duplicates"]), int(counts["set_aside"])))
    return found
