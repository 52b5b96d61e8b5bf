"""What is written into the log of a Delta table beside its commits: check sums, and what stands where a damaged entry stood."""

from __future__ import annotations

import json
import os
from pathlib import Path
from urllib.parse import unquote

from jobs import store, sums
from jobs.delta_log import CHECKPOINT, ENTRY, POINTER, Log, entry, list_log

LOST = "_lost"  # a folder of the table that readers of Delta pass over


def newest_entry(path: str) -> int:
    """The newest version of a table on a disk by the names in its log alone; -1 where there is none."""
    folder = Path(path, "_delta_log")
    names = os.listdir(folder) if folder.is_dir() else []  # noqa: PTH208 - a name is all that is asked for
    return max((int(n[:20]) for n in names if n.endswith(".json") and n[:20].isdigit()), default=-1)


def seal_since(path: str, version: int) -> None:
    """Write check sums beside what commits after a version wrote: entries, their files, checkpoints. On a disk only."""
    files, table = store.open_files(path)
    log = f"{table}/_delta_log"
    while files.exists(f"{log}/{entry(version := version + 1)}"):
        sums.seal(files, f"{log}/{entry(version)}")
        lines = [json.loads(line) for line in files.cat_file(f"{log}/{entry(version)}").splitlines()]
        added = [f"{table}/{unquote(x['add']['path'])}" for x in lines if "add" in x]
        written = [*[f for f in added if not sums.is_sealed(files, f)], f"{log}/{version:020}.checkpoint.parquet"]
        for file in written:
            if files.exists(file):
                sums.seal(files, file)


def seal_checkpoint(log: Log, version: int) -> None:
    for name in log.parts(version):
        sums.seal(log.files, f"{log.base}/{name}")


def set_aside(path: str, version: int) -> None:
    """Move an entry that cannot be read out of the log, with what was made of it; a commit that says so takes its place.

    The table then holds at this version what it held at the one before, and no later commit gets a number that a release may stand on.
    """
    log = list_log(path)
    assert log is not None, path
    name = entry(version)
    _move(log, [name, f"{version:020}.crc", *log.parts(version), *([POINTER] if log.parts(version) else [])])
    said = {
        "operation": "SET ASIDE",
        "operationParameters": {},
        "userMetadata": json.dumps({"stage": "gold", "lost": version}),
    }
    log.files.pipe_file(f"{log.base}/{name}", json.dumps({"commitInfo": said}).encode() + b"\n")
    if not store.is_object_store(path):
        sums.seal(log.files, f"{log.base}/{name}")


def set_aside_copies(path: str, names: set[str]) -> None:
    """Move damaged checkpoints and totals out of the log: the entries say the same."""
    log = list_log(path)
    assert log is not None, path
    copies = [n for n in names if not ENTRY.fullmatch(n) and not n.endswith(".json")]
    _move(log, [*copies, *([POINTER] if any(CHECKPOINT.fullmatch(n) for n in copies) else [])])


def _move(log: Log, names: list[str]) -> None:
    table = log.base.removesuffix("/_delta_log")
    store.make_folder(f"{table}/{LOST}")
    for name in (x for n in names for x in (f".{n}.crc", n) if x in log.sizes):
        log.files.mv(f"{log.base}/{name}", f"{table}/{LOST}/{name}")
