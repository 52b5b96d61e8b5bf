"""Gold tables on invented rows; the figures of the real ones are in tests/figures."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
from pyspark.sql import DataFrame, SparkSession

from jobs.marts import employment, freshness, land, macro_economy, tax, traffic

pytestmark = pytest.mark.spark
SALES = "borough_code string, sale_date date, building_class_category string, sale_price_usd decimal(18,2)"


def _market(spark: SparkSession, *prices: str, category: str | None = "22 STORES") -> DataFrame:
    rows = [("1", dt.date(2013, 5, day), category, Decimal(price)) for day, price in enumerate(prices, 1)]
    return land.land_market_monthly(spark.createDataFrame(rows, SALES))


def test_a_deed_without_price_is_a_transfer_and_no_sale(spark: SparkSession) -> None:
    row = _market(spark, "0", "300", "100").first()
    assert row == ("1", dt.date(2013, 5, 1), "22 STORES", 3, 2, Decimal("400.00"), Decimal("200.00"))


def test_median_is_the_middle_price_or_the_mean_of_two_rounded_half_up(spark: SparkSession) -> None:
    assert _market(spark, "5", "900", "7").first().median_price == Decimal("7.00")
    assert _market(spark, "60000000000.02", "60000000000.03").first().median_price == Decimal("60000000000.03")


def test_a_month_without_sales_has_no_median_and_no_amount(spark: SparkSession) -> None:
    row = _market(spark, "0").first()
    assert (row.transfers, row.sales, row.sales_amount, row.median_price) == (1, 0, Decimal("0.00"), None)


def test_a_deed_without_category_counts_as_unknown(spark: SparkSession) -> None:
    assert _market(spark, "5", category=None).first().building_class_category == "unknown"


def test_a_crash_without_borough_counts_as_unknown(spark: SparkSession) -> None:
    rows = [("STATEN ISLAND", 1, 0), ("STATEN ISLAND", 2, 1), (None, 0, 0)]
    crashes = spark.createDataFrame(
        [(b, dt.date(2024, 7, 1), i, k) for b, i, k in rows],
        "borough string, crash_date date, persons_injured int, persons_killed int",
    )
    found = traffic.crash_daily(crashes).orderBy("borough_name").collect()
    assert found == [("Staten Island", dt.date(2024, 7, 1), 2, 3, 1), ("unknown", dt.date(2024, 7, 1), 1, 0, 0)]


def test_only_the_area_type_county_is_a_borough(spark: SparkSession) -> None:
    rows = [
        ("County", "Kings County", "00"),
        ("County", "Erie County", "00"),
        ("State", "New York State", "00"),
        ("County", "Kings County", "951"),
    ]
    areas = spark.createDataFrame(
        [(*r, 2013, 3, 19, Decimal("7.00")) for r in rows],
        "area_type string, area string, naics_code string, year int, "
        "establishments bigint, employment bigint, wages_usd decimal(18,2)",
    )
    found = employment.employment_yearly(areas).orderBy("naics_code").collect()
    assert [r[:4] for r in found] == [("3", 2013, "00", "total"), ("3", 2013, "951", "government")]


def test_tax_in_thousands_becomes_dollars_and_totals_of_states_stay_out(spark: SparkSession) -> None:
    rows = [("36", "005"), ("36", "000"), ("01", "005")]
    amounts = ("adjusted_gross_income", "income_tax", "total_tax")
    counties = spark.createDataFrame(
        [(*r, "0", 2012, 40, Decimal("9.125"), Decimal("1.5"), Decimal("1863585")) for r in rows],
        "state_fips string, county_fips string, agi_class string, year int, returns bigint, "
        + ", ".join(f"{name}_thousand_usd decimal(18,3)" for name in amounts),
    )
    found = tax.income_tax_yearly(counties).collect()
    assert found == [("2", 2012, 40, Decimal("9125.00"), Decimal("1500.00"), Decimal("1863585000.00"))]


def test_a_borough_without_sales_file_has_no_sales_rather_than_zero(spark: SparkSession) -> None:
    jobs = spark.createDataFrame(
        [
            ("1", 2013, "total", 5, Decimal(9)),
            ("3", 2013, "total", 6, Decimal(8)),
            ("1", 2013, "sector", 1, Decimal(1)),
        ],
        "borough_code string, year int, industry_level string, employment bigint, wages decimal(18,2)",
    )
    taxes = spark.createDataFrame(
        [("1", 2013, Decimal(4), Decimal(2))],
        "borough_code string, tax_year int, adjusted_gross_income decimal(18,2), total_tax decimal(18,2)",
    )
    market = spark.createDataFrame(
        [("1", dt.date(2013, month, 1), Decimal(10)) for month in (1, 1, 2)],
        "borough_code string, month date, sales_amount decimal(18,2)",
    )
    found = macro_economy.macro_economy_yearly(jobs, taxes, market).orderBy("borough_code").collect()
    assert found == [
        ("1", 2013, 5, Decimal("9.00"), Decimal("4.00"), Decimal("2.00"), Decimal("30.00"), 2, "employment,land,tax"),
        ("3", 2013, 6, Decimal("8.00"), None, None, None, None, "employment"),
    ]


def test_late_and_missing_dates_add_up_until_a_punctual_one_and_not_due_ones_do_not_count(spark: SparkSession) -> None:
    due = dt.datetime(2025, 1, 1, 10, tzinfo=dt.UTC)
    minutes = {1: 30, 2: None, 4: 1, 5: -90}
    rows = [
        (
            "a.b",
            dt.date(2025, 1, n),
            due,
            due + dt.timedelta(minutes=late) if late is not None else None,
            "delivered" if late is not None else "not_delivered",
        )
        for n, late in minutes.items()
    ]
    rows.append(("a.b", dt.date(2025, 1, 3), due, None, "not_due"))
    receipts = spark.createDataFrame(
        rows, "dataset string, business_date date, due_at timestamp, delivered_at timestamp, status string"
    )
    found = freshness.dataset_freshness(receipts).orderBy("business_date").collect()
    assert [r.consecutive_late for r in found] == [1, 2, 2, 3, 0]
    assert [r.due_at is None for r in found] == [False, False, True, False, False]
    assert [r.lag_hours for r in found] == [Decimal("0.50"), None, None, Decimal("0.02"), Decimal("-1.50")]
