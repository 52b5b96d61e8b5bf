"""Do a piece of work again and again, each time with another call of the system that fails: the child process of test_failing_calls.

    python -m tests.faults.failing_work ledger|release|bronze|night FOLDER STEP

It needs the environment that `failing_calls.environment_of` gives. One JSON object a line: first what the lake says after the work was done
undisturbed, then for each number how the work ended, what readers then saw, how it ended when it was done again, and what the lake then says.
"""

from __future__ import annotations

import itertools
import json
import shutil
import sys
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jobs import night as nights
from jobs import release
from jobs.cities import load_gold
from jobs.failures import foreseen
from jobs.ledger import Ledger, Line, Run, all_lines
from jobs.session import open_session
from tests.commands import type_at
from tests.faults.failing_calls import Calls
from tests.laws.contents import releases, restated
from tests.laws.crash_lake import published, said
from tests.little import World, csv_of

NOW = "2026-01-01T12:00:00Z"
RUN = Run("test", 1, datetime.fromisoformat(NOW).astimezone(UTC))
DATE = "2025-01-02"
Ended = tuple[int, str]


def calls(work: Callable[[World], None]) -> Callable[[World], Ended]:
    """A function of the product as a piece of work: its exit code and message, as a command would give them."""

    def call(world: World) -> Ended:
        try:
            work(world)
        except Exception as error:  # noqa: BLE001 - the test reads what it was
            known = foreseen(error, world.lake)
            return (known.exit, str(known)) if known else (1, traceback.format_exc())
        return 0, ""

    return call


def append(world: World) -> None:
    ledger = Ledger(world.lake, RUN)
    if ledger.newest("silver", "reg.things", DATE, 1) is None:
        ledger.append(Line("silver", "reg.things", "accepted", DATE, 1))


def prepare(name: str, folder: Path) -> World:
    """A lake in which the work is to be done: after a first night, with the second in the inbox, landed or built."""
    world = World(folder, open_session)
    first, second = (
        [(key, 2013, value) for key, value in enumerate(values, 1)] for values in ((10, 20, 30), (11, 20, 31))
    )
    world.deliver("reg.things", "2025-01-01", csv_of(first))
    if name in ("release", "night"):
        world.run(release=True)
    world.deliver("reg.things", DATE, csv_of(second))
    if name == "bronze":
        nights.extract(world.run_nothing())
    if name == "ledger":
        Ledger(world.lake, RUN).append(Line("bronze", "reg.things", "accepted", DATE, 1))
    if name == "release":
        world.run()
    return world


def publishing(world: World) -> Callable[[World], None]:
    """Publish tables that were built before, unless that is done, as a run does it."""
    tables = nights.run_gold(world.run_nothing(), release.find_release(world.lake, None))

    def publish(copy: World) -> None:
        last = release.find_release(copy.lake, None)
        if not release.is_same(last, tables):
            release.publish(copy.lake, last, tables, load_gold(copy.lake.city), RUN.id, RUN.now)

    return publish


def find_work(name: str, world: World) -> tuple[Callable[[World], Ended], Callable[[World], Any]]:
    """The work, and what the lake says of it."""
    if name == "ledger":
        return calls(append), lambda w: [(x.line, x.stage) for x in all_lines(w.lake.table("audit", "ledger"))]
    if name == "release":
        return calls(publishing(world)), lambda w: [releases(w), restated(w)]
    command = ("run",) if name == "night" else ("bronze", "--date", DATE, "--dataset", "reg.things")
    return lambda w: type_at(w, *command, "--now", NOW), said


def main(name: str, folder: Path, step: int) -> None:
    failing, start = Calls(), prepare(name, folder / "start")
    work, says = find_work(name, start)
    for number in itertools.chain([0], itertools.count(1, step)):
        shutil.copytree(folder / "start", folder / "copy")
        world = World(folder / "copy", open_session)
        failing.watch(world.lake.base, number)
        ended = work(world)
        count, failed = failing.stop()
        seen, again = published(world), work(world)
        told = {
            "number": number,
            "count": count,
            "failed": failed,
            "ended": ended,
            "seen": seen,
            "again": again,
            "says": says(world),
        }
        print(json.dumps({"before": published(start), **told}, default=str), flush=True)
        shutil.rmtree(folder / "copy")
        if number and not failed:
            return


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
