"""The shipped files are the published ones, and hold the figures that the city's numbers rest on."""

from __future__ import annotations

import hashlib
import json
from decimal import Decimal

import pandas as pd
import pytest

from tests.figures import expected

of_workbooks = pytest.mark.slow  # openpyxl needs ten seconds for the deeds


def test_shipped_files_are_those_of_their_manifests_and_of_the_provenance_table() -> None:
    provenance = (expected.DATA / "PROVENANCE.md").read_text()
    manifests = sorted(expected.DATA.glob("*/*/*/manifest.json"))
    assert len(manifests) == 12
    for manifest in manifests:
        dataset, date = ".".join(manifest.parts[-4:-2]), manifest.parent.name
        for file in json.loads(manifest.read_text())["files"]:
            digest = hashlib.sha256(expected.read_bytes(dataset, date, file["name"])).hexdigest()
            assert digest == file["sha256"], file["name"]
            assert digest in provenance


def test_shipped_files_take_less_than_ten_megabytes() -> None:
    assert sum(p.stat().st_size for p in expected.DATA.rglob("*") if p.is_file()) < 10_000_000


@of_workbooks
def test_deeds_hold_exact_copies() -> None:
    assert len(expected.sales_records()) == 39_019
    assert len(expected.distinct_sales()) == 37_272


@pytest.mark.parametrize(("year", "columns"), [(2012, 77), (2013, 115)])
def test_income_files_have_a_row_for_each_county_and_state(year: int, columns: int) -> None:
    assert expected.income_records(year).shape == (3_193, columns)


def test_income_columns_of_the_first_year_are_all_in_the_second() -> None:
    assert set(expected.income_records(2012).columns) < set(expected.income_records(2013).columns)


@pytest.mark.parametrize(("year", "records"), [(2012, 10_437), (2013, 10_516)])
def test_employment_files_have_one_record_for_each_area_and_industry(year: int, records: int) -> None:
    table = expected.employment_records(year)
    assert len(table) == records
    assert not table.duplicated(["AREATYPE", "AREA", "NAICS"]).any()


@pytest.mark.parametrize(
    ("date", "year", "records", "suppressed"), [("2024-09-16", 2016, 2_064, 242), ("2025-02-12", 2017, 266, 15)]
)
def test_business_patterns_are_suppressed_where_employment_is_zero(
    date: str, year: int, records: int, suppressed: int
) -> None:
    header, *rows = json.loads(expected.read_bytes("employment.zip_business", date, f"emp_data_{year}.json"))
    table = pd.DataFrame(rows, columns=header)
    withheld = table[table["EMP"] == "0"]
    assert (len(table), len(withheld)) == (records, suppressed)
    assert set(withheld["PAYANN"]) == set(withheld["PAYQTR1"]) == {"0"}


def test_road_counts_add_up() -> None:
    records, hours = expected.volume_records(), expected.road_volume_hourly()
    assert (len(records), len(hours)) == (5_945, 142_680)
    assert not hours.duplicated(["segment_id", "roadway_name", "direction", "hour_start"]).any()
    assert hours.duplicated(["segment_id", "direction", "hour_start"]).any()
    assert sum(hours["volume"]) == Decimal("58870167.14")
    assert sum(1 for volume in hours["volume"] if volume % 1) == 8
    assert (hours["hour_start"] == pd.Timestamp("2013-03-10 02:00")).sum() == 9


def test_link_snapshots_differ_in_147_links() -> None:
    first, second = (
        expected.read_text_table("traffic.link_speed", date, f"LinkSpeedQuery_{taken}.txt", sep="\t")
        .map(expected.collapse)
        .set_index("linkId")
        for date, taken in (("2024-09-16", "2015-04-05"), ("2025-02-12", "2016-11-14"))
    )
    assert len(first) == len(second) == len(first.index.intersection(second.index)) == 153
    assert (first.sort_index() != second.sort_index()).any(axis=1).sum() == 147


def test_crash_extracts_differ_in_one_new_and_21_changed_records() -> None:
    first, second = (expected.crash_records(date).set_index("COLLISION_ID") for date in ("2024-09-16", "2025-02-12"))
    assert (len(first), len(second), len(second.index.difference(first.index))) == (1_875, 1_876, 1)
    changed = second.loc[first.index] != first
    assert changed.any(axis=1).sum() == 21
    assert changed["CRASH DATE"].sum() == 1


@pytest.mark.parametrize(
    ("table", "rows"),
    [
        pytest.param("land_market_monthly", 870, marks=of_workbooks),
        ("road_volume_hourly", 142_680),
        ("employment_yearly", 969),
        ("income_tax_yearly", 10),
        ("crash_daily", 48),
        pytest.param("macro_economy_yearly", 10, marks=of_workbooks),
        ("dataset_freshness", 14),
    ],
)
def test_gold_tables_have_their_rows(table: str, rows: int) -> None:
    assert len(getattr(expected, table)()) == rows


def test_manhattan_has_2431860_jobs_in_2013() -> None:
    table = expected.employment_yearly()
    found = table[(table["borough_code"] == "1") & (table["year"] == 2013) & (table["naics_code"] == "00")]
    assert list(found["employment"]) == [2_431_860]
    assert list(table.groupby("year").size()) == [485, 484]


@of_workbooks
def test_three_boroughs_have_26256_sales_for_54960172537_dollars() -> None:
    table = expected.land_market_monthly()
    assert (table["sales"].sum(), table["transfers"].sum()) == (26_256, 37_272)
    assert sum(table["sales_amount"]) == Decimal("54960172537.00")


def test_total_tax_of_the_bronx_in_2012_is_1863585000_dollars() -> None:
    table = expected.income_tax_yearly()
    assert list(table[(table["borough_code"] == "2") & (table["tax_year"] == 2012)]["total_tax"]) == [
        Decimal("1863585000.00")
    ]
