"""Which days of an incremental gold table a night builds: those in which what it reads changed since it was last released."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from jobs import delta, gold, versions
from jobs.by_day import Part
from jobs.contracts import Contract
from jobs.days import DAY, Span, join_spans, sql_within
from jobs.night.opened import Night
from jobs.release import Released


def find_part(night: Night, mart: gold.Mart, before: Released | None, sources: Sequence[gold.Source]) -> Part | None:
    """The days to build again on top of the released version; None where all of the table is to be built.

    That is so where it is not incremental, where its code, contract or rules are others or its released version is not whole, and
    where a table it reads is another one, or changed in a way that its log does not date.
    """
    days = mart.contract.incremental
    if not days or before is None or not _is_base(night, mart, before):
        return None
    spans: list[Span] = []
    for was, now in zip(before.reads, sources, strict=True):
        if was["table_id"] != now.table_id:
            return None
        path = table_path(night, now.name)
        if now.name in days:
            changed = changed_spans(path, days[now.name], was["version"], now.version)
            moved = _moved_ends(path, days[now.name][0], was["version"], now.version) if _is_range(mart, now) else []
            if changed is None or moved is None:
                return None
            spans += [*changed, *moved]
        elif not _has_same_rows(night, path, now, was["version"]):
            return None
    return Part(before.version, join_spans(spans))


def _is_range(mart: gold.Mart, source: gold.Source) -> bool:
    return mart.contract.every_day_of == source.name


def _moved_ends(path: str, column: str, old: int, new: int) -> list[Span] | None:
    """Days that the range from a table's first day to its last gains or loses from one version to another; None where the log does not tell."""
    ends = [_range_of(path, column, version) for version in (old, new)]
    if ends[0] is None or ends[1] is None:
        return None
    (first, last), (now_first, now_last) = ends[0], ends[1]
    low, high = sorted([first, now_first]), sorted([last, now_last])
    moved = [(low[0], low[1] - DAY), (high[0] + DAY, high[1])]
    return [span for span in moved if span[0] <= span[1]]


def _range_of(path: str, column: str, version: int) -> Span | None:
    found = [_days_of(file, column) for file in delta.list_files(path, version) or ()]
    spans = [span for spans in found for span in spans or ()]
    return None if None in found or not spans else (min(spans)[0], max(high for _, high in spans))


def _is_base(night: Night, mart: gold.Mart, before: Released) -> bool:
    """Whether the released version is there and this very mart would make it again of what it was made of."""
    path = night.lake.table("gold", mart.table)
    read = [gold.Source(r["name"], r["table_id"], r["version"]) for r in before.reads]
    return (
        gold.mart_fingerprint(mart, read, "") == before.fingerprint
        and delta.holds(path, before.table_id, before.version)
        and "days" in delta.metadata_of(path, before.version)
    )


def changed_spans(path: str, columns: Sequence[str], old: int, new: int) -> list[Span] | None:
    """Days of the files that only one of two versions has, by the log's statistics; None where it does not tell.

    No day that changed is missing, but there may be more: of a file the days count from its first to its last. Between them, joining
    small files is no change.
    """
    joined = sorted(v for v in versions.joins(path, old) if v <= new)
    found: list[Span] = []
    for begin, end in zip([old, *joined], [*(v - 1 for v in joined), new], strict=True):
        spans = _changed_between(path, columns, begin, end) if begin < end else []
        if spans is None:
            return None
        found += spans
    return found


def _changed_between(path: str, columns: Sequence[str], old: int, new: int) -> list[Span] | None:
    both = [delta.list_files(path, version) for version in (old, new)]
    if both[0] is None or both[1] is None:
        return None
    was, now = ({str(f["path"]): f for f in files or ()} for files in both)
    changed = [{**was, **now}[name] for name in was.keys() ^ now.keys()]
    found = [_days_of(file, column) for file in changed for column in columns]
    return None if None in found else [span for spans in found for span in spans or ()]


def _days_of(file: Mapping[str, Any], column: str) -> list[Span] | None:
    """From the first to the last day of a column in a file: none where it is empty in every row, None where the log does not tell."""
    low, high = file.get(f"min.{column}"), file.get(f"max.{column}")
    if low is None or high is None:
        return [] if file.get(f"null_count.{column}") == file["num_records"] else None
    return [(_day(low), _day(high))]


def _day(value: Any) -> Any:
    return value.date() if hasattr(value, "date") else value


def _has_same_rows(night: Night, path: str, now: gold.Source, old: int) -> bool:
    """Whether a table that is read whole says the same as before: a register is written every night, and seldom changes."""
    if now.version == old:
        return True
    if not delta.holds(path, now.table_id, old):
        return False
    contract = {c.table: c for c in night.contracts.values()}.get(now.name)
    if contract and {c.name for c in contract.columns} - set(delta.read_schema(path, old).names):
        return False  # the contract has a column that the table did not have then
    was, rows = (_rows(path, version, contract) for version in (old, versions.rows_until(path, now.version)))
    return bool(was.equals(rows))


def _rows(path: str, version: int, contract: Contract | None) -> pa.Table:
    """What a mart sees of a table, in order."""
    current = pc.field("is_current") if contract and contract.keeps_history else None
    names = [c.name for c in contract.columns] if contract else None
    rows = delta.read_arrow(path, version, names, current)
    assert rows is not None
    return rows.sort_by([(name, "ascending") for name in rows.column_names])


def keep_days(night: Night, mart: gold.Mart, sources: Sequence[gold.Source], part: Part | None) -> Mapping[str, str]:
    """Of each table that a part reads by days: the condition that keeps to them.

    Of a table from whose first day to whose last there is every day, these two are read too: so a builder sees how far it goes.
    """
    found: dict[str, str] = {}
    for s in sources if part else ():
        columns = mart.contract.incremental.get(s.name, ())
        ends = _range_of(table_path(night, s.name), columns[0], s.version) if _is_range(mart, s) else None
        spans = join_spans([*(part.spans if part else ()), *((day, day) for day in ends or ())])
        if columns:
            found[s.name] = " OR ".join(sql_within(column, spans) for column in columns)
    return found


def table_path(night: Night, name: str) -> str:
    """Where a table is, by the name that a mart's parameter gives it."""
    is_gold = name.startswith("gold_")
    return night.lake.table("gold", name.removeprefix("gold_")) if is_gold else night.lake.table("silver", name)
