"""Every number on a page is the ledger's or Delta's; no page holds a value, fetches anything or changes unasked."""

from __future__ import annotations

import base64
import hashlib
import re
from collections import Counter
from functools import cache
from pathlib import Path

import pytest
from bs4 import BeautifulSoup, Tag

from jobs import delta, landing
from jobs.lake import Lake
from jobs.ledger import Ledger, Line, Run, all_lines
from jobs.release import read_releases
from jobs.report.pages import script_hashes
from tests.report import invented
from tests.report.invented import CONTRACTS, EVIL, FIRST, NOW, SECOND

pytestmark = pytest.mark.long


def read_page(pages: Path, *name: str) -> BeautifulSoup:
    return parse(pages.joinpath(*name).read_text("utf-8"))


@cache
def parse(text: str) -> BeautifulSoup:
    """Pages with equal bytes are parsed once: that takes longer than to look at them."""
    return BeautifulSoup(text, "html.parser")


def crash_page(pages: Path, revision: int = 1) -> BeautifulSoup:
    return read_page(pages, "datasets", "traffic.crashes", f"{FIRST}.r{revision}.html")


def hash_of(script: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}"


def numbers(part: Tag) -> dict[str, int]:
    return {str(x["data-count"]): int(str(x["data-value"])) for x in part.select("[data-count]")}


def newest(lake: Lake, dataset: str, stage: str, revision: int = 1) -> Line:
    return [
        x
        for x in all_lines(lake.table("audit", "ledger"))
        if (x.dataset, x.stage, x.revision) == (dataset, stage, revision)
    ][-1]


def test_the_identities_show_the_numbers_of_the_ledger_on_both_sides(lake: Lake, pages: Path) -> None:
    bronze, silver = newest(lake, "traffic.crashes", "bronze").counts, newest(lake, "traffic.crashes", "silver").counts
    shown = {str(x["data-identity"]): numbers(x) for x in crash_page(pages).select("[data-identity]")}
    assert shown == {
        "landed": {n: bronze[n] for n in ("landed", "bronze", "refused")},
        "judged": {
            "judged": silver["judged"],
            "bronze": bronze["bronze"],
            "rows_per_record": CONTRACTS["traffic.crashes"].rows_per_record,
        },
        "verdict": {n: silver[n] for n in ("judged", "good", "set_aside", "duplicates")},
        "fold": {n: silver[n] for n in ("good", "inserted", "changed", "ended", "unchanged", "outranked")},
    }
    assert {x["data-holds"] for x in crash_page(pages).select("[data-holds]")} == {"true"}


def test_a_number_with_groups_of_three_reads_as_the_number_it_carries(pages: Path) -> None:
    for page in pages.rglob("*.html"):
        for x in read_page(page).select("[data-count]"):
            text = x.get_text(strip=True).replace(",", "")
            assert text == x["data-value"] or not text.isdigit()


def test_a_city_without_links_says_nothing_about_measuring_them(pages: Path) -> None:
    assert read_page(pages, "releases", "2.html").select("[data-links]") == []


def test_an_identity_that_does_not_hold_says_so(own_lake: Lake) -> None:
    line = newest(own_lake, "traffic.crashes", "silver")
    Ledger(own_lake, Run("run-2", 1, NOW)).append(Line(**{**vars(line), "counts": {**line.counts, "duplicates": 10}}))
    pages = invented.write_pages(own_lake)
    page = crash_page(pages)
    assert [x["data-holds"] for x in page.select("[data-identity=verdict] [data-holds]")] == ["false"]
    assert "1899" in page.select("[data-identity=verdict]")[0].get_text()
    tile = read_page(pages, "index.html").select_one("[data-identities]")
    assert (tile["data-identities"], tile["data-of"]) == ("10", "11")


def test_expectations_stand_with_their_counts_and_failing_ones_first(lake: Lake, pages: Path) -> None:
    for revision in (1, 2):
        for stage in ("bronze", "silver"):
            rows = crash_page(pages, revision).select(f"[data-stage={stage}] tr[data-rule]")
            shown = {
                str(r["data-rule"]): (
                    r["data-success"] == "true",
                    numbers(r),
                    r.select_one("[data-field=severity]").get_text(),
                )
                for r in rows
            }
            kept = newest(lake, "traffic.crashes", stage, revision).results
            assert shown == {
                r["rule"]: (r["success"], {n: r[n] for n in ("evaluated", "broken", "allowed")}, r["severity"])
                for r in kept
            }
            assert [r["data-success"] for r in rows] == sorted(r["data-success"] for r in rows)


def test_control_sums_are_the_ledgers(lake: Lake, pages: Path) -> None:
    shown = {str(x["data-sum"]): (x["data-value"], x.get_text()) for x in crash_page(pages).select("[data-sum]")}
    assert {k: v for k, (v, _) in shown.items()} == newest(lake, "traffic.crashes", "silver").counts["sums"]
    assert shown["damage_usd"][1] == "55,143,363,459.05"


def test_set_aside_rows_are_counted_as_quarantine_has_them_and_at_most_200_a_rule_are_named(
    lake: Lake, pages: Path
) -> None:
    rows = delta.read_arrow(lake.table("quarantine", "traffic_crashes")).to_pylist()
    expected = Counter(rule for r in rows for rule in (r["_rules"] or ["dismissed"]))
    parts = {str(x["data-aside"]): x for x in crash_page(pages).select("[data-aside]")}
    assert {rule: numbers(x)["rows"] for rule, x in parts.items()} == expected
    assert {rule: len(x.select("[data-place]")) for rule, x in parts.items()} == {
        rule: min(n, 200) for rule, n in expected.items()
    }
    assert int(crash_page(pages).select_one("[data-count=aside_rows]")["data-value"]) == len(rows)
    places = {(r["_file"], str(r["_record"])) for r in rows}
    assert {tuple(str(p["data-place"]).rsplit("/", 1)) for p in crash_page(pages).select("[data-place]")} <= places


def test_what_arrived_is_what_the_receipt_says(lake: Lake, pages: Path) -> None:
    receipt = landing.list_receipts(lake, CONTRACTS["traffic.crashes"], FIRST)[0]
    stated = {f["name"]: f["records"] for f in receipt.manifest["files"]}
    rows = {str(r["data-file"]): r for r in crash_page(pages).select("tr[data-file]")}
    shown = {name: (r.select_one("[data-field=sha256]").get_text(), numbers(r)) for name, r in rows.items()}
    assert shown == {f.name: (f.sha256, {"bytes": f.size, "records": stated[f.name]}) for f in receipt.files}
    assert crash_page(pages).select_one("[data-field=delivered_at] time")["datetime"] == receipt.delivered_at


def test_a_refused_delivery_shows_all_nine_parts_of_its_error(pages: Path) -> None:
    block = read_page(pages, "datasets", "land.sales", f"{FIRST}.r1.html").select_one("[data-error=E316]")
    parts = {str(x["data-part"]): x.get_text(" ", strip=True) for x in block.select("[data-part]")}
    assert set(parts) == {
        "code",
        "dataset",
        "business_date",
        "revision",
        "stage",
        "place",
        "expected_actual",
        "evidence",
        "next",
    }
    assert all(parts.values()) and "a workbook" in parts["expected_actual"] and EVIL in parts["expected_actual"]


def test_the_first_page_gives_every_cell_its_word(pages: Path) -> None:
    index = read_page(pages, "index.html")
    words = {
        (str(c["data-dataset"]), str(c["data-night"])): [str(x["data-status"]) for x in c.select("[data-status]")]
        for c in index.select("td[data-night]")
    }
    assert words["traffic.crashes", FIRST] == ["held", "accepted"]
    assert words["land.sales", FIRST] == ["refused"]
    assert words["traffic.crashes", SECOND] == ["not delivered"]
    assert words["tax.county_income", SECOND] == ["not due"]
    assert words["traffic.volume", FIRST] == ["nothing known"]
    assert [c["data-dataset"] for c in index.select("td[data-night]") if c.select("[data-late]")] == [
        "traffic.link_speed"
    ]
    assert all(x.get_text(strip=True) == x["data-status"] for x in index.select("td [data-status]"))


def test_every_link_leads_to_a_page(pages: Path) -> None:
    for page in pages.rglob("*.html"):
        links = [str(a["href"]) for a in read_page(page).select("a[href]")]
        inside = {f"#{x['id']}" for x in read_page(page).select("[id]")}
        assert [x for x in links if x not in inside and not (page.parent / x).resolve().is_file()] == []


def test_bars_hold_the_counts_of_the_ledger(lake: Lake, pages: Path) -> None:
    counts = newest(lake, "traffic.crashes", "silver").counts
    row = read_page(pages, "index.html").select_one(f'[data-bar="traffic.crashes/{FIRST}"]')
    assert numbers(row) == {n: counts[n] for n in ("good", "duplicates", "set_aside")}
    assert read_page(pages, "index.html").select_one("figure svg") is not None


def test_a_release_shows_its_tables_and_what_they_stand_on(lake: Lake, pages: Path) -> None:
    for release in read_releases(lake):
        page = read_page(pages, "releases", f"{release.number}.html")
        assert set(release.tables) == {str(r["data-table"]) for r in page.select("tr[data-table]")}
        for table in release.tables.values():
            row = page.select_one(f"tr[data-table={table.table}]")
            assert row["data-status"] == table.status and row.select_one("[data-field=why]").get_text() == table.why
            assert row.select_one("[data-field=digest]").get_text() == (table.digest or "–")
            assert numbers(row) == ({"version": table.version, "rows": table.rows} if table.version >= 0 else {})
        standing = {"/".join(map(str, d[:3])): d[3] for t in release.tables.values() for d in t.stands_on}
        assert {
            str(r["data-delivery"]): r.select_one("[data-field=sha256]").get_text()
            for r in page.select("tr[data-delivery]")
        } == standing


def test_a_restated_figure_stands_with_its_old_and_new_value(lake: Lake, pages: Path) -> None:
    kept = delta.read_arrow(lake.table("audit", "restatements")).to_pylist()
    rows = read_page(pages, "releases", "2.html").select("tr[data-restated]")
    shown = [tuple(r.select_one(f"[data-field={n}]").get_text() for n in ("key", "column", "old", "new")) for r in rows]
    assert shown == [(r["key"], r["column"], r["old"], r["new"]) for r in kept] and len(kept) == 1
    assert not read_page(pages, "releases", "1.html").select("tr[data-restated]")


def test_a_release_shows_the_checks_of_its_own_version(pages: Path) -> None:
    for number in (1, 2):
        checked = read_page(pages, "releases", f"{number}.html").select("[data-checked]")
        assert [(c["data-checked"], f"version {number - 1}" in c.h3.get_text()) for c in checked] == [
            ("crash_daily", True)
        ]
        assert [r["data-rule"] for r in checked[0].select("tr[data-rule]")] == [
            "gold.crash_daily.g2",
            "gold.crash_daily.g1",
        ]


def test_decisions_stand_with_name_and_reason(pages: Path) -> None:
    rows = crash_page(pages).select("tr[data-decision]")
    assert len(rows) == 1 and "Ada" in rows[0].get_text() and "crashes.csv, record 401" in rows[0].get_text()


def test_no_page_holds_a_value_of_a_set_aside_row(pages: Path) -> None:
    whole = "".join(p.read_text("utf-8") for p in pages.rglob("*") if p.is_file())
    assert not [x for x in (invented.SECRET, invented.KEY, invented.RAW.decode()) if x in whole]


def test_names_from_outside_are_text_and_never_markup(pages: Path) -> None:
    for page in pages.rglob("*.html"):
        assert [hash_of(str(x.string)) for x in read_page(page).select("script")] == script_hashes()[:1]
    assert EVIL in crash_page(pages).select_one("#notices").get_text()


def test_pages_need_no_network(pages: Path) -> None:
    for page in pages.rglob("*.html"):
        text = (
            page.read_text("utf-8")
            .replace('xmlns="http://www.w3.org/2000/svg"', "")
            .replace('xmlns:xlink="http://www.w3.org/1999/xlink"', "")
        )
        assert not re.search(r"https?://|@import|url\(|<link|<img|<iframe", text)


def test_writing_the_pages_again_writes_nothing(lake: Lake, pages: Path) -> None:
    before = {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in pages.rglob("*") if p.is_file()}
    invented.write_pages(lake)
    assert before == {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in pages.rglob("*") if p.is_file()}


def test_pages_made_from_nothing_have_the_same_bytes(lake: Lake, pages: Path) -> None:
    before = {p: p.read_bytes() for p in pages.rglob("*") if p.is_file()}
    for p in before:
        p.unlink()
    invented.write_pages(lake)
    assert before == {p: p.read_bytes() for p in pages.rglob("*") if p.is_file()}


def test_every_table_has_a_caption_and_scoped_headers(pages: Path) -> None:
    for page in pages.rglob("*.html"):
        soup = read_page(page)
        assert len(soup.select("h1")) == 1
        assert all(t.caption for t in soup.select("table")) and all(h.get("scope") for h in soup.select("th"))


def test_an_empty_lake_has_a_first_page(tmp_path: Path) -> None:
    lake = Lake(str(tmp_path), invented.CITY)
    assert "Nothing has been delivered yet." in read_page(invented.write_pages(lake), "index.html").get_text()
