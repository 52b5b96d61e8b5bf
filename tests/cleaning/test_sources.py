"""Steps that only one source needs, on invented rows."""

from __future__ import annotations

import pytest
from pyspark.sql import SparkSession

from jobs.cleaning import employment, land, tax, traffic

pytestmark = pytest.mark.spark


def test_hour_of_a_crash_has_two_digits(spark: SparkSession) -> None:
    crashes = spark.createDataFrame([("0:05",), ("17:30",), ("",), (None,)], "crash_time string")
    assert [r.crash_time for r in traffic.pad_crash_time(crashes).collect()] == ["00:05", "17:30", "", None]


def test_zero_coordinates_are_no_place(spark: SparkSession) -> None:
    rows = [("0", "0", "(0.0, 0.0)"), ("40.5", "-73.9", "(40.5, -73.9)"), (None, None, None)]
    crashes = spark.createDataFrame(rows, "latitude string, longitude string, location string")
    assert traffic.empty_zero_coordinates(crashes).collect() == [("", "", ""), *rows[1:]]


def test_direction_has_one_spelling(spark: SparkSession) -> None:
    counts = spark.createDataFrame([("SB - SER",), ("SB-SER",), ("EB ",)], "direction string")
    assert [r.direction for r in traffic.canonical_direction(counts).collect()] == ["SB-SER", "SB-SER", "EB"]


def test_a_day_of_counts_becomes_24_hours_also_when_clocks_change(spark: SparkSession) -> None:
    hours = ", ".join(f"hour_{hour:02d} string" for hour in range(24))
    day = ("2153", "03/10/2013", *map(str, range(24)), 7)
    counts = spark.createDataFrame([day], f"segment_id string, count_date string, {hours}, _record bigint")
    rows = traffic.unpivot_hours(counts).select("segment_id", "hour_start", "volume_count", "_record").collect()
    assert len(rows) == 24
    assert rows[2] == ("2153", "03/10/2013 02:00", "2", 7)


def test_points_of_255_characters_are_flagged_as_cut(spark: SparkSession) -> None:
    links = spark.createDataFrame([("x" * 255,), ("x" * 254,), (None,)], "link_points string")
    assert [r.is_link_points_cut for r in traffic.flag_cut_points(links).collect()] == ["true", "false", "false"]


def test_borough_of_a_link_is_in_title_case(spark: SparkSession) -> None:
    links = spark.createDataFrame([("Staten island",), ("Bronx",)], "borough string")
    assert [r.borough for r in traffic.title_case_borough(links).collect()] == ["Staten Island", "Bronx"]


def test_postal_code_and_year_of_zero_are_empty(spark: SparkSession) -> None:
    sales = spark.createDataFrame(
        [("0", "0"), ("10457", "1901"), ("10457", None)], "zip_code string, year_built string"
    )
    assert land.empty_unknown_zip_and_year(sales).collect() == [("", ""), ("10457", "1901"), ("10457", None)]


def test_tax_year_of_two_digits_is_spelled_out(spark: SparkSession) -> None:
    incomes = spark.createDataFrame([("12",), ("95",), ("2013",)], "year string")
    assert [r.year for r in tax.spell_out_tax_year(incomes).collect()] == ["2012", "1995", "2013"]


def test_suppressed_figures_are_empty_and_marked(spark: SparkSession) -> None:
    schema = "employment string, first_quarter_payroll_thousand_usd string, annual_payroll_thousand_usd string"
    patterns = spark.createDataFrame([("0", "0", "0"), ("211", "2489", "13914"), (None, "1", "2")], schema)
    found = employment.empty_suppressed_figures(patterns).select("is_suppressed", *patterns.columns).collect()
    assert found == [("true", "", "", ""), ("false", "211", "2489", "13914"), ("false", None, "1", "2")]
