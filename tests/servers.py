"""Real servers for tests, on free ports of this machine, ended by their process id."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil

from jobs.suppliers.bucket import answers, serve_bucket
from jobs.suppliers.servers import end_group, free_ports, running, wait_until

__all__ = [
    "KEY",
    "READER",
    "SECRET",
    "addresses_of",
    "answers",
    "end_group",
    "family_of",
    "free_ports",
    "object_store",
    "running",
    "wait_until",
]
KEY, SECRET = "lake", "not-a-secret-but-a-test"
READER = "reader"


@contextmanager
def object_store(folder: Path, bucket: str = "lake", readable: Sequence[str] = ()) -> Iterator[dict[str, str]]:
    """SeaweedFS with one bucket, a key, and one that reads some folders only; yields the variables that a client needs."""
    reads = [f"{action}:{bucket}/{place}/*" for action in ("Read", "List") for place in readable]
    reader = {"name": READER, "credentials": [{"accessKey": READER, "secretKey": SECRET}], "actions": reads}
    with serve_bucket(folder, bucket, KEY, SECRET, [reader]) as address:
        yield {"AWS_ENDPOINT_URL": address, "AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET}


def addresses_of(processes: Iterable[psutil.Process]) -> set[tuple[str, int]]:
    """Addresses and ports on which these processes listen; none, where one has ended since it was found."""
    return {one for process in processes for one in _heard_by(process)}


def family_of(pid: int) -> list[psutil.Process]:
    """The process and all that it started."""
    leader = psutil.Process(pid)
    return [leader, *leader.children(recursive=True)]


def _heard_by(process: psutil.Process) -> list[tuple[str, int]]:
    try:
        heard = [c.laddr for c in process.net_connections("inet") if c.status == psutil.CONN_LISTEN]
    except psutil.NoSuchProcess:
        return []
    return [(a.ip.removeprefix("::ffff:"), a.port) for a in heard]
