"""Real servers for tests, on free ports of this machine, ended by their process id."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest

KEY, SECRET = "lake", "not-a-secret-but-a-test"
READER = "reader"


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on; all are held until the last is found, so that no two are the same."""
    held = [socket.socket() for _ in range(count)]
    for one in held:
        one.bind(("127.0.0.1", 0))
    ports = [int(one.getsockname()[1]) for one in held]
    for one in held:
        one.close()
    return ports


def wait_until(is_so: Callable[[], bool], seconds: float, what: Callable[[], str], every: float = 0.1) -> None:
    """Ask ten times a second, or as often as is said, until it is so; fail with what is known after the deadline."""
    end = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > end:
            pytest.fail(f"not so after {seconds} s: {what()}")
        time.sleep(every)


def answers(address: str) -> bool:
    """Whether a server answers a request, with whatever status."""
    try:
        with urllib.request.urlopen(address, timeout=2):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


@contextmanager
def running(
    command: Sequence[str], log: Path, is_ready: Callable[[], bool], env: Mapping[str, str] | None = None, *,
    cwd: Path | None = None, seconds: float = 120, user: str | None = None, group: str | None = None,
) -> Iterator[subprocess.Popen[bytes]]:  # fmt: skip
    """A server process and all that it starts, from ready to gone."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            command, cwd=cwd, env=env, user=user, group=group, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            start_new_session=True,
        )  # fmt: skip

    def is_up() -> bool:
        if process.poll() is not None:
            pytest.fail(f"{command[0]} ended with {process.returncode}: {_tail(log)}")
        return is_ready()

    try:
        wait_until(is_up, seconds, lambda: f"{' '.join(command)}: {_tail(log)}")
        yield process
    finally:
        end_group(process)


def _tail(log: Path) -> str:
    return log.read_text(errors="replace")[-2000:]


def end_group(process: subprocess.Popen[bytes]) -> None:
    """Ask the process and all that it started to end, and see to it after twenty seconds."""
    with suppress(psutil.NoSuchProcess):
        started = psutil.Process(process.pid).children(recursive=True)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(20)
        _, alive = psutil.wait_procs(started, timeout=1)
        for one in (*alive, psutil.Process(process.pid)):
            with suppress(psutil.NoSuchProcess):
                one.kill()
    process.wait(20)


@contextmanager
def object_store(folder: Path, bucket: str = "lake", readable: Sequence[str] = ()) -> Iterator[dict[str, str]]:
    """SeaweedFS with one bucket, a key, and one that reads some folders only; yields the variables that a client needs."""
    names = ("master", "volume", "filer", "s3")
    ports = free_ports(2 * len(names) + 1)
    http, grpc, debug = ports[:4], ports[4:8], ports[8]
    listening = [
        f"-{name}.{kind}={port}"
        for kind, numbers in (("port", http), ("port.grpc", grpc))
        for name, port in zip(names, numbers, strict=True)
    ]
    folder.mkdir(parents=True)
    reads = [f"{action}:{bucket}/{place}/*" for action in ("Read", "List") for place in readable]
    identities = [
        {"name": key, "credentials": [{"accessKey": key, "secretKey": SECRET}], "actions": actions}
        for key, actions in ((KEY, ["Admin"]), (READER, reads))
    ]
    (folder / "s3.json").write_text(json.dumps({"identities": identities}))
    command = [
        str(Path(sys.executable).with_name("weed")), "server", f"-dir={folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1",
        "-master.telemetry=false", "-master.volumeSizeLimitMB=256", "-volume.preStopSeconds=0", f"-debug.port={debug}", "-s3", "-s3.port.iceberg=0",
        "-s3.port.lance=0", f"-s3.config={folder / 's3.json'}", *listening,
    ]  # fmt: skip
    endpoint = f"http://127.0.0.1:{http[3]}"
    with running(command, folder / "weed.log", lambda: answers(f"{endpoint}/healthz"), cwd=folder):
        make_bucket(endpoint, bucket)
        yield {"AWS_ENDPOINT_URL": endpoint, "AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET}


def make_bucket(endpoint: str, bucket: str) -> None:
    """Make a bucket as soon as the store takes objects: it answers a little before that."""
    from pyarrow.fs import S3FileSystem

    files = S3FileSystem(
        access_key=KEY, secret_key=SECRET, endpoint_override=endpoint, region="us-east-1", allow_bucket_creation=True
    )

    def takes_objects() -> bool:
        try:
            files.create_dir(bucket)
            with files.open_output_stream(f"{bucket}/first") as first:
                first.write(b"1")
            files.delete_file(f"{bucket}/first")
        except OSError:
            return False
        return True

    wait_until(takes_objects, 60, lambda: endpoint)
