"""Both languages say everything that the pages say of themselves, and nothing that no page says."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from bs4 import BeautifulSoup

from jobs.cities import load_city
from jobs.error_codes import CODES
from jobs.lake import Lake
from jobs.pages import read_page
from jobs.report import languages, pages, write_docs
from jobs.suites import DIMENSIONS
from tests.report import invented
from tests.report.invented import CONTRACTS, FIRST, GOLD
from tests.report.test_new_york_pages import read_numbers

pytestmark = pytest.mark.long

TEMPLATES = sorted(pages.FOLDER.glob("*.html"))
OTHERS = [language for language in languages.LANGUAGES if language != "en"]
HOLES = re.compile(r"%\(\w+\)s|\{\w+\}|</?\w+[^>]*>")
# What is no word of ours: names of programs, of a standard, of our own tables.
NAMES = {"gold", "audit", "restatements", "lake", "docs", "trace", "verify", "entity", "link", "SHA"}


def texts_of(template: Path) -> set[str]:
    """Every text of a template that is said in the reader's language; of a singular and plural the plural."""
    environment: Any = pages.environment()
    found = environment.extract_translations(template.read_text("utf-8"))
    return {
        (text[1] if kind == "ngettext" else text[0]) if isinstance(text, tuple) else text for _, kind, text in found
    }


def all_texts() -> set[str]:
    titles = {code.title for code in CODES.values()} | {c.cause for name, c in CODES.items() if name.startswith("Q")}
    return {text for t in TEMPLATES for text in texts_of(t)} | {*languages.WORDS, *DIMENSIONS} | titles


@pytest.mark.parametrize("language", OTHERS)
def test_every_text_is_translated_and_no_translation_is_left_over(language: str) -> None:
    assert sorted(all_texts() ^ set(languages.read_texts(language))) == []


@pytest.mark.parametrize("language", OTHERS)
def test_a_translation_keeps_the_values_and_tags_of_its_text(language: str) -> None:
    kept = {
        text: Counter(HOLES.findall(said)) == Counter(HOLES.findall(text))
        for text, said in languages.read_texts(language).items()
    }
    assert [text for text, is_kept in kept.items() if not is_kept] == []


@pytest.mark.parametrize("language", OTHERS)
def test_a_translation_is_one(language: str) -> None:
    said = languages.read_texts(language)
    assert [t for t in said if not said[t].strip() or said[t] == t] == []


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda t: t.name)
def test_no_word_of_a_template_stands_outside_of_what_is_translated(template: Path) -> None:
    text = template.read_text("utf-8")
    text = re.sub(r"\{%-? trans.*?endtrans %\}", "", text, flags=re.DOTALL)
    shown = re.findall(r'(?:title|placeholder|aria-label)="([^"{}]*[A-Za-z][^"{}]*)"', text)
    text = re.sub(r"\{%.*?%\}|\{\{.*?\}\}|\{#.*?#\}", "", text, flags=re.DOTALL)
    text = re.sub(r"<(?:[^<>\"]|\"[^\"]*\")*>", " ", text)
    words = set(re.findall(r"[A-Za-z]{2,}", text)) - NAMES
    assert (shown, sorted(words)) == ([], [])


def test_no_word_of_the_pages_is_missing_in_the_other_language(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Words of the ledger come from outside of the templates: a page asks for each of them by name."""
    missed: set[str] = set()

    class Noting(dict[str, str]):
        def get(self, text: str, other: Any = None) -> Any:
            missed.update({text} - self.keys())
            return super().get(text, other)

    known = Noting(languages.read_texts("zh"))
    monkeypatch.setattr(languages, "read_texts", lambda language: known if language == "zh" else {})
    lake = invented.make_lake(tmp_path)
    invented.write_pages(lake)
    write_docs(lake, CONTRACTS, GOLD, "New York")
    reasons = {str(r["reason"]) for r in (invented.expectation(rule) for rule in ("traffic.crashes.s1", "traffic.crashes.s2"))}  # fmt: skip
    assert missed - reasons == set()


def read(path: Path) -> BeautifulSoup:
    return BeautifulSoup(path.read_text("utf-8"), "html.parser")


def test_every_page_is_there_in_every_language_with_the_same_numbers_and_leads_to_the_other(pages: Path) -> None:
    english = [p for p in pages.rglob("*.html") if not p.is_relative_to(pages / "zh")]
    assert {p.relative_to(pages) for p in english} == {p.relative_to(pages / "zh") for p in pages.glob("zh/**/*.html")}
    for path in english:
        other = pages / "zh" / path.relative_to(pages)
        page, said = read(path), read(other)
        assert (page.html["lang"], said.html["lang"]) == ("en", "zh")
        assert read_numbers(page) == read_numbers(said)
        ways = [(start.parent / str(a["href"])).resolve() for start, soup in ((path, page), (other, said)) for a in soup.select("a[hreflang]")]  # fmt: skip
        assert ways == ([] if path.parent.name == "departments" else [other.resolve(), path.resolve()])


def test_words_of_contracts_suites_and_people_stay_as_they_were_written(pages: Path) -> None:
    page = read(pages / "zh" / "datasets" / "traffic.crashes" / f"{FIRST}.r1.html").get_text()
    assert CONTRACTS["traffic.crashes"].title in page
    assert "Reason of traffic.crashes.s1." in page
    assert f"A test record {invented.EVIL}" in page


def test_the_citys_own_language_stands_in_the_folder_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    city = load_city(invented.CITY).model_copy(update={"language": "zh"})
    monkeypatch.setattr("jobs.report.load_city", lambda name: city)
    root = invented.write_pages(invented.make_lake(tmp_path))
    said = [(read(p).html["lang"], read(p).h1.get_text()) for p in (root / "index.html", root / "en" / "index.html")]
    assert said == [("zh", "New York：夜次与发布"), ("en", "New York: nights and releases")]
    assert not (root / "zh").exists()


def test_one_and_many_are_told_apart(pages: Path) -> None:
    page = read(pages / "datasets" / "traffic.crashes" / f"{FIRST}.r1.html")
    said = [" ".join(x.get_text().split()) for x in page.select("[data-aside] h3")]
    assert {s.split(": ")[1] for s in said} == {"251 rows", "250 rows", "2 rows", "1 row"}


def test_a_page_in_another_language_is_served(lake: Lake, pages: Path) -> None:
    served = read_page(lake, "/zh/index.html")
    assert served is not None and 'lang="zh"' in served[0].decode()
