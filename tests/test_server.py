"""A warm Spark server: commands attach to it, a killed command leaves nothing running there, a killed server is started again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from jobs import connect
from jobs.cities import PROJECT
from jobs.lock import hold_lake
from jobs.processes import started, wait_for_end
from jobs.release import find_release
from tests.little import CITY, World, csv_of, no_session
from tests.servers import addresses_of, wait_until

pytestmark = pytest.mark.spark

# Takes the lake as a command does, and has a query running on the server until it is killed.
HANGS = """
import sys
from functools import partial
from jobs.connect import open_driver
from jobs.lake import Lake
from jobs.lock import hold_lake, note_session
from jobs.settings import settle
settings = settle("", "", "", "", "", 1, False)
with hold_lake(settings.lake, settings.run) as lock:
    spark = open_driver(settings.lake, attached=partial(note_session, lock))
    spark.sql("SELECT java_method('java.lang.Thread', 'sleep', 600000L) FROM range(1)").collect()
"""


@pytest.fixture(scope="module")
def served(little_conf: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A lake whose server runs."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("served")
        patch.setenv("XDG_STATE_HOME", str(folder / "state"))
        patch.setenv("LAKE_CONF", str(little_conf))
        world = World(folder, no_session)
        code, _, said = lake(world, "server", "start")
        assert code == 0, said
        yield world
        connect.stop(world.lake)


def environment(world: World) -> dict[str, str]:
    places = {"LAKE_ROOT": world.lake.root, "LAKE_INBOX": str(world.inbox), "LAKE_CITY": CITY}
    return {**os.environ, **places, "PYTHONPATH": str(PROJECT)}


def lake(world: World, *words: str) -> tuple[int, str, str]:
    """Type `lake WORDS` in a process of its own."""
    line = [sys.executable, "-m", "jobs", *words]
    done = subprocess.run(line, env=environment(world), capture_output=True, text=True, check=False, timeout=300)
    return done.returncode, done.stdout, done.stderr


def server_of(world: World) -> connect.Server:
    found = connect.read_record(world.lake)
    assert found is not None
    return found


def test_its_record_is_private_its_token_on_no_command_line_and_it_listens_on_loopback_only(served: World) -> None:
    server = server_of(served)
    assert (served.lake.state() / "server.json").stat().st_mode & 0o777 == 0o600
    process = psutil.Process(server.pid)
    assert server.token not in " ".join(process.cmdline())
    listening = addresses_of([process])
    assert {address for address, _ in listening} == {"127.0.0.1"}
    assert {server.port, server.page} <= {port for _, port in listening}


def test_a_night_and_a_question_attach_to_it(served: World) -> None:
    served.deliver("reg.things", "2025-01-01", csv_of([(1, 2013, 10), (2, 2014, 20)]))
    before = javas()
    code, out, said = lake(served, "run")
    assert code == 0, out + said
    code, out, said = lake(served, "sql", "SELECT period, total FROM gold.totals ORDER BY period", "--format", "csv")
    assert (code, out.split()) == (0, ["period,total", "2013,10", "2014,20"]), said
    _, out, _ = lake(served, "server", "status", "--json")
    facts = json.loads(out)
    assert (facts["running"], facts["pid"], facts["running_jobs"]) == (True, server_of(served).pid, [])
    assert javas() == before


def test_what_a_killed_command_left_running_is_cancelled_before_the_next_one_begins(served: World) -> None:
    server = server_of(served)
    doomed = subprocess.Popen([sys.executable, "-c", HANGS], env=environment(served), cwd=PROJECT)
    wait_until(lambda: connect.running_jobs(server) != [], 120, lambda: "its query runs")
    doomed.send_signal(signal.SIGKILL)
    doomed.wait(30)
    assert connect.running_jobs(server) != []  # a client's death alone stops nothing
    code, out, said = lake(served, "run")
    assert (code, "N107" in out) == (0, True), said
    assert connect.running_jobs(server) == []


@pytest.mark.slow
def test_a_server_that_is_killed_fails_the_command_which_then_starts_it_again(served: World) -> None:
    first, before = server_of(served), find_release(served.lake, None)
    served.deliver("reg.things", "2025-01-02", csv_of([(1, 2013, 11), (2, 2014, 20)]))
    hanging = subprocess.Popen(
        [sys.executable, "-c", HANGS], env=environment(served), cwd=PROJECT, stderr=subprocess.PIPE, text=True
    )
    wait_until(lambda: connect.running_jobs(first) != [], 120, lambda: "its query runs")
    os.killpg(first.pid, signal.SIGKILL)
    assert wait_for_end(first.pid, first.began, 30)
    _, said = hanging.communicate(timeout=120)  # it ends by itself, and soon
    assert hanging.returncode == 1
    assert "UNAVAILABLE" in said
    code, out, _ = lake(served, "server", "status")
    assert (code, "died" in out) == (1, True)
    code, out, said = lake(served, "run", "--json")
    assert (code, json.loads(out)["release"]) == (0, before.number + 1 if before else 1), said
    second = server_of(served)
    assert (second.is_running, second.pid != first.pid) == (True, True)


@pytest.mark.slow
def test_a_server_out_of_memory_ends_and_the_next_command_has_a_new_one(
    little_conf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "spark.conf").write_text("spark.driver.memory 512m\n")
    places = {
        "XDG_STATE_HOME": tmp_path / "state",
        "LAKE_CONF": little_conf,
        "LAKE_SPARK_CONF": tmp_path / "spark.conf",
    }
    for name, place in places.items():
        monkeypatch.setenv(name, str(place))
    world = World(tmp_path, no_session)
    world.deliver("reg.things", "2025-01-01", csv_of([(1, 2013, 10)]))
    try:
        assert lake(world, "server", "start")[0] == 0
        assert lake(world, "run")[0] == 0
        first = server_of(world)
        much = "SELECT length(repeat('x', 2000000000)) FROM range(1)"
        code, _, said = lake(world, "sql", much)
        assert (code, "E502" in said) == (1, True), said
        code, out, said = lake(world, "sql", "SELECT total FROM gold.totals", "--format", "csv")
        assert (code, out.split()) == (0, ["total", "10"]), said
        assert server_of(world).pid != first.pid
    finally:
        connect.stop(world.lake)


def test_it_is_not_stopped_under_a_running_command_and_then_leaves_no_process(served: World) -> None:
    server = server_of(served)
    with hold_lake(served.lake, served.run_nothing().run):
        code, _, said = lake(served, "server", "stop")
    assert (code, "E501" in said) == (5, True)
    code, out, _ = lake(served, "server", "stop")
    assert (code, "stopped" in out) == (0, True)
    assert started(server.pid) == ""
    code, out, _ = lake(served, "server", "status")
    assert (code, "No server runs" in out) == (0, True)


def javas() -> set[int]:
    return {p.pid for p in psutil.Process().children(recursive=True) if "java" in p.name()}
