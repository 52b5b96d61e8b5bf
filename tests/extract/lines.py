"""Lines between a client and a server that break, or answer in the server's place."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field


@dataclass
class Line:
    """A line to a port: each connection takes the next fault, and those after the last are whole.

    A number breaks the connection after so many bytes of the server; bytes are an answer that never came from it.
    """

    target: int
    faults: list[int | bytes]
    port: int = 0
    connections: int = 0
    turn: threading.Lock = field(default_factory=threading.Lock)

    def take(self) -> int | bytes | None:
        with self.turn:
            self.connections += 1
            return self.faults.pop(0) if self.faults else None


@contextmanager
def line_to(address: str, *faults: int | bytes) -> Iterator[Line]:
    """A line to `host:port`, on a port of its own."""
    line = Line(int(address.rpartition(":")[2]), list(faults))
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
    with client, socket.create_connection(("127.0.0.1", line.target)) as server:
        threading.Thread(target=_relay, args=(client, server, None), daemon=True).start()
        _relay(server, client, fault)


def _relay(source: socket.socket, target: socket.socket, left: int | None) -> None:
    """Pass bytes on until either side ends, or none may pass any more."""
    with suppress(OSError):
        while data := source.recv(1 << 14):
            target.sendall(data if left is None else data[:left])
            left = None if left is None else left - len(data)
            if left is not None and left <= 0:
                break
    for side in (source, target):
        with suppress(OSError):
            side.shutdown(socket.SHUT_RDWR)
