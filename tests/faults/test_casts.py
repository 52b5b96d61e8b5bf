"""Casts guess; ours do not: each text against each type, in one job."""

# ruff: noqa: DTZ001  # local wall time has no zone

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs.contracts import Column, Contract
from jobs.odcs import load_contract
from jobs.rules import cast_columns
from tests.faults.city import CITY, write_city

pytestmark = pytest.mark.spark
NO = "unconverted"
TYPES = {
    "whole": Column("whole", "whole", "integer", "bigint"),
    "small": Column("small", "small", "integer", "int"),
    "money": Column("money", "money", "number", "decimal(18,2)"),
    "count": Column("count", "count", "number", "decimal(18,0)"),
    "flag": Column("flag", "flag", "boolean", "boolean"),
    "day": Column("day", "day", "date", "date"),
    "us_day": Column("us_day", "us_day", "date", "date", options={"format": "MM/dd/yyyy"}),
    "local": Column("local", "local", "timestamp", "timestamp_ntz"),
    "instant": Column("instant", "instant", "timestamp", "timestamp"),
    "text": Column("text", "text", "string", "string"),
}  # fmt: skip
CASTS: tuple[tuple[str, str, Any], ...] = (
    ("whole", "12", 12), ("whole", "-7", -7), ("whole", "622370.0000", 622370), ("whole", "12.", 12), ("whole", "007", 7),
    ("whole", "1.5", NO), ("whole", "１２", NO), ("whole", "1e3", NO), ("whole", "1,234", NO), ("whole", " 12", NO), ("whole", "+1", NO),
    ("whole", "9223372036854775807", 9223372036854775807), ("whole", "9223372036854775808", NO), ("small", "2147483648", NO),
    ("money", "1.00", Decimal("1.00")), ("money", "1.005", NO), ("money", "1.0500", Decimal("1.05")), ("money", "-0.5", Decimal("-0.50")),
    ("money", "１２", NO), ("money", "1.2E3", NO), ("money", "NaN", NO), ("money", "Infinity", NO), ("money", "(5)", NO), ("money", "￥5", NO),
    ("money", "1,234.50", NO), ("money", "9999999999999999.99", Decimal("9999999999999999.99")), ("money", "99999999999999999.99", NO), ("money", ".5", NO),
    ("count", "1.5", NO), ("count", "2.0", Decimal(2)),
    ("flag", "true", True), ("flag", "false", False), ("flag", "y", NO), ("flag", "1", NO), ("flag", "TRUE", NO),
    ("day", "2024-02-29", date(2024, 2, 29)), ("day", "2023-02-29", NO), ("day", "2013", NO), ("day", "2013-1-2", NO), ("day", "0000-00-00", NO),
    ("day", "20240230", NO), ("day", "2024-01-01T00:00", NO), ("day", "２０24-01-01", NO), ("day", "1900-01-01", date(1900, 1, 1)),
    ("us_day", "06/30/2024", date(2024, 6, 30)), ("us_day", "30/06/2024", NO), ("us_day", "6/30/2024", NO), ("us_day", "2024-06-30", NO),
    ("local", "2013-03-10 02:30:00", datetime(2013, 3, 10, 2, 30)), ("local", "2013-03-10T02:30", datetime(2013, 3, 10, 2, 30)),
    ("local", "12:30", NO), ("local", "2013-03-10", NO), ("local", "2013-03-10 02:30:00Z", NO), ("local", "2013-03-10 24:30:00", NO),
    ("instant", "2013-03-10T02:30:00-05:00", datetime(2013, 3, 10, 7, 30, tzinfo=UTC)), ("instant", "2013-03-10T02:30:00Z", datetime(2013, 3, 10, 2, 30, tzinfo=UTC)),
    ("instant", "2013-03-10T02:30:00", NO), ("instant", "12:30", NO), ("instant", "2013", NO),
    ("whole", "12\n", NO), ("whole", "12.0\n", NO), ("money", "1.00\n", NO), ("flag", "true\n", NO), ("day", "2024-02-29\n", NO), ("us_day", "06/30/2024\n", NO),
    ("local", "2013-03-10T02:30\n", NO), ("instant", "2013-03-10T02:30:00Z\n", NO), ("small", "-2147483648", -2147483648), ("whole", "-0", 0),
    ("text", " as it is ", " as it is "), ("text", "NULL", "NULL"), ("text", "", None), ("text", "-", None),
    ("whole", "", None), ("money", "-", None), ("day", "", None),
)  # fmt: skip


@pytest.fixture(scope="module")
def cast(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], Any]:
    """What each text became as each type: a value, None, or NO where it is marked as unconverted."""

    contract = _contract(tmp_path_factory)
    found = cast_columns(_delivered(spark), contract).toArrow().to_pylist()
    return {(n, row["_file"]): NO if row.get(f"_unconverted_{n}") else row[n] for row in found for n in TYPES}


@pytest.fixture(scope="module")
def cast_again(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], Any]:
    """The same for rows whose values are known to convert."""
    found = cast_columns(_delivered(spark), _contract(tmp_path_factory), proven=True).toArrow().to_pylist()
    return {(n, row["_file"]): row[n] for row in found for n in TYPES}


def _contract(tmp_path_factory: pytest.TempPathFactory) -> Contract:
    from dataclasses import replace

    root = write_city(tmp_path_factory.mktemp("casts"))
    contract = load_contract(Path(root) / "conf" / "cities" / CITY / "faults" / "standing.odcs.yaml", CITY)
    return replace(contract, columns=tuple(TYPES.values()))


def _delivered(spark: SparkSession) -> DataFrame:
    """A row a text, the text in every column."""
    texts = sorted({text for _, text, _ in CASTS})
    lineage = {"_business_date": F.lit("2025-01-01"), "_revision": F.lit(1), "_record": F.lit(1)}
    rows = spark.createDataFrame(
        [(t, *[t] * len(TYPES)) for t in texts], "_file string, " + ", ".join(f"`{n}` string" for n in TYPES)
    )
    return rows.withColumns(lineage)


@pytest.mark.parametrize(("kind", "text", "expected"), CASTS, ids=[f"{k} {t!r}" for k, t, _ in CASTS])
def test_a_text_becomes_what_it_says_or_is_marked(
    cast: dict[tuple[str, str], Any], kind: str, text: str, expected: object
) -> None:
    assert cast[kind, text] == expected


@pytest.mark.parametrize(("kind", "text", "expected"), [c for c in CASTS if c[2] is not NO])
def test_a_value_known_to_convert_becomes_the_same_without_its_pattern(
    cast_again: dict[tuple[str, str], Any], kind: str, text: str, expected: object
) -> None:
    assert cast_again[kind, text] == expected
