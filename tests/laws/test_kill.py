"""A run that is killed anywhere is finished by the same command, and ends as if nothing had happened."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from jobs import delta
from jobs.contracts import PROJECT
from jobs.lock import hold_lake
from tests.laws.contents import committed, contents, outcomes
from tests.little import CITY, World, csv_of

NOW = "2026-01-01T12:00:00Z"
IN_A_RUN = [point for point in delta.COMMIT_POINTS if point != "decision"]
MID_WRITE = [
    "written quarantine_bronze",
    "written bronze",
    "written quarantine_silver",
    "written silver",
    "written gold",
]
EVERYWHERE = [f"{at} {point}" for point in IN_A_RUN for at in ("before", "after")] + MID_WRITE
CHANGES = "key,period,value,sequence,operation"
DISMISS = ["quarantine", "dismiss", "--dataset", "reg.things", "--date", "2025-01-02", "--file", "data.csv"]


def fill_inbox(world: World) -> None:
    """A good night, and one with a set-aside row and a record that cannot be read."""
    world.deliver("reg.things", "2025-01-01", csv_of([(1, 2013, 10), (2, 2013, 20), (3, 2013, 30)]))
    world.deliver("reg.things", "2025-01-02", csv_of([(1, 2013, 11), (2, 2013, "x"), (3, 2013, 30)]) + "short\n")


def add_changes(world: World) -> None:
    world.deliver("reg.moves", "2025-01-01", csv_of([(1, 2013, 10, 1, "I"), (1, 2013, 12, 2, "U")], CHANGES))
    world.deliver("reg.moves", "2025-01-02", csv_of([(1, 2013, 12, 3, "D"), (2, 2013, 20, 3, "I")], CHANGES))


def environment(world: World) -> dict[str, str]:
    places = {"LAKE_ROOT": world.lake.root, "LAKE_INBOX": str(world.inbox), "LAKE_CITY": CITY}
    return {**os.environ, **places, "PYTHONPATH": str(PROJECT), "LAKE_SPARK_TEST": "1"}


def start(world: World, targets: Sequence[str] | Path, *command: str) -> subprocess.Popen[str]:
    """Start `lake COMMAND` in a child that dies at the first of the moments that it meets."""
    path = targets if isinstance(targets, Path) else world.inbox.parent / "targets.json"
    if not isinstance(targets, Path):
        path.write_text(json.dumps(targets))
    line = [sys.executable, "-m", "tests.laws.doomed_run", str(path), *command]
    pipe = subprocess.PIPE
    return subprocess.Popen(line, env=environment(world), cwd=PROJECT, stdout=pipe, stderr=subprocess.STDOUT, text=True)


def kill_at_each(world: World, moments: Sequence[str], *command: str) -> list[str]:
    """Run a command again and again, each child dying at the next moment it meets, until one ends or none is left to die at.

    Returns the moments that no child met.
    """
    targets = world.inbox.parent / "targets.json"
    targets.write_text(json.dumps(list(moments)))
    while left := json.loads(targets.read_text()):
        child = start(world, targets, *command)
        said, _ = child.communicate(timeout=300)
        if child.returncode != -signal.SIGKILL:
            assert child.returncode == 0, said
            return left
    return []


@contextmanager
def another_world(folder: Path, world: World) -> Iterator[World]:
    folder.mkdir()
    yield World(folder, world.open_session)


def assert_same(disturbed: World, undisturbed: World) -> None:
    assert contents(disturbed) == contents(undisturbed)
    assert outcomes(disturbed) == outcomes(undisturbed)
    assert committed(disturbed) == committed(undisturbed)


@pytest.mark.spark
def test_a_run_killed_in_bronze_and_in_silver_is_finished_by_the_next(world: World, tmp_path: Path) -> None:
    moments = ["written bronze", "after bronze", "written silver", "after silver"]
    fill_inbox(world)
    assert kill_at_each(world, moments, "run", "--now", NOW) == []
    with hold_lake(world.lake, world.run_nothing().run):
        world.run(release=True)
    with another_world(tmp_path / "undisturbed", world) as undisturbed:
        fill_inbox(undisturbed)
        undisturbed.run(release=True)
        assert_same(world, undisturbed)


@pytest.mark.spark
@pytest.mark.slow
def test_a_run_killed_at_every_commit_and_in_every_write_ends_like_an_undisturbed_one(
    world: World, tmp_path: Path
) -> None:
    fill_inbox(world)
    add_changes(world)
    assert kill_at_each(world, EVERYWHERE, "run", "--now", NOW) == []
    child = start(world, [], "run", "--now", NOW)
    said, _ = child.communicate(timeout=300)
    assert child.returncode == 0, said
    decide = [*DISMISS, "--record", "2", "--by", "tester", "--reason", "checked", "--now", NOW]
    assert kill_at_each(world, ["before decision", "after decision"], *decide) == []
    assert start(world, [], *decide).wait(60) == 0
    with hold_lake(world.lake, world.run_nothing().run):
        world.run(release=True)

    with another_world(tmp_path / "undisturbed", world) as undisturbed:
        fill_inbox(undisturbed)
        add_changes(undisturbed)
        undisturbed.run(release=True)
        undisturbed.decide("dismiss", "reg.things", "2025-01-02", file="data.csv", record=2)
        undisturbed.run(release=True)
        assert_same(world, undisturbed)
    decisions = delta.read_arrow(world.lake.table("audit", "decisions"))
    assert decisions is not None
    assert decisions.num_rows == 1


def test_every_commit_point_of_the_product_is_among_the_moments() -> None:
    named = {moment.split(" ", 1)[1] for moment in EVERYWHERE} | {"decision"}
    assert named == set(delta.COMMIT_POINTS)


def test_a_second_writer_is_refused_until_the_first_is_killed(world: World) -> None:
    fill_inbox(world)
    command = ["extract", "--date", "2025-01-01", "--now", NOW]
    line = [sys.executable, "-c", WAITS, *command, "--run-id", "first"]
    holder = subprocess.Popen(line, env=environment(world), cwd=PROJECT, stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "holding\n"
        second = start(world, [], *command)
        said, _ = second.communicate(timeout=60)
        assert second.returncode == 5, said
        told = " ".join(said.split())
        assert "E501" in told
        assert f"run first (pid {holder.pid}) since 2026-01-01T12:00:00+00:00" in told
    finally:
        holder.kill()
        holder.wait()
    began = time.monotonic()
    third = start(world, [], *command)
    said, _ = third.communicate(timeout=60)
    assert third.returncode == 0, said
    assert time.monotonic() - began < 30
    assert (Path(world.lake.base) / "landing" / "receipts").is_dir()


WAITS = """
import time
from jobs import cli, night

def wait(*_):
    print("holding", flush=True)
    time.sleep(600)

night.extract = wait
cli.main()
"""
