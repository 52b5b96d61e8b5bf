"""Releases: one version of every gold table, published together; readers see nothing else."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime
from functools import lru_cache
from itertools import groupby
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from jobs import chain, delta
from jobs.contracts import Contract
from jobs.days import Span, arrow_within, join_spans
from jobs.errors import LakeError
from jobs.lake import Lake

if TYPE_CHECKING:
    import pandas as pd

RELEASE = pa.schema(
    [
        ("release", pa.int32()), ("released_at", pa.timestamp("us", tz="UTC")), ("table", pa.string()), ("status", pa.string()),
        ("why", pa.string()), ("table_id", pa.string()), ("version", pa.int64()), ("rows", pa.int64()), ("digest", pa.string()),
        ("fingerprint", pa.string()), ("reads", pa.string()), ("stands_on", pa.string()), ("run_id", pa.string()),
    ]
)  # fmt: skip
RESTATEMENT = pa.schema(
    [
        ("release", pa.int32()), ("table", pa.string()), ("key", pa.string()), ("column", pa.string()), ("old", pa.string()),
        ("new", pa.string()), ("deliveries", pa.string()),
    ]
)  # fmt: skip


@dataclass(frozen=True)
class Released:
    """One gold table in one release.

    `status`: new, unchanged, held, stale or restored; `why` says what is held or stale, or which release was restored, by whom. A held
    table keeps the version of the release before, or has none yet (-1).
    """

    table: str
    status: str
    why: str = ""
    table_id: str = ""
    version: int = -1
    rows: int = 0
    digest: str = ""
    fingerprint: str = ""
    reads: tuple[Mapping[str, Any], ...] = ()
    stands_on: tuple[Sequence[Any], ...] = ()
    release: int = 0
    released_at: str = ""
    run_id: str = ""


@dataclass(frozen=True)
class Release:
    """A release and its tables by name."""

    number: int
    released_at: str
    tables: Mapping[str, Released] = field(default_factory=dict)


def read_releases(lake: Lake) -> list[Release]:
    """All releases, oldest first."""
    path = lake.table("audit", "releases")
    head = delta.find_head(path)
    return list(_releases_of(path, *head)) if head else []


@lru_cache(maxsize=1)
def _releases_of(path: str, _table_id: str, version: int) -> tuple[Release, ...]:
    """The releases that a version of the table tells of: it stays what it is, and a command asks for it several times."""
    found = delta.read_arrow(path, version)
    rows = sorted((_released(row) for row in found.to_pylist()), key=lambda r: r.release) if found is not None else []
    return tuple(_group(number, list(of_it)) for number, of_it in groupby(rows, lambda r: r.release))


def _group(number: int, rows: list[Released]) -> Release:
    return Release(number, rows[0].released_at, {r.table: r for r in rows})


def _released(row: Mapping[str, Any]) -> Released:
    whole = {
        **chain.without_chain(row),
        "reads": tuple(json.loads(row["reads"])),
        "stands_on": tuple(json.loads(row["stands_on"])),
    }
    return Released(**{**whole, "released_at": row["released_at"].astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")})


def find_release(lake: Lake, number: int | None) -> Release | None:
    """The newest release, or the one of a number; E004 where that does not exist."""
    releases = read_releases(lake)
    if number is None:
        return releases[-1] if releases else None
    for release in releases:
        if release.number == number:
            return release
    raise LakeError(
        "E004",
        place="release",
        expected=", ".join(str(r.number) for r in releases) or "none yet",
        actual=str(number),
        next_command="lake releases",
    )


def is_same(last: Release | None, tables: Sequence[Released]) -> bool:
    """Whether publishing would say nothing new."""
    return last is not None and {t.table: _content(t) for t in tables} == {
        t.table: _content(t) for t in last.tables.values()
    }


def _content(t: Released) -> tuple[object, ...]:
    standing = "published" if t.status in ("new", "unchanged") else t.status
    return (standing, t.why, t.table_id, t.version, json.dumps(t.stands_on, default=str))


def publish(
    lake: Lake,
    last: Release | None,
    tables: Sequence[Released],
    contracts: Mapping[str, Contract],
    run_id: str,
    now: datetime,
) -> Release:
    """Write restatements, then the release, in one commit each; a repeat after a crash writes the restatements once."""
    number = last.number + 1 if last else 1
    _write_restatements(lake, number, last, tables, contracts)
    rows = [
        {
            **asdict(t),
            "release": number,
            "released_at": now,
            "run_id": run_id,
            "reads": json.dumps(t.reads),
            "stands_on": json.dumps(t.stands_on),
        }
        for t in tables
    ]
    delta.append_rows(lake.table("audit", "releases"), pa.Table.from_pylist(rows, RELEASE), "release")
    return Release(number, now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), {t.table: t for t in tables})


def _write_restatements(
    lake: Lake, number: int, last: Release | None, tables: Sequence[Released], contracts: Mapping[str, Contract]
) -> None:
    path = lake.table("audit", "restatements")
    written = delta.read_arrow(path, columns=["release"])
    if written is not None and number in written["release"].to_pylist():
        return
    rows: list[dict[str, Any]] = []
    for t in tables:
        before = last.tables.get(t.table) if last else None
        # A lost table was made again under another id: what it held before is gone, and cannot be compared.
        is_kept = before is not None and before.table_id == t.table_id and before.version >= 0
        if before and is_kept and before.version != t.version and before.digest != t.digest:
            rows += [{"release": number, **r} for r in compare_versions(lake, contracts[t.table], before, t)]
    if rows:
        delta.append_rows(path, pa.Table.from_pylist(rows, RESTATEMENT), "restatement")


def compare_versions(lake: Lake, contract: Contract, before: Released, after: Released) -> list[dict[str, Any]]:
    """Figures of one table that two releases give differently. Grain: key x column; `new` is null where the row is gone."""
    path, key = lake.table("gold", contract.name), list(contract.key)
    where = None
    if (spans := _different_days(path, before, after)) is not None:
        if not spans:
            return []
        where = arrow_within(contract.period, contract.column(contract.period).spark_type, spans)
    old, new = (as_text(delta.read_arrow(path, t.version, where=where)) for t in (before, after))
    columns = [c.name for c in contract.columns if c.name not in key]
    both = old.merge(new, on=key, how="left", suffixes=("_old", "_new"), indicator="_side")
    deliveries = json.dumps([d for d in after.stands_on if list(d) not in [list(x) for x in before.stands_on]])
    found = []
    for column in columns:
        was, now = both[f"{column}_old"], both[f"{column}_new"]
        changed = both[(was != now) & ~(was.isna() & now.isna())]
        for _, row in changed.iterrows():
            found.append(
                {"table": contract.name, "key": json.dumps({k: row[k] for k in key}, ensure_ascii=False), "column": column,
                 "old": text_or_none(row[f"{column}_old"]), "new": text_or_none(row[f"{column}_new"]), "deliveries": deliveries}
            )  # fmt: skip
    return found


def read_restatements(lake: Lake, after: int = 0, upto: int | None = None) -> list[dict[str, Any]]:
    """Figures that the releases after one, up to another, changed; `deliveries` are those that came between a release and the one before."""
    found = delta.read_arrow(lake.table("audit", "restatements"))
    rows = [{**r, "deliveries": json.loads(r["deliveries"])} for r in found.to_pylist()] if found is not None else []
    kept = [r for r in rows if r["release"] > after and (upto is None or r["release"] <= upto)]
    return sorted(kept, key=lambda r: (r["release"], r["table"], r["key"], r["column"]))


def _different_days(path: str, before: Released, after: Released) -> tuple[Span, ...] | None:
    """Days of the earlier release whose rows are others in the later one, by the digests that versions built by days hold."""
    was, now = (delta.metadata_of(path, t.version).get("days") for t in (before, after))
    if was is None or now is None:
        return None
    days = [date.fromisoformat(day) for day, digest in was.items() if now.get(day) != digest]
    return join_spans((day, day) for day in days)


def as_text(rows: pa.Table | None) -> pd.DataFrame:
    """Rows as restatements write them: each value a text, or none."""
    assert rows is not None
    frame: pd.DataFrame = rows.cast(pa.schema([(f.name, pa.string()) for f in rows.schema])).to_pandas()
    return frame


def text_or_none(value: object) -> str | None:
    return value if isinstance(value, str) else None
