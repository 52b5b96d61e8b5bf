"""Days as spans: what lies in them is the same for Python, Arrow and SQL, at the ends of the calendar too."""

from __future__ import annotations

from datetime import date, datetime, time

import duckdb
import pyarrow as pa
import pytest

from jobs.days import Span, arrow_within, has_day, join_spans, sql_within

FIRST, SECOND, THIRD, FIFTH = (date(2026, 2, 27), date(2026, 2, 28), date(2026, 3, 1), date(2026, 3, 3))
DAYS = [date.min, FIRST, SECOND, THIRD, date(2026, 3, 2), FIFTH, date.max]


def test_spans_that_touch_are_one() -> None:
    given = [(FIFTH, FIFTH), (FIRST, FIRST), (SECOND, THIRD), (FIRST, SECOND), (date.max, date.max), (FIFTH, date.max)]
    assert join_spans(given) == ((FIRST, THIRD), (FIFTH, date.max))
    assert join_spans([]) == ()


@pytest.mark.parametrize("spans", [[(SECOND, THIRD)], [(date.min, FIRST), (FIFTH, FIFTH)], [(FIFTH, date.max)]])
def test_a_moment_is_within_spans_by_its_day_however_it_is_asked(spans: list[Span]) -> None:
    moments = [datetime.combine(day, at) for day in DAYS for at in (time.min, time.max)]
    rows = pa.table({"day": [m.date() for m in moments], "moment": pa.array(moments, pa.timestamp("us"))})
    within = [moment for moment in moments if has_day(spans, moment.date())]
    assert rows.filter(arrow_within("moment", "timestamp_ntz", spans))["moment"].to_pylist() == within
    assert rows.filter(arrow_within("day", "date", spans))["moment"].to_pylist() == within
    for column, kind in (("day", ""), ("day", "date"), ("moment", ""), ("moment", "timestamp_ntz")):
        condition = sql_within(column, spans, kind).replace("TIMESTAMP_NTZ", "TIMESTAMP")  # as DuckDB calls it
        found = duckdb.sql(f"SELECT moment FROM rows WHERE {condition}").fetchall()
        assert [moment for (moment,) in found] == within
