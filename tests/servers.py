"""Real servers for tests, on free ports of this machine, ended by their process id."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from jobs.suppliers.bucket import answers, serve_bucket
from jobs.suppliers.servers import end_group, free_ports, running, wait_until

__all__ = ["KEY", "READER", "SECRET", "answers", "end_group", "free_ports", "object_store", "running", "wait_until"]
KEY, SECRET = "lake", "not-a-secret-but-a-test"
READER = "reader"


@contextmanager
def object_store(folder: Path, bucket: str = "lake", readable: Sequence[str] = ()) -> Iterator[dict[str, str]]:
    """SeaweedFS with one bucket, a key, and one that reads some folders only; yields the variables that a client needs."""
    reads = [f"{action}:{bucket}/{place}/*" for action in ("Read", "List") for place in readable]
    reader = {"name": READER, "credentials": [{"accessKey": READER, "secretKey": SECRET}], "actions": reads}
    with serve_bucket(folder, bucket, KEY, SECRET, [reader]) as address:
        yield {"AWS_ENDPOINT_URL": address, "AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET}
