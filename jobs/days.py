"""Days as spans, and the condition that keeps a column to them.

Without a type a bound is written as text, to which Spark and delta-rs give the type of the column, date or local time: so one reads. A
condition of `replaceWhere` or MERGE is not simplified before Delta asks the statistics of its log, which know bounds of the column's
own type only: with text, every file would be read.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from functools import reduce
from operator import or_

import pyarrow as pa
import pyarrow.compute as pc

Span = tuple[date, date]  # from the first day to the last, both in it
DAY = timedelta(days=1)
KINDS = {"date": pa.date32(), "timestamp_ntz": pa.timestamp("us")}


def join_spans(spans: Iterable[Span]) -> tuple[Span, ...]:
    """The same days in as few spans as can be, in order."""
    found: list[Span] = []
    for first, last in sorted(spans):
        if found and first - found[-1][1] <= DAY:
            found[-1] = (found[-1][0], max(last, found[-1][1]))
        else:
            found.append((first, last))
    return tuple(found)


def has_day(spans: Iterable[Span], day: date) -> bool:
    return any(first <= day <= last for first, last in spans)


def sql_within(column: str, spans: Iterable[Span], kind: str = "") -> str:
    """The rows of some days, as a condition in SQL; `kind` is the column's Spark type, for conditions that write."""
    return " OR ".join(_sql_span(column, f"{kind.upper()} " if kind else "", *span) for span in spans)


def _sql_span(column: str, kind: str, first: date, last: date) -> str:
    begun = f"{column} >= {kind}'{first}'"
    return f"({begun})" if last == date.max else f"({begun} AND {column} < {kind}'{last + DAY}')"


def arrow_within(column: str, kind: str, spans: Sequence[Span]) -> pc.Expression:
    """The rows of some days, as a filter for Arrow; `kind` is the column's Spark type."""
    return reduce(or_, [_arrow_span(pc.field(column), KINDS[kind], *span) for span in spans])


def _arrow_span(field: pc.Expression, kind: pa.DataType, first: date, last: date) -> pc.Expression:
    begun = field >= pa.scalar(first, pa.date32()).cast(kind)
    return begun if last == date.max else begun & (field < pa.scalar(last + DAY, pa.date32()).cast(kind))
