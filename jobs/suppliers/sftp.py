"""A department's SFTP server: folders of deliveries, read by one user with a password."""

from __future__ import annotations

import asyncio
import hmac
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncssh


class _Door(asyncssh.SSHServer):
    """Lets one user in."""

    def __init__(self, user: str, password: str) -> None:
        self.user, self.password = user, password

    def begin_auth(self, username: str) -> bool:  # noqa: ARG002 - asyncssh asks of everybody
        return True

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return username == self.user and hmac.compare_digest(password, self.password)


class ReadOnly(asyncssh.SFTPServer):
    """What lies below a folder, and nothing else; to be read only."""

    root = Path()

    def __init__(self, chan: asyncssh.SSHServerChannel[bytes]) -> None:
        super().__init__(chan, chroot=str(self.root).encode())

    def open(self, path: bytes, pflags: int, attrs: asyncssh.SFTPAttrs) -> object:
        if pflags != asyncssh.FXF_READ:
            raise asyncssh.SFTPPermissionDenied("to be read only")
        return super().open(path, pflags, attrs)

    def _refuse(self, *_: object) -> None:
        raise asyncssh.SFTPPermissionDenied("to be read only")

    remove = rename = posix_rename = mkdir = rmdir = setstat = symlink = link = _refuse  # type: ignore[assignment]


@contextmanager
def serve_folder(
    root: Path, user: str, password: str, server: type[ReadOnly] = ReadOnly, key: asyncssh.SSHKey | None = None
) -> Iterator[tuple[str, str]]:
    """Serve what lies below a folder; yields address (host:port) and the public host key, as known_hosts writes it."""
    host_key = key or asyncssh.generate_private_key("ssh-ed25519")
    here = type("Here", (server,), {"root": root})
    with _loop() as run:
        listener = run(_listen(here, host_key, lambda: _Door(user, password)))
        try:
            yield f"127.0.0.1:{listener.get_port()}", host_key.export_public_key().decode().strip()
        finally:
            listener.close()
            run(listener.wait_closed())


async def _listen(files: type, key: asyncssh.SSHKey, door: Callable[[], asyncssh.SSHServer]) -> asyncssh.SSHAcceptor:
    return await asyncssh.listen("127.0.0.1", 0, server_factory=door, server_host_keys=[key], sftp_factory=files)


@contextmanager
def _loop() -> Iterator[Callable[[Coroutine[Any, Any, Any]], Any]]:
    """An event loop in a thread of its own; what it yields runs a coroutine there and waits for it."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield lambda coroutine: asyncio.run_coroutine_threadsafe(coroutine, loop).result(30)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
