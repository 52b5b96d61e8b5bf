"""The log of a Delta table, read by ourselves: what it says at a version, and where it is damaged.

Readers of Delta take a commit of no bytes, or one that was cut at the end of a line, for one that changed nothing, and rows vanish
without a word. Here every entry since the last checkpoint is there, is read whole, is as its check sums say where it has some, and comes
to the totals that Spark wrote beside it.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from jobs import store, sums

ENTRY = re.compile(r"\.?(\d{20})\.json(\.crc)?")
TOTALS = re.compile(r"\.?(\d{20})\.crc(\.crc)?")
CHECKPOINT = re.compile(r"\.?(\d{20})\.checkpoint(\.\d{10}\.\d{10})?\.parquet(\.crc)?")
SIDECAR = re.compile(r"\.(.+)\.crc")
POINTER = "_last_checkpoint"
# What reading bytes that are no Parquet raises.
UNREADABLE = (OSError, ValueError, KeyError, TypeError, pa.ArrowException)
ACTIONS = {
    "add", "remove", "metaData", "protocol", "commitInfo", "txn", "cdc", "domainMetadata", "checkpointMetadata", "sidecar",
}  # fmt: skip


@dataclass(frozen=True)
class Fault:
    """Something of a table that is not as it was written: E602 its log, E603 a missing file, E604 a damaged one."""

    code: str
    file: str
    expected: str
    actual: str
    version: int = -1


@dataclass
class State:
    """What the log says of a version: its live files by path, metadata and protocol; and the faults met on the way to it.

    `is_lost`: its entry was damaged and set aside, and it holds what the version before it held.
    """

    version: int
    is_lost: bool = False
    adds: dict[str, dict[str, Any]] = field(default_factory=dict)
    metadata: Mapping[str, Any] = field(default_factory=dict)
    protocol: Mapping[str, Any] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)


@dataclass(frozen=True)
class Log:
    """The files of a log, their sizes, and what tells of each that it was written anew."""

    files: Any
    base: str
    sizes: Mapping[str, int]
    written: Mapping[str, Any] = field(default_factory=dict)

    def named(self, pattern: re.Pattern[str]) -> list[int]:
        """Versions that the names of a kind of file speak of."""
        return sorted({int(m[1]) for name in self.sizes if (m := pattern.fullmatch(name))})

    @property
    def head(self) -> int:
        """The newest version that any file speaks of: an entry that is lost leaves its totals or check sums behind."""
        return max([*self.named(ENTRY), *self.named(TOTALS), *self.named(CHECKPOINT)], default=-1)

    def parts(self, version: int) -> list[str]:
        """The files of a checkpoint, by their own names or those of their check sums."""
        named = [n for n in self.sizes if (m := CHECKPOINT.fullmatch(n)) and int(m[1]) == version]
        return sorted({n.removeprefix(".").removesuffix(".crc") for n in named})

    def read(self, name: str) -> bytes:
        return bytes(self.files.cat_file(f"{self.base}/{name}"))

    def is_as_written(self, name: str) -> bool:
        """Whether a file is as its sums say, where it has some."""
        return f".{name}.crc" not in self.sizes or sums.agrees(self.files, f"{self.base}/{name}")


def list_log(path: str) -> Log | None:
    """The log of a table; None where there is no table, or a killed command left no more than a beginning of its first entry."""
    files, base = store.open_files(path)
    try:
        found = _list_files(files, f"{base}/_delta_log")
    except FileNotFoundError:
        return None
    sizes, written = ({name: of[n] for name, of in found.items()} for n in (0, 1))
    log = Log(files, f"{base}/_delta_log", sizes, written)
    return log if log.head >= 0 else None


def _list_files(files: Any, folder: str) -> dict[str, tuple[int, Any]]:
    """Names, sizes and times of the files of a folder. The log of the ledger has an entry a line: fsspec takes ten times as long on a disk."""
    if "file" in files.protocol:
        with os.scandir(folder) as found:
            stats = {e.name: e.stat() for e in found if e.is_file()}
        return {name: (of.st_size, of.st_mtime_ns) for name, of in stats.items()}
    listed = [f for f in files.ls(folder, detail=True) if f["type"] == "file"]
    return {str(f["name"]).rsplit("/", 1)[-1]: (int(f["size"] or 0), f.get("ETag")) for f in listed}


def entry(version: int) -> str:
    return f"{version:020}.json"


def read_state(log: Log, version: int | None = None, *, every_total: bool = False) -> State:
    """Replay the log to a version (default the newest) from the checkpoint before it.

    Totals are compared at that version, with `every_total` at each on the way.
    """
    target = log.head if version is None else version
    state = State(target)
    start = max((v for v in log.named(CHECKPOINT) if v <= target), default=-1)
    for name in log.parts(start):
        state.faults += read_checkpoint(log, name, state)
    for number in range(start + 1, target + 1):
        state.faults += read_entry(log, number, state)
        if not state.faults and (every_total or number == target):
            state.faults += _compare_totals(log, number, state)
    if not state.faults and not (state.metadata and state.protocol):
        state.faults.append(Fault("E602", entry(0), "a first entry with schema and protocol", "none", 0))
    return state


def read_entry(log: Log, version: int, state: State) -> Iterator[Fault]:
    name = entry(version)
    if not log.sizes.get(name):
        yield Fault("E602", name, "an entry of the log", "0 bytes" if name in log.sizes else "missing", version)
        return
    if not log.is_as_written(name):
        yield Fault("E602", name, "the bytes that were written", "other check sums", version)
        return
    try:
        actions = [json.loads(line) for line in log.read(name).splitlines() if line.strip()]
        for action in actions:
            _apply(action, state)
        state.is_lost = any(_says_lost(a) for a in actions)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        yield Fault("E602", name, "whole actions of Delta, one a line", type(error).__name__, version)
        return
    if not any(a.keys() - {"commitInfo"} for a in actions) and not actions[0].get("commitInfo"):
        yield Fault("E602", name, "an action", "none", version)


def _apply(action: Mapping[str, Any], state: State) -> None:
    (kind,) = action.keys() & ACTIONS  # ValueError where a line is not one action
    what = action[kind]
    if kind == "add":
        json.loads(what.get("stats") or "{}")
        state.adds[what["path"]] = {**what, "size": int(what["size"])}
    elif kind == "remove":
        state.adds.pop(what["path"], None)
    elif kind == "metaData":
        json.loads(what["schemaString"])
        state.metadata = what
    elif kind == "protocol":
        state.protocol = what


def _says_lost(action: Mapping[str, Any]) -> bool:
    text = str(action.get("commitInfo", {}).get("userMetadata") or "")
    return text.startswith("{") and bool(json.loads(text).get("lost"))


def read_checkpoint(log: Log, name: str, state: State) -> list[Fault]:
    version = int(name[:20])
    if name not in log.sizes:
        return [Fault("E602", name, "a checkpoint", "missing", version)]
    if not log.is_as_written(name):
        return [Fault("E602", name, "the bytes that were written", "other check sums", version)]
    try:
        with log.files.open(f"{log.base}/{name}", "rb") as handle:
            rows = pq.ParquetFile(handle, page_checksum_verification=True).read().to_pylist()
        for row in rows:
            for kind in ("protocol", "metaData", "add"):
                if row.get(kind):
                    _apply({kind: _plain(row[kind])}, state)
    except UNREADABLE as error:
        return [Fault("E602", name, "a checkpoint that can be read", type(error).__name__, version)]
    return []


def _plain(action: Mapping[str, Any]) -> dict[str, Any]:
    """An action of a checkpoint as an entry spells it: maps are lists of pairs in Arrow."""
    maps = ("partitionValues", "configuration", "tags")
    return {k: dict(v) if k in maps and v is not None else v for k, v in action.items()}


def _compare_totals(log: Log, version: int, state: State) -> Iterator[Fault]:
    """Compare a version with the totals that Spark wrote beside its entry, where it did."""
    name = f"{version:020}.crc"
    if name not in log.sizes:
        return
    try:
        said = json.loads(log.read(name))
        pairs = _pairs(said, state)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        yield Fault("E602", name, "the totals of a version", type(error).__name__, version)
        return
    if not log.is_as_written(name):
        yield Fault("E602", name, "the bytes that were written", "other check sums", version)
    yield from (
        Fault("E602", name, f"{what} {short(a)}", f"{what} {short(b)} by the log", version) for what, a, b in pairs if a != b
    )  # fmt: skip


def _pairs(said: Mapping[str, Any], state: State) -> list[tuple[str, Any, Any]]:
    """What totals say beside what the log says."""
    sizes = [a["size"] for a in state.adds.values()]
    found = [
        ("numFiles", said["numFiles"], len(sizes)), ("tableSizeBytes", said["tableSizeBytes"], sum(sizes)),
        ("numMetadata", said["numMetadata"], 1), ("numProtocol", said["numProtocol"], 1),
        *[(k, said["metadata"].get(k), state.metadata.get(k)) for k in ("id", "schemaString", "partitionColumns", "configuration")],
        *[(k, said["protocol"].get(k), state.protocol.get(k)) for k in ("minReaderVersion", "minWriterVersion")],
    ]  # fmt: skip
    if said.get("allFiles") is not None:
        found.append(("allFiles", _essence(said["allFiles"]), _essence(list(state.adds.values()))))
    return found


def _essence(adds: Sequence[Mapping[str, Any]]) -> list[tuple[str, ...]]:
    keys: tuple[Callable[[Any], str], ...] = (str, str, json.dumps, str)
    names = ("path", "size", "partitionValues", "stats")
    return sorted(tuple(write(a.get(n)) for write, n in zip(keys, names, strict=True)) for a in adds)


def short(value: object) -> str:
    """Numbers and short names as they are; of anything longer its size only, since it may hold values of the data."""
    text = str(value)
    return text if len(text) <= 40 else f"of {len(text)} characters"
