"""Lines between a client and a server that break, or answer in the server's place."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field


@dataclass
class Line:
    """A line to a port: each connection takes the next fault, and those after the last are whole.

    A number breaks the connection after so many bytes of the server; bytes are an answer that never came from it. Where
    `is_lost` says so of what the client sends, it reaches the server and is done there, and the reply is not heard.
    """

    target: int
    faults: list[int | bytes]
    port: int = 0
    connections: int = 0
    is_lost: Callable[[bytes], bool] = lambda _: False
    turn: threading.Lock = field(default_factory=threading.Lock)

    def take(self) -> int | bytes | None:
        with self.turn:
            self.connections += 1
            return self.faults.pop(0) if self.faults else None


@contextmanager
def line_to(address: str, *faults: int | bytes, is_lost: Callable[[bytes], bool] = lambda _: False) -> Iterator[Line]:
    """A line to `host:port`, on a port of its own."""
    line = Line(int(address.rpartition(":")[2]), list(faults), is_lost=is_lost)
    with socket.create_server(("127.0.0.1", 0)) as door:
        line.port = door.getsockname()[1]
        threading.Thread(target=_let_in, args=(line, door), daemon=True).start()
        yield line


def _let_in(line: Line, door: socket.socket) -> None:
    with suppress(OSError):
        while True:
            client, _ = door.accept()
            threading.Thread(target=_connect, args=(line, client), daemon=True).start()


def _connect(line: Line, client: socket.socket) -> None:
    fault = line.take()
    if isinstance(fault, bytes):
        with client:
            client.recv(1 << 16)
            client.sendall(fault)
        return
    deaf = threading.Event()
    with client, socket.create_connection(("127.0.0.1", line.target)) as server:
        threading.Thread(
            target=_relay, args=(client, server, None, lambda data: _note(line, deaf, data)), daemon=True
        ).start()
        _relay(server, client, fault, lambda data: not deaf.is_set() or data.startswith(b"HTTP/1.1 100"))


def _note(line: Line, deaf: threading.Event, data: bytes) -> bool:
    if line.is_lost(data):
        deaf.set()
    return True


def _relay(source: socket.socket, target: socket.socket, left: int | None, passes: Callable[[bytes], bool]) -> None:
    """Pass bytes on until either side ends, or none may pass any more."""
    with suppress(OSError):
        while (data := source.recv(1 << 14)) and passes(data):
            target.sendall(data if left is None else data[:left])
            left = None if left is None else left - len(data)
            if left is not None and left <= 0:
                break
    for side in (source, target):
        with suppress(OSError):
            side.shutdown(socket.SHUT_RDWR)
