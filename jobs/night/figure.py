"""From a published figure back to what it was made of.

A mart is given silver rows that remember where they come from (`why`). What it then says of one row is a proposal; the proof is
that the mart makes the released figure again from the proposed rows alone. Where it does not (a window looked at other rows, a step
could not be followed), the whole of each table stands behind the figure, and that has to make it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs import delta, gold
from jobs.errors import LakeError
from jobs.night.made_again import (
    Pick,
    Pin,
    Search,
    build_again,
    contract_names,
    known_until,
    list_pins,
    reads_of,
    silver_rows,
)
from jobs.night.opened import Night
from jobs.night.records import list_deliveries, list_receipts
from jobs.origins import Figure, Source, text_row
from jobs.release import find_release
from jobs.why import WHY, Marked, NotFollowedError, mark_of


def trace_figure(night: Night, table: str, key: Mapping[str, str], number: int | None) -> Figure:
    """The rows, records and files behind one row of a released gold table.

    Raises E004 for a release, table or key that is not there, E620 where a version of silver is gone, E621 where the figure does not
    follow from what it stands on.
    """
    search = _open(night, table, key, number)
    row = _released_row(search)
    pins = sorted(set(list_pins(search, search.released)))
    for pin in pins:
        _need_version(search, pin)
    found = _narrow(search, pins) if pins else {}
    if not found or _differences(search, row, lambda pin: _listed(search, pin, found[pin])):
        found = {}
        if wrong := _differences(search, row, lambda pin: _whole(search, pin)):
            raise LakeError(
                "E621", place=f"gold.{table}", expected=f"the row of release {search.release.number}",
                actual=f"other values: {', '.join(wrong)}", evidence=f"version {search.released.version}",
            )  # fmt: skip
    sources = tuple(_source(search, pin, found.get(pin)) for pin in pins)
    given = tuple(name for name in gold.GIVEN if name in reads_of(search, search.released))
    until = known_until(search, search.released) if gold.RECEIPTS in given else ""
    return Figure(
        table=table, title=search.mart.contract.title, key=key, release=search.release.number,
        released_at=search.release.released_at, version=search.released.version, digest=search.released.digest, values=row,
        sources=sources, deliveries=tuple(list_deliveries(night, search.released, sources)),
        given=given, receipts=tuple(list_receipts(night, until)) if gold.RECEIPTS in given else (),
    )  # fmt: skip


def _open(night: Night, table: str, key: Mapping[str, str], number: int | None) -> Search:
    release = find_release(night.lake, number)
    if release is None:
        raise LakeError("E004", place="release", expected="at least one", actual="none yet", next_command="lake run")
    released = release.tables.get(table)
    if released is None or released.version < 0:
        known = ", ".join(f"gold.{t.table}" for t in release.tables.values() if t.version >= 0)
        raise LakeError("E004", place="table", expected=known, actual=f"gold.{table}"[:60])
    search = Search(night, release, released, key)
    if set(key) != set(search.mart.contract.key):
        expected = ",".join(f"{name}=..." for name in search.mart.contract.key)
        raise LakeError("E002", place="--key", expected=expected, actual=", ".join(key)[:60] or "nothing")
    return search


def _released_row(search: Search) -> dict[str, str | None]:
    """The row as it was published, without a JVM."""
    contract, path = search.mart.contract, search.night.lake.table("gold", search.released.table)
    schema = delta.read_schema(path, search.released.version)
    where = None
    for name, text in search.key.items():
        try:
            value = pa.scalar(text).cast(schema.field(name).type)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            expected = contract.column(name).logical_type
            raise LakeError("E002", place=f"--key {name}", expected=f"a {expected}", actual=text[:60]) from None
        where = _both(where, pc.field(name) == value)
    rows = delta.read_arrow(path, search.released.version, where=where)
    if rows is None or rows.num_rows == 0:
        raise LakeError(
            "E004", place=f"--key of gold.{search.released.table}", expected=f"a row of release {search.release.number}",
            actual="none with that key", next_command=f'lake sql "SELECT * FROM gold.{search.released.table}"',
        )  # fmt: skip
    return text_row(rows, contract)


def _both(one: Any, other: Any) -> Any:
    return other if one is None else one & other


def _need_version(search: Search, pin: Pin) -> None:
    name, table_id, version = pin
    if not delta.holds(search.night.lake.table("silver", name), table_id, version):
        number = search.release.number
        raise LakeError(
            "E620", dataset=search.datasets[name].dataset, place=f"silver.{name}", expected=f"version {version}, whole",
            actual="gone", next_command=f"lake rebuild --to DIR --release {number}, then lake trace --root DIR",
        )  # fmt: skip


def _differences(search: Search, row: Mapping[str, str | None], pick: Pick) -> list[str]:
    """Columns in which the row, made again, is another; all of them where none or several are made."""
    again = build_again(search, search.released, pick).where(search.is_key()).toArrow()
    if again.num_rows != 1:
        return list(row)
    made = text_row(again, search.mart.contract)
    return [name for name, value in row.items() if made[name] != value]


def _whole(search: Search, pin: Pin) -> DataFrame:
    return silver_rows(search, pin).select(*contract_names(search, pin))


def _marked(search: Search, pin: Pin) -> Marked:
    rows = silver_rows(search, pin)
    mark = mark_of(f"{pin[0]}@{pin[2]}", rows.columns)
    return Marked(rows.select(*contract_names(search, pin), F.array(mark).alias(WHY)))


def _listed(search: Search, pin: Pin, rows: pa.Table) -> DataFrame:
    schema = silver_rows(search, pin).schema
    return search.night.spark.createDataFrame(rows, schema).select(*contract_names(search, pin))


def _narrow(search: Search, pins: list[Pin]) -> dict[Pin, pa.Table]:
    """The rows of each silver table that the mart says it made the row of; nothing where it cannot be followed."""
    try:
        built = build_again(search, search.released, lambda pin: _marked(search, pin))
    except NotFollowedError:
        return {}
    if not isinstance(built, Marked):
        return {}
    found = built.where(search.is_key()).rows.select(F.explode(WHY).alias("_mark")).distinct().toArrow()
    marks = search.night.spark.createDataFrame(found)
    return {pin: _take(search, pin, marks) for pin in pins}


def _take(search: Search, pin: Pin, marks: DataFrame) -> pa.Table:
    rows = silver_rows(search, pin)
    mark = mark_of(f"{pin[0]}@{pin[2]}", rows.columns)
    return rows.withColumn("_mark", mark).join(F.broadcast(marks), "_mark", "left_semi").drop("_mark").toArrow()


def _source(search: Search, pin: Pin, rows: pa.Table | None) -> Source:
    name, table_id, version = pin
    files = delta.list_files(search.night.lake.table("silver", name), version) or []
    total = sum(int(f["num_records"] or 0) for f in files)
    contract = search.datasets[name]
    lineage = {of for c in search.mart.contract.columns for of in c.sources}
    named = tuple(c.name for c in contract.columns if f"{contract.dataset}.{c.name}" in lineage)
    return Source(contract, table_id, version, total, rows, named)
