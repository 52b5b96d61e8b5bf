"""Each case of the catalogue ends as it must, through the whole pipeline."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from tests.faults.cases import CASES, KEY, STANDING, TEXT, Case
from tests.faults.conftest import Faults

pytestmark = pytest.mark.spark
LANDED = [c for c in CASES if c.outcome]
CODED = [c for c in CASES if c.code]


def titled(cases: list[Case]) -> Any:
    return pytest.mark.parametrize("case", cases, ids=[f"{c.id}: {c.title}" for c in cases])


def by_id(name: str) -> Case:
    return next(c for c in CASES if c.id == name)


@titled(LANDED)
def test_a_fault_has_its_outcome_and_its_counts(faults: Faults, case: Case) -> None:
    line = faults.line(case)
    assert line.outcome == case.outcome
    assert line.error.get("code", "") == case.code
    assert {k: line.counts.get(k) for k in case.counts} == case.counts


@titled([c for c in LANDED if c.silver is not None])
def test_silver_holds_the_rows_that_it_must(faults: Faults, case: Case) -> None:
    assert sorted((r["key"], r["value"]) for r in faults.world.rows(case.name) if r["is_current"]) == list(
        case.silver or ()
    )


@titled([c for c in CASES if c.silver is None])
def test_where_nothing_may_change_no_silver_table_has_a_new_version(faults: Faults, case: Case) -> None:
    table = f"silver.{case.name.replace('.', '_')}"
    assert faults.world.versions().get(table) == faults.versions.get(table)


@titled(LANDED)
def test_set_aside_records_are_in_quarantine_with_their_rules(faults: Faults, case: Case) -> None:
    assert faults.aside(case) == case.aside


@titled([c for c in CASES if c.notices])
def test_what_stops_nothing_is_still_said(faults: Faults, case: Case) -> None:
    line = faults.world.line(case.name, case.date, "bronze")
    assert set(case.notices) <= {n["code"] for n in line.notices}


@titled(CODED)
def test_a_message_has_its_nine_parts_and_no_value_of_the_data(faults: Faults, case: Case) -> None:
    found = [p for p in faults.night.problems if (p.where.dataset, p.where.business_date) == (case.name, case.date)]
    assert [p.code for p in found] == [case.code]
    parts, text = found[0].parts(), str(found[0])
    needed = {
        "code",
        "dataset",
        "business_date",
        "revision",
        "stage",
        "place",
        "expected",
        "actual",
        "evidence",
        "next",
    }
    assert {k for k in needed if not parts[k]} == set()
    assert case.says in text
    assert str(KEY) not in text
    assert TEXT not in text
    assert "5002" not in text


@titled([c for c in LANDED if c.code])
def test_the_ledger_keeps_the_whole_message(faults: Faults, case: Case) -> None:
    found = next(p for p in faults.night.problems if (p.where.dataset, p.where.business_date) == (case.name, case.date))
    assert dict(faults.line(case).error) == {
        k: v for k, v in found.parts().items() if v or k in faults.line(case).error
    }


def test_the_good_night_beside_all_refused_and_held_ones_stands(faults: Faults) -> None:
    assert faults.world.history(STANDING) == [(2, 2013, 20, "2025-01-01", None), (KEY, 2013, 10, "2025-01-01", None)]


def test_a_night_delivered_again_is_skipped_and_says_so(faults: Faults) -> None:
    case = by_id("A7")
    assert not [x for x in faults.night.lines if x.dataset == case.name]
    assert faults.world.versions()["bronze.faults_a7"] == faults.versions["bronze.faults_a7"]
    assert [w.code for e, w in faults.world.events if e == "notice" and case.name in w.text] == ["N106"]


def test_the_first_revision_of_a_corrected_night_stays_in_bronze(faults: Faults) -> None:
    rows = faults.world.rows("faults.a8", "bronze")
    assert sorted((r["_revision"], r["key"], r["value"]) for r in rows) == [
        (1, "2", "20"),
        (1, str(KEY), "10"),
        (2, "3", "30"),
        (2, str(KEY), "11"),
    ]


def test_a_late_night_ends_in_the_rows_of_the_right_order(faults: Faults) -> None:
    assert faults.world.history("faults.a9") == [
        (2, 2013, 20, "2025-01-02", None),
        (KEY, 2013, 10, "2025-01-01", "2025-01-02"),
        (KEY, 2013, 11, "2025-01-02", "2025-01-03"),
    ]


def test_rare_characters_arrive_as_themselves(faults: Faults) -> None:
    assert [r["text"] for r in faults.world.rows("faults.c1")] == ["㐂𠮷"]


def test_line_breaks_commas_and_quotes_inside_cells_arrive_as_themselves(faults: Faults) -> None:
    texts = {r["key"]: r["text"] for r in faults.world.rows("faults.c5")}
    assert texts == {KEY: "two\nlines, one comma", 2: f'she said "{TEXT}"', 3: None}


def test_a_record_that_fits_no_header_is_kept_with_its_raw_bytes(faults: Faults) -> None:
    found = {r["_record"]: (r["_line"], r["_raw"]) for r in faults.world.rows("faults.c7", "quarantine")}
    assert found == {1: (2, b"1,2013"), 3: (4, f"3,2013,30,,,,{TEXT}".encode())}


def test_a_day_that_stands_for_no_day_is_null_by_the_contract_only(faults: Faults) -> None:
    days = {r["key"]: r["day"] for r in faults.world.rows("faults.c12")}
    assert days == {5: None, 6: None, 7: date(2024, 2, 29), KEY: None}


def test_only_the_contract_says_which_texts_mean_nothing(faults: Faults) -> None:
    raw = {r["key"]: r["text"] for r in faults.world.rows("faults.c14", "bronze")}
    typed = {r["key"]: r["text"] for r in faults.world.rows("faults.c14")}
    assert raw == {"1": "", "2": "", "3": "NULL", "4": "-", str(KEY): "无"}
    assert typed == {1: None, 2: None, 3: "NULL", 4: None, KEY: "无"}


def test_a_column_more_is_kept_in_bronze_and_silver_is_as_declared(faults: Faults) -> None:
    assert [r["_extra"] for r in faults.world.rows("faults.d1", "bronze")] == ['{"colour": "Zanzibar"}']
    assert "colour" not in faults.world.rows("faults.d1")[0]


def test_a_missing_optional_column_is_null(faults: Faults) -> None:
    assert [(r["text"], r["amount"], r["day"]) for r in faults.world.rows("faults.d3")] == [(None, None, None)]


def test_a_held_night_is_accepted_when_a_person_signs_for_it(faults: Faults) -> None:
    case = by_id("G2")
    decision = faults.world.decide("approve", case.name, case.date)
    faults.world.run(dataset=case.name, date=case.date)
    assert faults.line(case).outcome == "accepted"
    assert (decision.by, decision.reason) == ("tester", "checked")
    assert (1, 2013, 10, case.date, None) in faults.world.history(case.name)
