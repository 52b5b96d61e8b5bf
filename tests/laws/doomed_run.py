"""A `lake` command that kills itself at the first of the named moments that it meets: the child process of the kill tests.

    python -m tests.laws.doomed_run TARGETS run --city little ...

TARGETS is a JSON file with a list of moments: "before silver", "after silver", or "written silver" for the moment at which the first
data file of a write stands in its folder; "before silver 3" is the third time that the point is passed. The moment is taken off the list before the process dies, so that the next run with the same
file goes on to the next one. With LAKE_TEST_MANY in the environment every delivery and table counts as large.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from jobs import delta, places
from jobs import stage as stages
from jobs.cli import main
from jobs.lake import Lake

APPENDS = {
    "decision": "decisions",
    "restatement": "restatements",
    "release": "releases",
    "ledger": "ledger",
    "checkpoint": "checkpoints",
}  # commit points and their tables
# Two datasets are worked on at once: one moment, one death, and the list is never half written.
DYING = threading.Lock()


def die(targets: Path, moment: str) -> None:
    """Take the moment off the list and kill this process as the kernel would."""
    with DYING:
        left = [other for other in json.loads(targets.read_text()) if other != moment]
        targets.write_text(json.dumps(left))
        os.sync()
        os.kill(os.getpid(), signal.SIGKILL)


def list_data_files(zone: Path) -> set[str]:
    return {str(p) for p in zone.rglob("*.parquet") if "_delta_log" not in p.parts}


def watch(targets: Path, moment: str, zone: Path, known: set[str], done: threading.Event) -> None:
    """Die as soon as a data file stands in the zone that was not there before."""
    while not done.is_set():
        if list_data_files(zone) - known:
            die(targets, moment)
        time.sleep(0.001)


def leave_file(targets: Path, moment: str, path: str, rows: pa.Table) -> None:
    """Die as an append does between its data file and its commit: delta-rs makes both in one call, which nothing here can stop halfway."""
    Path(path).mkdir(parents=True, exist_ok=True)
    pq.write_table(rows, Path(path) / "part-00000-of-a-killed-append.parquet")
    die(targets, moment)


def install(targets: Path, base: Path) -> None:
    """Put an observer on the product's commit points."""
    left = json.loads(targets.read_text())
    local = threading.local()  # two datasets are worked on at once: each has its own watcher
    passed = Counter[str]()

    def observe(event: str) -> None:
        with DYING:
            passed[event] += 1
            number = passed[event]
        at, point = event.split(" ", 1)
        for moment in (event, f"{event} {number}"):
            if moment in left:
                die(targets, moment)
        if at == "after" and getattr(local, "done", None):
            local.done.set()
        found = [m for m in (f"written {point}", f"written {point} {number}") if m in left]
        if at != "before" or not found or point == "bronze":
            return
        if point in APPENDS:
            table = base / "audit" / APPENDS[point]
            delta.write_deltalake = lambda _, rows, **__: leave_file(targets, found[0], str(table), rows)
            return
        local.done = threading.Event()
        zone = base / point.split("_")[0]
        arguments = (targets, found[0], zone, list_data_files(zone), local.done)
        threading.Thread(target=watch, args=arguments, daemon=True).start()

    delta.observers.append(observe)


if __name__ == "__main__":
    if "LAKE_TEST_MANY" in os.environ:
        stages.SMALL, places.FEW = -1, 0
    install(Path(sys.argv[1]), Path(Lake(os.environ["LAKE_ROOT"], os.environ["LAKE_CITY"]).base))
    sys.argv = ["lake", *sys.argv[2:]]
    main()
