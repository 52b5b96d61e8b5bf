"""E1 and E13: what a fetch and upkeep leave that were killed in the middle."""

from __future__ import annotations

import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from jobs import delta
from jobs import night as nights
from jobs.cities import PROJECT, load_gold
from jobs.digest import digest_table
from jobs.ledger import Run
from jobs.night import Night
from jobs.release import read_releases
from tests.laws.test_kill import environment
from tests.little import World, csv_of


def test_what_a_killed_fetch_left_is_taken_by_no_run(world: World) -> None:
    """It leaves a folder under a name that no one takes for a delivery; the next run begins with an empty spool."""
    left = world.run_nothing().spool / "reg" / "things" / ".2025-01-01" / "data.csv.part"
    left.parent.mkdir(parents=True)
    left.write_text(csv_of([(1, 2013, 10)])[:20])
    night = world.run_nothing()
    night.roots["reg.things"] = night.spool
    assert nights.look_into_inbox(night).arrivals == ()
    assert nights.extract(world.run_nothing()) == []
    assert not left.exists()


# `lake maintain` in a process that the kernel kills as soon as Spark's VACUUM of one table has removed a file of it.
DOOMED = """
import os, signal, sys
from pathlib import Path
from jobs import vacuum
from jobs.cli import main

def die_halfway(spark, path, hours):
    Path(path, sorted(vacuum.old_files(path, hours))[0]).unlink()
    os.kill(os.getpid(), signal.SIGKILL)

vacuum.vacuum = die_halfway
sys.argv = ["lake", "maintain", *sys.argv[1:]]
main()
"""


@pytest.mark.spark
@pytest.mark.slow
def test_upkeep_that_was_killed_in_the_middle_is_finished_by_the_next(world: World) -> None:
    """Some old files are gone and some are not, small files are joined and nobody said so: no release is touched by it."""
    for day, value in (("2025-01-01", 10), ("2025-01-02", 11), ("2025-01-03", 12)):
        world.deliver("reg.things", day, csv_of([(1, 2013, value), (2, 2014, 20)]))
        world.run(release=True)
    before, rows, files = released(world), world.rows("reg.things"), files_of(world)
    now = (datetime.now(UTC) + timedelta(days=8)).isoformat()
    child = subprocess.run(
        [sys.executable, "-c", DOOMED, "--now", now], check=False, env=environment(world), cwd=PROJECT
    )
    assert child.returncode == -signal.SIGKILL
    assert len(files - files_of(world)) == 1
    assert (released(world), world.rows("reg.things")) == (before, rows)
    night = a_week_later(world)
    done = {d.table: d.removed for d in nights.maintain(night)}
    assert (night.problems, done["silver.reg_things"] > 0) == ([], True)
    assert (released(world), world.rows("reg.things")) == (before, rows)
    assert world.run(release=True).lines == []


def files_of(world: World) -> set[Path]:
    """The data files of the tables that Spark writes."""
    return {p for zone in ("quarantine", "silver", "gold") for p in Path(world.lake.base, zone).rglob("*.parquet")}


def a_week_later(world: World) -> Night:
    run = Run("test", 1, datetime.now(UTC) + timedelta(days=8))
    return Night(world.lake, world.inbox, run, world.open_session, lambda e, w: None)


def released(world: World) -> dict[int, str]:
    """Digest of `gold.totals` as each release published it."""
    contract, found = load_gold("little")["totals"], {}
    for release in read_releases(world.lake):
        rows = delta.read_arrow(world.lake.table("gold", "totals"), release.tables["totals"].version)
        assert rows is not None
        found[release.number] = digest_table(rows, contract)
    return found
