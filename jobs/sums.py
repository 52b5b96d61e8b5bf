"""Check sums beside files on a disk, in the form in which Hadoop writes them beside what Spark writes there.

`.NAME.crc` holds `crc` and a zero byte, the size of a block, and the CRC-32 of each block of NAME: no single flipped bit keeps them. We write
the same beside what Spark does not write, and Spark then checks our files too when it reads them. An object store keeps sums of its own.
"""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

BLOCK = 512
_HEADER = b"crc\0"


def sidecar(path: str) -> str:
    """Where the sums of a file are."""
    folder, _, name = path.rpartition("/")
    return f"{folder}/.{name}.crc"


def seal(files: Any, path: str) -> None:
    """Write the sums of a file of a disk that has just been written: all of them or none, since half of them would say that it is damaged."""
    with files.open(path, "rb") as handle:
        sums = _sums(handle, BLOCK)
    part = Path(f"{sidecar(path)}.part")
    part.write_bytes(_HEADER + struct.pack(f">I{len(sums)}I", BLOCK, *sums))
    part.replace(sidecar(path))


def is_sealed(files: Any, path: str) -> bool:
    return bool(files.exists(sidecar(path)))


def agrees(files: Any, path: str) -> bool:
    """Whether every block of a file is as its sums say."""
    said = files.cat_file(sidecar(path))
    if len(said) < 8 or said[:4] != _HEADER or len(said) % 4:
        return False
    block, *sums = struct.unpack(f">{len(said) // 4 - 1}I", said[4:])
    with files.open(path, "rb") as handle:
        return 0 < block < 1 << 24 and _sums(handle, block) == sums


def _sums(handle: Any, block: int) -> list[int]:
    found: list[int] = []
    while part := memoryview(handle.read(block * 8192)):
        found += [zlib.crc32(part[start : start + block]) for start in range(0, len(part), block)]
    return found
