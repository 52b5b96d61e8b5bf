"""Every container's command starts on this machine and becomes well by the container's own health check."""

from __future__ import annotations

import json
import subprocess
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg2
import pytest

from jobs import setup
from jobs.cities import PROJECT
from tests.docker.compose import services
from tests.docker.native import Native
from tests.servers import wait_until

pytestmark = pytest.mark.slow

THERE = sorted(services())


@pytest.fixture(scope="module")
def native() -> Iterator[Native]:
    """Not in pytest's own folder: only its owner may pass that, and PostgreSQL's sockets need a short path."""
    setup.fetch_jars(setup.S3_PINS)
    with tempfile.TemporaryDirectory(prefix="lake-") as folder, ExitStack() as stack:
        Path(folder).chmod(0o755)
        yield Native(Path(folder), stack)


@pytest.mark.parametrize("name", THERE)
def test_a_containers_command_runs_and_is_well(native: Native, name: str) -> None:
    native.start(name)
    assert name in native.finished or native.is_well(name)


def test_only_loopback_is_listened_on(native: Native) -> None:
    for name in THERE:
        native.start(name)
    assert native.listening() == {"127.0.0.1"}


def lake(native: Native, service: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Type a command in a service's place."""
    command = native.words(service, ["python", "-m", "jobs"]) + list(words)
    return subprocess.run(command, cwd=PROJECT, env=native.env(service), capture_output=True, text=True, check=False)


def test_the_lakes_containers_may_use_their_bucket_and_no_other(native: Native) -> None:
    native.start("bucket")
    found = {x["name"]: x for x in json.loads(lake(native, "connect", "doctor", "--json").stdout)["findings"]}
    assert found["object store"]["ok"], found
    other = lake(native, "connect", "doctor", "--json", "--root", "s3a://other/city")
    assert not {x["name"]: x["ok"] for x in json.loads(other.stdout)["findings"]}["object store"]


def test_what_a_scheduled_command_writes_is_read_on_the_pages(native: Native) -> None:
    native.start("pages")
    where = ["--date", "2024-09-16", "--dataset", "traffic.link_speed"]
    for words in (["extract", *where], ["bronze", *where], ["report", "--changed"]):
        done = lake(native, "airflow-scheduler", *words)
        assert done.returncode == 0, done.stdout + done.stderr
    assert "2024-09-16" in ask(native, "8090", "/")[1]


def ask(
    native: Native, port: str, path: str, body: Any = None, token: str = "", method: str | None = None
) -> tuple[int, str]:
    data = json.dumps(body).encode() if body is not None else None
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    request = urllib.request.Request(f"http://127.0.0.1:{native.ports[port]}{path}", data, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


@pytest.fixture(scope="module")
def token(native: Native) -> str:
    native.start("airflow-api")
    password = json.loads((native.secrets / "airflow_passwords").read_text())["admin"]
    status, answer = ask(native, "8080", "/auth/token", {"username": "admin", "password": password})
    assert status == 201, answer
    return str(json.loads(answer)["access_token"])


def test_airflow_on_postgres_knows_every_department(native: Native, token: str) -> None:
    native.start("airflow-dag-processor")

    def known() -> set[str]:
        return {d["dag_id"] for d in json.loads(ask(native, "8080", "/api/v2/dags", token=token)[1])["dags"]}

    wait_until(lambda: {"land", "tax", "employment", "traffic"} <= known(), 180, lambda: str(known()))
    slots = json.loads(ask(native, "8080", "/api/v2/pools/lake", token=token)[1])["slots"]
    assert slots == 2


def test_all_parts_of_airflow_are_well(native: Native, token: str) -> None:
    for name in ("airflow-scheduler", "airflow-dag-processor", "airflow-triggerer"):
        native.start(name)
    found = json.loads(ask(native, "8080", "/api/v2/monitor/health")[1])
    assert {k: v["status"] for k, v in found.items()} == dict.fromkeys(
        ("metadatabase", "scheduler", "triggerer", "dag_processor"), "healthy"
    )


def test_a_task_that_airflow_starts_lands_a_delivery_in_the_store(native: Native, token: str) -> None:
    """The first task of a past night; the run is ended then, before a task starts Spark."""
    for name in ("airflow-dag-processor", "airflow-scheduler"):
        native.start(name)
    dag = "/api/v2/dags/tax"
    wait_until(
        lambda: ask(native, "8080", dag, token=token)[0] == 200, 180, lambda: ask(native, "8080", dag, token=token)[1]
    )
    body = {"logical_date": None, "partition_key": "2024-09-16"}
    status, answer = ask(native, "8080", f"{dag}/dagRuns", body, token)
    assert status == 200, answer
    run = f"{dag}/dagRuns/{quote(json.loads(answer)['dag_run_id'], safe='')}"
    ask(native, "8080", dag, {"is_paused": False}, token, "PATCH")

    def state() -> str:
        return str(
            json.loads(ask(native, "8080", f"{run}/taskInstances/county_income.extract", token=token)[1])["state"]
        )

    wait_until(lambda: state() not in ("None", "scheduled", "queued", "running"), 240, state)
    ask(native, "8080", dag, {"is_paused": True}, token, "PATCH")
    ask(native, "8080", run, {"state": "failed"}, token, "PATCH")
    assert state() == "success"
    landed = json.loads(lake(native, "connect", "status", "--json", "--dataset", "tax.county_income").stdout)
    assert "2024-09-16" in json.dumps(landed)


def test_another_password_opens_neither_airflow_nor_its_database(native: Native) -> None:
    native.start("airflow-api")
    assert ask(native, "8080", "/auth/token", {"username": "admin", "password": "admin"})[0] == 401
    assert ask(native, "8080", "/api/v2/dags")[0] == 401
    where = {"host": "127.0.0.1", "port": native.ports["5432"], "user": "airflow", "dbname": "airflow"}
    for password in ("airflow", ""):
        with pytest.raises(psycopg2.OperationalError):
            psycopg2.connect(**where, password=password)
