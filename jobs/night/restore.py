"""Publish an earlier release again, and mend the logs of gold tables that a damaged entry made unreadable."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from jobs import delta, delta_log, fsck, log_files, release
from jobs.cities import load_gold
from jobs.contracts import Contract
from jobs.digest import digest_table
from jobs.errors import LakeError
from jobs.ledger import Line
from jobs.night.opened import Night, counts_for, note_line
from jobs.release import Release, Released


def run_restore(night: Night, number: int, why: str) -> Release:
    """Publish a new release that says what release `number` said: the same versions of the same tables, with equal digests.

    No table is written, but that entries of a gold log from the first damaged one on are set aside. A table that the release does not
    have stays as it was published last. Raises E603 or E604 where the release itself is damaged; then nothing is published.
    """
    for problem in fsck.examine_audit(night.lake, full=False):
        raise problem
    last, old = release.find_release(night.lake, None), release.find_release(night.lake, number)
    assert last is not None
    assert old is not None
    contracts = load_gold(night.lake.city)
    wanted = {n: t for n, t in old.tables.items() if n in contracts}
    for table in wanted.values():
        _need_readable(night, table)
    for table in wanted.values():
        _mend(night, table)
    for table in wanted.values():
        _need_digest(night, contracts, table)
    said = f"as in release {number}, {why}"
    tables = {n: t if t.version < 0 else replace(t, status="restored", why=said) for n, t in wanted.items()}
    kept = {n: t for n, t in last.tables.items() if n not in tables and n in contracts}
    made = release.publish(
        night.lake, _comparable(night, last), [*tables.values(), *kept.values()], contracts, night.run.id, night.run.now
    )
    counts = counts_for(night, {"tables": len(made.tables), "restored": number})
    note_line(night, Line(stage="release", dataset=f"release.{made.number}", outcome="released", counts=counts), None)
    return made


def _path(night: Night, table: Released) -> str:
    return night.lake.table("gold", table.table)


def _need_readable(night: Night, table: Released) -> None:
    if table.version >= 0 and not fsck.is_readable(_path(night, table), table.table_id, table.version):
        raise LakeError(
            "E603", dataset=f"gold.{table.table}", stage="restore", place=f"gold.{table.table} version {table.version}",
            expected="the version as released", actual="its log or a file of it is lost", next_command="lake releases: name another one",
        )  # fmt: skip


def _need_digest(night: Night, contracts: Mapping[str, Contract], table: Released) -> None:
    if table.version < 0:
        return
    rows = delta.read_arrow(_path(night, table), table.version)
    assert rows is not None
    found = digest_table(rows, contracts[table.table])
    if found != table.digest:
        raise LakeError(
            "E604", dataset=f"gold.{table.table}", stage="restore", place=f"gold.{table.table} version {table.version}",
            expected=f"digest {table.digest[:16]}", actual=f"digest {found[:16]}", next_command="lake releases: name another one",
        )  # fmt: skip


def _mend(night: Night, table: Released) -> None:
    """Make the newest version of a table readable: by its entries alone where only copies of them are damaged, else without the damaged ones."""
    path = _path(night, table)
    if table.version < 0 or not (faults := fsck.find_faults(path)):
        return
    log_files.set_aside_copies(path, {f.file for f in faults})
    if not fsck.find_faults(path):
        return
    log = delta_log.list_log(path)
    assert log is not None
    head = log.head
    first = next(v for v in range(table.version + 1, head + 1) if fsck.find_faults(path, v))
    for version in range(head, first - 1, -1):
        log_files.set_aside(path, version)


def _comparable(night: Night, last: Release) -> Release:
    """The newest release without the versions that are lost: nobody can say which of their figures are others now."""
    tables = {
        n: t if t.version < 0 or fsck.is_readable(_path(night, t), t.table_id, t.version) else replace(t, version=-1)
        for n, t in last.tables.items()
    }
    return replace(last, tables=tables)
