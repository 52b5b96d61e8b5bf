"""However often a command is killed, typing it once more ends as if nothing had happened: 52 placed kills, and 200 at random times.

Every kill has a lake of its own. The placed ones are four at each commit point of the product: before it, in the middle of its first
write, after it, and in the middle of a later one; of a point that writes no data before and after it, first and later. The random ones end
a night's whole process group, at a fraction of the time that the undisturbed night took just before; fractions come from a fixed seed.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from jobs import delta
from jobs.cities import PROJECT
from jobs.ledger import all_lines
from tests.commands import type_at
from tests.laws.crash_lake import NIGHTS, WHERE, WORKS, Work, copy_state, published, said, write_city
from tests.laws.test_kill import NOW, WRITES_NOTHING, environment, kill_at_each
from tests.little import World

SEED, KILLS, IN_CI = 20_250_101, 200, 4


def place_kills() -> list[tuple[str, str]]:
    """Four kills at each commit point: the work that is killed, and the moment."""
    found = []
    for point in delta.COMMIT_POINTS:
        early, late, number = WHERE[point]
        if point in WRITES_NOTHING:
            found += [(early, f"{at} {point} 1") for at in ("before", "after")]
            found += [(late, f"{at} {point} {number}") for at in ("before", "after")]
        else:
            found += [(early, f"{at} {point} 1") for at in ("before", "written", "after")]
            found.append((late, f"written {point} {number}"))
    return found


def draw_kills() -> list[Any]:
    """A night and a fraction of its time for each random kill; the first few also end nights in CI."""
    drawn = random.Random(SEED)
    kills = [(n, drawn.choice(NIGHTS), round(drawn.random(), 4)) for n in range(KILLS)]
    return [
        pytest.param(*kill, marks=[pytest.mark.crash, *([pytest.mark.slow] if kill[0] < IN_CI else [])])
        for kill in kills
    ]


@dataclass
class Undisturbed:
    """The states of the lake by name, what it says in each, and how long a night took that nobody killed."""

    folder: Path
    says: dict[str, dict[str, Any]] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    def reach(self, state: str) -> None:
        """Make a state of the lake, and those before it, where they are not made yet."""
        if state in self.says:
            return
        work = next(work for work in WORKS.values() if work.end == state)
        self.reach(work.start)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("XDG_STATE_HOME", str(self.folder / "state"))
            patch.setenv("LAKE_CONF", str(self.folder / work.conf))
            world = self.begin(work, self.folder / state)
            for command in (*work.before, work.command):
                code, told = type_at(world, *command, "--now", NOW)
                assert code == 0, told
            self.says[state] = said(world)

    def begin(self, work: Work, folder: Path) -> World:
        """A lake in the state from which a work goes, with its deliveries in the inbox."""
        world = copy_state(self.folder, work.start, folder)
        work.deliver(world)
        return world

    def measure(self, name: str, folder: Path) -> float:
        """Seconds that a night takes from its start to its end, measured once."""
        if name not in self.seconds:
            began = time.monotonic()
            child = lake_command(self.begin(WORKS[name], folder), WORKS[name])
            told, _ = child.communicate(timeout=900)
            assert child.returncode == 0, told
            self.seconds[name] = time.monotonic() - began
        return self.seconds[name]


def lake_command(world: World, work: Work) -> subprocess.Popen[str]:
    """Start a command in a process group of its own."""
    line = [sys.executable, "-m", "jobs", *work.command, "--now", NOW]
    return subprocess.Popen(
        line, env=environment(world), cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )  # fmt: skip


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, spark: object) -> Undisturbed:
    """Works that nobody kills, each done once, when it is first asked for."""
    folder = tmp_path_factory.mktemp("undisturbed")
    write_city(folder / "conf")
    write_city(folder / "wide", wide=True)
    return Undisturbed(folder, {"empty": {"published": {"release": "0"}}})


Again = Callable[[World, Work], None]


@pytest.fixture
def again(undisturbed: Undisturbed, state_home: Path) -> Again:
    """Type a command once more, plainly, in a lake in which it was killed, and compare what the lake then says."""

    def call(world: World, work: Work) -> None:
        assert published(world) in [undisturbed.says[state]["published"] for state in (work.start, work.end)]
        code, told = type_at(world, *work.command, "--now", NOW)
        assert code == 0, told
        assert said(world) == undisturbed.says[work.end]

    return call


def test_the_placed_kills_are_four_at_every_commit_point_of_the_product() -> None:
    kills = place_kills()
    assert Counter(moment.split()[1] for _, moment in kills) == dict.fromkeys(delta.COMMIT_POINTS, 4)
    assert len(set(kills)) == len(kills) == 52


@pytest.mark.spark
@pytest.mark.crash
@pytest.mark.parametrize(("name", "moment"), place_kills())
def test_a_command_killed_at_a_commit_point_is_finished_by_typing_it_again(
    undisturbed: Undisturbed, again: Again, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, record_property: Callable[[str, object], None],
    name: str, moment: str,
) -> None:  # fmt: skip
    work = WORKS[name]
    undisturbed.reach(work.end)
    monkeypatch.setenv("LAKE_CONF", str(undisturbed.folder / work.conf))
    world = undisturbed.begin(work, tmp_path / "lake")
    assert kill_at_each(world, [moment], *work.command, "--now", NOW) == []
    record_property("killed", moment.rsplit(" ", 1)[0])
    again(world, work)


@pytest.mark.spark
@pytest.mark.parametrize(("number", "name", "fraction"), draw_kills())
def test_a_night_killed_at_any_time_is_finished_by_typing_it_again(
    undisturbed: Undisturbed, again: Again, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, record_property: Callable[[str, object], None],
    number: int, name: str, fraction: float,
) -> None:  # fmt: skip
    """Where a night is over before the time that was drawn, that is drawn from the time that it took."""
    work = WORKS[name]
    undisturbed.reach(work.end)
    monkeypatch.setenv("LAKE_CONF", str(undisturbed.folder / work.conf))
    seconds = undisturbed.measure(name, tmp_path / "measured")
    for attempt in range(5):
        world = undisturbed.begin(work, tmp_path / f"lake{attempt}")
        lines = len(all_lines(world.lake.table("audit", "ledger")))
        began = time.monotonic()
        if was_killed(lake_command(world, work), fraction * seconds):
            break
        seconds = time.monotonic() - began
    record_property("killed", where_killed(world, lines))
    again(world, work)


def was_killed(child: subprocess.Popen[str], seconds: float) -> bool:
    """End a command's whole process group after so many seconds; whether it still ran."""
    try:
        child.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        child.communicate()
        return child.returncode == -signal.SIGKILL
    return False


def where_killed(world: World, lines: int) -> str:
    """How far a command had come, by the ledger lines that it wrote and by the lock that it held."""
    new = all_lines(world.lake.table("audit", "ledger"))[lines:]
    lock = world.lake.state() / "writer.lock"
    holder = json.loads(lock.read_text() or "{}") if lock.exists() else {}
    if new:
        return f"after a line of {new[-1].stage}" if holder else "after the lock"
    return "before the lock" if not holder else "before Spark" if "driver" not in holder else "before the first line"
