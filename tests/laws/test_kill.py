"""A run that is killed anywhere is finished by the same command, and ends as if nothing had happened."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from jobs import delta, places
from jobs import night as nights
from jobs import stage as stages
from jobs.cities import PROJECT
from jobs.ledger import Line
from jobs.lock import hold_lake
from tests.laws import roads
from tests.laws.contents import committed, contents, outcomes, states
from tests.little import CITY, HOLD, World, csv_of, write_conf

NOW = "2026-01-01T12:00:00Z"
NIGHT = ["quarantine_bronze", "bronze_table", "bronze", "quarantine_silver", "silver", "gold", "release", "ledger"]
WRITES_NOTHING = ("bronze_table", "bronze_columns", "gold_restore")


def around(*points: str) -> list[str]:
    """Before and after each commit, and in the middle of each write."""
    every = [f"{at} {point}" for point in points for at in ("before", "written", "after")]
    return [moment for moment in every if moment not in [f"written {point}" for point in WRITES_NOTHING]]


CHANGES = "key,period,value,sequence,operation"
DISMISS = ["quarantine", "dismiss", "--dataset", "reg.things", "--date", "2025-01-02", "--file", "data.csv"]


def fill_inbox(world: World) -> None:
    """A good night, and one with a set-aside row and a record that cannot be read."""
    world.deliver("reg.things", "2025-01-01", csv_of([(1, 2013, 10), (2, 2013, 20), (3, 2013, 30)]))
    world.deliver("reg.things", "2025-01-02", csv_of([(1, 2013, 11), (2, 2013, "x"), (3, 2013, 30)]) + "short\n")


def add_changes(world: World) -> None:
    world.deliver("reg.moves", "2025-01-01", csv_of([(1, 2013, 10, 1, "I"), (1, 2013, 12, 2, "U")], CHANGES))
    world.deliver("reg.moves", "2025-01-02", csv_of([(1, 2013, 12, 3, "D"), (2, 2013, 20, 3, "I")], CHANGES))


def add_night(world: World) -> None:
    """A night that changes a published figure."""
    world.deliver("reg.things", "2025-01-03", csv_of([(1, 2013, 12), (2, 2013, 21), (3, 2013, 30)]))


def environment(world: World) -> dict[str, str]:
    places = {"LAKE_ROOT": world.lake.root, "LAKE_INBOX": str(world.inbox), "LAKE_CITY": world.lake.city}
    return {**os.environ, **places, "PYTHONPATH": str(PROJECT), "LAKE_SPARK_TEST": "1"}


def start(world: World, targets: Sequence[str] | Path, *command: str) -> subprocess.Popen[str]:
    """Start `lake COMMAND` in a child that dies at the first of the moments that it meets."""
    path = targets if isinstance(targets, Path) else world.inbox.parent / "targets.json"
    if not isinstance(targets, Path):
        path.write_text(json.dumps(targets))
    line = [sys.executable, "-m", "tests.laws.doomed_run", str(path), *command]
    pipe = subprocess.PIPE
    return subprocess.Popen(line, env=environment(world), cwd=PROJECT, stdout=pipe, stderr=subprocess.STDOUT, text=True)


def kill_at_each(
    world: World, moments: Sequence[str], *command: str, look: Callable[[], None] = lambda: None
) -> list[str]:
    """Run a command again and again, each child dying at the next moment it meets, until one ends or none is left to die at.

    `look` is called after each death. Returns the moments that no child met.
    """
    targets = world.inbox.parent / "targets.json"
    targets.write_text(json.dumps(list(moments)))
    while left := json.loads(targets.read_text()):
        child = start(world, targets, *command)
        said, _ = child.communicate(timeout=300)
        if child.returncode != -signal.SIGKILL:
            assert child.returncode == 0, said
            return left
        look()
    return []


def finish(world: World, *command: str) -> None:
    """Run a command to its end."""
    child = start(world, [], *command)
    said, _ = child.communicate(timeout=300)
    assert child.returncode == 0, said


@contextmanager
def noting_states(world: World) -> Iterator[set[tuple[str, str]]]:
    """What the tables of an undisturbed lake say, now and after each commit."""
    seen = states(world)

    def note(event: str) -> None:
        if event.startswith("after"):
            seen.update(states(world))

    delta.observers.append(note)
    try:
        yield seen
    finally:
        delta.observers.remove(note)


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
    """One lake is killed again and again. After each death every table says what it says at some commit of an undisturbed run:
    no rerun hides what another kill broke."""
    decide = [*DISMISS, "--record", "2", "--by", "tester", "--reason", "checked", "--now", NOW]
    with another_world(tmp_path / "undisturbed", world) as undisturbed, noting_states(undisturbed) as seen:
        fill_inbox(undisturbed)
        add_changes(undisturbed)
        undisturbed.run(release=True)
        undisturbed.decide("dismiss", "reg.things", "2025-01-02", file="data.csv", record=2)
        add_night(undisturbed)
        undisturbed.run(release=True)
        assert len(contents(undisturbed)["restated"]) == 1

    def look() -> None:
        assert states(world) <= seen

    fill_inbox(world)
    add_changes(world)
    assert kill_at_each(world, around(*NIGHT), "run", "--now", NOW, look=look) == []
    finish(world, "run", "--now", NOW)
    look()
    assert kill_at_each(world, around("decision"), *decide, look=look) == []
    finish(world, *decide)
    add_night(world)
    assert kill_at_each(world, around("restatement"), "run", "--now", NOW, look=look) == []
    with hold_lake(world.lake, world.run_nothing().run):
        world.run(release=True)
    assert_same(world, undisturbed)
    decisions = delta.read_arrow(world.lake.table("audit", "decisions"))
    assert decisions is not None
    assert decisions.num_rows == 1


@pytest.mark.spark
@pytest.mark.slow
@pytest.mark.parametrize("dataset", ["reg.things", "road.counts"])
def test_a_merge_killed_at_any_moment_is_finished_by_the_next_run(
    world: World, tmp_path: Path, dataset: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tables too large to be rewritten, of history and of events, take a night by MERGE."""
    monkeypatch.setattr(stages, "SMALL", -1)
    monkeypatch.setattr(places, "FEW", 0)
    monkeypatch.setenv("LAKE_TEST_MANY", "1")
    with another_world(tmp_path / "undisturbed", world) as undisturbed:
        for each in (undisturbed, world):
            each.deliver(dataset, "2025-01-01", csv_of([(1, 2013, 10), (2, 2013, 20), (3, 2013, 30)]))
            each.run()
            each.deliver(dataset, "2025-01-02", csv_of([(1, 2013, 11), (3, 2013, 30), (4, 2013, 40)]))
            read_into_bronze(each)
        with noting_states(undisturbed) as seen:
            undisturbed.run()

    def look() -> None:
        assert states(world) <= seen

    command = ["silver", "--date", "2025-01-02", "--dataset", dataset, "--now", NOW]
    assert kill_at_each(world, around("silver"), *command, look=look) == []
    finish(world, *command)
    assert [last_operation(each, dataset) for each in (world, undisturbed)] == ["MERGE", "MERGE"]
    assert_same(world, undisturbed)


def last_operation(world: World, dataset: str) -> str:
    table = delta.open_table(world.lake.table("silver", dataset.replace(".", "_")))
    assert table is not None
    return str(table.history(1)[0]["operation"])


@pytest.mark.slow
def test_bronze_killed_while_its_table_gets_a_column_is_finished_by_the_same_command(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A contract declares one column more, and the supplier delivers it: bronze needs no Java."""
    with another_world(tmp_path / "undisturbed", world) as undisturbed:
        for each in (undisturbed, world):
            each.deliver("reg.things", "2025-01-01", csv_of([(1, 2013, 10)]))
            read_into_bronze(each)
        root = write_conf(tmp_path / "conf")
        contract = root / "conf" / "cities" / CITY / "reg" / "things.odcs.yaml"
        contract.write_text(contract.read_text().replace(HOLD, f"{HOLD}\n{HOLD.replace('name: hold', 'name: note')}"))
        monkeypatch.setenv("LAKE_CONF", str(root))
        for each in (undisturbed, world):
            each.deliver("reg.things", "2025-01-02", csv_of([(1, 2013, 10, "new")], "key,period,value,note"))
            nights.extract(each.run_nothing())
        with noting_states(undisturbed) as seen:
            read_into_bronze(undisturbed)

    def look() -> None:
        assert states(world) <= seen

    command = ["bronze", "--date", "2025-01-02", "--dataset", "reg.things", "--now", NOW]
    assert kill_at_each(world, around("bronze_columns", "bronze", "ledger"), *command, look=look) == []
    finish(world, *command)
    assert states(world) == states(undisturbed)
    assert world.rows("reg.things", "bronze")[-1]["note"] == "new"


@pytest.mark.spark
@pytest.mark.crash
def test_tables_built_by_days_are_finished_after_a_kill_at_any_moment_of_gold(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run dies before its release, and another night comes: the build that nobody saw is taken back, once."""
    monkeypatch.setenv("LAKE_CONF", str(roads.write_conf(tmp_path / "conf")))
    told, undisturbed = (World(tmp_path / name, world.open_session, roads.CITY) for name in ("told", "undisturbed"))
    for each in (told, undisturbed):
        roads.register(each, 1, {"a": "Long", "b": "Short"})
        roads.deliver(each, 1, {"a": 10, "b": 20})
        each.run(release=True)
        roads.deliver(each, 2, {"a": 30, "b": 40})
    run = ["run", "--now", NOW]
    assert kill_at_each(told, ["before release"], *run) == []
    for each in (told, undisturbed):
        roads.deliver(each, 3, {"a": 50})
    assert kill_at_each(told, [*around("gold_restore", "gold"), "before release"], *run) == []
    finish(told, *run)
    undisturbed.run(release=True)
    assert contents(told) == contents(undisturbed)
    assert outcomes(told) == outcomes(undisturbed)
    for table in ("sensor_days", "street_days"):
        opened = delta.open_table(told.lake.table("gold", table))
        assert opened is not None
        assert [commit["operation"] for commit in opened.history()].count("RESTORE") == 1


def read_into_bronze(world: World) -> None:
    night = world.run_nothing()
    nights.extract(night)
    nights.process(night, ("bronze",))


def test_every_commit_point_of_the_product_is_among_the_moments() -> None:
    others = {"bronze_columns", "gold_restore", "decision", "restatement", "checkpoint"}
    assert {*NIGHT, *others} == set(delta.COMMIT_POINTS)


@pytest.mark.programs
def test_a_checkpoint_killed_at_any_moment_is_taken_once(world: World) -> None:
    world.run_nothing().ledger.append(Line(stage="maintain", dataset="lake", outcome="done"))
    command = ["audit", "checkpoint", "--now", NOW]
    assert kill_at_each(world, ["before checkpoint", "after checkpoint"], *command) == []
    finish(world, *command)
    kept = delta.read_arrow(world.lake.table("audit", "checkpoints"))
    assert kept is not None
    assert [(row["table"], row["size"]) for row in kept.to_pylist()] == [("ledger", 1)]


@pytest.mark.programs
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
