"""The first shipped night of New York, run as a person would, wherever the lake is and wherever Spark runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Mapping
from unittest.mock import patch

import pytest
from pyspark.sql import SparkSession

from jobs.cities import PROJECT
from jobs.session import attach

DATE = "2024-09-16"


def type_lake(env: Mapping[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `lake ARGUMENTS` in a process of its own."""
    command = [sys.executable, "-m", "jobs", *arguments]
    return subprocess.run(command, cwd=PROJECT, env=dict(env), capture_output=True, text=True, check=False)


def run_first_night(env: Mapping[str, str]) -> dict[str, str]:
    """Run the night; returns the digest of each gold table."""
    done = type_lake(env, "run", "--date", DATE, "--now", "2026-01-01T12:00:00Z")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    digests: dict[str, str] = json.loads(type_lake(env, "digest", "--json").stdout)["tables"]
    return digests


def ask_at(address: str, token: str) -> SparkSession:
    """The Python client of an analyst; pyspark notes its Connect mode in the environment, which the next test must not inherit."""
    with patch.dict(os.environ):
        return attach(f"{address}/;token={token}", str(uuid.uuid4()))


@pytest.fixture(scope="session")
def plain_env(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The variables of a command: nobody's lake, store or cluster, and locks in a folder of their own."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "LAKE_")) or k == "LAKE_SPARK_TEST"}
    home = tmp_path_factory.mktemp("places")
    nowhere = {"AWS_EC2_METADATA_DISABLED": "true", "AWS_SHARED_CREDENTIALS_FILE": str(home / "none")}
    return kept | nowhere | {"XDG_STATE_HOME": str(home / "state"), "LAKE_CITY": "new_york"}


@pytest.fixture(scope="session")
def digests_on_disk(plain_env: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return run_first_night(plain_env | {"LAKE_ROOT": str(tmp_path_factory.mktemp("disk"))})
