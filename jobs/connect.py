"""A Spark Connect server that stays warm between commands: `lake server start|stop|status|run`.

A lake has at most one. Its record (process, port, token) lies in the lake's state folder, for its user's eyes only. Every command that
needs Spark attaches to it; where it died without being stopped, the next command starts it again. LAKE_REMOTE (`sc://host:port`) names
one on another machine instead.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import signal
import socket
import subprocess
import time
import urllib.request
import uuid
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jobs.errors import LakeError
from jobs.lake import Lake
from jobs.processes import started, wait_for_end
from jobs.setup import PROJECT, java_home, spark_home

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

CLASS = "org.apache.spark.sql.connect.service.SparkConnectServer"
STARTS_WITHIN = 120.0
TOKEN = "SPARK_CONNECT_AUTHENTICATE_TOKEN"


@dataclass(frozen=True)
class Server:
    """A running server: its process and when that began, where it listens, its page, and what a client must say."""

    pid: int
    began: str
    port: int
    page: int
    token: str

    @property
    def address(self) -> str:
        """What a client takes. By its number, with a token, the client would insist on TLS."""
        return f"sc://localhost:{self.port}/;token={self.token}"

    @property
    def is_running(self) -> bool:
        return bool(self.began) and started(self.pid) == self.began


def find_address(lake: Lake) -> str:
    """Where commands of this lake find Spark; empty where each starts its own.

    A server that was started and is gone is started again.
    """
    if remote := os.environ.get("LAKE_REMOTE"):
        return remote
    known = read_record(lake)
    if known is None:
        return ""
    return (known if known.is_running else start(lake)).address


def open_driver(
    lake: Lake,
    *,
    small: bool = False,
    attached: Callable[[str], None] = lambda _: None,
    embedded: Callable[[int], None] = lambda _: None,
) -> SparkSession:
    """A session on this lake's server, else in this process; tells the caller the session's id, or the driver's process id."""
    from jobs import session as sessions

    if address := find_address(lake):
        ident = str(uuid.uuid4())
        attached(ident)
        return sessions.attach(address, ident)
    spark = sessions.open_session(small=small, root=lake.root)
    if pid := sessions.driver_pid():
        embedded(pid)
    return spark


def read_record(lake: Lake) -> Server | None:
    """The server that was started for this lake and not stopped, running or not."""
    try:
        return Server(**json.loads(_record(lake).read_text()))
    except (OSError, ValueError, TypeError):
        return None


def _record(lake: Lake) -> Path:
    return lake.state() / "server.json"


def log_file(lake: Lake) -> Path:
    return lake.state() / "server.log"


def start(lake: Lake) -> Server:
    """Start a server where none runs, and wait until it answers. Raises E503 with the end of its log where it does not."""
    with (lake.state() / "server.lock").open("a") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        known = read_record(lake)
        if known and known.is_running:
            return known
        port, page, token = *_free_ports(), secrets.token_urlsafe(32)
        with log_file(lake).open("wb") as log:
            process = subprocess.Popen(
                command(lake.root, port, page), env=environment(token), cwd=PROJECT, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip
        server = Server(process.pid, started(process.pid), port, page, token)
        try:
            _wait_for_answer(server, process, lake)
            write_private(_record(lake), json.dumps(asdict(server)))
        except BaseException:  # also Ctrl-C: nobody would know of it
            process.kill()
            raise
        return server


def write_private(path: Path, text: str) -> None:
    """Write a file that only this user can read, so that a reader sees all of it or none."""
    fresh = path.with_suffix(".part")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    fresh.replace(path)


def _free_ports() -> tuple[int, int]:
    """LAKE_SERVER_PORT and the one after it, else two that are free."""
    if named := os.environ.get("LAKE_SERVER_PORT"):
        return int(named), int(named) + 1
    with socket.socket() as one, socket.socket() as other:
        one.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1]), int(other.getsockname()[1])


def command(root: str, port: int, page: int, bind: str = "127.0.0.1") -> list[str]:
    """The words that start a server: Spark's own class with the settings that every session has."""
    own = {
        "spark.app.name": "city-lakehouse",
        "spark.connect.grpc.binding.address": bind,
        "spark.connect.grpc.binding.port": str(port),
        "spark.ui.enabled": "true",  # on loopback; it tells which jobs a dead client left
        "spark.ui.port": str(page),
        "spark.ui.retainedJobs": "200",
        "spark.ui.retainedStages": "200",
        "spark.sql.ui.retainedExecutions": "50",
    }
    settings = [word for key, value in (server_conf(root) | own).items() for word in ("--conf", f"{key}={value}")]
    return [str(spark_home() / "bin" / "spark-submit"), "--class", CLASS, *settings, "spark-internal"]


def server_conf(root: str) -> dict[str, str]:
    """Settings of every session, and an end at once where memory runs out: a server that lingers answers nobody."""
    from jobs.session import session_conf

    conf = session_conf(root=root)
    java = f"{conf['spark.driver.extraJavaOptions']} -XX:+ExitOnOutOfMemoryError"
    return conf | {"spark.driver.extraJavaOptions": java}


def environment(token: str) -> dict[str, str]:
    """The token goes by the environment: words of a command are for everybody to read."""
    own = {"SPARK_HOME": str(spark_home()), "JAVA_HOME": str(java_home()), "SPARK_CONF_DIR": str(PROJECT / "conf")}
    return {"SPARK_LOCAL_IP": "127.0.0.1"} | dict(os.environ) | own | ({TOKEN: token} if token else {})


def listens(host: str, port: int, is_running: Callable[[], bool]) -> bool:
    """Wait until a server that is starting takes connections; whether it does, before it ends or its time is over."""
    end = time.monotonic() + STARTS_WITHIN
    while time.monotonic() < end and is_running():
        with socket.socket() as probe:
            probe.settimeout(1)
            if probe.connect_ex((host, port)) == 0:
                return True
        time.sleep(0.1)
    return False


def _wait_for_answer(server: Server, process: subprocess.Popen[bytes], lake: Lake) -> None:
    if listens("127.0.0.1", server.port, lambda: process.poll() is None):
        return
    said = log_file(lake).read_text(errors="replace")[-800:]
    raise LakeError("E503", place=f"port {server.port}", expected="a server that answers", actual="none", evidence=said)


def stop(lake: Lake) -> bool:
    """End the server and wait until it is gone; whether one ran."""
    known = read_record(lake)
    _record(lake).unlink(missing_ok=True)
    if known is None or not known.is_running:
        return False
    os.killpg(known.pid, signal.SIGTERM)
    if not wait_for_end(known.pid, known.began, 30):
        os.killpg(known.pid, signal.SIGKILL)
        wait_for_end(known.pid, known.began, 30)
    return True


def running_jobs(server: Server, session: str = "") -> list[int]:
    """Ids of the Spark jobs that run, of one client's session or of all, as the server's page tells."""
    applications = _ask(server, "applications")
    found = _ask(server, f"applications/{applications[0]['id']}/jobs?status=running") if applications else []
    return [int(j["jobId"]) for j in found if session in " ".join(j.get("jobTags", ()))]


def _ask(server: Server, what: str) -> list[Mapping[str, Any]]:
    with urllib.request.urlopen(f"http://127.0.0.1:{server.page}/api/v1/{what}", timeout=60) as answer:
        return list(json.load(answer))


def end_session(lake: Lake, session: str, seconds: float = 60.0) -> None:
    """Cancel what a client that was killed left running, and wait until nothing of it runs. Raises E501 where it goes on.

    Nothing is left where the server is gone.
    """
    known = read_record(lake)
    remote = os.environ.get("LAKE_REMOTE") or (known.address if known and known.is_running else "")
    if not remote:
        return
    from jobs.session import attach

    spark = attach(remote, session)
    spark.interruptAll()
    spark.stop()
    end = time.monotonic() + seconds
    while known and known.is_running and running_jobs(known, session):
        if time.monotonic() > end:
            raise LakeError(
                "E501", place=f"session {session}", expected="ended", actual=f"its jobs still run after {seconds:.0f} s"
            )
        time.sleep(0.1)
