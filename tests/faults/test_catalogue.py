"""Each case of the catalogue ends as it must, through the whole pipeline."""

from __future__ import annotations

import csv
import io
import os
import time
from datetime import date, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from jobs import delta, vacuum
from jobs import night as nights
from jobs.failures import foreseen
from jobs.landing import list_receipts, object_path
from jobs.ledger import read_decisions
from jobs.query import to_csv
from tests.faults.case import KEY, STANDING, TEXT, Case
from tests.faults.cases import CASES
from tests.faults.conftest import Faults
from tests.faults.hostile import FORMULAS, TEMPLATES

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


def test_nothing_of_a_file_that_still_grows_is_landed(faults: Faults) -> None:
    assert list_receipts(faults.world.lake, faults.night.contracts["faults.a1"]) == []
    assert faults.world.rows("faults.a1", "bronze") == []


def test_bytes_without_a_receipt_are_no_delivery(faults: Faults) -> None:
    """What a command leaves that is killed between the copy and the receipt."""
    path = Path(object_path(faults.world.lake, "0" * 64))
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"never received")
    assert "0" * 64 not in {f.sha256 for d in nights.deliveries(faults.world.run_nothing()) for f in d.receipt.files}


def test_nothing_outside_the_delivery_is_landed_and_nothing_of_a_name_is_run(faults: Faults) -> None:
    elsewhere = faults.world.inbox.parent / "elsewhere.csv"
    assert not Path(object_path(faults.world.lake, sha256(elsewhere.read_bytes()).hexdigest())).exists()
    assert [p for p in faults.world.inbox.parent.rglob("*") if p.name in ("seen", "seen.csv", "gold.totals")] == []
    assert not Path("seen").exists()


def test_a_cell_that_a_spreadsheet_would_run_is_stored_raw_and_leaves_with_an_apostrophe(faults: Faults) -> None:
    texts = {r["key"]: r["text"] for r in faults.world.rows("faults.h3")}
    assert texts == {**dict(enumerate(FORMULAS, 1)), KEY: "\t1"}
    found = delta.read_arrow(faults.world.lake.table("silver", "faults_h3"), columns=["text"])
    assert found is not None
    assert {row[0][0] for row in csv.reader(io.StringIO(to_csv(found).partition("\n")[2]))} == {"'"}


def test_a_cell_that_a_template_or_a_shell_would_act_upon_stays_as_written(faults: Faults) -> None:
    texts = {r["key"]: r["text"] for r in faults.world.rows("faults.h5")}
    assert texts == {**dict(enumerate(TEMPLATES, 1)), KEY: None}


def test_vacuum_with_a_short_retention_is_refused_also_after_upkeep(faults: Faults) -> None:
    path, spark = faults.world.lake.table("silver", "faults_a8"), faults.world.open_session()
    vacuum.vacuum(spark, path, 168)
    with pytest.raises(Exception, match="DELTA_VACUUM_RETENTION_PERIOD_TOO_SHORT"):
        spark.sql(f"VACUUM delta.`{path}` RETAIN 0 HOURS").collect()


def test_a_version_past_its_retention_is_refused_with_advice(faults: Faults) -> None:
    path, spark = faults.world.lake.table("silver", "faults_a9"), faults.world.open_session()
    month_ago = time.time() - timedelta(days=31).total_seconds()
    for entry in Path(path, "_delta_log").iterdir():
        os.utime(entry, (month_ago, month_ago))
    spark.sql(f"REFRESH TABLE delta.`{path}`")
    with pytest.raises(Exception, match="TIME_TRAVEL_BEYOND_DELETED_FILE_RETENTION") as refused:
        spark.sql(f"SELECT * FROM delta.`{path}` VERSION AS OF 0").collect()
    found = foreseen(refused.value, faults.world.lake)
    assert found is not None
    assert (found.code, "lake rebuild" in str(found)) == ("E620", True)


@pytest.mark.parametrize("name", ["F4", "F8"])
def test_what_failed_for_want_of_memory_or_files_is_finished_by_the_next_run(faults: Faults, name: str) -> None:
    case = by_id(name)
    assert faults.world.run(dataset=case.name).problems == []
    assert faults.world.line(case.name, case.date).outcome == "accepted"
    assert [(r["key"], r["value"]) for r in faults.world.rows(case.name)] == [(2, 20), (KEY, 10)]


def test_a_record_that_is_mended_twice_is_there_once_with_its_line_and_its_fixer(faults: Faults) -> None:
    case, values = by_id("G7"), {"key": "2", "period": "2013", "value": "20"}
    for _ in range(2):
        faults.world.decide("mend", case.name, case.date, file="data.csv", record=2, values=values)
        faults.world.run(dataset=case.name)
    mended = [r for r in faults.world.rows(case.name) if r["key"] == 2]
    assert [(r["value"], r["_file"], r["_record"]) for r in mended] == [(20, "data.csv", 2)]
    assert faults.aside(case) == {}
    decided = [d for d in read_decisions(faults.world.lake) if d.dataset == case.name]
    assert [(d.by, d.reason, d.file, d.record, d.kind) for d in decided] == [
        ("tester", "checked", "data.csv", 2, "mend")
    ]
