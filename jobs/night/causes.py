"""Which of the deliveries that came between two releases gave a published figure another value.

A release notes beside each restated figure every delivery that its table stands on and the one before did not. Where these are several,
the table is made again without what each of them changed, one at a time: a delivery is named where the figure would then be another.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import pyarrow as pa
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs import delta
from jobs.contracts import Contract
from jobs.night.made_again import Pin, Search, build_again, contract_names, list_pins, silver_rows
from jobs.night.opened import Night
from jobs.release import as_text, find_release, text_or_none

Delivered = Sequence[Any]  # dataset, business date, revision, sha256
Restated = dict[str, Any]
# A table is made again once for each delivery: so many at most, more would take longer than anybody waits.
MOST = 24


def name_causes(night: Night, restated: Sequence[Restated]) -> list[Restated]:
    """The same figures, in order of release and table, each with the deliveries without which it would not be what it is.

    All deliveries in question stay where none changed it by itself, where more than MOST did something, and where the table cannot be
    made again: a version of silver is gone, or contract or code are others since.
    """
    found: list[Restated] = []
    for (number, table), figures in groupby(restated, lambda r: (r["release"], r["table"])):
        found += _narrow(night, number, table, list(figures))
    return found


def _narrow(night: Night, number: int, table: str, figures: list[Restated]) -> list[Restated]:
    asked: Sequence[Delivered] = figures[0]["deliveries"]
    releases = [find_release(night.lake, n) for n in (number - 1, number)]
    was, now = (Search(night, r, r.tables[table], {}) for r in releases if r is not None)
    if len(asked) < 2 or table not in now.known or not (_is_there(was) and _is_there(now)):
        return figures
    before = {pin[0]: pin for pin in list_pins(was, was.released)}
    both = [pin for pin in list_pins(now, now.released) if pin[0] in before]
    pairs = {pin: _Pair(was, before[pin[0]], now, pin, asked) for pin in both}
    doers = [(pin, d) for pin, pair in pairs.items() for d in pair.doers()]
    if len(doers) > MOST or not _is_as_published(figures, _values(now, figures, {})):
        return figures
    without = [(d, _values(now, figures, {pin: pairs[pin].without(d)})) for pin, d in doers]
    return [{**r, "deliveries": [d for d, values in without if values.get(_place(r)) != r["new"]] or asked} for r in figures]  # fmt: skip


def _is_there(search: Search) -> bool:
    """Whether every version of silver is, with the columns that the contract has today."""
    for pin in list_pins(search, search.released):
        path = search.night.lake.table("silver", pin[0])
        if not delta.holds(path, *pin[1:]) or set(contract_names(search, pin)) - set(
            delta.read_schema(path, pin[2]).names
        ):
            return False
    return True


def _is_as_published(figures: Sequence[Restated], values: Mapping[tuple[str, str], str | None]) -> bool:
    return all(values.get(_place(r)) == r["new"] for r in figures)


@dataclass(frozen=True)
class _Pair:
    """A silver table as two releases stand on it, and the deliveries in question."""

    was: Search
    was_pin: Pin
    now: Search
    now_pin: Pin
    asked: Sequence[Delivered]

    @property
    def contract(self) -> Contract:
        return self.now.datasets[self.now_pin[0]]

    @property
    def own(self) -> list[Delivered]:
        """Those of this dataset, oldest first."""
        return sorted((d for d in self.asked if d[0] == self.contract.dataset), key=lambda d: (d[1], d[2]))

    def doers(self) -> list[Delivered]:
        """The deliveries that changed a row."""
        if not self.own:
            return []
        labels = {row["_by"] for row in self._rows().where("_by IS NOT NULL").select("_by").distinct().collect()}
        return [d for d in self.own if _label(d) in labels]

    def without(self, delivery: Delivered) -> DataFrame:
        """The rows of the later release, but what a delivery changed as it was before. Columns: the contract's."""
        kept = F.when(F.col("_by") == _label(delivery), F.col("_was")).otherwise(F.col("_now"))
        rows = self._rows().select(kept.alias("_row")).where("_row IS NOT NULL")
        return rows.select("_row.*").select(*contract_names(self.now, self.now_pin))

    def _rows(self) -> DataFrame:
        """Both sides of every key. Grain: key. Columns: `_was`, `_now`, and `_by` where they differ: the delivery that did it."""
        names = contract_names(self.now, self.now_pin)
        was, now = (
            silver_rows(search, pin).select(_text(self.contract.key).alias("_key"), F.struct("*").alias(side))
            for search, pin, side in ((self.was, self.was_pin, "_was"), (self.now, self.now_pin, "_now"))
        )
        is_same = _text([f"_was.{n}" for n in names]) == _text([f"_now.{n}" for n in names])
        is_same &= F.col("_was").isNotNull() & F.col("_now").isNotNull()
        by = F.when(is_same, None).when(F.col("_now").isNotNull(), _label_of("_now")).otherwise(self._remover())
        return was.join(now, "_key", "full_outer").withColumn("_by", by)

    def _remover(self) -> Column:
        """Of a row that is gone: the delivery that told of its business date again, else the newest one."""
        found = F.lit(_label(self.own[-1]))
        for d in self.own:
            found = F.when(F.col("_was._business_date").cast("string") == F.lit(str(d[1])), F.lit(_label(d))).otherwise(found)  # fmt: skip
        return found


def _text(columns: Sequence[str]) -> Column:
    return F.to_json(F.struct(*[F.col(name) for name in columns]), {"ignoreNullFields": "false"})


def _label(delivery: Delivered) -> str:
    return f"{delivery[1]} r{delivery[2]}"


def _label_of(side: str) -> Column:
    return F.concat(F.col(f"{side}._business_date").cast("string"), F.lit(" r"), F.col(f"{side}._revision").cast("string"))  # fmt: skip


def _values(
    search: Search, figures: Sequence[Restated], instead: Mapping[Pin, DataFrame]
) -> dict[tuple[str, str], str | None]:
    """What the figures' rows say of silver as it was released, or of other rows instead. Keys: as `_place`; a row that is gone has none."""
    contract = search.mart.contract
    built = build_again(
        search, search.released, lambda pin: instead[pin] if pin in instead else _as_released(search, pin)
    )
    found = as_text(built.join(F.broadcast(_keys(search, figures)), list(contract.key), "left_semi").toArrow())
    return {
        (_key(row, contract.key), c.name): text_or_none(row[c.name])
        for row in found.to_dict("records")
        for c in contract.columns
    }


def _as_released(search: Search, pin: Pin) -> DataFrame:
    return silver_rows(search, pin).select(*contract_names(search, pin))


def _keys(search: Search, figures: Sequence[Restated]) -> DataFrame:
    contract = search.mart.contract
    texts = pa.Table.from_pylist([json.loads(key) for key in sorted({r["key"] for r in figures})])
    columns = [F.col(name).cast(contract.column(name).spark_type).alias(name) for name in contract.key]
    return search.night.spark.createDataFrame(texts).select(*columns)


def _place(figure: Restated) -> tuple[str, str]:
    return figure["key"], figure["column"]


def _key(row: Mapping[Any, Any], names: Sequence[str]) -> str:
    return json.dumps({name: row[name] for name in names}, ensure_ascii=False)
