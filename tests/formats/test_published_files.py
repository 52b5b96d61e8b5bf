"""The files as published, where they are at hand: every record is read, none is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from jobs.formats import Field, Layout, Reading, read

PUBLISHED = Path(__file__).parents[2].parent / "shared" / "data"
pytestmark = pytest.mark.skipif(not PUBLISHED.is_dir(), reason=f"the published files are not in {PUBLISHED}")

SALES = "land/nyc_rolling_sales_2012-08_2013-08/rollingsales_"
CRASHES = "traffic/nyc_crashes/nyccrashes_2024w0630_by"
SPEED = "traffic/nyc_link_speed/LinkSpeedQuery_"
LATIN = {"encoding": "latin-1"}
ZIP = {"format": "json", "aliases": {"zip code": "zipcode"}}


def read_published(path: str, *headers: str, **options: object) -> Reading:
    columns = tuple(Field(h.lower(), h, True) for h in headers)
    return read(PUBLISHED / path, Layout(**{"format": "csv", "columns": columns} | options))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("path", "header", "options", "records"),
    [
        ("tax/irs_soi_county/12cyallnoagi.csv", "COUNTYNAME", LATIN, 3193),
        ("tax/irs_soi_county/13incyallnoagi.csv", "COUNTYNAME", LATIN, 3193),
        ("employment/ny_qcew/qcew_annual_2012.txt", "NAICS", {}, 10437),
        ("employment/ny_qcew/qcew_annual_2013.txt", "NAICS", {}, 10516),
        ("employment/nyc_zbp/emp_data_2016.json", "zipcode", ZIP, 2064),
        ("employment/nyc_zbp/emp_data_2017.json", "zipcode", ZIP, 266),
        ("traffic/nyc_volume_counts_2012_2013/Traffic_Volume_Counts__2012-2013_.csv", "Segment ID", {}, 5945),
        (SPEED + "2015-04-05.txt", "linkId", {"delimiter": "\t"}, 153),
        (SPEED + "2016-11-14.txt", "linkId", {"delimiter": "\t"}, 153),
        (CRASHES + "20240916.csv", "COLLISION_ID", {}, 1875),
        (CRASHES + "20250212.csv", "COLLISION_ID", {}, 1876),
        ("land/taipei_lvr_land_2021/a_lvr_land_a.csv", "鄉鎮市區", {}, 8842),
        ("traffic/taiwan_a1_accidents/A1_ROC104.csv", "發生時間", {"header_row": 3}, 1639),
    ],
)
def test_every_record_is_read(path: str, header: str, options: dict[str, object], records: int) -> None:
    reading = read_published(path, header, **options)
    assert (reading.records, reading.table.num_rows, reading.refused) == (records, records, ())


@pytest.mark.slow
def test_the_sales_are_39019_and_104_apartments_are_noted() -> None:
    options = {"format": "xlsx", "header_row": 5}
    readings = [
        read_published(f"{SALES}{borough}.xlsx", "BOROUGH", "APART MENT NUMBER", **options)
        for borough in ("manhattan", "bronx", "statenisland")
    ]
    assert [reading.records for reading in readings] == [27395, 5268, 6356]
    extra = [json.loads(text) for reading in readings for text in reading.table["_extra"].to_pylist()]
    assert sum("APART MENT NUMBER#type" in entry for entry in extra) == 104


def test_the_38_columns_that_the_tax_file_added_are_kept_as_they_are() -> None:
    before = read_published("tax/irs_soi_county/12cyallnoagi.csv", "STATE", **LATIN)
    after = read_published("tax/irs_soi_county/13incyallnoagi.csv", "STATE", **LATIN)
    assert len(after.notices) - len(before.notices) == 38
    first = json.loads(before.table["_extra"][0].as_py())
    assert (len(first), first["N1"]) == (76, "2050090.0000")


# What is wrong with one table each, and what becomes of it: records, refused records, or the code that refuses it all.
POLLUTED = {
    "file_double_trailing_newline": (84, {84: "Q204"}),
    "file_no_trailing_newline": (83, {}),
    "file_header_only": (0, {}),
    "file_one_data_row": (1, {}),
    "file_record_delimiter_0xA": (83, {}),
    "file_record_delimiter_0xD": (83, {}),
    "row_extra_quote8_col5": (83, {8: "Q203"}),
    "row_field_delimiter_7_0x20": (83, {7: "Q204"}),
    "row_less_sep_row41_col6": (83, {41: "Q203"}),
    "row_more_sep_row12_col8": (83, {12: "Q204"}),
    "source": (83, {}),
}


@pytest.mark.parametrize("name", POLLUTED)
def test_a_polluted_table_loses_only_the_polluted_record(name: str) -> None:
    reading = read_published(f"robustness/pollock_polluted/csv/{name}.csv", "DATE", "Price")
    assert (reading.records, {x.record: x.code for x in reading.refused}) == POLLUTED[name]
