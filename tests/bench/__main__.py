"""`make bench`: the shipped nights, then the generated traffic night beside plain Spark and DuckDB. See README.md."""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.bench import city, generate
from tests.bench.compare import compare_checked, compare_unchecked
from tests.bench.measure import Cost, total
from tests.bench.shipped import run_twice

CONTESTANTS = ("by_hand", "product", "plain", "plain_tuned")
TITLES = {
    "by_hand": "DuckDB + delta-rs by hand",
    "product": "City Lakehouse",
    "plain": "plain Spark + Delta, no checks",
    "plain_tuned": "the same with our settings",
}
TARGETS = {"two nights": 90.0, "nothing to do": 5.0, "plain": 0.65, "by_hand": 3.5, "checking": 0.25}
out = Console(width=110)


def main(arguments: Sequence[str] | None = None) -> None:
    options = _parse(arguments)
    work = Path(options.work or tempfile.gettempdir()) / "lake-bench"
    work.mkdir(parents=True, exist_ok=True)
    if options.only != "traffic":
        _nights(work)
    if options.only != "nights":
        _traffic(work, options.rows, options.runs)


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--rows", type=int, default=5_000_000, help="rows of the generated night, without its copies")
    parser.add_argument("--runs", type=int, default=5, help="runs in one JVM; medians are of the third and later ones")
    parser.add_argument("--only", choices=["nights", "traffic"])
    parser.add_argument("--work", help="folder for inputs and lakes [default: the temporary folder]")
    return parser.parse_args(arguments)


def _nights(work: Path) -> None:
    costs, seconds = run_twice(work)
    _print_costs("The shipped New York nights", costs)
    out.print("seconds by stage: " + ", ".join(f"{k} {v:.1f}" for k, v in seconds.items()))
    for cost in costs:
        _judge(f"{cost.name}, wall seconds", cost.wall, TARGETS[cost.name])


def _traffic(work: Path, rows: int, runs: int) -> None:
    inbox = generate.write_night(work, rows)
    os.environ["LAKE_CONF"] = str(city.write_conf(work / "conf"))
    found = {name: _contest(name, inbox, work, runs) for name in CONTESTANTS}
    for line in compare_checked(work / "product", work / "by_hand"):
        out.print(f"equal in product and by hand: {line}")
    out.print("equal in product and " + compare_unchecked(found["product"][-1]["said"], work / "plain"))
    medians = {name: _median_stages(found[name]) for name in CONTESTANTS}
    for name in CONTESTANTS:
        _print_costs(f"{TITLES[name]}: median of warm runs", [*medians[name], total(medians[name])])
    _print_runs(found)
    _print_ratios({n: total(m) for n, m in medians.items()})
    _print_checks(found["product"], total(medians["product"]))


def _contest(name: str, inbox: Path, work: Path, runs: int) -> list[dict[str, Any]]:
    """Costs of each run of one contestant, in a process of its own."""
    command = [sys.executable, "-m", "tests.bench.contestant", name, str(inbox), str(work), str(runs)]
    environment = os.environ | {"XDG_STATE_HOME": str(work / "state")}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    found: list[dict[str, Any]] = [f for f in json.loads(done.stdout.splitlines()[-1]) if "stages" in f]
    return found


def _warm(runs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return runs[2:] or runs[-1:]


def _median_stages(runs: list[dict[str, Any]]) -> list[Cost]:
    by_stage = zip(*[[Cost(**s) for s in run["stages"]] for run in _warm(runs)], strict=True)
    return [_median(list(costs)) for costs in by_stage]


def _median(costs: list[Cost]) -> Cost:
    middle = {k: statistics.median(c.as_dict()[k] for c in costs) for k in ("wall", "cpu", "jobs", "commits", "memory")}
    return Cost(costs[0].name, **middle)


def _whole(run: dict[str, Any]) -> Cost:
    return total([Cost(**s) for s in run["stages"]])


def _print_costs(title: str, costs: Sequence[Cost]) -> None:
    table = Table("", "wall s", "CPU s", "Spark jobs", "commits", "peak MiB", title=title, title_justify="left")
    for c in costs:
        table.add_row(c.name, f"{c.wall:.1f}", f"{c.cpu:.1f}", f"{c.jobs:.0f}", f"{c.commits:.0f}", f"{c.memory:,.0f}")
    out.print(table)


def _print_runs(found: dict[str, list[dict[str, Any]]]) -> None:
    table = Table(
        "run", *[TITLES[n] for n in CONTESTANTS], title="CPU seconds of each run (wall)", title_justify="left"
    )
    for n, runs in enumerate(zip(*found.values(), strict=True), 1):
        table.add_row(
            str(n) + (" cold" if n == 1 else ""), *[f"{_whole(r).cpu:.1f} ({_whole(r).wall:.1f})" for r in runs]
        )
    out.print(table)


def _print_ratios(wholes: dict[str, Cost]) -> None:
    own = wholes["product"].cpu
    for name in ("plain", "by_hand"):
        _judge(f"CPU against {TITLES[name]}", own / wholes[name].cpu, TARGETS[name])
    out.print(f"CPU against {TITLES['plain_tuned']}: {own / wholes['plain_tuned'].cpu:.2f}")


def _print_checks(runs: list[dict[str, Any]], whole: Cost) -> None:
    warm = _warm(runs)
    spent = {k: statistics.median(r["checks"].get(k, 0.0) for r in warm) for r in warm for k in r["checks"]}
    out.print("CPU seconds in calls that check: " + ", ".join(f"{k} {v:.1f}" for k, v in spent.items()))
    _judge(
        "checking, share of CPU (at most: reading and casting below it included)",
        sum(spent.values()) / whole.cpu,
        TARGETS["checking"],
    )


def _judge(what: str, value: float, target: float) -> None:
    out.print(f"{what}: {value:.2f}, target {target:.2f}: {'met' if value <= target else 'missed'}")


if __name__ == "__main__":
    main()
