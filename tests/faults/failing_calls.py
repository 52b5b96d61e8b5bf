"""One call of the system that fails once, of Python's, delta-rs' or the JVM's: the library of `failing_calls.c`, made and asked."""

from __future__ import annotations

import mmap
import os
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

SOURCE = Path(__file__).with_suffix(".c")
LAYOUT = "=iii1012s"  # the number of the call that fails, calls so far, whether one failed, the folder below which they count


def environment_of(folder: Path) -> dict[str, str]:
    """What a process needs in its environment so that its calls can be made to fail; the test is skipped where no C compiler is."""
    compiler = shutil.which("cc") or pytest.skip("no C compiler here")
    library, control = folder / "failing_calls.so", folder / "control"
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", library, SOURCE, "-ldl"], check=True)
    control.write_bytes(bytes(struct.calcsize(LAYOUT)))
    return {**os.environ, "LD_PRELOAD": str(library), "FAILING_CALLS": str(control)}


class Calls:
    """The calls that write below a folder, by this process and those that it started, counted from `watch` to `stop`."""

    def __init__(self) -> None:
        with Path(os.environ["FAILING_CALLS"]).open("r+b") as file:
            self.shared = mmap.mmap(file.fileno(), 0)

    def watch(self, folder: str, number: int) -> None:
        """Count from now on, and fail the call of that number."""
        struct.pack_into(LAYOUT, self.shared, 0, number, 0, 0, f"{folder}/".encode())

    def stop(self) -> tuple[int, bool]:
        """How many calls there were, and whether one failed."""
        _, count, failed, _ = struct.unpack_from(LAYOUT, self.shared)
        struct.pack_into(LAYOUT, self.shared, 0, 0, 0, 0, b"")
        return count, bool(failed)
