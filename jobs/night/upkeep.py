"""Upkeep of a lake's tables: small files joined, old files and log entries removed, whatever a kept release stands on left alone.

Silver and quarantine are joined and cleaned by Spark, which writes them; bronze and audit tables by delta-rs. Gold is only cleaned:
its builds write few files. How old is too old is measured from the run's clock.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from jobs import delta, vacuum
from jobs.errors import LakeError
from jobs.ledger import Line
from jobs.night.opened import Night, note_line
from jobs.release import read_releases

RELEASES_KEPT = timedelta(days=1826)
SPARKS = ("silver", "quarantine", "gold")


@dataclass(frozen=True)
class Upkeep:
    """What was done to one table: small files that became fewer, old files removed, log entries removed."""

    table: str
    joined: int = 0
    removed: int = 0
    log: int = 0


def maintain(night: Night) -> list[Upkeep]:
    """Join and clean every table of the lake. A table of which a kept release would lose a file is left as it is (E605)."""
    age = datetime.now(UTC) - night.run.now  # a clock ahead makes files older, one behind makes them younger
    kept = _kept_versions(night)
    done = []
    for zone, name in _tables(night):
        path = night.lake.table(zone, name)
        try:
            done.append(_maintain(night, zone, name, path, age, kept.get(name, set()) if zone == "gold" else set()))
        except LakeError as error:
            night.problems.append(error.at(stage="maintain", place=f"{zone}.{name}"))
    counts = {"joined": sum(d.joined for d in done), "removed": sum(d.removed for d in done), "log": sum(d.log for d in done)}  # fmt: skip
    note_line(night, Line(stage="maintain", dataset="lake", outcome="done", counts=counts), None)
    return done


def _tables(night: Night) -> Iterator[tuple[str, str]]:
    """Every table that there is, by zone and name; the ledger last, since it is written at the end."""
    datasets = [c.table for c in night.contracts.values()]
    zones = {"bronze": datasets, "quarantine": datasets, "silver": datasets, "gold": list(night.city.gold), "audit": ["decisions", "restatements", "releases", "checkpoints", "ledger"]}  # fmt: skip
    for zone, names in zones.items():
        yield from ((zone, name) for name in names if delta.exists(night.lake.table(zone, name)))


def _kept_versions(night: Night) -> Mapping[str, set[int]]:
    """Versions of gold tables that the newest release, or one that is not too old, stands on."""
    found: dict[str, set[int]] = {}
    releases = read_releases(night.lake)
    oldest = night.run.now - RELEASES_KEPT
    for n, release in enumerate(releases, 1):
        if n == len(releases) or datetime.fromisoformat(release.released_at) >= oldest:
            for table in release.tables.values():
                found.setdefault(table.table, set()).add(table.version)
    return {table: versions - {-1} for table, versions in found.items()}


def _maintain(night: Night, zone: str, name: str, path: str, age: timedelta, kept: set[int]) -> Upkeep:
    """Keep one table up. Files are removed that left it longer ago than its zone keeps them, less what the clock is ahead."""
    hours = max(delta.retention(zone) + age, timedelta()) // timedelta(hours=1)
    if zone not in SPARKS:
        joined = vacuum.compact(path) if zone == "audit" else 0
        return Upkeep(f"{zone}.{name}", joined, vacuum.remove_old_files(path, hours), vacuum.shorten_log(path))
    old = vacuum.old_files(path, hours)
    if lost := old & vacuum.files_of(path, kept):
        raise LakeError("E605", expected=f"versions {sorted(kept)} whole", actual=f"{len(lost)} files would go")
    many = zone != "gold" and vacuum.count_files(path) > delta.FEW_FILES
    joined = vacuum.optimize(night.spark, path) if many else 0
    if old:
        vacuum.vacuum(night.spark, path, hours)
    return Upkeep(f"{zone}.{name}", joined, len(old))
