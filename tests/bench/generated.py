"""What the invented city costs by size: a whole night with all that is true of it, and the readings of its sensors by themselves."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path

from rich.table import Table

from jobs.cities import PROJECT
from jobs.synthetic.traffic import readings
from jobs.synthetic.world import World
from jobs.synthetic.write import write_delivery
from tests.bench.measure import watching
from tests.bench.say import judge, out

FIRST = date(2026, 1, 1)
LEAST = 200_000.0  # readings a second


def measure_generated(work: Path, scales: Sequence[str]) -> None:
    """Print, at each scale, wall, CPU seconds and peak memory of `lake generate` of one night, and how fast its readings are written."""
    table = Table("scale", "records", "wall s", "CPU s", "peak MiB", "readings", "a second", title_justify="left")
    slowest = float("inf")
    for scale in scales:
        folder = work / "generated"
        records, wall, cpu, memory = _night(folder, scale)
        count, seconds = _readings(folder, scale)
        slowest = min(slowest, count / seconds)
        table.add_row(
            scale,
            f"{records:,}",
            f"{wall:.1f}",
            f"{cpu:.1f}",
            f"{memory:,.0f}",
            f"{count:,}",
            f"{count / seconds:,.0f}",
        )
        shutil.rmtree(folder)
    out.print(table)
    judge("seconds for 200,000 readings", LEAST / slowest, 1.0)


def _night(folder: Path, scale: str) -> tuple[int, float, float, float]:
    shutil.rmtree(folder, ignore_errors=True)
    command = [sys.executable, "-m", "jobs", "generate", "--city", "optics_valley", "--from", FIRST.isoformat()]
    options = ["--nights", "1", "--scale", scale, "--faults", "light", "--out", str(folder)]
    began = time.perf_counter()
    child = subprocess.Popen([*command, *options], cwd=PROJECT, env=os.environ, stdout=subprocess.DEVNULL)
    with watching(child.pid) as tree:
        child.wait()
    wall = time.perf_counter() - began
    if child.returncode:
        raise SystemExit(f"`lake generate --scale {scale}` ended with {child.returncode}")
    stated = (folder / "truth" / "deliveries.jsonl").read_text("utf-8").splitlines()
    return sum(json.loads(line)["judged"] for line in stated), wall, tree.cpu, tree.peak


def _readings(folder: Path, scale: str) -> tuple[int, float]:
    world = World(7, Decimal(scale), FIRST, 1)
    began = time.perf_counter()
    count = write_delivery(world, readings(world, 0), folder / "alone")
    return count, time.perf_counter() - began
