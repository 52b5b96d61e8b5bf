"""Frames whose rows remember what they were made of: each carries the marks of the input rows behind it.

Given such frames in place of plain ones, a mart makes the same rows, and beside each the marks of all rows that it was selected,
grouped or joined from: why-provenance (Buneman, Khanna, Tan: Why and Where, ICDT 2001). The operations that marts use are known one
by one, any other raises NotFollowedError. Two things are not seen: a window looks at other rows than its own, and `F.broadcast` gives a
plain frame, which keeps its marks only until it is joined. Marks are therefore a proposal, and whoever uses them has to prove that
the marked rows make the same figure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

WHY = "_why"
_OTHER = "_why_of_other"


class NotFollowedError(Exception):
    """A mart does something of which it is not known where its rows come from."""


def mark_of(name: str, columns: list[str]) -> Column:
    """The mark of a row: the name of its table, and the SHA-256 of its values."""
    return F.concat(F.lit(f"{name}:"), F.sha2(F.to_json(F.struct(*columns)), 256))


@dataclass(frozen=True)
class Marked:
    """A frame with marks, and of DataFrame's methods those that marts use."""

    rows: DataFrame

    @property
    def columns(self) -> list[str]:
        return [c for c in self.rows.columns if c != WHY]

    @property
    def sparkSession(self) -> SparkSession:  # noqa: N802 - as F.broadcast asks for it
        return self.rows.sparkSession

    @property
    def _jdf(self) -> Any:
        return self.rows._jdf

    def __getattr__(self, name: str) -> Any:
        raise NotFollowedError(name)

    def select(self, *columns: Any) -> Marked:
        return Marked(self.rows.select(*columns, WHY))

    def where(self, condition: Any) -> Marked:
        return Marked(self.rows.where(condition))

    def withColumn(self, name: str, column: Column) -> Marked:  # noqa: N802
        return Marked(self.rows.withColumn(name, column))

    def withColumns(self, columns: Mapping[str, Column]) -> Marked:  # noqa: N802
        return Marked(self.rows.withColumns(dict(columns)))

    def withColumnRenamed(self, old: str, new: str) -> Marked:  # noqa: N802
        return Marked(self.rows.withColumnRenamed(old, new))

    def drop(self, *columns: str) -> Marked:
        return Marked(self.rows.drop(*columns))

    def hint(self, name: str) -> Marked:
        return Marked(self.rows.hint(name))

    def transform(self, function: Callable[..., Marked], *more: Any, **named: Any) -> Marked:
        return function(self, *more, **named)

    def join(self, other: Any, on: Any = None, how: str = "inner") -> Marked:
        return _with_both(self.rows.join(_to_join(other), on, how))

    def crossJoin(self, other: Any) -> Marked:  # noqa: N802
        return _with_both(self.rows.crossJoin(_to_join(other)))

    def unionByName(self, other: Any, allowMissingColumns: bool = False) -> Marked:  # noqa: N802, N803
        return Marked(self.rows.unionByName(_rows_of(other), allowMissingColumns))

    def distinct(self) -> Marked:
        return self.groupBy(*self.columns).agg()

    def groupBy(self, *columns: Any) -> Groups:  # noqa: N802
        return Groups(self.rows, columns)

    def agg(self, *figures: Column) -> Marked:
        return Groups(self.rows, ()).agg(*figures)


@dataclass(frozen=True)
class Groups:
    """Groups of marked rows: what is made of one has the marks of all its rows."""

    rows: DataFrame
    by: tuple[Any, ...]

    def __getattr__(self, name: str) -> Any:
        raise NotFollowedError(name)

    def agg(self, *figures: Column) -> Marked:
        marks = F.array_distinct(F.flatten(F.collect_list(WHY))).alias(WHY)
        return Marked(self.rows.groupBy(*self.by).agg(*figures, marks))


def _rows_of(other: Any) -> DataFrame:
    """The rows of a frame, with no marks where it has none."""
    rows: DataFrame = other.rows if isinstance(other, Marked) else other
    return rows if WHY in rows.columns else rows.withColumn(WHY, _none())


def _to_join(other: Any) -> DataFrame:
    return _rows_of(other).withColumnRenamed(WHY, _OTHER)


def _with_both(joined: DataFrame) -> Marked:
    marks = F.array_union(F.coalesce(WHY, _none()), F.coalesce(_OTHER, _none()))
    return Marked(joined.withColumn(WHY, marks).drop(_OTHER))


def _none() -> Column:
    return F.array().cast("array<string>")
