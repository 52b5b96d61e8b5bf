"""Every file of a Delta table's log, also those that its newest version does not need: earlier versions are read by them."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pyarrow.parquet as pq

from jobs.delta_log import (
    CHECKPOINT,
    ENTRY,
    POINTER,
    TOTALS,
    Fault,
    Log,
    State,
    entry,
    read_checkpoint,
    read_entry,
)

POINTED = ("version", "size", "sizeInBytes", "numOfAddFiles")


def read_all(log: Log) -> list[Fault]:
    """Every file of a log, also those from before the last checkpoint, which readers of older versions need."""
    found = []
    for version in log.named(ENTRY):
        found += list(read_entry(log, version, State(version)))
    for version in log.named(CHECKPOINT):
        found += _check_checkpoint(log, version)
    for version in log.named(TOTALS):
        name = f"{version:020}.crc"
        if name in log.sizes and not (log.sizes[name] and log.is_as_written(name)):
            found.append(Fault("E602", name, "the bytes that were written", "others", version))
    return [*found, *_check_pointer(log)]


def _check_checkpoint(log: Log, version: int) -> list[Fault]:
    """Read a checkpoint and, where the entries before it are all there, compare it with them."""
    said = State(version)
    faults = [f for name in log.parts(version) for f in read_checkpoint(log, name, said)]
    if faults or not all(entry(v) in log.sizes for v in range(version + 1)):
        return faults
    known = State(version)
    broken = [f for v in range(version + 1) for f in read_entry(log, v, known)]
    alike = (set(said.adds), said.metadata.get("schemaString")) == (set(known.adds), known.metadata.get("schemaString"))
    sizes = [sum(a["size"] for a in s.adds.values()) for s in (said, known)]
    if broken or (alike and sizes[0] == sizes[1]):
        return []
    name = log.parts(version)[0]
    return [Fault("E602", name, f"{len(known.adds)} files, {sizes[1]} bytes", f"{len(said.adds)} files, {sizes[0]} bytes", version)]  # fmt: skip


def _check_pointer(log: Log) -> list[Fault]:
    """`_last_checkpoint` is a hint; one that cannot be read, or says other than the checkpoint that it names, is damage all the same."""
    checkpoints = log.named(CHECKPOINT)
    if POINTER not in log.sizes:
        return [Fault("E602", POINTER, f"the name of checkpoint {checkpoints[-1]}", "missing")] if checkpoints else []
    try:
        said = {k: int(v) for k, v in json.loads(log.read(POINTER)).items() if k in POINTED}
        version, parts = said["version"], log.parts(said["version"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        return [Fault("E602", POINTER, "the name of a checkpoint", type(error).__name__)]
    if not parts or not log.is_as_written(POINTER):
        return [Fault("E602", POINTER, "the name of a checkpoint, as it was written", f"version {version}", version)]
    state = State(version)
    if any(read_checkpoint(log, name, state) for name in parts):
        return []  # said where the checkpoint is looked at
    found = (version, _count_rows(log, parts), sum(log.sizes[n] for n in parts), len(state.adds))
    return [
        Fault("E602", POINTER, f"{name} {number} of checkpoint {version}", str(said.get(name)), version)
        for name, number in zip(POINTED, found, strict=True)
        if said.get(name) != number
    ]


def _count_rows(log: Log, names: Sequence[str]) -> int:
    rows = 0
    for name in names:
        with log.files.open(f"{log.base}/{name}", "rb") as handle:
            rows += int(pq.ParquetFile(handle).metadata.num_rows)
    return rows
