"""A task types one `lake` command; its exit code says what Airflow does next."""

from __future__ import annotations

import ctypes
import json
import logging
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from airflow.sdk import get_current_context
from airflow.sdk.exceptions import AirflowFailException

PROJECT = Path(__file__).resolve().parent.parent
NOT_YET = 7
AGAIN = (1, 5)  # a crash, or another writer: the same command may end well later
log = logging.getLogger("lake")


def city_name() -> str:
    """The city that this Airflow runs."""
    return os.environ.get("LAKE_CITY") or "new_york"


def partition_key() -> str:
    """The business date of this run, as YYYY-MM-DD; nothing else reaches a command line."""
    key = str(get_current_context()["dag_run"].partition_key or "")
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", key):
        raise AirflowFailException(f"the partition key is a business date, YYYY-MM-DD; this run has {key[:40]!r}")
    return key


def lake(*words: str) -> int:
    """Type `lake WORDS` with this run's id and try; its output is the task's log. Returns 0 or 7.

    Raises AirflowFailException where a repeat cannot help (held, refused, damaged, wrong command), RuntimeError where it may.
    """
    with subprocess.Popen(
        _command(words), cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, preexec_fn=_die_with_parent
    ) as process:  # fmt: skip
        for line in process.stdout or ():
            log.info(line.rstrip())
    return judge(process.returncode, words[0])


def ask(*words: str) -> dict[str, Any]:
    """Type `lake WORDS --json`; returns the object that it prints, and its exit code as `exit`."""
    done = subprocess.run(
        _command([*words, "--json"]), cwd=PROJECT, capture_output=True, text=True, check=False, preexec_fn=_die_with_parent
    )  # fmt: skip
    for line in (*done.stderr.splitlines(), *done.stdout.splitlines()):
        log.info(line)
    return {**json.loads(done.stdout or "{}"), "exit": done.returncode}


def _die_with_parent() -> None:
    """A task that Airflow kills takes its command with it (Linux: PR_SET_PDEATHSIG)."""
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)


def _command(words: tuple[str, ...] | list[str]) -> list[str]:
    context = get_current_context()
    run = ["--run-id", f"{context['dag'].dag_id}/{context['run_id']}", "--try", str(context["ti"].try_number)]
    log.info("$ lake %s", " ".join(words))
    return [sys.executable, "-m", "jobs", *words, "--city", city_name(), *run]


def judge(code: int, command: str) -> int:
    """Let 0 and 7 pass; AirflowFailException where a repeat cannot help, RuntimeError where it may."""
    said = f"lake {command} ended with exit code {code}; its message is above"
    if code in (0, NOT_YET):
        return code
    if code in AGAIN or code < 0:
        raise RuntimeError(said)
    raise AirflowFailException(said)
