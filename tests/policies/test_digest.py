"""The canonical digest, against lines written by hand."""

# ruff: noqa: DTZ001  # local wall time has no zone

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime
from decimal import Decimal

import pyarrow as pa

from jobs.digest import canonical_line, digest_of

LINES = (
    '["a\\"b","1.50","2013-03-10","2013-03-10T02:30:00.000000","2013-03-10T07:30:00.250000Z",true,"7"]\n'
    '["北京","-0.05","0001-01-01","1999-12-31T23:59:59.000001","1999-12-31T16:00:00.000000Z",false,"-12"]\n'
    '[null,null,null,null,null,null,null]\n'
)  # fmt: skip


def table() -> pa.Table:
    columns = {
        "text": pa.array([None, 'a"b', "北京"]),
        "amount": pa.array([None, Decimal("1.50"), Decimal("-0.05")], pa.decimal128(18, 2)),
        "day": pa.array([None, date(2013, 3, 10), date(1, 1, 1)]),
        "local": pa.array([None, datetime(2013, 3, 10, 2, 30), datetime(1999, 12, 31, 23, 59, 59, 1)], pa.timestamp("us")),
        "instant": pa.array([None, datetime(2013, 3, 10, 7, 30, 0, 250000, UTC), datetime(1999, 12, 31, 16, tzinfo=UTC)], pa.timestamp("us", "Asia/Shanghai")),
        "flag": pa.array([None, True, False]),
        "number": pa.array([None, 7, -12], pa.int64()),
    }  # fmt: skip
    return pa.table(columns)


def test_the_digest_is_that_of_the_lines_written_by_hand() -> None:
    rows = table()
    assert digest_of(rows, rows.column_names) == hashlib.sha256(LINES.encode()).hexdigest()


def test_the_order_of_rows_does_not_matter_and_that_of_columns_does() -> None:
    rows = table()
    assert digest_of(rows.take([2, 0, 1]), rows.column_names) == digest_of(rows, rows.column_names)
    assert digest_of(rows, rows.column_names[::-1]) != digest_of(rows, rows.column_names)


def test_null_is_neither_the_empty_text_nor_its_own_name() -> None:
    found = {digest_of(pa.table({"a": pa.array([v], pa.string())}), ["a"]) for v in (None, "", "null")}
    assert len(found) == 3


def test_an_empty_table_has_the_digest_of_nothing() -> None:
    assert digest_of(pa.table({"a": pa.array([], pa.string())}), ["a"]) == hashlib.sha256(b"").hexdigest()


def test_a_line_is_compact_json_with_its_letters_as_they_are() -> None:
    assert canonical_line(["é", None, True, "1.0"]) == '["é",null,true,"1.0"]'
