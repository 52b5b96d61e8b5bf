"""The pages in a real browser: what a reader clicks, types and prints, in both languages, light and dark.

Chromium is the system's; `make test-slow` installs Debian's package where it may.
"""

from __future__ import annotations

import re
import shutil
import zlib
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from urllib.parse import unquote, urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

from jobs.lake import Lake
from jobs.pages import make_server
from jobs.report import write_docs
from tests.report import invented
from tests.report.invented import CONTRACTS, FIRST, GOLD

pytestmark = pytest.mark.slow

CRASHES = f"datasets/traffic.crashes/{FIRST}.r1.html"
KINDS = {
    "first page": "index.html",
    "dataset": "datasets/traffic.crashes/index.html",
    "rules": "datasets/traffic.crashes/rules.html",
    "delivery": CRASHES,
    "held delivery": f"datasets/traffic.crashes/{FIRST}.r2.html",
    "refused delivery": f"datasets/land.sales/{FIRST}.r1.html",
    "department": "departments/traffic.html",
    "release": "releases/2.html",
    "dictionary": "docs/index.html",
    "table": "docs/traffic.crashes.html",
}
PLACES = '[data-aside="traffic.crashes.s1"]'


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        pytest.fail("These tests look at the pages in Chromium, which is not here. As root: apt-get install chromium")
    with sync_playwright() as tool:
        started = tool.chromium.launch(executable_path=found)
        yield started
        started.close()


@pytest.fixture(scope="module")
def site(lake: Lake) -> Path:
    """Report and dictionary of the invented lake."""
    write_docs(lake, CONTRACTS, GOLD, "New York")
    return invented.write_pages(lake)


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    with browser.new_context() as context:
        yield context.new_page()


def visit(page: Page, site: Path, name: str) -> Page:
    page.goto((site / name).as_uri())
    return page


def column(page: Page, table: str, number: int) -> list[str]:
    """Texts of a column of the rows that are shown."""
    return page.locator(f"{table} tbody tr:visible > :nth-child({number})").all_inner_texts()


def test_every_link_of_every_page_leads_to_a_page_and_to_a_place_in_it(page: Page, site: Path) -> None:
    ids: dict[Path, set[str]] = {}
    links: set[str] = set()
    for path in sorted(site.rglob("*.html")):
        page.goto(path.as_uri())
        ids[path] = set(page.evaluate("[...document.querySelectorAll('[id]')].map(x => x.id)"))
        links |= set(page.evaluate("[...document.querySelectorAll('a')].map(a => a.href?.baseVal ? new URL(a.href.baseVal, location).href : a.href)"))  # fmt: skip
    ways = [(Path(unquote(urlsplit(link).path)), unquote(urlsplit(link).fragment)) for link in links]
    assert len(ways) > 100
    assert [way for way in ways if way[0] not in ids or (way[1] and way[1] not in ids[way[0]])] == []


def test_a_click_on_a_head_sorts_numbers_as_numbers_then_backwards_then_as_they_were(page: Page, site: Path) -> None:
    visit(page, site, "releases/1.html")
    rows = "#expectations table"
    made = column(page, rows, 1)
    head = page.locator(f"{rows} thead button", has_text="broken by")
    seen = []
    for _ in range(3):
        head.click()
        seen.append((head.locator("..").get_attribute("aria-sort"), column(page, rows, 7)))
    assert seen[:2] == [("ascending", ["0", "1"]), ("descending", ["1", "0"])]
    assert (seen[2][0], column(page, rows, 1)) == (None, made)


def test_a_column_with_thousands_is_sorted_by_value(page: Page, site: Path) -> None:
    visit(page, site, "datasets/traffic.crashes/index.html")
    page.locator("#deliveries thead button", has_text="good").click()
    assert column(page, "#deliveries table", 4) == ["81", "1,637"]


def test_a_keyboard_sorts_and_finds_the_content(page: Page, site: Path) -> None:
    visit(page, site, CRASHES)
    page.keyboard.press("Tab")
    skip = page.locator(".skip")
    assert skip.evaluate("x => x === document.activeElement && x.getBoundingClientRect().left >= 0")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page.locator("#stages thead button").first.focus()
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid", "focus is seen"
    page.keyboard.press("Enter")
    assert page.locator("#stages th").first.get_attribute("aria-sort") == "ascending"


def test_words_typed_above_a_long_table_leave_the_rows_that_hold_all_of_them(page: Page, site: Path) -> None:
    visit(page, site, CRASHES)
    box = page.locator(f"{PLACES} input[type=search]")
    box.fill("CRASHES.csv 17")
    shown = column(page, PLACES, 2)
    assert shown and all("17" in number for number in shown)
    assert page.locator(f"{PLACES} output").inner_text() == f"{len(shown)} of 200 rows"
    box.fill("")
    assert len(column(page, PLACES, 2)) == 200
    assert page.locator(f"{PLACES} output").inner_text() == ""


def test_one_of_few_words_can_be_chosen(page: Page, site: Path) -> None:
    visit(page, site, "docs/traffic.crashes.html")
    types = page.locator("#columns select").first
    types.select_option("date")
    assert {text.split()[0] for text in column(page, "#columns table", 2)} == {"date"}
    types.select_option("")
    assert len(column(page, "#columns table", 2)) == len(CONTRACTS["traffic.crashes"].columns)


def test_the_dictionary_finds_a_column_by_a_word_and_leads_to_it(page: Page, site: Path) -> None:
    visit(page, site, "docs/index.html")
    page.locator("#search").fill("persons_killed")
    assert re.fullmatch(r"\d+ found", page.locator("#said").inner_text())
    page.locator("#found a", has_text="gold.crash_daily.persons_killed").click()
    assert page.url.endswith("/docs/gold.crash_daily.html#persons_killed")
    visit(page, site, "zh/docs/index.html").locator("#search").fill("persons_killed")
    assert re.fullmatch(r"找到 \d+ 项", page.locator("#said").inner_text())


def test_a_reader_changes_the_language_of_a_page_and_back(page: Page, site: Path) -> None:
    for name in (n for kind, n in KINDS.items() if kind != "department"):
        english = visit(page, site, name).title()
        page.locator("header a[hreflang=zh]").click()
        assert page.evaluate("document.documentElement.lang") == "zh"
        assert page.url == (site / "zh" / name).as_uri()
        page.locator("header a[hreflang=en]").click()
        assert (page.evaluate("document.documentElement.lang"), page.title()) == ("en", english)


def test_without_scripts_every_row_is_there_and_nothing_that_does_nothing(browser: Browser, site: Path) -> None:
    with browser.new_context(java_script_enabled=False) as context:
        page = visit(context.new_page(), site, CRASHES)
        assert page.locator(f"{PLACES} tbody tr:visible").count() == 200
        assert page.locator("th button, .tools").count() == 0


@pytest.mark.parametrize("name", [CRASHES, f"zh/{CRASHES}", "index.html"])
def test_a_page_can_be_printed_with_its_headings_and_without_what_is_only_clicked(
    page: Page, site: Path, name: str
) -> None:
    visit(page, site, name)
    heading = page.locator("h1").inner_text()
    page.emulate_media(media="print", color_scheme="dark")
    seen = [
        page.locator(part).first.is_visible() for part in ("h1", "main table", ".tools input", "header nav", ".skip")
    ]
    assert seen == [True, True, False, False, False]
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    printed = page.pdf(tagged=True, outline=True)
    assert printed.startswith(b"%PDF-") and heading in outline_of(printed)


def outline_of(pdf: bytes) -> str:
    """The headings that the outline of a PDF names."""
    parts = [pdf]
    for stream in re.findall(rb"stream\r?\n(.*?)endstream", pdf, re.DOTALL):
        try:
            parts.append(zlib.decompress(stream))
        except zlib.error:
            continue
    plain = [p.decode("latin-1") for p in re.findall(rb"/Title \((.*?)\)", b"\n".join(parts))]
    wide = [
        bytes.fromhex(h.decode()).decode("utf-16") for h in re.findall(rb"/Title <([0-9A-Fa-f]+)>", b"\n".join(parts))
    ]
    return "\n".join([*plain, *wide])


def test_the_pages_are_dark_where_the_reader_wants_them_so(page: Page, site: Path) -> None:
    visit(page, site, "index.html")
    seen = {}
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        colours = page.evaluate("['backgroundColor', 'color'].map(x => getComputedStyle(document.body)[x])")
        seen[scheme] = [sum(map(int, re.findall(r"\d+", colour)[:3])) for colour in colours]
    assert seen["light"][0] > seen["light"][1] and seen["dark"][0] < seen["dark"][1]


@pytest.mark.parametrize("name", KINDS.values(), ids=KINDS)
def test_axe_finds_nothing_serious(page: Page, site: Path, name: str) -> None:
    for folder, scheme in (("", "light"), ("zh/", "dark")):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        visit(page, site, folder + name)
        page.evaluate("document.querySelectorAll('details').forEach(x => (x.open = true))")
        found = Axe().run(page).response["violations"]
        bad = [(x["id"], [n["html"][:200] for n in x["nodes"][:3]]) for x in found if x["impact"] in ("serious", "critical")]  # fmt: skip
        assert bad == [], (folder, scheme)


def test_a_small_screen_scrolls_tables_and_never_the_page(page: Page, site: Path) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    wide = []
    for name in KINDS.values():
        visit(page, site, name)
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            wide.append(name)
    assert wide == []


def test_the_scripts_run_under_the_policy_that_lake_pages_sends(page: Page, site: Path, lake: Lake) -> None:
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    with make_server(lake, "127.0.0.1", 0) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        page.goto(f"http://127.0.0.1:{server.server_port}/docs/index.html")
        page.locator("#search").fill("crash")
        found, buttons = page.locator("#found li").count(), page.locator("th button").count()
        server.shutdown()
        thread.join()
    assert (found > 0, buttons > 0) == (True, True)
    assert [text for text in said if "Content Security Policy" in text] == []
