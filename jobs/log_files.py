"""What is written into the log of a Delta table beside its commits: check sums, and what stands where a damaged entry stood."""

from __future__ import annotations

import json
from urllib.parse import unquote

from jobs import store, sums
from jobs.delta_log import CHECKPOINT, ENTRY, POINTER, Log, entry, list_log

LOST = "_lost"  # a folder of the table that readers of Delta pass over


def seal_since(path: str, version: int) -> None:
    """Write check sums beside what commits after a version wrote: entries, their files, checkpoints. On a disk only."""
    log = None if store.is_object_store(path) else list_log(path)
    if log is None:
        return
    table = log.base.removesuffix("/_delta_log")
    for number in (v for v in log.named(ENTRY) if v > version):
        sums.seal(log.files, f"{log.base}/{entry(number)}")
        lines = [json.loads(line) for line in log.read(entry(number)).splitlines()]
        added = [f"{table}/{unquote(x['add']['path'])}" for x in lines if "add" in x]
        for file in added:
            if not sums.is_sealed(log.files, file):
                sums.seal(log.files, file)
    for number in (v for v in log.named(CHECKPOINT) if v > version):
        seal_checkpoint(log, number)


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
