"""Optics Valley's fixed things: districts, departments, workdays."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
from pyspark.sql import SparkSession

from jobs.cities import load_city, load_contracts
from jobs.marts import calendars, citizen_services, departments
from jobs.marts.optics_valley import DEPARTMENTS, DIVISIONS
from tests.marts.invented import table

CITY = "optics_valley"


def test_divisions_of_the_marts_are_the_districts_of_the_city() -> None:
    assert [(d.code, d.name) for d in load_city(CITY).districts] == [(d.code, d.name) for d in DIVISIONS]


def test_departments_of_the_marts_are_the_sources_of_the_city() -> None:
    assert {c.source for c in load_contracts(CITY).values()} == {d.code for d in DEPARTMENTS}


@pytest.mark.spark
def test_a_department_counts_its_datasets_once_and_a_silent_one_has_none(spark: SparkSession) -> None:
    nights = [("traffic.reading", 1), ("traffic.reading", 2), ("traffic.sensor", 2)]
    receipts = table(
        spark, "receipts", *[{"dataset": name, "business_date": dt.date(2026, 3, day)} for name, day in nights]
    )
    found = {r.department_code: r.datasets for r in departments.dim_department(receipts).collect()}
    assert (len(found), found["traffic"], found["tax"]) == (9, 2, 0)


@pytest.mark.spark
def test_a_calendar_covers_whole_years_and_the_one_before_and_counts_workdays_anew_in_each(spark: SparkSession) -> None:
    receipts = table(
        spark,
        "receipts",
        {"business_date": dt.date(2025, 12, 31), "status": "not_delivered"},
        {"business_date": dt.date(2026, 1, 1)},
    )
    days = {r.calendar_date: r for r in calendars.dim_calendar_wd(receipts).collect()}
    assert (min(days), max(days), len(days)) == (dt.date(2024, 1, 1), dt.date(2026, 12, 31), 366 + 730)
    assert days[dt.date(2025, 12, 31)].workday_no == 261 - 17  # weekdays, and holidays on them
    assert [days[dt.date(2026, 1, d)].workday_no for d in (1, 2, 3, 4, 5)] == [0, 0, 0, 0, 1]
    assert days[dt.date(2026, 2, 21)] == (dt.date(2026, 2, 21), False, "春节", days[dt.date(2026, 2, 14)].workday_no)
    assert [days[dt.date(2026, 3, d)][1:3] for d in (6, 7)] == [(True, None), (False, None)]


@pytest.mark.spark
def test_a_decision_after_new_year_takes_the_workdays_of_both_years(spark: SparkSession) -> None:
    receipts = [{"business_date": dt.date(2025, 12, 31)}, {"business_date": dt.date(2026, 1, 5)}]
    calendar = calendars.dim_calendar_wd(table(spark, "receipts", *receipts))
    case = {"submitted_date": dt.date(2025, 12, 29), "decided_date": dt.date(2026, 1, 6)}
    found = citizen_services.citizen_service_monthly(table(spark, "services_approval", case), calendar).first()
    assert found.median_wd == Decimal("4.00")
