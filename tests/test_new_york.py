"""The main job on the shipped extracts: two nights of New York, from the files as published to a release."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest
from pyspark.sql import SparkSession

from jobs import delta, query, release
from jobs import night as nights
from jobs.cities import load_contracts, load_gold
from jobs.digest import digest_table
from jobs.ledger import all_lines
from jobs.reconcile import reconcile_gold
from jobs.release import find_release
from tests.figures.compare import assert_all_figures_equal
from tests.little import World
from tests.open_lineage import faults, read_events

pytestmark = pytest.mark.spark
TABLES = ["land_market_monthly", "road_volume_hourly", "employment_yearly", "income_tax_yearly", "crash_daily", "macro_economy_yearly", "dataset_freshness"]  # fmt: skip


def counts(new_york: World, dataset: str, date: str) -> dict[str, int]:
    return {**new_york.line(dataset, date, "bronze").counts, **new_york.line(dataset, date).counts}


@pytest.mark.parametrize(
    ("dataset", "date", "wanted"),
    [
        ("land.sales", "2024-09-16", {"landed": 39_019, "duplicates": 1_747, "good": 37_272, "set_aside": 0}),
        ("tax.county_income", "2024-09-16", {"landed": 3_193, "good": 3_193}),
        ("tax.county_income", "2025-02-12", {"landed": 3_193, "inserted": 3_193, "ended_by_absence": 0}),
        ("employment.county_industry", "2024-09-16", {"landed": 10_437, "good": 10_437}),
        ("employment.county_industry", "2025-02-12", {"landed": 10_516, "inserted": 10_516}),
        ("employment.zip_business", "2024-09-16", {"landed": 2_064, "good": 2_064}),
        ("employment.zip_business", "2025-02-12", {"landed": 266, "good": 266}),
        (
            "traffic.volume",
            "2024-09-16",
            {"landed": 5_945, "judged": 142_680, "good": 142_680, "sums": {"volume_count": "58870167.14"}},
        ),
        ("traffic.link_speed", "2025-02-12", {"landed": 153, "changed": 147, "unchanged": 6}),
        ("traffic.crashes", "2024-09-16", {"landed": 1_875, "inserted": 1_875}),
        ("traffic.crashes", "2025-02-12", {"landed": 1_876, "inserted": 1, "changed": 21, "unchanged": 1_854}),
    ],
)
def test_every_record_of_a_delivery_is_accounted_for(
    new_york: World, dataset: str, date: str, wanted: dict[str, object]
) -> None:
    found = counts(new_york, dataset, date)
    assert {name: found[name] for name in wanted} == wanted


@pytest.mark.parametrize(
    ("table", "rows", "current"),
    [("traffic_crashes", 1_897, 1_876), ("traffic_link_speed", 300, 153), ("tax_county_income", 6_386, 6_386)],
)
def test_history_keeps_what_was_and_marks_what_is(new_york: World, table: str, rows: int, current: int) -> None:
    found = delta.read_arrow(new_york.lake.table("silver", table), columns=["is_current"])
    assert found is not None
    assert (found.num_rows, sum(found["is_current"].to_pylist())) == (rows, current)


def test_new_columns_of_the_second_tax_file_are_kept_and_reported(new_york: World) -> None:
    line = new_york.line("tax.county_income", "2025-02-12", "bronze")
    assert sum(n["code"] == "N310" for n in line.notices) == 38
    extra = delta.read_arrow(new_york.lake.table("bronze", "tax_county_income"), columns=["_extra"])
    assert extra is not None
    assert extra["_extra"].null_count == 3_193


def test_suppressed_employment_is_null_and_marked(new_york: World) -> None:
    rows = pd.DataFrame(new_york.rows("employment.zip_business"))
    hidden = rows[rows["is_suppressed"]]
    by_year = hidden.groupby("year").size().to_dict()
    assert by_year == {2016: 242, 2017: 15}
    assert (
        hidden[["employment", "first_quarter_payroll_thousand_usd", "annual_payroll_thousand_usd"]].isna().all().all()
    )


@pytest.mark.parametrize("table", TABLES)
def test_every_gold_figure_equals_a_second_computation(new_york: World, table: str) -> None:
    assert_all_figures_equal(new_york.lake, table)


def test_sums_that_gold_keeps_are_those_of_silver(new_york: World) -> None:
    """58,870,167.14 vehicles were counted, and nobody who was hurt is lost between silver and gold."""
    released = find_release(new_york.lake, None)
    assert released is not None
    rows = reconcile_gold(new_york.lake, load_contracts("new_york"), load_gold("new_york"), released)
    assert {(r["column"], r["difference"]) for r in rows} == {
        ("volume", "0.00"),
        ("persons_injured", "0"),
        ("persons_killed", "0"),
    }
    assert [r["in gold"] for r in rows if r["column"] == "volume"] == ["58870167.14"]


def test_gold_is_asked_by_name_and_bound_to_a_release(new_york: World, spark: SparkSession) -> None:
    newest = release.find_release(new_york.lake, None)
    assert newest is not None
    query.open_views(spark, new_york.lake, load_gold("new_york"), newest)
    rows = query.run_query(
        spark,
        "SELECT employment FROM gold.employment_yearly WHERE borough_code = '1' AND year = 2013 AND naics_code = '00'",
    )
    assert rows.to_pylist() == [{"employment": 2_431_860}]


def test_a_second_run_does_nothing_and_starts_no_java(new_york: World, tmp_path: Path) -> None:
    def refuse() -> SparkSession:
        raise AssertionError("a finished night starts no session")

    again = World(tmp_path, refuse, "new_york")
    again.lake, again.inbox = new_york.lake, new_york.inbox
    before = new_york.versions()
    night = again.run(now="2026-01-02T12:00:00Z", release=True)
    assert (night.lines, night.problems, new_york.versions()) == ([], [], before)


def test_released_digests_are_those_of_the_tables(new_york: World) -> None:
    newest = release.find_release(new_york.lake, None)
    assert newest is not None
    for table in newest.tables.values():
        rows = delta.read_arrow(new_york.lake.table("gold", table.table), table.version)
        assert rows is not None
        assert digest_table(rows, load_gold("new_york")[table.table]) == table.digest


def test_gold_reads_without_spark(new_york: World) -> None:
    import duckdb

    rows = delta.read_arrow(new_york.lake.table("gold", "road_volume_hourly"))
    assert rows is not None
    found = duckdb.sql("SELECT count(*), sum(volume), min(hour_start)::VARCHAR FROM rows").fetchall()
    assert [(n, str(total), first[:4]) for n, total, first in found] == [(142_680, "58870167.14", "2012")]


def test_a_figure_of_several_departments_leads_through_other_gold_tables_to_silver(new_york: World) -> None:
    """Staten Island in 2012: one county's jobs, one county's taxes, and the deeds of five months."""
    key = {"borough_code": "5", "year": "2012"}
    figure = nights.trace_figure(new_york.run_nothing(), "macro_economy_yearly", key, None)
    rows = {source.name: source.lines() for source in figure.sources}
    (jobs,), (taxes,) = rows["silver.employment_county_industry"], rows["silver.tax_county_income"]
    assert (jobs["area"], jobs["naics_code"], jobs["employment"]) == ("Richmond County", "00", figure.values["employment"])  # fmt: skip
    assert (taxes["county_fips"], taxes["state_fips"]) == ("085", "36")
    deeds = rows["silver.land_sales"]
    assert {(r["borough_code"], r["sale_date"][:4], r["_file"]) for r in deeds} == {("5", "2012", "rollingsales_statenisland.xlsx")}  # fmt: skip
    assert sum(Decimal(r["sale_price_usd"]) for r in deeds) == Decimal(str(figure.values["sales_amount"]))


def test_a_plan_writes_nothing(new_york: World, tmp_path: Path) -> None:
    before = sorted(p.as_posix() for p in Path(new_york.lake.base).rglob("*"))
    night = new_york.run_nothing()
    night.inbox = new_york.inbox
    assert nights.owed(night) == []
    assert not nights.is_release_owed(night)
    assert sorted(p.as_posix() for p in Path(new_york.lake.base).rglob("*")) == before


def test_every_stage_of_both_nights_left_lineage_that_the_standard_accepts(new_york: World) -> None:
    events = read_events(new_york.lake)
    assert {e["job"]["name"]: found for e in events if (found := faults(e))} == {}
    lines = [x for x in all_lines(new_york.lake.table("audit", "ledger")) if x.stage in ("bronze", "silver", "gold")]
    ran = Counter(e["job"]["name"].partition(".")[0] for e in events if e["eventType"] != "START")
    assert ran == {**Counter(x.stage for x in lines), "landing": sum(x.stage == "bronze" for x in lines), "release": 1}
    assert Counter(e["eventType"] for e in events)["START"] == sum(ran.values())
