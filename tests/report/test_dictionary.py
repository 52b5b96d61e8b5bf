"""The data dictionary says what contracts, ledger and releases say, can be followed from a figure to a file and back, and fetches nothing."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote

import pytest
from bs4 import BeautifulSoup, Tag

from jobs import cli
from jobs.cities import city_names, load_gold
from jobs.contracts import Contract
from jobs.lake import Lake
from jobs.ledger import all_lines
from jobs.pages import read_page
from jobs.report import write_docs
from jobs.report.pages import script_hashes
from jobs.units import unit_of
from tests.report import invented
from tests.report.invented import CONTRACTS, GOLD, RAW, SECRET
from tests.report.test_report import hash_of

pytestmark = pytest.mark.long

TABLES: dict[str, Contract] = {f"gold.{t}": c for t, c in GOLD.items()} | dict(CONTRACTS)


@pytest.fixture(scope="module")
def pages(lake: Lake) -> dict[str, BeautifulSoup]:
    invented.write_pages(lake)
    folder = Path(write_docs(lake, CONTRACTS, GOLD, "New York")).parent
    return {p.name: BeautifulSoup(p.read_text("utf-8"), "html.parser") for p in sorted(folder.iterdir())}


def page_of(pages: dict[str, BeautifulSoup], table: str) -> BeautifulSoup:
    return pages[f"{table}.html"]


def field(part: Tag | BeautifulSoup, name: str) -> str:
    found = part.select_one(f'[data-field="{name}"]')
    assert found is not None, name
    return " ".join(found.get_text(" ", strip=True).split())


def links(row: Tag, kind: str) -> list[str]:
    return [str(a[f"data-{kind}"]) for a in row.select(f"[data-{kind}]")]


def row_of(pages: dict[str, BeautifulSoup], href: str) -> Tag:
    """The element that a link of a page of the dictionary leads to."""
    page, _, anchor = href.partition("#")
    found = pages[page].find(id=anchor)
    assert isinstance(found, Tag), href
    return found


def test_every_table_has_a_page_with_every_column_in_the_words_of_its_contract(pages: dict[str, BeautifulSoup]) -> None:
    assert set(pages) == {"index.html", *[f"{t}.html" for t in TABLES]}
    for name, contract in TABLES.items():
        page = page_of(pages, name)
        shown = [
            (str(r["data-column"]), field(r, "type"), field(r, "class"), field(r, "description"))
            for r in page.select("[data-column]")
        ]
        stated = [(c.name, c.spark_type, c.classification, " ".join(c.description.split())) for c in contract.columns]
        assert shown == stated
        assert (field(page, "grain"), field(page, "owner")) == (contract.grain, contract.owner)
        assert field(page, "limitations") == " ".join(contract.description.get("limitations", "–").split())
        headers = [(str(r["data-delivered"]), field(r, "header")) for r in page.select("[data-delivered]")]
        assert headers == [(c.name, " ".join(c.header.split())) for c in contract.delivered]


def test_the_words_are_those_that_lake_describe_prints(
    lake: Lake, pages: dict[str, BeautifulSoup], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in TABLES:
        monkeypatch.setattr("sys.argv", ["lake", "describe", name, "--json", "--city", lake.city, "--root", lake.root])
        with pytest.raises(SystemExit) as left:
            cli.main()
        told = json.loads(capsys.readouterr().out)
        page = page_of(pages, name)
        said = {
            str(r["data-column"]): [field(r, "type"), field(r, "description"), field(r, "unit")]
            for r in page.select("[data-column]")
        }
        assert left.value.code == 0
        assert {c[0]: [c[1], " ".join(c[4].split()), c[6] or "–"] for c in told["columns"]} == said
        assert told["grain"] == field(page, "grain")


@pytest.mark.parametrize("city", city_names())
def test_every_number_of_gold_says_what_it_counts_or_is_measured_in(city: str) -> None:
    numbers = [(t, c) for t, k in load_gold(city).items() for c in k.columns if c.logical_type in ("integer", "number")]
    bare = {f"{t}.{c.name}" for t, c in numbers if not unit_of(c) and not c.key_position}
    assert bare == set()


def test_every_link_leads_to_something(lake: Lake, pages: dict[str, BeautifulSoup]) -> None:
    folder, lost = Path(lake.path("reports", "docs")), []
    for name, page in pages.items():
        for a in page.select("a[href]"):
            target, _, anchor = unquote(str(a["href"])).partition("#")
            if target.startswith("../"):
                is_there = (folder / target).is_file()
            else:
                is_there = (target or name) in pages and (
                    not anchor or pages[target or name].find(id=anchor) is not None
                )
            lost += [] if is_there else [(name, a["href"])]
    assert lost == []


def test_a_gold_column_can_be_followed_to_the_header_of_the_file_and_back(pages: dict[str, BeautifulSoup]) -> None:
    figure = row_of(pages, "gold.crash_daily.html#borough_name")
    assert links(figure, "origin") == ["traffic.crashes.borough"]
    silver = row_of(pages, str(figure.select("[data-origin]")[0]["href"]))
    assert links(silver, "origin") == ["BOROUGH"]
    delivered = row_of(pages, str(silver.select("[data-origin]")[0]["href"]))
    assert field(delivered, "header") == "BOROUGH"
    assert field(page_of(pages, "traffic.crashes"), "file") == CONTRACTS["traffic.crashes"].inbox().path
    assert links(delivered, "use") == ["borough"]
    assert links(silver, "use") == ["gold.crash_daily.borough_name"]


def test_the_lists_and_the_drawing_name_the_same_origins_as_the_contracts(pages: dict[str, BeautifulSoup]) -> None:
    for table, contract in GOLD.items():
        tree = page_of(pages, f"gold.{table}").select_one("ul.tree")
        assert tree is not None
        shown = {
            li.select_one("a").get_text(): [x.select_one("a").get_text() for x in li.select(":scope > ul > li")]  # type: ignore[union-attr]
            for li in tree.select(":scope > li")
        }
        assert shown == {c.name: list(c.sources) for c in contract.columns}
    drawn = {t.get_text() for t in pages["index.html"].select("svg.tables path title")}
    sources = {(s.rpartition(".")[0], t) for t, c in GOLD.items() for x in c.columns for s in x.sources}
    assert drawn == {f"{dataset} to gold.{table}" for dataset, table in sources}


def test_a_column_made_of_the_name_of_the_file_says_so(pages: dict[str, BeautifulSoup]) -> None:
    year = row_of(pages, "tax.county_income.html#year")
    assert links(year, "origin") == ["the name of the file"]
    assert row_of(pages, str(year.select("[data-origin]")[0]["href"])).get_text() == "file"


def test_the_page_of_a_table_says_how_it_stands(lake: Lake, pages: dict[str, BeautifulSoup]) -> None:
    crashes, daily = page_of(pages, "traffic.crashes"), page_of(pages, "gold.crash_daily")
    lines = all_lines(lake.table("audit", "ledger"))
    held = [x for x in lines if (x.dataset, x.stage, x.revision) == ("traffic.crashes", "silver", 2)][-1]
    assert field(crashes, "status").startswith(f"held {held.code} ")
    assert field(crashes, "rows") == f"{held.counts['good']:,} good, {held.counts['set_aside']:,} set aside"
    met = sum(r["success"] for r in held.results)
    assert field(crashes, "checks") == f"{met} of {len(held.results)} expectations met"
    assert field(daily, "status").startswith("stale traffic.crashes")
    assert field(daily, "fresh").startswith(f"{invented.FIRST}, in release 2 of ")
    assert field(page_of(pages, "traffic.volume"), "status") == "not delivered"
    assert field(page_of(pages, "gold.road_volume_hourly"), "status").startswith("not released")


def test_the_search_knows_every_table_column_and_header(pages: dict[str, BeautifulSoup]) -> None:
    entries = json.loads(pages["index.html"].find(id="entries").get_text())  # type: ignore[union-attr]
    wanted = {*TABLES, *[f"{t}.{c.name}" for t, k in TABLES.items() for c in k.columns]}
    wanted |= {f"{t}: {c.header}" for t, k in TABLES.items() for c in k.delivered}
    assert {e["n"] for e in entries} == wanted
    for e in entries:
        assert e["u"] in pages or row_of(pages, e["u"]) is not None


def test_the_example_of_a_gold_table_asks_for_its_columns_by_name(pages: dict[str, BeautifulSoup]) -> None:
    asked = field(page_of(pages, "gold.crash_daily"), "query")
    assert asked == (
        'lake sql "SELECT borough_name, crash_date, crashes, persons_injured, persons_killed FROM gold.crash_daily '
        'ORDER BY borough_name, crash_date LIMIT 10"'
    )


def test_no_page_fetches_anything_or_holds_a_value_and_its_scripts_are_those_that_lake_pages_allows(
    lake: Lake, pages: dict[str, BeautifulSoup]
) -> None:
    table, search = script_hashes()
    for name, page in pages.items():
        served = read_page(lake, f"/docs/{name}")
        assert served is not None
        text = served[0].decode()
        assert not re.search(r"https?://|@import|url\(|<link|<img|<iframe|src=", text)
        assert SECRET not in text
        assert RAW.decode() not in text
        scripts = [str(x.string) for x in page.select("script:not([type])")]
        assert [hash_of(s) for s in scripts] == ([search, table] if name == "index.html" else [table])


def test_a_description_cannot_end_the_script_that_holds_the_index(lake: Lake, tmp_path: Path) -> None:
    evil = "</script><script>alert(1)</script>"
    contract = CONTRACTS["traffic.crashes"]
    columns = tuple(replace(c, description=evil) for c in contract.columns)
    contracts = {**CONTRACTS, "traffic.crashes": replace(contract, columns=columns)}
    page = Path(write_docs(lake, contracts, GOLD, "New York", tmp_path / "out"))
    found = BeautifulSoup(page.read_text("utf-8"), "html.parser")
    assert len(found.select("script")) == 3
    assert evil in {e["d"] for e in json.loads(found.find(id="entries").get_text())}  # type: ignore[union-attr]
    assert "<script>alert" not in (tmp_path / "out" / "traffic.crashes.html").read_text("utf-8")


def test_written_elsewhere_the_pages_lead_to_none_of_the_report_and_twice_are_the_same_bytes(
    lake: Lake, tmp_path: Path
) -> None:
    def write() -> dict[str, bytes]:
        write_docs(lake, CONTRACTS, GOLD, "New York", tmp_path / "out")
        return {p.relative_to(tmp_path / "out").as_posix(): p.read_bytes() for p in (tmp_path / "out").rglob("*.html")}

    first = write()
    assert set(first) == {f"{folder}{n}.html" for folder in ("", "zh/") for n in ("index", *TABLES)}
    leads = {(n, href) for n, text in first.items() for href in re.findall(r'href="(\.\./[^"]*)"', text.decode())}
    assert leads == {(n, f"../{n.removeprefix('zh/')}") for n in first if n.startswith("zh/")}, "to the other language"
    assert write() == first
