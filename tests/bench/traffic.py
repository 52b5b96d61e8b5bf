"""The generated traffic night by each contestant, in a process of its own, and whether they made the same of it."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.table import Table

from tests.bench import city, generate
from tests.bench.compare import compare_broken, compare_checked, compare_unchecked
from tests.bench.measure import Cost, total
from tests.bench.say import judge, median_stages, out, print_costs, warm, whole

Runs = dict[str, list[dict[str, Any]]]
TITLES = {
    "by_hand": "DuckDB + delta-rs by hand",
    "by_hand_unchecked": "DuckDB + delta-rs, no checks",
    "by_polars": "Polars + delta-rs by hand",
    "product": "City Lakehouse",
    "plain": "plain Spark + Delta, no checks",
    "plain_tuned": "the same with our settings",
    "spark_gx": "Spark + Great Expectations' defaults",
}
CONTESTANTS = tuple(TITLES)
CHECKED = ("by_hand", "by_polars")
TARGETS = {"plain": 0.65, "by_hand": 3.5, "checking": 0.25}


def measure_traffic(work: Path, rows: int, runs: int, names: Sequence[str]) -> None:
    """Print what the night costs each contestant, by stage and by run, and the product beside the others."""
    found = run_night(work, rows, runs, names)
    medians = {name: median_stages(found[name]) for name in found}
    for name in found:
        print_costs(f"{TITLES[name]}: median of warm runs", [*medians[name], total(medians[name])])
    _print_runs(found)
    _print_ratios({n: total(m) for n, m in medians.items()})
    _print_checks(found["product"], {n: total(m).cpu for n, m in medians.items()})


def run_night(work: Path, rows: int, runs: int, names: Sequence[str]) -> Runs:
    """Costs of every run of each contestant. Raises SystemExit where two of them did not make the same tables."""
    inbox = generate.write_night(work, rows)
    os.environ["LAKE_CONF"] = str(city.write_conf(work / "conf"))
    found = {name: _contest(name, inbox, work, runs) for name in names}
    for line in compare_all(work, {name: found[name][-1]["said"] for name in names}):
        out.print(line)
    return found


def compare_all(work: Path, said: Mapping[str, Any]) -> list[str]:
    """What is equal in the product's tables, below `work`, and in those of each other contestant."""
    lines = []
    for name, own in said.items():
        if name != "product":
            equal = _compare(work, name, said["product"], own)
            lines += [f"equal in {TITLES['product']} and {TITLES[name]}: {line}" for line in equal]
    return lines


def _compare(work: Path, name: str, product: Mapping[str, Any], own: Mapping[str, Any]) -> list[str]:
    if name in CHECKED:
        return compare_checked(work / "product", work / name)
    equal = [compare_unchecked(product, work / name)]
    return [*equal, compare_broken(product, own)] if name == "spark_gx" else equal


def _contest(name: str, inbox: Path, work: Path, runs: int) -> list[dict[str, Any]]:
    """Costs of each run of one contestant, in a process of its own."""
    command = [sys.executable, "-m", "tests.bench.contestant", name, str(inbox), str(work), str(runs)]
    environment = os.environ | {"XDG_STATE_HOME": str(work / "state")}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    found: list[dict[str, Any]] = [f for f in json.loads(done.stdout.splitlines()[-1]) if "stages" in f]
    return found


def _print_runs(found: Runs) -> None:
    title = "CPU seconds of each run (wall)"
    table = Table("run", *[TITLES[n] for n in found], title=title, title_justify="left")
    for n, runs in enumerate(zip(*found.values(), strict=True), 1):
        costs = [f"{whole(r).cpu:.1f} ({whole(r).wall:.1f})" for r in runs]
        table.add_row(str(n) + (" cold" if n == 1 else ""), *costs)
    out.print(table)


def _print_ratios(wholes: dict[str, Cost]) -> None:
    for name, cost in wholes.items():
        ratio = wholes["product"].cpu / cost.cpu
        if name in TARGETS:
            judge(f"CPU against {TITLES[name]}", ratio, TARGETS[name])
        elif name != "product":
            out.print(f"CPU against {TITLES[name]}: {ratio:.2f}")


def _print_checks(runs: list[dict[str, Any]], wholes: Mapping[str, float]) -> None:
    spent = {k: statistics.median(r["checks"].get(k, 0.0) for r in warm(runs)) for r in warm(runs) for k in r["checks"]}
    out.print("CPU seconds in calls that check: " + ", ".join(f"{k} {v:.1f}" for k, v in spent.items()))
    judge(
        "checking, share of CPU (at most: reading and casting below it included)",
        sum(spent.values()) / wholes["product"],
        TARGETS["checking"],
    )
    if {"by_hand", "by_hand_unchecked"} <= wholes.keys():
        share = 1 - wholes["by_hand_unchecked"] / wholes["by_hand"]
        out.print(f"checking, share of CPU in {TITLES['by_hand']} (what is more than without checks): {share:.2f}")
