"""Parcels and their use, on invented rows."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
from pyspark.sql import SparkSession

from jobs.marts import parcels
from tests.marts.invented import FIRST, OTHER_PARCEL, OTHER_UNIT, PARCEL, SECOND, TODAY, UNIT, table, tables

pytestmark = pytest.mark.spark
LAST_UNIT = UNIT[:-1] + "2"


def test_a_parcel_is_idle_only_when_all_of_its_units_are(spark: SparkSession) -> None:
    units = [(UNIT, "闲置"), (LAST_UNIT, "在用"), (OTHER_UNIT, "闲置")]
    rows = [{"real_estate_unit": u, "parcel_code": u[:19], "status": s} for u, s in units]
    found = parcels.dim_parcel(table(spark, "land_parcel", *rows)).orderBy("parcel_code").collect()
    assert [(r.parcel_code, r.units, r.status) for r in found] == [(PARCEL, 2, "在用"), (OTHER_PARCEL, 1, "闲置")]


def test_where_units_disagree_the_one_of_the_least_number_is_believed(spark: SparkSession) -> None:
    rows = [{"real_estate_unit": LAST_UNIT, "area_m2": 5}, {"real_estate_unit": UNIT, "area_m2": 7}]
    assert parcels.dim_parcel(table(spark, "land_parcel", *rows)).first().area_m2 == Decimal("7.00")


def test_only_land_use_tax_of_twelve_months_is_set_against_the_area(spark: SparkSession) -> None:
    paid = [
        ("城镇土地使用税", dt.date(2026, 3, 1)),
        ("城镇土地使用税", dt.date(2025, 3, 1)),
        ("增值税", TODAY.replace(day=1)),
    ]
    found = parcels.parcel_use(
        **tables(
            spark,
            gold_dim_parcel=[{}],
            land_parcel=[{"holder_uscc": k} for k in (FIRST, SECOND, SECOND, None)],
            tax_payment=[{"tax_type": t, "tax_month": m, "amount_cny": 3, "real_estate_unit": UNIT} for t, m in paid],
        )
    ).collect()
    assert found == [(PARCEL, TODAY, "工业用地", Decimal("1000.00"), 2, Decimal("2.00"), False)]


def test_a_parcel_without_tax_brings_nothing_and_one_without_area_has_no_ratio(spark: SparkSession) -> None:
    both = [{"status": "闲置"}, {"parcel_code": OTHER_PARCEL, "area_m2": 0}]
    found = parcels.parcel_use(**tables(spark, gold_dim_parcel=both, land_parcel=[], tax_payment=[]))
    assert [(r.occupiers, r.tax_per_mu, r.idle_flag) for r in found.orderBy("parcel_code").collect()] == [
        (0, Decimal("0.00"), True),
        (0, None, False),
    ]
