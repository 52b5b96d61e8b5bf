"""A real Airflow of a little city, and what a person does with it: by its REST interface and its command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from jobs import night as nights
from jobs.cities import PROJECT
from tests.little import CITY, World, no_session
from tests.servers import free_ports, wait_until

T = TypeVar("T", str, tuple[str, str])
ENDED = ("success", "failed")
QUICK = {
    "AIRFLOW__SCHEDULER__SCHEDULER_HEARTBEAT_SEC": "1", "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "1",
    "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "3600", "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "3600",
    "AIRFLOW__CORE__MAX_TASK_RETRY_DELAY": "5", "LAKE_SPARK_TEST": "1",
}  # fmt: skip


class Airflow:
    """`make airflow` for the lake in a folder."""

    def __init__(self, folder: Path, conf: Path, *, city: str = CITY, **settings: str) -> None:
        self.world, self.home = World(folder, no_session, city), folder / "airflow"
        self.port, self.execution, self.pages = free_ports(3)
        self.environment = {
            **os.environ, "AIRFLOW_HOME": str(self.home), "XDG_STATE_HOME": str(folder / "state"),
            "LAKE_AIRFLOW_PORT": str(self.port), "LAKE_AIRFLOW_EXECUTION_PORT": str(self.execution), "LAKE_PAGES_PORT": str(self.pages),
            "LAKE_ROOT": self.world.lake.root, "LAKE_INBOX": str(self.world.inbox), "LAKE_CITY": city, "LAKE_CONF": str(conf),
            **settings,
        }  # fmt: skip
        self.token = ""

    def local(self, word: str) -> str:
        """`make airflow` or `make airflow-stop`."""
        done = subprocess.run(
            [sys.executable, "-m", "dags.local", word], cwd=PROJECT, env=self.environment, capture_output=True, text=True, check=False
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def command(self, *words: str) -> str:
        """`airflow WORDS`."""
        done = subprocess.run(
            [sys.executable, "-m", "airflow", *words], cwd=PROJECT, env=self.settings(), capture_output=True, text=True, check=False
        )  # fmt: skip
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        return done.stdout

    def settings(self) -> dict[str, str]:
        """What `python -m dags.local env` prints, and the environment."""
        code = "import json; from dags import local; print(json.dumps(local.environment(local.home())))"
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=PROJECT, env=self.environment, capture_output=True, text=True, check=True
        )
        found: dict[str, str] = json.loads(done.stdout)
        return found

    def components(self) -> dict[str, int]:
        """Process ids of scheduler, API servers, DAG processor, triggerer and report pages."""
        found: dict[str, int] = json.loads((self.home / "processes.json").read_text())
        return found

    def processes(self) -> list[int]:
        """Ids of the processes that `make airflow-stop` would end."""
        code = "from dags import local; print(*[p.pid for p in local.find_processes(local.home())])"
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=PROJECT, env=self.environment, capture_output=True, text=True, check=True
        )
        return [int(pid) for pid in done.stdout.split()]

    def lake(self, *words: str) -> tuple[int, str, str]:
        """`lake WORDS`, as a person types it beside Airflow."""
        done = subprocess.run(
            [sys.executable, "-m", "jobs", *words], cwd=PROJECT, env=self.environment, capture_output=True, text=True, check=False
        )  # fmt: skip
        return done.returncode, done.stdout, done.stderr

    def sign_in(self) -> None:
        password = json.loads((self.home / "passwords.json").read_text())["admin"]
        found = self.ask("POST", "/auth/token", {"username": "admin", "password": password})
        self.token = str(found["access_token"])

    def ask(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}", method=method, data=json.dumps(body).encode() if body is not None else None,
            headers={"Content-Type": "application/json", **({"Authorization": f"Bearer {self.token}"} if self.token else {})},
        )  # fmt: skip
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return dict(json.loads(answer.read() or b"{}"))
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{method} {path}: {error.code} {error.read()[:500]!r}") from None

    def api(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        return self.ask(method, f"/api/v2{path}", body)

    def unpause(self, *dags: str) -> None:
        for dag in dags:
            self.api("PATCH", f"/dags/{dag}", {"is_paused": False})

    def unpause_without_tonight(self, *dags: str) -> None:
        """Unpause departments and end the night that this begins: nobody delivers for it."""
        self.unpause(*dags)
        for dag in dags:
            run = until(lambda dag=dag: self.runs(dag), f"the night of {dag} that begins by itself", 300)[0]
            self.api("PATCH", f"/dags/{dag}/dagRuns/{run['dag_run_id']}", {"state": "failed"})

    def trigger(self, dag: str, night: str | None = None) -> str:
        """A run by hand, of a business date where the DAG has them."""
        body: dict[str, Any] = {"logical_date": None, **({"partition_key": night} if night else {})}
        return str(self.api("POST", f"/dags/{dag}/dagRuns", body)["dag_run_id"])

    def runs(self, dag: str, night: str | None = None) -> list[dict[str, Any]]:
        found = self.api("GET", f"/dags/{dag}/dagRuns?limit=100")["dag_runs"]
        return [r for r in found if night is None or r["partition_key"] == night]

    def tasks(self, dag: str, run: str) -> dict[str, dict[str, Any]]:
        found = self.api("GET", f"/dags/{dag}/dagRuns/{run}/taskInstances")["task_instances"]
        return {t["task_id"]: t for t in found}

    def states(self, dag: str, run: str) -> dict[str, str]:
        return {name: t["state"] for name, t in self.tasks(dag, run).items()}

    def end(self, dag: str, run: str, seconds: float = 900) -> str:
        """Wait until a run has ended; its state."""
        return str(until(lambda: self._ended(dag, run), f"{dag} {run}", seconds, every=2))

    def _ended(self, dag: str, run: str) -> str | None:
        state = self.api("GET", f"/dags/{dag}/dagRuns/{run}")["state"]
        return state if state in ENDED else None

    def ends(self, runs: Mapping[T, str], seconds: float = 900) -> dict[T, str]:
        """Wait until all runs have ended, each named by its DAG or its DAG and night; their states."""
        return {x: self.end(x if isinstance(x, str) else x[0], run, seconds) for x, run in runs.items()}

    def publish(self, seconds: float = 600) -> None:
        """Wait until gold has published all that there is, and has nothing more to do."""
        until(self._is_published, "gold", seconds, every=2)

    def _is_published(self) -> bool:
        idle = all(r["state"] in ENDED for r in self.runs("gold"))
        return idle and not nights.is_release_owed(self.world.run_nothing())

    def follow(self, dag: str, night: str, count: int = 1, seconds: float = 900) -> str:
        """Wait until so many runs of a night have ended, which nobody triggered; the state of the newest."""

        def ended() -> str | None:
            done = [r for r in self.runs(dag, night) if r["state"] in ENDED]
            return str(max(done, key=lambda r: r["run_after"])["state"]) if len(done) >= count else None

        return str(until(ended, f"{count} runs of {dag} {night}", seconds))


def until(found: Callable[[], Any], what: str, seconds: float, every: float = 1) -> Any:
    """Ask now and then until there is an answer; the answer. An API server needs a part of a core for each question."""
    answers: list[Any] = []

    def is_there() -> bool:
        answers[:] = [found()]
        return bool(answers[0])

    wait_until(is_there, seconds, lambda: what, every=every)
    return answers[0]
