"""Links of codes to enterprises, and enterprises across departments, on invented rows."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from pyspark.sql import SparkSession

from jobs.marts import enterprises, entities
from tests.marts.invented import FIRST, OTHER_PARCEL, OTHER_UNIT, PARCEL, SECOND, THIRD, TODAY, UNIT, table, tables

pytestmark = pytest.mark.spark
NAME = "光谷甲有限公司"


def _links(spark: SparkSession, *register: dict[str, Any], **rows: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    sources: dict[str, list[dict[str, Any]]] = {
        "tax_payment": [], "employment_insurance": [], "land_parcel": [], "services_approval": [],
    }  # fmt: skip
    frames = tables(spark, **(sources | rows), market_enterprise=list(register))
    del frames["receipts"]
    return [tuple(r) for r in entities.entity_link(**frames).orderBy("source_system", "source_key").collect()]


def test_a_code_of_the_register_is_the_enterprise_whatever_name_stands_beside_it(spark: SparkSession) -> None:
    found = _links(
        spark, {"enterprise_name": NAME}, tax_payment=[{"taxpayer_name": "别的公司"}, {"taxpayer_name": None}]
    )
    assert found == [("tax", FIRST, FIRST, "code", Decimal("1.0000"), dt.date(2020, 1, 2), None, None)]


def test_an_unknown_code_is_linked_by_the_greatest_of_its_names(spark: SparkSession) -> None:
    found = _links(
        spark,
        {"enterprise_name": NAME},
        employment_insurance=[{"uscc": SECOND, "employer_name": n} for n in (NAME, "Abc", None)],
    )
    assert found == [("employment", SECOND, FIRST, "name", Decimal("0.9000"), dt.date(2020, 1, 2), None, None)]


def test_a_name_that_two_enterprises_bear_links_nothing(spark: SparkSession) -> None:
    found = _links(spark, {}, {"uscc": SECOND}, land_parcel=[{"holder_uscc": THIRD, "holder_name": NAME}])
    assert found == [("land", THIRD, None, "none", Decimal("0.0000"), None, None, None)]


def test_persons_who_apply_and_parcels_without_holder_are_no_keys(spark: SparkSession) -> None:
    found = _links(
        spark, {}, land_parcel=[{"holder_name": NAME}], services_approval=[{}, {"applicant_uscc": SECOND}, {}]
    )
    assert [f[:4] for f in found] == [("services", SECOND, None, "none")]


def test_dim_enterprise_keeps_those_that_closed(spark: SparkSession) -> None:
    register = table(spark, "market_enterprise", {"status": "注销", "successor_uscc": SECOND})
    assert [(r.uscc, r.status, r.successor_uscc) for r in enterprises.dim_enterprise(register).collect()] == [
        (FIRST, "注销", SECOND)
    ]


def _seen(spark: SparkSession, **rows: list[dict[str, Any]]) -> Any:
    sources: dict[str, list[dict[str, Any]]] = {
        "gold_dim_enterprise": [{}], "gold_entity_link": [], "tax_payment": [], "employment_insurance": [],
        "land_parcel": [], "services_approval": [],
    }  # fmt: skip
    return enterprises.enterprise_360(**tables(spark, **(sources | rows))).first()


def test_an_enterprise_that_no_department_names_has_zeros_and_a_sure_link(spark: SparkSession) -> None:
    zero = Decimal("0.00")
    assert _seen(spark) == (FIRST, TODAY, "存续", "C3611", zero, zero, 0, 0, 0, Decimal("1.0000"), "")


def test_tax_is_of_twelve_months_and_arrears_are_of_all(spark: SparkSession) -> None:
    months = [dt.date(2025, 3, 1), dt.date(2025, 4, 1), dt.date(2026, 3, 1), dt.date(2026, 4, 1)]
    paid = [{"tax_month": m, "amount_cny": 10**n, "arrears_cny": 1} for n, m in enumerate(months)]
    row = _seen(spark, gold_entity_link=[{}], tax_payment=paid)
    assert (row.tax_12m, row.arrears, row.sources_present) == (Decimal("110.00"), Decimal("4.00"), "tax")


def test_figures_of_all_keys_of_an_enterprise_add_up_and_the_least_sure_link_counts(spark: SparkSession) -> None:
    keys = [("employment", FIRST, "1"), ("employment", SECOND, "0.9"), ("services", FIRST, "1")]
    row = _seen(
        spark,
        gold_entity_link=[{"source_system": s, "source_key": k, "score": score} for s, k, score in keys],
        employment_insurance=[{}, {"uscc": SECOND}, {"uscc": SECOND, "status": "停保"}, {"uscc": THIRD}],
        services_approval=[{"applicant_uscc": FIRST}, {"applicant_uscc": FIRST, "decided_date": TODAY}],
    )
    assert (row.employees, row.policies_received, row.link_score) == (2, 1, Decimal("0.9000"))
    assert row.sources_present == "employment,services"


def test_a_parcel_held_under_two_keys_of_an_enterprise_is_one_parcel(spark: SparkSession) -> None:
    held = [(FIRST, UNIT), (SECOND, UNIT), (FIRST, OTHER_UNIT)]
    row = _seen(
        spark,
        gold_entity_link=[{"source_system": "land", "source_key": k} for k in (FIRST, SECOND)],
        land_parcel=[{"holder_uscc": k, "real_estate_unit": u, "parcel_code": u[:19]} for k, u in held],
    )
    assert {u[:19] for _, u in held} == {PARCEL, OTHER_PARCEL}
    assert (row.parcels, row.sources_present) == (2, "land")


def test_coverage_counts_living_enterprises_only_and_says_how_many_codes_are_nobody(spark: SparkSession) -> None:
    seen = [("存续", "employment,tax"), ("存续", "services,tax"), ("存续", ""), ("注销", "employment,tax")]
    known = [{"uscc": str(n), "status": s, "sources_present": p} for n, (s, p) in enumerate(seen)]
    links = table(spark, "gold_entity_link", {}, {"source_key": "x", "entity_id": None})
    found = enterprises.enterprise_coverage(table(spark, "gold_enterprise_360", *known), links)
    assert found.first() == (TODAY, 3, 2, 1, 1, Decimal("0.3333"), 1)
