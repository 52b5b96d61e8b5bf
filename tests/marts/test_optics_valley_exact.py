"""Ratios and medians without floats."""

from __future__ import annotations

from decimal import Decimal

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from jobs.marts.exact import ratio, twice_median

pytestmark = pytest.mark.spark


def _divide(spark: SparkSession, numerator: str, denominator: str, precision: int, scale: int) -> Decimal | None:
    sides = spark.createDataFrame([(Decimal(numerator), Decimal(denominator))], "n decimal(28,6), d decimal(28,6)")
    return sides.select(ratio(F.col("n"), F.col("d"), precision, scale)).first()[0]


@pytest.mark.parametrize(
    ("numerator", "denominator", "expected"),
    [
        ("1", "8", "0.13"),
        ("-1", "8", "-0.13"),
        ("0.124999", "1", "0.12"),
        ("98765432109876.54", "0.75", "131687242813168.72"),
    ],
)
def test_a_ratio_is_rounded_half_up_once(spark: SparkSession, numerator: str, denominator: str, expected: str) -> None:
    assert _divide(spark, numerator, denominator, 18, 2) == Decimal(expected)


def test_a_ratio_to_nothing_or_too_great_for_its_column_is_null(spark: SparkSession) -> None:
    assert _divide(spark, "1", "0", 18, 2) is None
    assert _divide(spark, "99999.5", "0.1", 5, 1) is None
    assert _divide(spark, "999999999999999999", "0.000001", 18, 4) is None


def test_the_median_of_an_even_number_is_between_the_two_in_the_middle(spark: SparkSession) -> None:
    lists = spark.createDataFrame([([1, 2, 7],), ([1, 2, 7, 9],), ([],)], "ordered array<bigint>")
    assert [r[0] for r in lists.select(twice_median(F.col("ordered"))).collect()] == [4, 9, None]
