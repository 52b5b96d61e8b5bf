"""Airflow on one machine: `python -m dags.local start|stop|env`; `make airflow` and `make airflow-stop` type the first two.

Scheduler, API server, DAG processor and triggerer with the LocalExecutor, on loopback, in a folder of their own under the lake.
People and tasks have an API server each: in one process a person's answer, which waits for SQLite in the event loop, would hold up
the end of the very transaction that it waits for. SQLite is the database unless AIRFLOW__DATABASE__SQL_ALCHEMY_CONN names another.
Every setting can be overridden by Airflow's own environment variables.
"""

from __future__ import annotations

import json
import os
import secrets
import shlex
import subprocess
import sys
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import psutil

PROJECT = Path(__file__).resolve().parent.parent
POOL = "lake"
MARK = (
    "LAKE_AIRFLOW_STARTED"  # in the environment of what was started here, and of nothing else: not of a person's shell
)


def home() -> Path:
    """Where this Airflow keeps its database, logs, passwords and process ids: on this machine, wherever the lake is."""
    root = os.environ.get("LAKE_ROOT") or ""
    folder = PROJECT / ".lake" if not root or "://" in root else Path(root).resolve()
    return Path(os.environ.get("AIRFLOW_HOME") or folder / "airflow")


def port() -> int:
    return int(os.environ.get("LAKE_AIRFLOW_PORT") or 8585)


def execution_port() -> int:
    return int(os.environ.get("LAKE_AIRFLOW_EXECUTION_PORT") or 8586)


def pages_port() -> int:
    return int(os.environ.get("LAKE_PAGES_PORT") or 8090)


def components() -> dict[str, list[str]]:
    """The words behind `python -m` for each process, by name."""
    return {
        "dag-processor": ["airflow", "dag-processor"],
        "scheduler": ["airflow", "scheduler", "--skip-serve-logs"],  # its log server listens on every interface
        "triggerer": ["airflow", "triggerer", "--skip-serve-logs"],
        "api-server": ["airflow", "api-server", "--apps", "core", "--workers", "1"],
        "execution-api": ["airflow", "api-server", "--apps", "execution", "--workers", "1", "--port", str(execution_port())],
        "pages": ["jobs", "pages", "--port", str(pages_port())],
    }  # fmt: skip


def environment(folder: Path) -> dict[str, str]:
    """Airflow's settings for one machine; what the environment already says wins."""
    address = f"http://127.0.0.1:{port()}"
    own = {
        "AIRFLOW_HOME": str(folder),
        "AIRFLOW__CORE__DAGS_FOLDER": str(PROJECT / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{folder / 'airflow.db'}?timeout=20",  # its default gives up in 5 s
        "AIRFLOW__CORE__PARALLELISM": "2",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{execution_port()}/execution/",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "admin:admin",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(folder / "passwords.json"),
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": str(port()),
        "AIRFLOW__API__BASE_URL": address,
        "AIRFLOW__API_AUTH__JWT_SECRET": _secret(folder / "jwt"),
        "AIRFLOW__API__SECRET_KEY": _secret(folder / "key"),
        "AIRFLOW__CORE__FERNET_KEY": "",
        "AIRFLOW__DAG_PROCESSOR__PARSING_PROCESSES": "1",
        "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "60",
        "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "60",
        "AIRFLOW__SCHEDULER__SCHEDULER_HEARTBEAT_SEC": "2",
        "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "2",  # 1 by default: twice as many looks at nothing
        "LAKE_WAIT": "3600",
        "LAKE_PAGES_URL": f"http://127.0.0.1:{pages_port()}",
    }
    places = {
        k: str(Path(os.environ[k]).resolve())
        for k in ("LAKE_ROOT", "LAKE_INBOX")
        if "://" not in os.environ.get(k, "://")
    }
    return own | dict(os.environ) | {"PYTHONPATH": str(PROJECT)} | places


def _secret(path: Path) -> str:
    """A random text that only this user can read, made once."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(64))
    return path.read_text()


def start() -> None:
    """Migrate the database, make pool and password, start those components that do not run, wait until both APIs answer."""
    folder = home()
    running = _running(folder)
    if running.keys() == components().keys():
        print(f"Airflow runs already: http://127.0.0.1:{port()}")
        return
    folder.mkdir(parents=True, exist_ok=True)
    _make_password(folder / "passwords.json")
    env = environment(folder)
    with ThreadPoolExecutor(1) as beside:
        warm = beside.submit(_lake, "server", "start", env=env)
        _airflow(env, ["db", "migrate"], ["pools", "set", POOL, "2", "One writes; the next makes ready and waits"])
        warm.result()
    missing = {name: words for name, words in components().items() if name not in running}
    started = {name: _start(name, words, env, folder) for name, words in missing.items()}
    (folder / "processes.json").write_text(json.dumps(running | started))
    _wait_for(f"http://127.0.0.1:{execution_port()}/execution/health")
    _wait_for(f"http://127.0.0.1:{port()}/api/v2/monitor/health")
    print(f"Airflow: http://127.0.0.1:{port()} (user admin, password in {folder / 'passwords.json'})")


def _make_password(path: Path) -> None:
    if not path.exists():
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump({"admin": secrets.token_urlsafe(18)}, file)


_COMMANDS = """
import json, sys
from airflow.__main__ import main
for words in json.loads(sys.argv[1]):
    sys.argv = ["airflow", *words]
    main()
"""


def _airflow(env: dict[str, str], *commands: list[str]) -> None:
    """Type commands of Airflow in one process: to start one takes longer than what they do."""
    words = [sys.executable, "-c", _COMMANDS, json.dumps(commands)]
    done = subprocess.run(words, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"airflow {commands} failed:\n{done.stderr[-2000:]}")


def _lake(*words: str, env: dict[str, str]) -> None:
    """Type a command of the lake that Airflow runs."""
    done = subprocess.run([sys.executable, "-m", "jobs", *words], env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"lake {' '.join(words)} failed:\n{done.stdout}{done.stderr}")


def _start(name: str, words: list[str], env: dict[str, str], folder: Path) -> int:
    """Start a component as the leader of its process group, its output in a log."""
    (folder / "logs").mkdir(exist_ok=True)
    with (folder / "logs" / f"{name}.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", *words],
            env=env | {MARK: str(folder)},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    return process.pid


def _wait_for(address: str, seconds: int = 120) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.5)
    sys.exit(f"Airflow does not answer after {seconds} s; its logs are in {home() / 'logs'}")


def _running(folder: Path) -> dict[str, int]:
    """Process groups of the components that still run."""
    try:
        known: dict[str, int] = json.loads((folder / "processes.json").read_text())
    except (OSError, ValueError):
        return {}
    return {name: pid for name, pid in known.items() if _is_component(pid)}


def _is_component(pid: int) -> bool:
    """Whether a process id is still one of ours, and not another process that got its number."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
    return b"airflow" in words or b"\0jobs\0pages\0" in words


def stop() -> None:
    """End every component with all that it started, wait until they are gone, and stop the lake's Spark server."""
    folder = home()
    processes = find_processes(folder)
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.terminate()
    _, alive = psutil.wait_procs(processes, timeout=30)
    for process in alive:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(alive, timeout=30)
    (folder / "processes.json").unlink(missing_ok=True)
    _lake("server", "stop", env=environment(folder))
    print("Airflow is stopped." if processes else "Airflow was not running.")


def find_processes(folder: Path) -> list[psutil.Process]:
    """All processes of this Airflow.

    Those of the components' groups, of which some overwrite their environment with a title, and those with our mark: a task's worker
    leads a group of its own, and outlives a killed scheduler.
    """
    groups = set(_running(folder).values())
    return [p for p in psutil.process_iter() if _group(p) in groups or _has_mark(p, folder)]


def _group(process: psutil.Process) -> int:
    try:
        return os.getpgid(process.pid)
    except ProcessLookupError:
        return 0


def _has_mark(process: psutil.Process, folder: Path) -> bool:
    try:
        return bool(str(folder) == process.environ().get(MARK))
    except psutil.Error:
        return False


def print_environment() -> None:
    """The settings as `export` lines, for `airflow` typed by hand."""
    own = {k: v for k, v in environment(home()).items() if os.environ.get(k) != v}
    print("\n".join(f"export {k}={shlex.quote(v)}" for k, v in sorted(own.items())))


if __name__ == "__main__":
    {"start": start, "stop": stop, "env": print_environment}[sys.argv[1]]()
