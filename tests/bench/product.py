"""The product's own code path: land, bronze, silver, gold and release of the generated night into a fresh lake."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jobs import night as nights
from jobs.lake import Lake
from jobs.ledger import Run
from jobs.night import Night
from tests.bench.city import CITY
from tests.bench.measure import Meter, Tree

NOW = datetime(2024, 9, 10, 12, tzinfo=UTC)
# Calls that start work for checking's sake. Spark is lazy: a call pays for the reading and casting below it too, so that their sum
# is more than checking alone costs.
CHECKS = (
    ("jobs.bronze", "quality.validate", "bronze suite"),
    ("jobs.silver", "_conditions", "ask Great Expectations for conditions"),
    ("jobs.silver", "tally", "count rules, sums and repeated keys"),
    ("jobs.silver", "settle", "look at odd records"),
    ("jobs.silver", "_validate", "silver suite"),
    ("jobs.silver", "set_aside", "write quarantine"),
    ("jobs.gold", "_validate", "gold suite"),
)


def run(spark: Any, inbox: Path, root: Path, meter: Meter) -> dict[str, Any]:
    """One night; returns what the ledger says of it. Raises where a stage did not accept it."""
    lake = Lake(str(root), CITY)
    lake.check_format()
    night = Night(lake, inbox, Run("bench", 1, NOW), lambda: spark, lambda _event, _what: None)
    with meter.stage("extract"):
        nights.extract(night)
    for stage in ("bronze", "silver"):
        with meter.stage(stage):
            nights.process(night, (stage,))
    with meter.stage("gold and release"):
        made = nights.run_release(night)
    if night.problems or made is None or any(t.status == "held" for t in made.tables.values()):
        raise SystemExit(f"the product held the bench night: {[str(p) for p in night.problems]}")
    return {line.stage: {"seconds": line.seconds, "counts": line.counts} for line in night.lines}


@contextmanager
def timing_checks(pid: int) -> Iterator[dict[str, float]]:
    """CPU seconds inside the calls of CHECKS, by what they are for."""
    spent: dict[str, float] = {}
    inside: list[str] = []
    undo: list[Callable[[], None]] = []
    for module, path, what in CHECKS:
        owner: Any = importlib.import_module(module)
        *parents, name = path.split(".")
        for parent in parents:
            owner = getattr(owner, parent)
        found = getattr(owner, name, None)
        if found is not None:
            setattr(owner, name, _timed(found, pid, what, spent, inside))
            undo.append(functools.partial(setattr, owner, name, found))
    try:
        yield spent
    finally:
        for put_back in reversed(undo):
            put_back()


def _timed(
    call: Callable[..., Any], pid: int, what: str, spent: dict[str, float], inside: list[str]
) -> Callable[..., Any]:
    """Only the outermost of nested calls counts."""

    @functools.wraps(call)
    def timed(*args: Any, **named: Any) -> Any:
        if inside:
            return call(*args, **named)
        before, after = Tree(pid), Tree(pid)
        before.look()
        inside.append(what)
        try:
            return call(*args, **named)
        finally:
            inside.pop()
            after.look()
            spent[what] = spent.get(what, 0.0) + after.cpu - before.cpu

    return timed
