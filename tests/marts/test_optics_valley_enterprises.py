"""Links of codes to enterprises, and enterprises across departments, on invented rows."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyspark.sql import Row, SparkSession

from jobs.marts import enterprises, entities
from tests.marts.invented import FIRST, OTHER_PARCEL, OTHER_UNIT, PARCEL, SECOND, THIRD, TODAY, UNIT, table, tables

pytestmark = pytest.mark.spark
NAME = "光谷甲有限公司"


def _links(spark: SparkSession, *register: dict[str, Any], **rows: list[dict[str, Any]]) -> list[Row]:
    sources: dict[str, list[dict[str, Any]]] = {
        "tax_payment": [], "employment_insurance": [], "land_parcel": [], "services_approval": [], "decisions": [],
    }  # fmt: skip
    frames = tables(spark, **(sources | rows), market_enterprise=list(register))
    del frames["receipts"]
    found: list[Row] = entities.entity_link(**frames).orderBy("source_system", "source_key").collect()
    return found


def _said(link: Row) -> tuple[Any, ...]:
    return (link.entity_id, link.proposed_id, link.method, str(link.score), link.reviewed_by)


LINKED, PROPOSED = (FIRST, None, "name"), (None, FIRST, "review")
NONE = (None, None, "none", "0.0000", None)
OTHER = {"uscc": THIRD, "enterprise_name": "光谷乙有限公司"}
NAMESAKE = {"uscc": THIRD, "enterprise_name": "光谷甲股份有限公司", "legal_form": "股份有限公司"}


def test_a_code_of_the_register_is_the_enterprise_whatever_name_stands_beside_it(spark: SparkSession) -> None:
    (link,) = _links(spark, {}, tax_payment=[{"taxpayer_name": "别的公司"}, {"taxpayer_name": None}])
    since = dt.date(2020, 1, 2)
    assert tuple(link) == ("tax", FIRST, FIRST, None, "code", Decimal("1.0000"), since, None, None)


def test_an_unknown_code_is_scored_by_the_name_beside_it(spark: SparkSession) -> None:
    scored = {
        NAME: (*LINKED, "0.9500"),
        "光谷甲有限责任公司": (*LINKED, "0.9500"),
        " 光谷　甲 有限公司": (*LINKED, "0.9500"),
        "光谷（甲）有限公司": (*LINKED, "0.9500"),
        "光谷(甲)公司": (*PROPOSED, "0.8500"),
        "光谷甲股份有限公司": (*PROPOSED, "0.8500"),
        "甲有限公司": (*PROPOSED, "0.7500"),
        "原光谷甲有限公司": (*PROPOSED, "0.7500"),
        "光谷甲有限公司锦川分公司": (*PROPOSED, "0.7500"),
        "甲分公司": (*PROPOSED, "0.6500"),
        "光谷丙有限公司": NONE[:4],
        "有限公司": NONE[:4],
        "光谷市": NONE[:4],
        "": NONE[:4],
    }
    payments = [{"uscc": f"of {name}", "taxpayer_name": name} for name in scored]
    register = [{}, OTHER, {"uscc": SECOND, "enterprise_name": "光谷公司"}]
    found = {f.source_key: _said(f)[:4] for f in _links(spark, *register, tax_payment=payments)}
    assert found == {f"of {name}": link for name, link in scored.items()}


def test_an_address_adds_to_the_score_where_the_source_delivers_one(spark: SparkSession) -> None:
    scored = {
        (NAME, "光谷市学府路１２号"): (*LINKED, "1.0000"),
        (NAME, "光谷市学府路12号3楼"): (*LINKED, "1.0000"),
        (NAME, "光谷市学府路13号"): (*LINKED, "0.9000"),
        ("光谷甲", "光谷市学府路12号"): (*LINKED, "0.9000"),
        ("光谷甲", "光谷市学府路13号"): (*PROPOSED, "0.8000"),
        ("甲", "光谷市学府路13号"): NONE[:4],
    }
    parcels = [{"holder_uscc": f"of {n} {a}", "holder_name": n, "holder_address": a} for n, a in scored]
    found = {f.source_key: _said(f)[:4] for f in _links(spark, {}, land_parcel=parcels)}
    assert found == {f"of {n} {a}": link for (n, a), link in scored.items()}


def test_the_greatest_of_several_names_counts(spark: SparkSession) -> None:
    names = [{"uscc": SECOND, "employer_name": n} for n in (NAME, "Abc", None)]
    assert [_said(link)[:3] for link in _links(spark, {}, employment_insurance=names)] == [LINKED]


def test_of_two_enterprises_of_one_trade_name_the_legal_form_tells_and_without_it_there_is_no_link(
    spark: SparkSession,
) -> None:
    calls = {"光谷甲有限公司": FIRST, "光谷甲股份公司": THIRD, "光谷甲公司": None}
    payments = [{"uscc": f"of {name}", "taxpayer_name": name} for name in calls]
    found = _links(spark, {}, NAMESAKE, tax_payment=payments)
    assert {f.source_key: f.entity_id or f.proposed_id for f in found} == {f"of {n}": e for n, e in calls.items()}


def test_a_name_that_two_enterprises_bear_links_nothing(spark: SparkSession) -> None:
    found = _links(spark, {}, {"uscc": SECOND}, land_parcel=[{"holder_uscc": THIRD, "holder_name": NAME}])
    assert [_said(link) for link in found] == [NONE]


def test_persons_who_apply_and_parcels_without_holder_are_no_keys(spark: SparkSession) -> None:
    found = _links(
        spark, {}, land_parcel=[{"holder_name": NAME}], services_approval=[{}, {"applicant_uscc": SECOND}, {}]
    )
    assert [(f.source_system, f.source_key, f.method) for f in found] == [("services", SECOND, "none")]


def test_a_decision_of_a_person_counts_for_the_code_and_source_it_names(spark: SparkSession) -> None:
    accepted, rejected = (None, "decision", "1.0000", "A. Clerk"), (None, None, "none", "0.0000", "A. Clerk")
    decided: dict[str, tuple[list[dict[str, Any]], tuple[Any, ...]]] = {
        "accepted": ([{"entity_id": FIRST}], (FIRST, *accepted)),
        "another accepted": ([{"entity_id": THIRD}], (THIRD, *accepted)),
        "accepted, left the register": ([{"entity_id": SECOND}], rejected),
        "rejected": ([{"decision": "reject"}], rejected),
        "another rejected": ([{"decision": "reject", "entity_id": THIRD}], (*PROPOSED, "0.8500", None)),
        "of another source": ([{"source_system": "land"}], (*PROPOSED, "0.8500", None)),
    }
    payments = [{"uscc": key, "taxpayer_name": "光谷甲公司"} for key in decided]
    decisions = [{"source_key": key} | row for key, (rows, _) in decided.items() for row in rows]
    found = {f.source_key: _said(f) for f in _links(spark, {}, OTHER, tax_payment=payments, decisions=decisions)}
    assert found == {key: link for key, (_, link) in decided.items()}


def test_a_rejected_enterprise_is_not_linked_by_its_own_name_and_its_namesake_is_proposed(spark: SparkSession) -> None:
    payments = [{"uscc": SECOND, "taxpayer_name": NAME}, {"uscc": "x", "taxpayer_name": "光谷甲公司"}]
    decisions = [{"decision": "reject"}, {"decision": "reject", "source_key": "x"}]
    found = _links(spark, {}, NAMESAKE, tax_payment=payments, decisions=decisions)
    assert {f.source_key: _said(f) for f in found} == {
        SECOND: (None, THIRD, "review", "0.8500", None), "x": (None, THIRD, "review", "0.8500", None)
    }  # fmt: skip


_NAMES = st.sampled_from([NAME, "光谷甲公司", "光谷乙有限公司", "原光谷乙有限公司", "", None])
_DECIDED = st.fixed_dictionaries(
    {"source_key": st.sampled_from([FIRST, THIRD]), "entity_id": st.sampled_from([FIRST, THIRD]), "decision": st.sampled_from(["accept", "reject"])}
)  # fmt: skip


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(called=st.lists(_NAMES, min_size=2, max_size=2), decisions=st.lists(_DECIDED, max_size=2))
def test_neither_names_nor_decisions_override_a_code_of_the_register(
    spark: SparkSession, called: list[str | None], decisions: list[dict[str, Any]]
) -> None:
    payments = [{"uscc": c, "taxpayer_name": n} for c, n in zip((FIRST, THIRD), called, strict=True)]
    found = _links(spark, {}, OTHER, tax_payment=payments, decisions=decisions)
    assert {f.source_key: _said(f) for f in found} == {c: (c, None, "code", "1.0000", None) for c in (FIRST, THIRD)}


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
