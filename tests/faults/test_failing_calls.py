"""F5: whichever call of the system fails once, Python's, delta-rs' or the JVM's, it is a clean message or no harm; typed again, all is done."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from jobs.cities import PROJECT
from tests.faults.failing_calls import environment_of

# Each piece of work, and of how many calls one is made to fail.
CRASH = pytest.mark.crash
WORKS = [
    pytest.param("ledger", 1, marks=pytest.mark.programs),
    pytest.param("release", 1, marks=[pytest.mark.spark, CRASH]),
    pytest.param("bronze", 7, marks=[pytest.mark.slow]),
    pytest.param("bronze", 1, marks=[CRASH]),
    pytest.param("night", 13, marks=[pytest.mark.spark, CRASH]),
]


@pytest.mark.parametrize(("work", "step"), WORKS)
def test_whichever_call_fails_readers_see_a_whole_release_and_typing_again_ends_as_undisturbed(
    little_conf: Path, state_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, work: str, step: int
) -> None:
    monkeypatch.setenv("LAKE_CONF", str(little_conf))
    line = [sys.executable, "-m", "tests.faults.failing_work", work, str(tmp_path), str(step)]
    done = subprocess.run(line, check=False, cwd=PROJECT, env=environment_of(tmp_path), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    undisturbed, *tries = [json.loads(found) for found in done.stdout.splitlines()]
    assert undisturbed["ended"] == [0, undisturbed["ended"][1]]
    for found in tries:
        check_try(found, undisturbed)
    assert sum(found["ended"][0] == 6 for found in tries) > 3, "some calls were made to fail"


def check_try(found: dict[str, Any], undisturbed: dict[str, Any]) -> None:
    (code, told), about = found["ended"], f"call {found['number']} of {found['count']}"
    assert code == 0 or (code == 6 and "E601 No space left" in told), (about, told)
    assert "Traceback" not in told, (about, told)
    assert found["seen"] in (undisturbed["before"], undisturbed["seen"]), about
    assert found["again"][0] == 0, (about, found["again"][1])
    assert found["says"] == undisturbed["says"], about
