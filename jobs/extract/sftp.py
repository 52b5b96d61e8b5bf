"""Deliveries in folders of an SFTP server whose host key the contract's secrets pin."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path, PurePosixPath
from stat import S_ISDIR
from typing import Any

import asyncssh

from jobs.contracts import Place
from jobs.errors import LakeError
from jobs.extract.place import (
    Passing,
    again,
    base_of,
    check_file,
    empty,
    host_and_port,
    is_ours,
    only_deliveries,
    secret,
)

PATIENCE = 30  # seconds without a word from the server


class Sftp:
    """A folder of deliveries on an SFTP server; secrets: address (host:port), host_key (`ssh-ed25519 AAAA...`), user, password."""

    def __init__(self, place: Place) -> None:
        self.place = place

    def folders(self) -> list[str]:
        found: list[str] = []
        again(lambda: found.extend(asyncio.run(self._list())), "E120")
        return only_deliveries(found)

    def fetch(self, folder: str, into: Path) -> None:
        again(lambda: asyncio.run(self._fetch(folder, into)), "E120")

    async def _list(self) -> list[str]:
        async with self._open() as files:
            return [str(n) for n in await files.listdir(base_of(self.place))]

    async def _fetch(self, folder: str, into: Path) -> None:
        empty(into)
        async with self._open() as files:
            base = PurePosixPath(base_of(self.place), folder)
            for entry in await files.readdir(str(base)):
                name, stated = str(entry.filename), entry.attrs
                if name in (".", ".."):
                    continue
                check_file(name, S_ISDIR(stated.permissions or 0))
                part = into / f"{name}.part"
                await files.get(str(base / name), part)
                if part.stat().st_size != stated.size:
                    raise Passing(f"{part.stat().st_size} of {stated.size} bytes of {name}")
                part.rename(into / name)

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[asyncssh.SFTPClient]:
        host, port = host_and_port(secret(self.place, "address"), 22)
        known: Any = ([self._host_key()], [], [])
        try:
            async with (
                asyncssh.connect(
                    host, port, known_hosts=known, username=secret(self.place, "user"), password=secret(self.place, "password"),
                    client_keys=None, config=None, connect_timeout=PATIENCE, login_timeout=PATIENCE, keepalive_interval=PATIENCE,
                ) as connection,
                connection.start_sftp_client() as files,
            ):  # fmt: skip
                yield files
        except asyncssh.HostKeyNotVerifiable as error:
            raise LakeError("E801", place=f"{host}:{port}", expected=f"the key in {self.place.secrets['host_key']}", actual="another key") from error  # fmt: skip
        except asyncssh.PermissionDenied as error:
            raise LakeError("E802", place=f"{host}:{port}", expected="a user and password that it takes", actual="refused") from error  # fmt: skip
        except asyncssh.SFTPNoSuchFile as error:
            raise LakeError(
                "E121", place=base_of(self.place), expected="a folder of deliveries", actual="none"
            ) from error
        except (asyncssh.Error, OSError) as error:
            if is_ours(error):
                raise
            raise Passing(f"{host}:{port}: {type(error).__name__}") from error

    def _host_key(self) -> asyncssh.SSHKey:
        """The key that is pinned."""
        text = secret(self.place, "host_key")
        try:
            return asyncssh.import_public_key(text)
        except asyncssh.KeyImportError as error:
            variable = self.place.secrets["host_key"]
            raise LakeError("E802", place=variable, expected="a public key such as ssh-ed25519 AAAA...", actual=f"{len(text)} other characters", next_command=f"ssh-keyscan HOST, compare with what the department says, then export {variable}='ssh-ed25519 AAAA...'") from error  # fmt: skip
