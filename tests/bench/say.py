"""What the parts of the bench print: costs by stage, and whether a target was met."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.bench.measure import Cost, total

out = Console(width=140)


def print_costs(title: str, costs: Sequence[Cost]) -> None:
    table = Table("", "wall s", "CPU s", "Spark jobs", "commits", "peak MiB", title=title, title_justify="left")
    for c in costs:
        table.add_row(c.name, f"{c.wall:.1f}", f"{c.cpu:.1f}", f"{c.jobs:.0f}", f"{c.commits:.0f}", f"{c.memory:,.0f}")
    out.print(table)


def judge(what: str, value: float, target: float) -> None:
    out.print(f"{what}: {value:.2f}, target {target:.2f}: {'met' if value <= target else 'missed'}")


def warm(runs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The third and later runs of a contestant, whose medians count."""
    return runs[2:] or runs[-1:]


def median_stages(runs: list[dict[str, Any]]) -> list[Cost]:
    by_stage = zip(*[[Cost(**s) for s in run["stages"]] for run in warm(runs)], strict=True)
    return [_median(list(costs)) for costs in by_stage]


def _median(costs: list[Cost]) -> Cost:
    middle = {k: statistics.median(c.as_dict()[k] for c in costs) for k in ("wall", "cpu", "jobs", "commits", "memory")}
    return Cost(costs[0].name, **middle)


def whole(run: dict[str, Any]) -> Cost:
    """All stages of one run."""
    return total([Cost(**s) for s in run["stages"]])
