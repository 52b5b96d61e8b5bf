"""What a piece of work costs: wall, CPU seconds and peak memory of this process and all below it, Spark jobs, Delta commits."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil

EVERY = 0.5  # a look costs 5 ms: it reads every process of the machine


@dataclass
class Cost:
    """One stage of one run. `memory` is the greatest resident size of the process tree, in MiB."""

    name: str
    wall: float = 0.0
    cpu: float = 0.0
    jobs: int = 0
    commits: int = 0
    memory: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass
class Tree:
    """CPU seconds and memory of a process and its descendants.

    A process that ends between two looks keeps the seconds it had at the last one; a descendant that was waited for is in the times
    of its parent, so only those that nobody waits for (the JVM of a run that ends) lose up to half a second.
    """

    pid: int
    peak: float = 0.0

    def __post_init__(self) -> None:
        self.seen: dict[tuple[int, float], float] = {}

    def look(self) -> None:
        memory = 0.0
        for process in self._processes():
            with suppress(psutil.Error), process.oneshot():
                times = process.cpu_times()
                self.seen[(process.pid, process.create_time())] = times.user + times.system
                memory += process.memory_info().rss / (1 << 20)
        self.peak = max(self.peak, memory)

    def _processes(self) -> list[psutil.Process]:
        with suppress(psutil.Error):
            root = psutil.Process(self.pid)
            return [root, *root.children(recursive=True)]
        return []

    @property
    def cpu(self) -> float:
        return sum(self.seen.values())


@contextmanager
def watching(pid: int, tree: Tree | None = None) -> Iterator[Tree]:
    """Look at a process tree twice a second until the block ends."""
    found = tree or Tree(pid)
    stop = threading.Event()

    def watch() -> None:
        while not stop.wait(EVERY):
            found.look()

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        stop.set()
        thread.join()
        found.look()


def count_commits(root: Path) -> int:
    """Commits of every Delta table under a folder."""
    return sum(1 for _ in root.glob("**/_delta_log/*.json"))


def job_counter(spark: Any) -> Callable[[], int]:
    """Spark jobs started so far in an embedded session."""
    return lambda: int(spark.sparkContext._jsc.sc().dagScheduler().numTotalJobs())


@dataclass
class Meter:
    """Stages of one run, in order."""

    pid: int
    root: Path
    jobs: Callable[[], int] = lambda: 0

    def __post_init__(self) -> None:
        self.costs: list[Cost] = []

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        tree = Tree(self.pid)
        tree.look()
        before = (time.perf_counter(), tree.cpu, self.jobs(), count_commits(self.root))
        with watching(self.pid, tree):
            yield
        self.costs.append(
            Cost(
                name,
                time.perf_counter() - before[0],
                tree.cpu - before[1],
                self.jobs() - before[2],
                count_commits(self.root) - before[3],
                tree.peak,
            )
        )


def total(costs: list[Cost]) -> Cost:
    """A run as one line: sums, and the greatest memory."""
    return Cost(
        "whole",
        sum(c.wall for c in costs),
        sum(c.cpu for c in costs),
        sum(c.jobs for c in costs),
        sum(c.commits for c in costs),
        max((c.memory for c in costs), default=0.0),
    )
