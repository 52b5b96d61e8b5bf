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
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from airflow.sdk import get_current_context
from airflow.sdk.exceptions import AirflowFailException
from pydantic import JsonValue

from dags.alerts import alert
from jobs.due import is_date

PROJECT = Path(__file__).resolve().parent.parent
NOT_YET = 7
SPARK = "lake"  # a pool of two: one writes, the next makes ready and waits for it
AGAIN = (1, 5)  # a crash, or another writer: the same command may end well later
ENDINGS = {3: "held", 4: "refused"}
log = logging.getLogger("lake")


class CannotHelp(AirflowFailException):
    """A command that ends so however often it is typed; `ending` is held, refused or failed."""

    def __init__(self, said: str, code: int = 0) -> None:
        super().__init__(said)
        self.ending = ENDINGS.get(code, "failed")


def city_name() -> str:
    """The city that this Airflow runs."""
    return os.environ.get("LAKE_CITY") or "new_york"


def partition_key() -> str:
    """The business date of this run, as YYYY-MM-DD; nothing else reaches a command line."""
    key = str(get_current_context()["dag_run"].partition_key or "")
    if not is_date(key):
        raise CannotHelp(f"the partition key is a business date, YYYY-MM-DD; this run has {key[:40]!r}")
    return key


def lake(*words: str) -> int:
    """Type `lake WORDS` with this run's id and try; its output is the task's log. Returns 0 or 7.

    Raises CannotHelp where a repeat cannot help (held, refused, damaged, wrong command), RuntimeError where it may.
    """
    said: list[str] = []
    with subprocess.Popen(
        _command(words), cwd=PROJECT, env=_environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, preexec_fn=_die_with_parent
    ) as process:  # fmt: skip
        for line in process.stdout or ():
            log.info(line.rstrip())
            said.append(line.rstrip())
    return judge(process.returncode, words[0], _message(said))


def ask(*words: str) -> dict[str, Any]:
    """Type `lake WORDS --json`; returns the object that it prints, and its exit code, 0 or 7, as `exit`. Raises as `lake` does."""
    done = subprocess.run(
        _command([*words, "--json"]), cwd=PROJECT, env=_environment(), capture_output=True, text=True, check=False, preexec_fn=_die_with_parent
    )  # fmt: skip
    said = done.stderr.splitlines()
    for line in (*said, *done.stdout.splitlines()):
        log.info(line)
    code = judge(done.returncode, words[0], _message(said))
    return {**json.loads(done.stdout), "exit": code}


def list_held(dataset: str = "", business_date: str = "") -> list[JsonValue]:
    """Ids of what is held: of one dataset and night, or of gold."""
    held = ask("status")["held"]
    if not dataset:
        return [x["id"] for x in held if x["stage"] == "gold"]
    return [x["id"] for x in held if (x["dataset"], x["date"]) == (dataset, business_date)]


def _message(lines: Sequence[str]) -> str:
    """The lake's own message: from the last code to the next command. It holds no value of the data."""
    first = next((n for n in reversed(range(len(lines))) if re.match(r"E\d{3} ", lines[n])), None)
    return "" if first is None else " | ".join(" ".join(line.split()) for line in lines[first : first + 8] if line)


def _die_with_parent() -> None:
    """A task that Airflow kills takes its command with it (Linux: PR_SET_PDEATHSIG)."""
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)


def _command(words: tuple[str, ...] | list[str]) -> list[str]:
    context = get_current_context()
    run = ["--run-id", f"{context['dag'].dag_id}/{context['run_id']}", "--try", str(context["ti"].try_number)]
    log.info("$ lake %s", " ".join(words))
    return [sys.executable, "-m", "jobs", *words, "--city", city_name(), *run]


def _environment() -> dict[str, str]:
    """This task and its run of the DAG as the parents of what the command does, with the ids that Airflow's OpenLineage provider gives them."""
    from openlineage.client.uuid import generate_static_uuid

    context = get_current_context()
    run, ti, dag = context["dag_run"], context["ti"], context["dag"].dag_id
    space, when = os.environ.get("OPENLINEAGE_NAMESPACE") or "default", run.logical_date or run.run_after
    task = generate_static_uuid(when, f"{space}.{dag}.{ti.task_id}.{ti.try_number}.{ti.map_index}".encode())
    root = generate_static_uuid(when, f"{space}.{dag}.{run.clear_number}".encode())
    parents = {
        "OPENLINEAGE_PARENT_ID": f"{space}/{dag}.{ti.task_id}/{task}",
        "OPENLINEAGE_ROOT_PARENT_ID": f"{space}/{dag}/{root}",
    }
    return {**os.environ, **parents}


def judge(code: int, command: str, message: str = "") -> int:
    """Let 0 and 7 pass; CannotHelp where a repeat cannot help, RuntimeError where it may."""
    said = f"lake {command} ended with exit code {code}: {message or 'its message is above'}"
    if code in (0, NOT_YET):
        return code
    if code in AGAIN or code < 0:
        raise RuntimeError(said)
    raise CannotHelp(said, code)


def tell_failure(context: Any) -> None:
    """Alert when a task has failed for good: Airflow calls this."""
    error, run = context.get("exception"), context["dag_run"]
    alert(
        str(getattr(error, "ending", "failed")), what=context["task_instance"].task_id,
        source=context["dag"].dag_id, business_date=str(run.partition_key or ""), text=str(error)[:1000],
    )  # fmt: skip
