"""The traffic night by size: what a row more costs the product and others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from rich.table import Table

from tests.bench.measure import Cost, total
from tests.bench.say import median_stages, out
from tests.bench.traffic import TITLES, run_night


def measure_growth(work: Path, sizes: Sequence[int], runs: int, names: Sequence[str]) -> None:
    """Print, at each size, the costs of every contestant, and those of the product over those of the others."""
    found: dict[int, dict[str, Cost]] = {}
    for rows in sizes:
        runs_of = run_night(work, rows, runs, names)
        found[rows] = {name: total(median_stages(each)) for name, each in runs_of.items()}
    _print(
        "CPU seconds by rows, median of warm runs (wall)", found, lambda c, _own, _rows: f"{c.cpu:.1f} ({c.wall:.1f})"
    )
    _print("CPU seconds a million rows", found, lambda c, _own, rows: f"{c.cpu / rows * 1e6:.2f}")
    _print("the product over each, by CPU seconds", found, lambda c, own, _rows: f"{own.cpu / c.cpu:.2f}")


def _print(title: str, found: dict[int, dict[str, Cost]], spell: Callable[[Cost, Cost, int], str]) -> None:
    names = list(next(iter(found.values())))
    table = Table("rows", *[TITLES[n] for n in names], title=title, title_justify="left")
    for rows, costs in found.items():
        table.add_row(f"{rows:,}", *[spell(costs[n], costs["product"], rows) for n in names])
    out.print(table)
