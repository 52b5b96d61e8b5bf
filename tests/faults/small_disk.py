"""A disk of a few megabytes that a test can fill and empty."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

PAGE = 4096


@dataclass(frozen=True)
class SmallDisk:
    folder: Path

    @property
    def filler(self) -> Path:
        return self.folder / "filler"

    def fill(self, pages: int) -> None:
        """Leave room for so many pages of 4 KiB and no more."""
        found = os.statvfs(self.folder)
        with self.filler.open("wb") as handle:
            os.posix_fallocate(handle.fileno(), 0, max(1, found.f_bavail * found.f_frsize - pages * PAGE))

    def empty(self) -> None:
        self.filler.unlink(missing_ok=True)


@contextmanager
def mount_small_disk(folder: Path, size: str = "48m") -> Iterator[SmallDisk]:
    """Mount a tmpfs; the test is skipped where this user may not."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    asked = subprocess.run(mount, check=False, capture_output=True, text=True)
    if asked.returncode:
        pytest.skip(f"a disk cannot be mounted here: {asked.stderr.strip()}")
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)
