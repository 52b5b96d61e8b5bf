"""The ledger: what ran, on what, with which result; and the decisions of people.

Both are append-only audit tables. A lost ledger costs time, never correctness: every stage finds out by itself what is done.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

import pyarrow as pa

from jobs import chain, delta
from jobs.contracts import fingerprint
from jobs.lake import Lake

LINE = pa.schema(
    [
        ("line", pa.int64()), ("run_id", pa.string()), ("try", pa.int32()), ("at", pa.timestamp("us", tz="UTC")),
        ("stage", pa.string()), ("dataset", pa.string()), ("business_date", pa.string()), ("revision", pa.int32()),
        ("sha256", pa.string()), ("fingerprint", pa.string()), ("outcome", pa.string()), ("table", pa.string()),
        ("table_id", pa.string()), ("table_version", pa.int64()), ("counts", pa.string()), ("results", pa.string()),
        ("notices", pa.string()), ("error", pa.string()), ("seconds", pa.float64()),
    ]
)  # fmt: skip
DECISION = pa.schema(
    [
        ("id", pa.string()), ("at", pa.timestamp("us", tz="UTC")), ("kind", pa.string()), ("by", pa.string()), ("reason", pa.string()),
        ("dataset", pa.string()), ("business_date", pa.string()), ("revision", pa.int32()), ("sha256", pa.string()),
        ("file", pa.string()), ("record", pa.int64()), ("rule", pa.string()), ("values_sha256", pa.string()),
        ("table", pa.string()), ("input_fingerprint", pa.string()), ("source_system", pa.string()), ("source_key", pa.string()),
        ("entity_id", pa.string()),
    ]
)  # fmt: skip
LINK = ("source_system", "source_key", "entity_id")
NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Run:
    """Who runs: an id (Airflow's or our own), the try, and the clock as an argument."""

    id: str
    attempt: int
    now: datetime


@dataclass(frozen=True)
class Line:
    """One stage of one delivery (or of a gold table, or a release) and how it ended.

    Outcomes: accepted, held, refused, failed, unchanged, built, released; of upkeep done; of verify equal or different.
    """

    stage: str
    dataset: str
    outcome: str
    business_date: str = ""
    revision: int = 0
    sha256: str = ""
    fingerprint: str = ""
    table: str = ""
    table_id: str = ""
    table_version: int = -1
    counts: Mapping[str, Any] = field(default_factory=dict)
    results: tuple[Mapping[str, Any], ...] = ()
    notices: tuple[Mapping[str, Any], ...] = ()
    error: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    line: int = 0
    run_id: str = ""
    attempt: int = 1
    at: str = ""

    @property
    def key(self) -> tuple[str, str, int, str]:
        return (self.dataset, self.business_date, self.revision, self.stage)

    @property
    def code(self) -> str:
        return str(self.error.get("code", ""))

    def is_in_silver(self, sha256: str) -> bool:
        """Whether silver holds the delivery of these bytes: it is accepted, or was, and waits for a refold."""
        return self.stage == "silver" and bool(self.table) and self.sha256 == sha256


@dataclass(frozen=True)
class Decision:
    """A person's recorded act. It names what it judges by content, never by run, line or version."""

    kind: str  # approve, mend or dismiss; of a link accept or reject
    by: str
    reason: str
    dataset: str = ""
    business_date: str = ""
    revision: int = 0
    sha256: str = ""
    file: str = ""
    record: int = 0
    rule: str = ""
    values_sha256: str = ""
    table: str = ""
    input_fingerprint: str = ""
    source_system: str = ""
    source_key: str = ""
    entity_id: str = ""
    at: datetime = NEVER

    @property
    def id(self) -> str:
        what = {k: v for k, v in asdict(self).items() if k not in ("by", "reason", "at") and (v or k not in LINK)}
        return fingerprint(what)[:12]

    @property
    def place(self) -> tuple[object, ...]:
        """The record that it is about; of an approval, the delivery or gold table; of a link, the code and its source."""
        about = (self.dataset, self.business_date, self.revision, self.sha256, self.table, self.input_fingerprint)
        return (self.kind == "approve", *about, self.file, self.record, self.source_system, self.source_key)


class Ledger:
    """The open ledger of a lake: newest line per dataset, date, revision and stage, and the decisions."""

    def __init__(self, lake: Lake, run: Run) -> None:
        self.lake, self.run = lake, run
        self.path = lake.table("audit", "ledger")
        self.lines = _read_lines(self.path)
        self.decisions = read_decisions(lake)

    def newest(self, stage: str, dataset: str, business_date: str = "", revision: int = 0) -> Line | None:
        return self.lines.get((dataset, business_date, revision, stage))

    def stamp(self, line: Line) -> Line:
        """The line as this run would write it, but for its number."""
        return replace(line, run_id=self.run.id, attempt=self.run.attempt, at=self.run.now.isoformat())

    def append(self, line: Line) -> Line:
        """Write one line and remember it."""
        line = replace(self.stamp(line), line=1 + max((known.line for known in self.lines.values()), default=0))
        row = {**asdict(line), "try": line.attempt, "at": self.run.now}
        for name in ("counts", "results", "notices", "error"):
            row[name] = json.dumps(row[name], ensure_ascii=False, default=str)
        delta.append_rows(self.path, pa.Table.from_pylist([row], LINE), "ledger")
        self.lines[line.key] = line
        return line

    def decide(self, decision: Decision) -> Decision:
        """Write a decision down; the one that counts already, again, is nothing.

        It counts from now on: where the clock was set back, its time is just after that of the one before it.
        """
        last = newest_decisions(self.decisions).get(decision.place)
        if last and last.id == decision.id:
            return last
        decision = replace(
            decision, at=max(self.run.now, last.at + timedelta(microseconds=1)) if last else self.run.now
        )
        row = {**asdict(decision), "id": decision.id}
        delta.append_rows(self.lake.table("audit", "decisions"), pa.Table.from_pylist([row], DECISION), "decision")
        self.decisions.append(decision)
        return decision

    def held_things(self) -> dict[str, Line]:
        """What awaits a decision, by the id that `lake approve` takes."""
        approved = [d for d in self.decisions if d.kind == "approve"]
        deliveries = {(d.dataset, d.business_date, d.revision, d.sha256) for d in approved}
        tables = {(d.table, d.input_fingerprint) for d in approved}
        found = {}
        for line in self.lines.values():
            is_decided = (line.dataset, line.business_date, line.revision, line.sha256) in deliveries
            is_decided |= (line.dataset.removeprefix("gold."), line.fingerprint) in tables
            if line.outcome == "held" and not is_decided and line.code != "E706":
                key = [line.dataset, line.business_date, line.revision, line.sha256 or line.fingerprint]
                found[fingerprint(key)[:8]] = line
        return found

    def decisions_on(self, dataset: str, business_date: str, revision: int, sha256: str) -> list[Decision]:
        """The decisions that count on a delivery: of several on one record the newest."""
        where = (dataset, business_date, revision, sha256)
        found = [d for d in self.decisions if (d.dataset, d.business_date, d.revision, d.sha256) == where]
        return list(newest_decisions(found).values())


def newest_decisions(decisions: Iterable[Decision]) -> dict[tuple[object, ...], Decision]:
    """Of the decisions on one record the newest, by recorded time, then id; the older ones stay on record."""
    return {d.place: d for d in sorted(decisions, key=lambda d: (d.at, d.id))}


def decisions_on_links(decisions: Iterable[Decision]) -> list[dict[str, str]]:
    """What counts of the decisions on links: of a code the newest, or, where that rejects, every enterprise rejected for it.

    Grain: source_system x source_key x entity_id. Columns: decision (accept or reject), decided_by (who took the newest).
    """
    of_links = [d for d in decisions if d.source_key]
    newest = newest_decisions(of_links)
    of_pairs = {(d.place, d.entity_id): d for d in sorted(of_links, key=lambda d: (d.at, d.id))}
    return [
        {**{name: getattr(d, name) for name in LINK}, "decision": d.kind, "decided_by": newest[place].by}
        for (place, _), d in sorted(of_pairs.items(), key=lambda pair: pair[1].id)
        if d is newest[place] or d.kind == newest[place].kind == "reject"
    ]


def all_lines(path: str) -> list[Line]:
    """Every ledger line in the order in which they were written."""
    head = delta.find_head(path)
    return list(_lines_of(path, *head)) if head else []


@lru_cache(maxsize=1)
def _lines_of(path: str, _table_id: str, version: int) -> tuple[Line, ...]:
    """The lines that a version of the table holds: it stays what it is, and a command asks for it several times."""
    table = delta.read_arrow(path, version)
    found = [_line(row) for row in table.to_pylist()] if table is not None else []
    return tuple(sorted(found, key=lambda x: x.line))


def _read_lines(path: str) -> dict[tuple[str, str, int, str], Line]:
    return {line.key: line for line in all_lines(path)}


def _line(row: Mapping[str, Any]) -> Line:
    values = {k: v for k, v in chain.without_chain(row).items() if k not in ("try", "at")}
    for name in ("counts", "error"):
        values[name] = json.loads(values[name])
    for name in ("results", "notices"):
        values[name] = tuple(json.loads(values[name]))
    return Line(**values, attempt=row["try"], at=row["at"].astimezone(UTC).isoformat())


def read_decisions(lake: Lake) -> list[Decision]:
    table = delta.read_arrow(lake.table("audit", "decisions"))
    rows: Iterable[Mapping[str, Any]] = table.to_pylist() if table is not None else ()
    values = [{k: v for k, v in chain.without_chain(row).items() if k != "id" and v is not None} for row in rows]
    found = [Decision(**given) for given in values]
    return sorted(found, key=lambda d: (d.at, d.id))
