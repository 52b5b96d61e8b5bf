"""Damage of a lake, found before a row is served: tables that lost an entry of their log or a file, and bytes that changed.

Two forms. The quick one reads logs and lists files; every command that writes asks it first. The full one reads every byte of every live
file, of every released version of gold and of landing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import pyarrow.parquet as pq

from jobs import landing, store, sums
from jobs.checkpoints import TABLES as AUDIT
from jobs.cities import load_gold
from jobs.contracts import Contract
from jobs.delta_log import UNREADABLE, Fault, State, list_log, read_state
from jobs.errors import LakeError
from jobs.lake import Lake
from jobs.release import Release, read_releases
from jobs.whole_log import read_all

REMEDIES = {
    "landing": "remove the damaged object, put the same delivery into the inbox again, then lake run",
    "bronze": "{remove}, then lake run: it is read again from landing",
    "silver": "{remove}, then lake run: it is folded again from bronze",
    "quarantine": "{remove}, and bronze/{name} and silver/{name} of the lake likewise, then lake run: all three are made again from landing",
    "gold": "lake restore --release N, of lake releases one from before the damage; or {remove}, then lake run, which builds its newest version again and loses its earlier ones",
    "audit": "put the files back from a backup: nothing else says what they said",
    "old": "put the file back from a backup: an earlier release stands on it, the newest does not",
    "ledger": "{remove}, then lake run: everything is done again, with the same result",
}  # fmt: skip


@dataclass(frozen=True)
class Table:
    """A table to look at: where it is, whose, and the released versions that must be whole beside its newest, with their table's id."""

    zone: str
    name: str
    path: str
    dataset: str
    released: tuple[tuple[str, int], ...] = ()
    now: tuple[str, int] = ("", -1)  # what the newest release stands on


def find_tables(
    lake: Lake, contracts: Mapping[str, Contract], releases: Sequence[Release], gold: Sequence[str]
) -> list[Table]:
    """Bronze, quarantine and silver of some datasets, and gold with the versions of some releases."""
    found = [
        Table(zone, c.table, lake.table(zone, c.table), c.dataset)
        for zone in ("bronze", "quarantine", "silver")
        for c in contracts.values()
    ]
    for name in gold:
        stood = [(r.tables[name].table_id, r.tables[name].version) for r in releases if name in r.tables]
        released = tuple(sorted({x for x in stood if x[1] >= 0}))
        found.append(
            Table("gold", name, lake.table("gold", name), f"gold.{name}", released, stood[-1] if stood else ("", -1))
        )
    return found


def examine(lake: Lake, contracts: Mapping[str, Contract], *, full: bool) -> list[LakeError]:
    """All damage of a lake, in the order of its zones. Without `full` logs and lists of files only, and of releases the newest."""
    audit = examine_audit(lake, full=full)
    releases = [] if any(p.where.dataset == "audit.releases" for p in audit) else read_releases(lake)
    tables = find_tables(lake, contracts, releases if full else releases[-1:], list(load_gold(lake.city)))
    with ThreadPoolExecutor(4) as pool:
        found = [p for problems in pool.map(lambda t: examine_table(t, full=full), tables) for p in problems]
    landed = [p for c in contracts.values() for p in _examine_landing(lake, c)] if full else []
    return [*landed, *found, *audit]


def examine_audit(lake: Lake, *, full: bool) -> list[LakeError]:
    """Damage of what says which releases there are, what was decided, and what ran."""
    tables = [Table("audit", name, lake.table("audit", name), f"audit.{name}") for name in AUDIT]
    return [p for table in tables for p in examine_table(table, full=full)]


def refuse_damage(lake: Lake, contracts: Mapping[str, Contract]) -> None:
    """Raise the first damage that the quick form finds: before anything is read or written."""
    for problem in examine(lake, contracts, full=False):
        raise problem


def is_readable(path: str, table_id: str, version: int) -> bool:
    """Whether a released version is there as it was written, as far as its log and a list of its files tell."""
    log = list_log(path)
    if log is None:
        return False
    state = read_state(log, version)
    is_same = not state.faults and not state.is_lost and state.metadata["id"] == table_id
    return is_same and not list(_look_at_files(path, state.adds, full=False))


def find_faults(path: str, version: int | None = None) -> list[Fault]:
    """Damage of one version of a table (default the newest), every byte of its files read."""
    log = list_log(path)
    state = read_state(log, version) if log else None
    return (
        [] if state is None else [*state.faults, *([] if state.faults else _look_at_files(path, state.adds, full=True))]
    )


def examine_table(table: Table, *, full: bool) -> list[LakeError]:
    """Damage of one table; of a file once, whichever versions it is in. A table that is not there is no damage: it is made again.

    Nor is a released version of another table that was there before, or one that was set aside: `lake digest` tells them.
    """
    log = list_log(table.path)
    if log is None:
        return []
    head = read_state(log, every_total=full)
    faults = [*head.faults, *(read_all(log) if full else [])]
    found = [_problem(table, f) for f in dict.fromkeys([*faults, *_files_of(table, head, full=full)])]
    seen = {p.evidence for p in found}
    for table_id, version in table.released:
        if version == head.version or table_id != head.metadata.get("id", table_id):
            continue
        state = read_state(log, version)
        if state.is_lost:
            continue
        others = [
            _problem(table, f, is_old=(table_id, version) != table.now)
            for f in (*state.faults, *_files_of(table, state, full=full))
        ]
        found += [p for p in others if p.evidence not in seen]
        seen |= {p.evidence for p in others}
    return found


def _files_of(table: Table, state: State, *, full: bool) -> list[Fault]:
    return [] if state.faults else list(_look_at_files(table.path, state.adds, full=full))


def _look_at_files(path: str, adds: Mapping[str, Mapping[str, Any]], *, full: bool) -> Iterator[Fault]:
    files, base = store.open_files(path)
    found = files.find(base, detail=True) if adds else {}
    sizes = {str(name): info["size"] for name, info in found.items()}
    for name, add in sorted(adds.items()):
        file = f"{base}/{unquote(name)}"
        if file not in sizes:
            yield Fault("E603", unquote(name), f"{add['size']} bytes", "no such file")
        elif sizes[file] != add["size"]:
            yield Fault("E604", unquote(name), f"{add['size']} bytes", f"{sizes[file]} bytes")
        elif full and (wrong := _read_file(files, file, add, sealed=sums.sidecar(file) in sizes)):
            yield Fault("E604", unquote(name), *wrong)


def _read_file(files: Any, file: str, add: Mapping[str, Any], *, sealed: bool) -> tuple[str, str] | None:
    """Read a live file whole: what was expected and what is there, where they differ.

    Check sums beside it prove every byte. Where there are none, Parquet's own prove what is in its pages, and each page is decoded.
    """
    if sealed and not sums.agrees(files, file):
        return "the bytes that were written", "other check sums"
    stated = json.loads(add.get("stats") or "{}").get("numRecords")
    try:
        with files.open(file, "rb") as handle:
            parquet = pq.ParquetFile(handle, page_checksum_verification=True)
            rows = parquet.metadata.num_rows
            if not sealed:
                rows = sum(parquet.read_row_group(n).num_rows for n in range(parquet.num_row_groups))
    except UNREADABLE as error:
        return "Parquet that can be read", type(error).__name__
    return (f"{stated} rows", f"{rows} rows") if stated is not None and rows != stated else None


def _problem(table: Table, fault: Fault, *, is_old: bool = False) -> LakeError:
    version = f" version {fault.version}" if fault.version >= 0 else ""
    remedy = REMEDIES["old" if is_old else "ledger" if table.name == "ledger" else table.zone]
    remove = f"{'remove all below' if store.is_object_store(table.path) else 'rm -r'} {table.path}"
    folder = "_delta_log/" if fault.code == "E602" else ""
    return LakeError(
        fault.code, dataset=table.dataset, stage="fsck", place=f"{table.zone}.{table.name}{version} {fault.file}",
        expected=fault.expected, actual=fault.actual, evidence=f"{table.path}/{folder}{fault.file}",
        next_command=remedy.format(remove=remove, name=table.name),
    )  # fmt: skip


def _examine_landing(lake: Lake, contract: Contract) -> Iterator[LakeError]:
    """Each landed file has the bytes that its receipt names: everything else can be made again from them."""
    for receipt in landing.list_receipts(lake, contract):
        for file in (*receipt.files, *receipt.raw):
            path, actual = landing.object_path(lake, file.sha256), ""
            try:
                with lake.files.open(path, "rb") as handle:
                    found = hashlib.file_digest(handle, "sha256").hexdigest()
                actual = "" if found == file.sha256 else f"sha256 {found[:16]}"
            except FileNotFoundError:
                actual = "no such file"
            if actual:
                yield LakeError(
                    "E603" if actual == "no such file" else "E604", dataset=contract.dataset, business_date=receipt.business_date,
                    revision=receipt.revision, stage="fsck", place=f"landing {file.name}", expected=f"sha256 {file.sha256[:16]}",
                    actual=actual, evidence=path, next_command=REMEDIES["landing"],
                )  # fmt: skip
