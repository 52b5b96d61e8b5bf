"""Districts and industries by month, on invented rows."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from pyspark.sql import SparkSession

from jobs.marts import city_economy, industries
from tests.marts.invented import FIRST, MONTH, OTHER_PARCEL, PARCEL, SECOND, THIRD, tables

pytestmark = pytest.mark.spark
YEAR_AGO = dt.date(2025, 3, 1)


def _macro(spark: SparkSession, **rows: list[dict[str, Any]]) -> list[Any]:
    sources: dict[str, list[dict[str, Any]]] = {
        "tax_payment": [], "gold_entity_link": [], "gold_dim_enterprise": [{}], "employment_insurance": [],
        "gold_dim_parcel": [],
    }  # fmt: skip
    frames = tables(spark, **(sources | rows))
    return city_economy.macro_economy_monthly(**frames).orderBy("division_code", "month").collect()


def test_tax_without_link_counts_under_unknown(spark: SparkSession) -> None:
    paid = [{"amount_cny": 5}, {"uscc": SECOND, "amount_cny": 7}, {"uscc": THIRD, "amount_cny": 11}]
    links = [{}, {"source_key": SECOND, "entity_id": None, "method": "none"}]
    found = _macro(spark, tax_payment=paid, gold_entity_link=links)
    assert [(r.division_code, r.tax_total) for r in found] == [
        ("099901", Decimal("5.00")),
        ("unknown", Decimal("18.00")),
    ]


def test_tax_is_compared_with_the_month_twelve_before(spark: SparkSession) -> None:
    paid = [(dt.date(2024, 3, 1), 9), (YEAR_AGO, 3), (MONTH, 5), (dt.date(2025, 2, 1), 4)]
    found = _macro(
        spark, tax_payment=[{"tax_month": m, "amount_cny": a} for m, a in paid], gold_entity_link=[{}],
    )  # fmt: skip
    assert [(r.month, r.tax_yoy) for r in found if r.tax_yoy] == [
        (YEAR_AGO, Decimal("-0.6667")),
        (MONTH, Decimal("0.6667")),
    ]


def test_tax_of_a_month_long_ago_is_not_left_out(spark: SparkSession) -> None:
    """Births of that time are shown beside it; a month without tax begins with the year before the first night."""
    long_ago, paid = dt.date(2019, 5, 1), {"tax_month": dt.date(2019, 5, 1), "amount_cny": 3}
    born = [{"established_date": long_ago}, {"uscc": SECOND, "established_date": dt.date(2019, 6, 1)}]
    found = _macro(spark, tax_payment=[paid], gold_entity_link=[{}], gold_dim_enterprise=born)
    assert [(r.month, r.tax_total, r.new_ent) for r in found] == [(long_ago, Decimal("3.00"), 1)]


def test_a_district_of_which_only_the_year_before_is_known_has_no_row(spark: SparkSession) -> None:
    assert [r.month for r in _macro(spark, tax_payment=[{"tax_month": YEAR_AGO, "amount_cny": 3}])] == [YEAR_AGO]


def test_births_closures_land_and_insured_stand_side_by_side_with_their_coverage(spark: SparkSession) -> None:
    born, closed, supplied = dt.date(2026, 3, 2), dt.date(2026, 2, 28), dt.date(2026, 2, 10)
    found = _macro(
        spark,
        gold_dim_enterprise=[
            {"established_date": born, "status_date": born},
            {"uscc": SECOND, "status": "注销", "status_date": closed},
        ],
        gold_dim_parcel=[{"supplied_date": supplied}],
        employment_insurance=[{}, {"status": "停保"}, {"community_code": "099902003"}],
    )
    zero, area, third = Decimal("0.00"), Decimal("1000.00"), Decimal("0.3333")
    assert found == [
        ("099901", dt.date(2026, 2, 1), zero, None, None, 0, 1, area, third),
        ("099901", MONTH, zero, None, 1, 1, 0, zero, third),
        ("099902", MONTH, zero, None, 1, 0, 0, zero, third),
    ]


def _industries(spark: SparkSession, **rows: list[dict[str, Any]]) -> list[Any]:
    sources: dict[str, list[dict[str, Any]]] = {
        "tax_payment": [], "gold_entity_link": [], "gold_dim_enterprise": [{}], "employment_insurance": [],
        "land_parcel": [], "gold_dim_parcel": [],
    }  # fmt: skip
    return industries.industry_monthly(**tables(spark, **(sources | rows))).orderBy("month").collect()


def test_living_enterprises_and_their_employees_stand_in_the_newest_month_only(spark: SparkSession) -> None:
    found = _industries(
        spark,
        gold_dim_enterprise=[{}, {"uscc": SECOND, "industry_code": "C3700", "status": "注销"}],
        gold_entity_link=[{"source_system": s, "source_key": k, "entity_id": k} for s in ("tax", "employment") for k in (FIRST, SECOND)],
        tax_payment=[{"tax_month": YEAR_AGO, "amount_cny": 3}],
        employment_insurance=[{}, {"status": "停保"}, {"uscc": SECOND}],
    )  # fmt: skip
    one, none = Decimal("1.0000"), Decimal("0.00")
    assert found == [
        ("C36", "099901", YEAR_AGO, None, None, Decimal("3.00"), None, one),
        ("C36", "099901", MONTH, 1, 1, none, None, None),
    ]


def test_five_greatest_payers_are_enterprises_not_payments(spark: SparkSession) -> None:
    codes = [f"9109990100000000{n:02}" for n in range(7)]
    found = _industries(
        spark,
        gold_dim_enterprise=[{"uscc": c} for c in codes],
        gold_entity_link=[{"source_key": c, "entity_id": c} for c in codes],
        tax_payment=[{"uscc": c, "amount_cny": 1} for c in codes] + [{"uscc": codes[0], "amount_cny": 1}] * 4,
    )
    assert [(r.tax, r.top5_share) for r in found] == [(Decimal("11.00"), Decimal("0.8182"))]


def test_a_parcel_of_two_enterprises_of_an_industry_counts_once(spark: SparkSession) -> None:
    held = [(FIRST, PARCEL), (SECOND, PARCEL), (SECOND, OTHER_PARCEL), (None, OTHER_PARCEL)]
    found = _industries(
        spark,
        gold_dim_enterprise=[{}, {"uscc": SECOND}],
        gold_entity_link=[{}, *[{"source_system": "land", "source_key": k, "entity_id": k} for k in (FIRST, SECOND)]],
        tax_payment=[{"amount_cny": 6}],
        land_parcel=[{"holder_uscc": k, "parcel_code": p} for k, p in held],
        gold_dim_parcel=[{}, {"parcel_code": OTHER_PARCEL, "area_m2": "333.34"}],
    )
    assert [r.tax_per_mu for r in found] == [Decimal("3.00")]
