"""Small nights of one dataset into one lake, one after the other in one warm process: what a night costs after many others."""

from __future__ import annotations

import io
import os
import shutil
import statistics
import sys
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.table import Table

from tests.bench import city, generate
from tests.bench.measure import Cost, Meter, job_counter
from tests.bench.say import judge, out, print_costs
from tests.bench.shipped import run_command
from tests.scans import Plans, Scan

YOUNG = 5  # nights into another lake, before any counts
UPKEEP = 7  # nights from one `lake maintain` to the next, as dags/maintenance.py has it; it is not counted
# More nights into each of the two lakes, in turns: an hour of this machine is not like the next. Of ten, either lake has one in which Delta
# writes its checkpoints.
TURNS = 10
TARGETS = {"CPU": 1.1, "files read": 1.0}


@dataclass(frozen=True)
class Measured:
    """One night: its costs, and what Spark read of the lake's tables and of their logs."""

    business_date: str
    cost: Cost
    tables: tuple[Scan, ...]
    logs: tuple[Scan, ...]

    @property
    def files(self) -> int:
        return sum(s.files for s in self.tables)

    @property
    def size(self) -> float:
        return sum(s.size for s in self.tables)


def measure_history(work: Path, nights: int, rows: int) -> None:
    """Print what every fifth night costs and reads, more nights of the old lake beside those of a young one, and what a rerun starts."""
    root = work / "history"
    shutil.rmtree(root, ignore_errors=True)
    os.environ["LAKE_CONF"] = str(city.write_conf(root / "conf", by_days=True))
    os.environ |= {"XDG_STATE_HOME": str(root / "state"), "LAKE_CITY": city.CITY}
    from jobs.session import open_session

    spark = open_session("bench", small=True)  # as `lake run` opens it for so few rows
    _run_nights(spark, root / "young", range(YOUNG), rows)
    found = _run_nights(spark, root / "lake", range(nights), rows)
    turns = [
        (_run_nights(spark, root / "young", [YOUNG + n], rows)[0], _run_nights(spark, root / "lake", [nights + n], rows)[0])
        for n in range(TURNS)
    ]  # fmt: skip
    spark.stop()
    _print_nights(found)
    _judge(*zip(*turns, strict=True))
    last = turns[-1][1].business_date
    cost, java = run_command("the last night again", root / "lake", os.environ, "--now", _noon(last))
    print_costs("a rerun of a finished night, in a process of its own", [cost])
    out.print(f"it started {'Java, target none: missed' if java else 'no Java: met'}")


def _run_nights(spark: Any, root: Path, nights: Sequence[int], rows: int) -> list[Measured]:
    """Deliver a night, run it, and so on, with the weekly upkeep between them; nothing is delivered before its turn."""
    root.mkdir(parents=True, exist_ok=True)
    os.environ |= {"LAKE_ROOT": str(root / "lake"), "LAKE_INBOX": str(root / "inbox")}
    plans, found = Plans(spark), []
    for number in nights:
        business_date = generate.write_day(root / "inbox", number, rows)
        meter = Meter(os.getpid(), root, job_counter(spark))
        with meter.stage(business_date):
            _type("run", "--now", _noon(business_date))
        scans = [s for s in plans.take() if str(root) in s.place]
        if number % UPKEEP == UPKEEP - 1:
            _type("maintain", "--now", _noon(business_date))
            plans.take()
        logs = tuple(s for s in scans if "_delta_log" in s.place)
        found.append(Measured(business_date, meter.costs[0], tuple(s for s in scans if s not in logs), logs))
    return found


def _noon(business_date: str) -> str:
    return f"{business_date}T12:00:00Z"


def _type(*arguments: str) -> None:
    """A command in this process, as a person would type it."""
    from jobs import cli

    sys.argv, said = ["lake", *arguments], io.StringIO()
    code: Any = 0
    with redirect_stdout(said), redirect_stderr(said):
        try:
            cli.main()
        except SystemExit as left:
            code = left.code
    if code:
        raise SystemExit(f"`lake {' '.join(arguments)}` ended with {code}:\n{said.getvalue()[-2000:]}")


def _print_nights(found: Sequence[Measured]) -> None:
    columns = ("night", "CPU s", "wall s", "Spark jobs", "commits", "files read", "KiB", "files of logs")
    table = Table(*columns, title="nights into one lake, one warm process", title_justify="left")
    for number, night in enumerate(found, 1):
        if number == 1 or number % 5 == 0 or night is found[-1]:
            cost, logs = night.cost, sum(s.files for s in night.logs)
            spent = (f"{cost.cpu:.2f}", f"{cost.wall:.2f}", str(cost.jobs), str(cost.commits))
            table.add_row(str(number), *spent, str(night.files), f"{night.size / 1024:,.0f}", str(logs))
    out.print(table)


def _judge(young: Sequence[Measured], old: Sequence[Measured]) -> None:
    """Nights of the old lake against those of the young one."""
    for title, lake in (("young", young), ("old", old)):
        cpu = ", ".join(f"{night.cost.cpu:.2f}" for night in lake)
        out.print(f"CPU s of nights in turns, {title} lake: {cpu}; files read: {', '.join(str(n.files) for n in lake)}")
    for what, target in TARGETS.items():
        early, late = (statistics.median(_number(night, what) for night in lake) for lake in (young, old))
        judge(f"{what} of a night of the old lake over one of the young", late / early, target)


def _number(night: Measured, what: str) -> float:
    return night.files if what == "files read" else night.cost.cpu
