"""One writer a lake: the second is told who and since when, and a killed one is in nobody's way."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from jobs.errors import LakeError
from jobs.lake import Lake
from jobs.ledger import Run
from jobs.lock import hold_lake, note_driver
from jobs.settings import settle
from tests.policies.source_trees import PROJECT

HOLD = """
import sys, time
from datetime import UTC, datetime
from jobs.lake import Lake
from jobs.ledger import Run
from jobs.lock import hold_lake
with hold_lake(Lake(sys.argv[1], "little"), Run("first", 1, datetime(2025, 1, 2, 3, 4, tzinfo=UTC))):
    print("held", flush=True)
    time.sleep(60)
"""
RUN = Run("second", 1, datetime(2025, 1, 2, 6, tzinfo=UTC))


@pytest.fixture
def lake(tmp_path: Path, state_home: Path) -> Lake:
    return Lake(str(tmp_path / "lake"), "little")


@pytest.fixture
def holder(lake: Lake) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the lake."""
    child = subprocess.Popen(
        [sys.executable, "-c", HOLD, lake.root], cwd=PROJECT, env=dict(os.environ), stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "held\n"
    yield child
    child.kill()
    child.wait()


def test_a_second_writer_is_refused_and_told_who_and_since_when(lake: Lake, holder: subprocess.Popen[str]) -> None:
    with pytest.raises(LakeError) as refused, hold_lake(lake, RUN):
        pass
    assert refused.value.code == "E501"
    assert refused.value.exit == 5
    assert refused.value.actual == f"held by run first (pid {holder.pid}) since 2025-01-02T03:04:00+00:00"


def test_a_writer_that_waits_makes_ready_meanwhile_and_writes_when_the_other_has_ended(
    lake: Lake, holder: subprocess.Popen[str]
) -> None:
    """What it makes ready here is the end of the other."""
    with hold_lake(lake, RUN, 60, holder.kill) as path:
        assert '"run": "second"' in path.read_text()


def test_a_writer_that_has_waited_long_enough_is_refused(lake: Lake, holder: subprocess.Popen[str]) -> None:
    made_ready: list[str] = []
    with pytest.raises(LakeError) as refused, hold_lake(lake, RUN, 1, lambda: made_ready.append("once")):
        pass
    assert (refused.value.code, made_ready) == ("E501", ["once"])
    assert "run first" in refused.value.actual


@pytest.mark.parametrize("wait", ["soon", "-1", "1.5"])
def test_what_is_no_number_of_seconds_is_refused(wait: str) -> None:
    with pytest.raises(LakeError) as refused:
        settle("", "", "", "", "", 1, False, wait=wait)
    assert (refused.value.code, refused.value.parts()["place"]) == ("E002", "--wait")


def test_who_need_not_wait_makes_nothing_ready(lake: Lake) -> None:
    with hold_lake(lake, RUN, 60, lambda: pytest.fail("there was nothing to wait for")):
        pass


def test_a_killed_writer_is_in_nobodys_way(lake: Lake, holder: subprocess.Popen[str]) -> None:
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    with hold_lake(lake, RUN) as path:
        assert '"run": "second"' in path.read_text()


def test_a_finished_writer_leaves_the_lock_free_and_empty(lake: Lake) -> None:
    with hold_lake(lake, RUN) as path:
        pass
    with hold_lake(lake, RUN):
        pass
    assert path.read_text() == ""


def test_another_lake_is_another_lock(tmp_path: Path, lake: Lake, holder: subprocess.Popen[str]) -> None:
    with hold_lake(Lake(str(tmp_path / "other"), "little"), RUN):
        pass


def test_the_driver_of_a_killed_writer_is_waited_for(lake: Lake) -> None:
    """A stand-in for the driver ends after a moment; the writer that comes next begins only then."""
    stand_in = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(0.7)"])
    path = lake.state() / "writer.lock"
    path.write_text('{"run": "killed", "pid": 1}')
    note_driver(path, stand_in.pid)
    began = datetime.now(UTC)
    import threading

    reaper = threading.Thread(target=stand_in.wait)
    reaper.start()
    with hold_lake(lake, RUN):
        waited = (datetime.now(UTC) - began).total_seconds()
    reaper.join()
    assert 0.2 < waited < 30
