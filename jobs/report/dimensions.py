"""How good the data was, night by night: of each quality dimension the share of what was asked that was met."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from jobs.landing import Receipt
from jobs.report.delivery import timing_of
from jobs.report.facts import Facts
from jobs.suites import DIMENSIONS


@dataclass(frozen=True)
class Share:
    """Of one dimension and night: `met` of `asked`, and the rules that were not evaluated because there was nothing to ask.

    Of timeliness deliveries that came in time, of those that were due; of the others rows that met a rule, of the rows that rules were
    asked of, added up over all rules of the newest revision of each delivery.
    """

    dimension: str
    night: str
    met: int
    asked: int
    not_evaluated: int

    @property
    def percent(self) -> str:
        """With two digits, rounded down, so that 100 means all; empty where nothing was asked."""
        return f"{self.met * 10_000 // self.asked / 100:.2f}" if self.asked else ""


def list_shares(facts: Facts, nights: Sequence[str]) -> list[Share]:
    """Shares by dimension, in its usual order, and night."""
    return [
        share for d in DIMENSIONS for night in nights if (share := _share(facts, d, night)).asked or share.not_evaluated
    ]


def _share(facts: Facts, dimension: str, night: str) -> Share:
    found = [found for d in facts.contracts if (found := facts.arrivals(night, d))]
    if dimension == "timeliness":
        due = [arrived for arrived in found if facts.due(arrived[0])]
        return Share(dimension, night, sum(_is_in_time(facts, arrived) for arrived in due), len(due), 0)
    delivered = [
        max(came, key=lambda r: r.revision)
        for arrived in found
        if (came := [r for r in arrived if r.status == "delivered"])
    ]
    lines = [line for r in delivered for stage in ("bronze", "silver") if (line := facts.newest(stage, r))]
    results = [r for line in lines for r in line.results if r["dimension"] == dimension]
    asked, broken = (sum(int(r[name]) for r in results) for name in ("evaluated", "broken"))
    return Share(dimension, night, asked - broken, asked, sum(not int(r["evaluated"]) for r in results))


def _is_in_time(facts: Facts, arrived: Sequence[Receipt]) -> bool:
    first = min((r for r in arrived if r.status == "delivered"), key=lambda r: r.revision, default=None)
    return first is not None and not timing_of(facts, first).is_late
