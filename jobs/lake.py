"""Where everything is: zones, paths and table names under one root.

The root is a local folder or an object store address such as `s3a://bucket/lake`; nothing else in the project builds a path.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO

from jobs import store
from jobs.contracts import check_name
from jobs.errors import LakeError

FORMAT_VERSION = 1
SMALL = 1 << 28
ZONES = ("landing", "bronze", "silver", "quarantine", "gold", "audit", "reports", "logs")
# For those who run the lake; gold, releases, restatements and reports are for readers.
PRIVATE = ("landing", "bronze", "silver", "quarantine", "logs", "audit/ledger", "audit/decisions")


@dataclass(frozen=True)
class Lake:
    """One city's lake under a root."""

    root: str
    city: str

    @cached_property
    def base(self) -> str:
        root = store.for_spark(self.root) if "://" in self.root else str(Path(self.root).expanduser().absolute())
        return f"{root.rstrip('/')}/{check_name(self.city)}"

    @cached_property
    def files(self) -> Any:
        """The file system of the root, as fsspec sees it."""
        return store.open_files(self.base)[0]

    @property
    def is_local(self) -> bool:
        return "://" not in self.base

    def path(self, zone: str, *parts: str) -> str:
        assert zone in ZONES, zone
        return "/".join((self.base, zone, *parts))

    def table(self, zone: str, name: str) -> str:
        """Path of the table `zone.name`."""
        return self.path(zone, check_name(name))

    def state(self) -> Path:
        """A folder on this machine for what must not be on object storage: locks."""
        home = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
        folder = home / "city-lakehouse" / hashlib.sha256(self.base.encode()).hexdigest()[:16]
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def check_format(self) -> None:
        """Write the format version into a new lake, whose raw side is closed; refuse one of another version (E006)."""
        path = f"{self.base}/lake.json"
        if self.files.exists(path):
            found = json.loads(self.files.cat_file(path))["format_version"]
            if found != FORMAT_VERSION:
                raise LakeError("E006", place=path, expected=str(FORMAT_VERSION), actual=str(found))
            return
        store.make_folder(self.base)
        self._close()
        self.write_atomic(path, json.dumps({"format_version": FORMAT_VERSION, "city": self.city}).encode())

    def _close(self) -> None:
        """Keep other users of this machine out of the private parts; in an object store that is for its keys to do."""
        for zone in PRIVATE if self.is_local else ():
            store.make_folder(f"{self.base}/{zone}")
            Path(self.base, zone).chmod(0o700)

    def open_zones(self) -> list[str]:
        """The private parts of the lake that this process can read: its user's rights decide, on object storage its key's."""
        return [zone for zone in PRIVATE if self._can_read(f"{self.base}/{zone}")]

    def _can_read(self, path: str) -> bool:
        try:
            self.files.ls(path)
        except FileNotFoundError:
            return not self.is_local  # a store that forbids it says so, also of what is not there
        except OSError as error:
            if isinstance(error, PermissionError) or "ACCESS_DENIED" in str(error):
                return False
            raise
        return True

    def write_atomic(self, path: str, data: bytes) -> None:
        """Write a file so that a reader sees all of it or none."""
        store.make_folder(path.rsplit("/", 1)[0])
        if not self.is_local:
            self.files.pipe_file(path, data)
            return
        with _whole_or_not(path) as handle:
            handle.write(data)

    def copy_atomic(self, source: Path, path: str, sha256: str) -> None:
        """Copy a file of this machine so that a reader sees all of it or none; E109 where its bytes are not those of the hash."""
        store.make_folder(path.rsplit("/", 1)[0])
        if not self.is_local:
            small = source.stat().st_size < SMALL
            self.files.pipe_file(path, source.read_bytes()) if small else self.files.put_file(str(source), path)
            return
        digest = hashlib.sha256()
        with source.open("rb") as data, _whole_or_not(path) as handle:
            while block := data.read(1 << 20):
                digest.update(block)
                handle.write(block)
            if digest.hexdigest() != sha256:
                raise LakeError(
                    "E109",
                    place=source.name,
                    expected=f"sha256 {sha256[:16]}",
                    actual=f"sha256 {digest.hexdigest()[:16]}",
                )


@contextmanager
def _whole_or_not(path: str) -> Iterator[BinaryIO]:
    """A new file beside `path`, which takes its place once it is on the disk."""
    part = Path(f"{path}.part")
    with part.open("wb") as handle:
        yield handle
        handle.flush()
        os.fsync(handle.fileno())
    part.replace(path)
