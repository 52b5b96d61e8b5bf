"""Server processes on free ports of this machine, ended by their process id."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil


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
    """Ask ten times a second, or as often as is said, until it is so; TimeoutError with what is known after the deadline."""
    end = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > end:
            raise TimeoutError(f"not so after {seconds} s: {what()}")
        time.sleep(every)


@contextmanager
def running(
    command: Sequence[str], log: Path, is_ready: Callable[[], bool], env: Mapping[str, str] | None = None, *,
    cwd: Path | None = None, seconds: float = 120, user: str | None = None, group: str | None = None,
) -> Iterator[subprocess.Popen[bytes]]:  # fmt: skip
    """A server process and all that it starts, from ready to gone. RuntimeError where it ends by itself, with the end of its log."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            command, cwd=cwd, env=env, user=user, group=group, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            start_new_session=True,
        )  # fmt: skip

    def is_up() -> bool:
        if process.poll() is not None:
            raise RuntimeError(f"{command[0]} ended with {process.returncode}: {_tail(log)}")
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
