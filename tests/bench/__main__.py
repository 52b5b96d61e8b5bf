"""`make bench`: the shipped nights, then the generated traffic night beside others; on demand what size and history cost. See README.md."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.bench.generated import measure_generated
from tests.bench.growth import measure_growth
from tests.bench.history import measure_history
from tests.bench.say import judge, out, print_costs
from tests.bench.shipped import run_twice
from tests.bench.traffic import CONTESTANTS, measure_traffic

TARGETS = {"two nights": 90.0, "nothing to do": 5.0}
BY_SIZE = ("by_hand", "by_polars", "product", "plain")


def main(arguments: Sequence[str] | None = None) -> None:
    options = _parse(arguments)
    work = Path(options.work or tempfile.gettempdir()) / "lake-bench"
    work.mkdir(parents=True, exist_ok=True)
    if options.only in (None, "nights"):
        _nights(work)
    if options.only in (None, "traffic"):
        measure_traffic(work, options.rows, options.runs, options.contestants or CONTESTANTS)
    if options.only == "growth":
        measure_growth(work, options.sizes, options.runs, options.contestants or BY_SIZE)
    if options.only == "history":
        measure_history(work, options.nights, options.night_rows)
    if options.only == "generated":
        measure_generated(work, options.scales.split(","))


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--rows", type=int, default=5_000_000, help="rows of the generated night, without its copies")
    parser.add_argument("--runs", type=int, default=5, help="runs in one JVM; medians are of the third and later ones")
    parser.add_argument(
        "--only", choices=["nights", "traffic", "growth", "history", "generated"], help="default: nights and traffic"
    )
    parser.add_argument("--contestants", type=_names, help="some of these, with commas: " + ", ".join(CONTESTANTS))
    sizes = "1000000,3000000,10000000"
    parser.add_argument("--sizes", type=_sizes, default=sizes, help="rows of growth's nights, with commas")
    parser.add_argument("--nights", type=int, default=60, help="nights of history")
    parser.add_argument("--night-rows", type=int, default=10_000, help="rows of each of them")
    parser.add_argument("--scales", default="1,30", help="scales of the invented city, with commas")
    parser.add_argument("--work", help="folder for inputs and lakes [default: the temporary folder]")
    return parser.parse_args(arguments)


def _names(text: str) -> list[str]:
    names = text.split(",")
    if unknown := set(names) - set(CONTESTANTS):
        raise argparse.ArgumentTypeError(f"no contestant {', '.join(sorted(unknown))}")
    return names if "product" in names else [*names, "product"]


def _sizes(text: str) -> list[int]:
    return [int(size) for size in text.split(",")]


def _nights(work: Path) -> None:
    costs, seconds = run_twice(work)
    print_costs("The shipped New York nights", costs)
    out.print("seconds by stage: " + ", ".join(f"{k} {v:.1f}" for k, v in seconds.items()))
    for cost in costs:
        judge(f"{cost.name}, wall seconds", cost.wall, TARGETS[cost.name])


if __name__ == "__main__":
    main()
