"""`make bench-airflow`: what Airflow costs on top of the commands that it types, for one New York night. See README.md."""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console
from rich.table import Table

from jobs.cities import PROJECT, load_contracts
from tests.airflow.client import Airflow, until

NIGHT = "2024-09-16"
CITY = "new_york"
IDLE = 30.0  # seconds of looking at an Airflow that has nothing to do
TARGETS = {
    "median hop, seconds": 2.0,
    "attach, seconds": 2.0,
    "CPU seconds a dataset": 10.0,
    "memory, MB of PSS": 1300.0,
}
out = Console(width=110)


def main() -> None:
    datasets = list(load_contracts(CITY))
    with tempfile.TemporaryDirectory(prefix="lake-airflow-") as place:
        hand = _by_hand(Path(place) / "hand", datasets)
        night = _under_airflow(Path(place) / "airflow")
    table = Table("", "wall s", "CPU s", title=f"{NIGHT}, {len(datasets)} datasets")
    table.add_row("the commands by hand, one after the other", f"{hand.wall:.0f}", f"{hand.cpu:.0f}")
    table.add_row("the night under Airflow, commands and all", f"{night.wall:.0f}", f"{night.cpu:.0f}")
    table.add_row("Airflow's share", f"{night.wall - hand.wall:.0f}", f"{night.cpu - hand.cpu:.0f}")
    out.print(table)
    for name, seconds in night.idle.items():
        out.print(f"idle, {name}: {seconds * 60 / IDLE:.1f} CPU seconds a minute")
    out.print(f"hops: {len(night.hops)}, the longest {max(night.hops):.1f} s")
    _judge("median hop, seconds", statistics.median(night.hops))
    _judge("attach, seconds", hand.attach)
    _judge("CPU seconds a dataset", (night.cpu - hand.cpu) / len(datasets))
    _judge("memory, MB of PSS", night.memory)


def _judge(what: str, found: float) -> None:
    met = "met" if found <= TARGETS[what] else "missed"
    out.print(f"{what}: {found:.2f}, target {TARGETS[what]:g}: {met}")


@dataclass
class Hand:
    """The night's commands typed one after the other, attached to a warm server; the server's own work is not counted."""

    wall: float
    cpu: float
    attach: float


@dataclass
class Night:
    """The same night under Airflow. `memory`: proportional set size of all its processes, warm Spark and report pages left out."""

    wall: float
    cpu: float
    memory: float
    idle: Mapping[str, float]
    hops: list[float]


def _by_hand(folder: Path, datasets: list[str]) -> Hand:
    environment = {
        **os.environ,
        "LAKE_ROOT": str(folder / "lake"),
        "XDG_STATE_HOME": str(folder / "state"),
        "LAKE_CITY": CITY,
    }

    def lake(*words: str) -> float:
        began = time.monotonic()
        subprocess.run(
            [sys.executable, "-m", "jobs", *words], cwd=PROJECT, env=environment, check=True, capture_output=True
        )
        return time.monotonic() - began

    lake("server", "start")
    try:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        wall = sum(
            lake(step, "--date", NIGHT, "--dataset", dataset)
            for dataset in datasets
            for step in ("extract", "bronze", "silver")
        )
        wall += sum(lake(*step.split()) for step in ("plan", "gold", "release", "report --changed"))
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        attach = _attach(environment)
    finally:
        lake("server", "stop")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Hand(wall, cpu, attach)


def _attach(environment: Mapping[str, str]) -> float:
    """Median time until a warm server has answered a new client's first question, of five clients."""
    code = """
import time
from jobs.connect import open_driver
from jobs.settings import settle
lake = settle("", "", "", "", "", 1, False).lake
import jobs.session  # what a command loads anyway
began = time.monotonic()
open_driver(lake).sql("SELECT 1").collect()
print(time.monotonic() - began)
"""
    words = [sys.executable, "-c", code]
    asked = [
        subprocess.run(words, cwd=PROJECT, env=environment, check=True, capture_output=True, text=True)
        for _ in range(5)
    ]
    return statistics.median(float(done.stdout) for done in asked)


@contextmanager
def _running(folder: Path) -> Iterator[Airflow]:
    airflow = Airflow(folder, PROJECT, city=CITY, LAKE_INBOX=str(PROJECT / "tests" / "data" / CITY))
    try:
        airflow.local("start")
        airflow.sign_in()
        yield airflow
    finally:
        airflow.local("stop")


def _under_airflow(folder: Path) -> Night:
    with _running(folder) as airflow:
        processes = {name: psutil.Process(pid) for name, pid in airflow.components().items() if name != "pages"}
        sources = sorted({c.source for c in load_contracts(CITY).values()})
        airflow.unpause(*sources, "gold")
        until(lambda: _is_idle(airflow, sources), "the night of today waiting for its deliveries", 600)
        memory = sum(
            p.memory_full_info().pss for root in processes.values() for p in (root, *root.children(recursive=True))
        )
        before = _cpu(processes)
        time.sleep(IDLE)  # the span that is measured
        idle = {name: seconds - before[name] for name, seconds in _cpu(processes).items()}
        began, before = time.monotonic(), _cpu(processes)
        runs = [(dag, airflow.trigger(dag, NIGHT)) for dag in sources]
        ended = {dag: airflow.end(dag, run, 1200) for dag, run in runs}
        assert set(ended.values()) == {"success"}, ended
        gold = until(lambda: airflow.runs("gold", NIGHT), "gold", 300)[0]["dag_run_id"]
        assert airflow.end("gold", gold, 600) == "success"
        wall, after = time.monotonic() - began, _cpu(processes)
        hops = _hops([t for dag, run in (*runs, ("gold", gold)) for t in airflow.tasks(dag, run).values()])
    return Night(wall, sum(after.values()) - sum(before.values()), memory / 1e6, idle, hops)


def _is_idle(airflow: Airflow, sources: list[str]) -> bool:
    """Whether the night that unpausing starts has begun, and no task of it is about to run."""
    states = [
        state
        for dag in sources
        for run in airflow.runs(dag)
        for state in airflow.states(dag, run["dag_run_id"]).values()
    ]
    return bool(states) and not {"running", "queued", "scheduled"} & set(states)


def _cpu(processes: Mapping[str, psutil.Process]) -> dict[str, float]:
    """CPU seconds of each component with its children, also those that ended."""
    return {
        name: sum(sum(p.cpu_times()[:4]) for p in (root, *root.children(recursive=True)))
        for name, root in processes.items()
    }


def _hops(tasks: list[dict[str, Any]]) -> list[float]:
    """Seconds from the end of a writer's task to the start of the next, 0 where it has begun by then and waits for the lake."""
    spans = sorted(
        (_instant(t["start_date"]), _instant(t["end_date"])) for t in tasks if t["pool"] == "lake" and t["start_date"]
    )
    ends = accumulate((end for _, end in spans), max)
    return [max(start - end, 0.0) for end, (start, _) in zip(ends, spans[1:], strict=False)]


def _instant(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


if __name__ == "__main__":
    main()
