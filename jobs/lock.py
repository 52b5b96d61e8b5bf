"""One writer process a lake: an flock that dies with its process."""

from __future__ import annotations

import fcntl
import json
import operator
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from tenacity import RetryError, Retrying, retry_if_result, stop_after_delay, wait_fixed

from jobs.errors import LakeError
from jobs.lake import Lake
from jobs.ledger import Run
from jobs.processes import started, wait_for_end


@contextmanager
def hold_lake(lake: Lake, run: Run, wait: int = 0, meanwhile: Callable[[], object] = lambda: None) -> Iterator[Path]:
    """Be the lake's only writer; another one is waited for up to `wait` seconds. Raises E501 with who holds it and since when.

    `meanwhile` is called once where there is something to wait for. The lock's file also names the driver JVM or the session on a server. What a writer that died left there is waited for, or
    cancelled, so that no two commit.
    """
    path = lake.state() / "writer.lock"
    with path.open("a+") as handle:
        if not _is_taken(handle):
            _wait_for_writer(handle, path, wait, meanwhile)
        _wait_for_driver(path)
        _end_session(lake, path)
        write_holder(path, {"run": run.id, "pid": os.getpid(), "since": run.now.isoformat()})
        try:
            yield path
        finally:
            path.write_text("")


def _is_taken(handle: IO[str]) -> bool:
    """Whether the lock could be taken."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _wait_for_writer(handle: IO[str], path: Path, wait: int, meanwhile: Callable[[], object]) -> None:
    """Take the lock when the writer that has it ends, or raise E501."""
    if wait:
        meanwhile()
    try:
        Retrying(retry=retry_if_result(operator.not_), wait=wait_fixed(0.1), stop=stop_after_delay(wait))(
            _is_taken, handle
        )
    except RetryError:
        raise _busy(path) from None


def write_holder(path: Path, holder: dict[str, object]) -> None:
    path.write_text(json.dumps(holder))


def note_driver(path: Path, pid: int) -> None:
    """Add the driver JVM to the lock's file."""
    write_holder(path, {**_holder(path), "driver": pid, "driver_started": started(pid)})


def note_session(path: Path, session: str) -> None:
    """Add the session on a Connect server to the lock's file."""
    write_holder(path, {**_holder(path), "session": session})


def _end_session(lake: Lake, path: Path) -> None:
    """Cancel what a writer that was killed left running on a server."""
    left = str(_holder(path).get("session") or "")
    if left:
        from jobs.connect import end_session

        end_session(lake, left)


def _holder(path: Path) -> dict[str, object]:
    try:
        return dict(json.loads(path.read_text() or "{}"))
    except (OSError, ValueError):
        return {}


def _busy(path: Path) -> LakeError:
    holder = _holder(path)
    who = f"run {holder.get('run', 'unknown')} (pid {holder.get('pid', 'unknown')}) since {holder.get('since', 'unknown')}"
    return LakeError("E501", place="writer.lock", expected="no other writer", actual=f"held by {who}")


def _wait_for_driver(path: Path) -> None:
    """Block until the driver JVM of a writer that was killed is gone."""
    holder = _holder(path)
    pid, began = int(str(holder.get("driver") or 0)), str(holder.get("driver_started") or "")
    if pid and not wait_for_end(pid, began, 120):
        raise LakeError(
            "E501", place=f"driver JVM {pid}", expected="gone with its writer", actual="still running after 120 s"
        )
