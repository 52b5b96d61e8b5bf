"""Every gold figure of the two New York nights a second time, straight from the shipped files.

Nothing of the project is used here: pandas, openpyxl and the standard library read `tests/data/new_york`. Amounts are
`Decimal`, absent values None, dates `datetime.date`, instants in UTC, local wall times without a zone. Each function
returns all rows of the gold table of its name, with its columns in order, sorted by its grain.
"""

from __future__ import annotations

import datetime as dt
import functools
import gzip
import io
import json
import re
import zoneinfo
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd

DATA = Path(__file__).resolve().parents[1] / "data" / "new_york"
FIRST, SECOND = "2024-09-16", "2025-02-12"
COUNTIES = {"061": "1", "005": "2", "047": "3", "081": "4", "085": "5"}
COUNTY_NAMES = {
    f"{name} County": code for code, name in enumerate(("New York", "Bronx", "Kings", "Queens", "Richmond"), 1)
}
CENT = Decimal("0.01")


def read_bytes(dataset: str, date: str, name: str) -> bytes:
    """The published content of a shipped file, unpacked where it is compressed."""
    folder = DATA.joinpath(*dataset.split("."), date)
    packed = folder / f"{name}.gz"
    return gzip.decompress(packed.read_bytes()) if packed.exists() else (folder / name).read_bytes()


def read_text_table(dataset: str, date: str, name: str, **options: Any) -> pd.DataFrame:
    """A delimited file as strings."""
    content = io.BytesIO(read_bytes(dataset, date, name))
    return pd.read_csv(content, dtype=str, keep_default_na=False, **options)


def collapse(value: object) -> str:
    """Text with its white space trimmed and collapsed."""
    return re.sub(r"\s+", " ", "" if value is None else str(value)).strip()


def sales_records() -> pd.DataFrame:
    """The deeds of the three workbooks as published, cells as openpyxl gives them, text trimmed and collapsed."""
    return _sales_records().copy()


@functools.cache
def _sales_records() -> pd.DataFrame:
    rows: list[list[object]] = []
    header: list[str] = []
    for name in ("manhattan", "bronx", "statenisland"):
        content = io.BytesIO(read_bytes("land.sales", FIRST, f"rollingsales_{name}.xlsx"))
        sheet = openpyxl.load_workbook(content, read_only=True, data_only=True).worksheets[0]
        lines = sheet.iter_rows(min_row=5, values_only=True)
        header = [collapse(cell) for cell in next(lines)]
        rows += [[collapse(cell) if cell is None or isinstance(cell, str) else cell for cell in line] for line in lines]
    return pd.DataFrame(rows, columns=header, dtype=object)


def distinct_sales() -> pd.DataFrame:
    """The deeds, exact copies once. Cells are compared as text, as they stand in a delivered record."""
    records = sales_records()
    return records[~records.map(_as_text).duplicated()]


def _as_text(cell: object) -> str:
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell)


def land_market_monthly() -> pd.DataFrame:
    """870 rows: three boroughs, thirteen months, building class categories."""
    return _land_market_monthly().copy()


@functools.cache
def _land_market_monthly() -> pd.DataFrame:
    sales = distinct_sales()
    month = sales["SALE DATE"].map(lambda day: dt.date(day.year, day.month, 1))
    category = sales["BUILDING CLASS CATEGORY"].map(lambda text: text or "unknown")
    rows = []
    for key, group in sales.groupby([sales["BOROUGH"].map(_as_text), month, category]):
        prices = sorted(Decimal(_as_text(price)) for price in group["SALE PRICE"] if price > 0)
        rows.append((*key, len(group), len(prices), sum(prices, Decimal(0)).quantize(CENT), _median(prices)))
    names = ["borough_code", "month", "building_class_category", "transfers", "sales", "sales_amount", "median_price"]
    return _table(rows, names, 3)


def _median(ordered: list[Decimal]) -> Decimal | None:
    if not ordered:
        return None
    lower, upper = ordered[(len(ordered) - 1) // 2], ordered[len(ordered) // 2]
    return ((lower + upper) / 2).quantize(CENT, ROUND_HALF_UP)


def volume_records() -> pd.DataFrame:
    """The counts as published, a record a segment, roadway, direction and day."""
    return read_text_table("traffic.volume", FIRST, "Traffic_Volume_Counts__2012-2013_.csv")


def road_volume_hourly() -> pd.DataFrame:
    """142,680 rows: 24 hours of 5,945 records."""
    records = volume_records()
    records["segment_id"] = records["Segment ID"].map(collapse)
    records["roadway_name"] = records["Roadway Name"].map(collapse)
    records["direction"] = records["Direction"].map(lambda text: re.sub(r"\s*-\s*", "-", text.strip()))
    day = pd.to_datetime(records["Date"], format="%m/%d/%Y")
    hours = list(records.columns[7:31])
    parts = [
        records[["segment_id", "roadway_name", "direction"]].assign(
            hour_start=day + pd.Timedelta(hours=hour),
            volume=records[name].map(lambda text: Decimal(text).quantize(CENT)),
        )
        for hour, name in enumerate(hours)
    ]
    keys = ["segment_id", "roadway_name", "direction", "hour_start"]
    return pd.concat(parts).sort_values(keys, ignore_index=True)


def employment_records(year: int) -> pd.DataFrame:
    """The state's file of a year as published."""
    date = {2012: FIRST, 2013: SECOND}[year]
    return read_text_table("employment.county_industry", date, f"qcew_annual_{year}.txt")


def employment_yearly() -> pd.DataFrame:
    """969 rows: five boroughs, two years, industries."""
    records = pd.concat([employment_records(2012), employment_records(2013)])
    ours = records[(records["AREATYPE"] == "County") & records["AREA"].isin(list(COUNTY_NAMES))]
    rows = [
        (
            str(COUNTY_NAMES[r["AREA"]]),
            int(r["YEAR"]),
            r["NAICS"],
            _level(r["NAICS"]),
            int(r["ESTAB"]),
            int(r["AVGEMP"]),
            Decimal(r["TOTWAGE"]).quantize(CENT),
        )
        for r in ours.to_dict("records")
    ]
    names = ["borough_code", "year", "naics_code", "industry_level", "establishments", "employment", "wages"]
    return _table(rows, names, 3)


def _level(code: str) -> str:
    if code in ("951", "952", "953"):
        return "government"
    special = {"00": "total", "01": "ownership", "95": "ownership"}
    return special.get(code) or {2: "sector", 3: "subsector"}[len(code)]


def income_records(year: int) -> pd.DataFrame:
    """The country's file of a tax year as published."""
    date, name = {2012: (FIRST, "12cyallnoagi.csv"), 2013: (SECOND, "13incyallnoagi.csv")}[year]
    return read_text_table("tax.county_income", date, name, encoding="latin-1")


def income_tax_yearly() -> pd.DataFrame:
    """10 rows: five boroughs, two tax years; thousands of dollars made dollars."""
    rows = []
    for year in (2012, 2013):
        records = income_records(year)
        ours = records[(records["STATEFIPS"] == "36") & records["COUNTYFIPS"].isin(list(COUNTIES))]
        for r in ours.to_dict("records"):
            amounts = ((Decimal(r[c]) * 1000).quantize(CENT) for c in ("A00100", "A06500", "A10300"))
            rows.append((COUNTIES[r["COUNTYFIPS"]], year, int(Decimal(r["N1"])), *amounts))
    return _table(rows, ["borough_code", "tax_year", "returns", "adjusted_gross_income", "income_tax", "total_tax"], 2)


def crash_records(date: str) -> pd.DataFrame:
    """An extract of the police as published."""
    return read_text_table("traffic.crashes", date, f"nyccrashes_2024w0630_by{date.replace('-', '')}.csv")


def crash_daily() -> pd.DataFrame:
    """48 rows: five boroughs and unknown, eight days; the second extract holds every record."""
    records = crash_records(SECOND)
    borough = records["BOROUGH"].map(lambda text: text.title() or "unknown")
    day = pd.to_datetime(records["CRASH DATE"], format="%m/%d/%Y").dt.date
    rows = [
        (*key, len(group), *(group[f"NUMBER OF PERSONS {what}"].astype(int).sum() for what in ("INJURED", "KILLED")))
        for key, group in records.groupby([borough, day])
    ]
    return _table(rows, ["borough_name", "crash_date", "crashes", "persons_injured", "persons_killed"], 2)


def macro_economy_yearly() -> pd.DataFrame:
    """10 rows: five boroughs, two years; no sales file covers Brooklyn (3) and Queens (4)."""
    jobs = employment_yearly().query("naics_code == '00'").set_index(["borough_code", "year"])
    taxes = income_tax_yearly().set_index(["borough_code", "tax_year"])
    market = land_market_monthly()
    market["year"] = market["month"].map(lambda month: month.year)
    rows = []
    for code in "12345":
        for year in (2012, 2013):
            job, tax = jobs.loc[(code, year)], taxes.loc[(code, year)]
            sold = market[(market["borough_code"] == code) & (market["year"] == year)]
            sales = (sum(sold["sales_amount"], Decimal(0)), sold["month"].nunique()) if len(sold) else (None, None)
            sources = "employment,land,tax" if len(sold) else "employment,tax"
            values = (job["employment"], job["wages"], tax["adjusted_gross_income"], tax["total_tax"], *sales)
            rows.append((code, year, *values, sources))
    figures = ["employment", "wages", "adjusted_gross_income", "total_tax", "sales_amount", "sales_months"]
    return _table(rows, ["borough_code", "year", *figures, "sources_present"], 2)


def dataset_freshness() -> pd.DataFrame:
    """14 rows: seven datasets, two business dates; each is due at 06:00 of the next morning, the deeds at 10:00.

    Deeds and road counts are due once a year, on 17 September: on the second date nothing was due.
    """
    zone = zoneinfo.ZoneInfo("America/New_York")
    rows: list[tuple[Any, ...]] = []
    for dataset in sorted(f"{p.parent.name}.{p.name}" for p in DATA.glob("*/*") if p.is_dir()):
        late = 0
        for date in (FIRST, SECOND):
            manifest = DATA.joinpath(*dataset.split("."), date, "manifest.json")
            if not manifest.exists():
                rows.append((dataset, dt.date.fromisoformat(date), None, None, None, "not_due", late))
                continue
            clock = dt.time(10 if dataset == "land.sales" else 6, tzinfo=zone)
            due = dt.datetime.combine(dt.date.fromisoformat(date) + dt.timedelta(days=1), clock).astimezone(dt.UTC)
            came = dt.datetime.fromisoformat(json.loads(manifest.read_text())["delivered_at"]).astimezone(dt.UTC)
            late = late + 1 if came > due else 0
            lag = (Decimal(int((came - due).total_seconds())) / 3600).quantize(CENT, ROUND_HALF_UP)
            rows.append((dataset, dt.date.fromisoformat(date), due, came, lag, "delivered", late))
    names = ["dataset", "business_date", "due_at", "delivered_at", "lag_hours", "status", "consecutive_late"]
    return _table(rows, names, 2)


def _table(rows: list[tuple[Any, ...]], names: list[str], keys: int) -> pd.DataFrame:
    """Rows as objects, so that numbers stay whole and absent values None, sorted by the first columns."""
    return pd.DataFrame(sorted(rows, key=lambda row: row[:keys]), columns=names, dtype=object)
