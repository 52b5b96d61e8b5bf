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

WARM = 5  # nights into another lake before any counts
UPKEEP = 7  # nights from one `lake maintain` to the next, as dags/maintenance.py has it; it is not counted
AROUND = 5  # nights whose median stands for one of them
TARGETS = {"cpu": 1.1, "files": 1.0}


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
    """Print what every fifth night costs and reads, the last ones beside the fifth, and what a rerun of the last one starts."""
    root = work / "history"
    shutil.rmtree(root, ignore_errors=True)
    os.environ["LAKE_CONF"] = str(city.write_conf(root / "conf", by_days=True))
    os.environ |= {"XDG_STATE_HOME": str(root / "state"), "LAKE_CITY": city.CITY}
    from jobs.session import open_session

    spark = open_session("bench", small=True)  # as `lake run` opens it for so few rows
    _run_nights(spark, root / "warm", WARM, rows)
    found = _run_nights(spark, root / "lake", nights, rows)
    spark.stop()
    _print_nights(found)
    _judge_last(found)
    cost, java = run_command("the last night again", root / "lake", os.environ, "--now", _noon(found[-1].business_date))
    print_costs("a rerun of a finished night, in a process of its own", [cost])
    out.print(f"it started {'Java, target none: missed' if java else 'no Java: met'}")


def _run_nights(spark: Any, root: Path, nights: int, rows: int) -> list[Measured]:
    """Deliver a night, run it, and so on, with the weekly upkeep between them; nothing is delivered before its turn."""
    root.mkdir(parents=True)
    os.environ |= {"LAKE_ROOT": str(root / "lake"), "LAKE_INBOX": str(root / "inbox")}
    plans, found = Plans(spark), []
    for number in range(nights):
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


def _judge_last(found: Sequence[Measured]) -> None:
    """The last nights against those around the fifth."""
    early, late = found[AROUND // 2 : AROUND // 2 + AROUND], found[-AROUND:]
    cpu = [statistics.median(n.cost.cpu for n in nights) for nights in (early, late)]
    files = [statistics.median(n.files for n in nights) for nights in (early, late)]
    out.print(f"CPU s, medians of nights 3 to 7 and of the last {len(late)}: {cpu[0]:.2f}, {cpu[1]:.2f}")
    judge("the last nights' CPU over the fifth's", cpu[1] / cpu[0], TARGETS["cpu"])
    judge("the last nights' files read over the fifth's", files[1] / files[0], TARGETS["files"])
