"""Commands that start no Java start quickly: they do not import what only a stage needs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.little import CITY
from tests.policies.source_trees import PROJECT

pytestmark = pytest.mark.programs
HEAVY = {
    "run": {"great_expectations", "pandas", "altair", "jinja2"},
    "status": {"great_expectations", "pandas", "altair", "jinja2", "pyspark"},
}
RUN = """
import sys
from jobs.cli import main
try:
    main()
finally:
    print(*sorted({name.split(".")[0] for name in sys.modules}), file=sys.stderr)
"""


@pytest.mark.parametrize("command", HEAVY)
def test_a_command_with_nothing_to_do_imports_nothing_heavy(
    command: str, tmp_path: Path, little_conf: Path, state_home: Path
) -> None:
    places = {"LAKE_ROOT": str(tmp_path / "lake"), "LAKE_INBOX": str(tmp_path), "LAKE_CONF": str(little_conf)}
    environment = {**os.environ, **places, "LAKE_CITY": CITY}
    done = subprocess.run(
        [sys.executable, "-c", RUN, command], cwd=PROJECT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert HEAVY[command] & set(done.stderr.splitlines()[-1].split()) == set()
