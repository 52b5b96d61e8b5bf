"""The shipped New York nights by `python -m jobs run` on a fresh lake, then once more with nothing to do."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

from tests.bench.counted import MARK, NO_JAVA
from tests.bench.measure import Cost, count_commits, watching


def run_twice(work: Path) -> tuple[list[Cost], dict[str, float]]:
    """Costs of both runs, and the first run's seconds by stage from its ledger."""
    root = work / "new_york"
    shutil.rmtree(root, ignore_errors=True)
    costs = [_run(name, root, work) for name in ("two nights", "nothing to do")]
    return costs, _seconds(root)


def _run(name: str, root: Path, work: Path) -> Cost:
    inbox = Path(__file__).parents[1] / "data" / "new_york"
    more = {
        "LAKE_ROOT": str(root),
        "LAKE_INBOX": str(inbox),
        "LAKE_CITY": "new_york",
        "XDG_STATE_HOME": str(work / "state"),
    }
    return run_command(name, root, {k: v for k, v in os.environ.items() if k != "LAKE_CONF"} | more)[0]


def run_command(name: str, root: Path, environment: Mapping[str, str], *options: str) -> tuple[Cost, bool]:
    """What `lake run` costs in a process of its own, and whether it started Java."""
    before, began = count_commits(root), time.perf_counter()
    command = [sys.executable, "-m", "tests.bench.counted", "run", *options]
    child = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    with watching(child.pid) as tree:
        _, said = child.communicate()
    wall = time.perf_counter() - began
    if child.returncode:
        raise SystemExit(f"`lake run` ended with {child.returncode}:\n{said[-2000:]}")
    counted = next(line.removeprefix(MARK) for line in reversed(said.splitlines()) if line.startswith(MARK))
    java = counted != NO_JAVA
    return Cost(name, wall, tree.cpu, int(counted) if java else 0, count_commits(root) - before, tree.peak), java


def _seconds(root: Path) -> dict[str, float]:
    from jobs.lake import Lake
    from jobs.ledger import all_lines

    found: dict[str, float] = defaultdict(float)
    for line in all_lines(Lake(str(root), "new_york").table("audit", "ledger")):
        found[line.stage] += line.seconds
    return dict(found)
