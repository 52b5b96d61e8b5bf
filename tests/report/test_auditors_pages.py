"""The pages that go beyond one delivery: nights at a glance, quality over time, a dataset, its rules, a department."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from bs4 import BeautifulSoup

from jobs import cli, report
from jobs.cities import load_city
from jobs.errors import LakeError
from jobs.lake import Lake
from jobs.ledger import Decision, Ledger, Line, Run, all_lines
from jobs.page_marks import is_owed
from jobs.report.facts import read_facts
from tests.report import invented
from tests.report.invented import CONTRACTS, FIRST, NOW, SECOND
from tests.report.test_report import newest, numbers, read_page

pytestmark = pytest.mark.long

CRASHES = "traffic.crashes"


def test_a_letter_a_night_tells_how_each_delivery_ended(pages: Path) -> None:
    letters = {str(x["data-heat"]): str(x["data-letter"]) for x in read_page(pages, "index.html").select("[data-heat]")}
    assert len(letters) == 2 * len(CONTRACTS)
    assert {k: v for k, v in letters.items() if v} == {
        f"{CRASHES}/{FIRST}": "H", f"land.sales/{FIRST}": "R", f"traffic.link_speed/{FIRST}": "L", f"{CRASHES}/{SECOND}": "N"
    }  # fmt: skip


def test_what_the_first_page_has_no_room_for_stands_on_the_page_of_its_month(
    own_lake: Lake, pages: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first page stays as long as it is however many nights there were, and still counts all of them."""

    def shown(page: BeautifulSoup) -> tuple[dict[tuple[str, str], str], dict[str, str]]:
        cells = {
            (str(x["data-night"]), str(x["data-dataset"])): x.get_text(" ", strip=True)
            for x in page.select("td[data-night]")
        }
        return cells, {str(x["data-release"]): x.get_text(" ", strip=True) for x in page.select("tr[data-release]")}  # fmt: skip

    whole = read_page(pages, "index.html")
    cells, releases = shown(whole)
    assert ({night for night, _ in cells}, list(releases)) == ({FIRST, SECOND}, ["2", "1"])
    assert not (pages / "nights").exists() and whole.select("#earlier") == []

    monkeypatch.setattr("jobs.report.index.NIGHTS_SHOWN", 1)
    monkeypatch.setattr("jobs.report.index.RELEASES_SHOWN", 1)
    short = invented.write_pages(own_lake)
    first = read_page(short, "index.html")
    assert shown(first) == ({k: v for k, v in cells.items() if k[0] == SECOND}, {"2": releases["2"]})
    assert first.select_one("dl").get_text() == whole.select_one("dl").get_text()
    assert len(first.select("[data-problem]")) == len(whole.select("[data-problem]"))
    months = [read_page(short, str(a["href"])) for a in first.select("#earlier a")]
    earlier = {k: v for month in months for k, v in shown(month)[0].items()}
    assert earlier == cells, "a month is whole, also what the first page shows of it"
    assert {k: v for month in months for k, v in shown(month)[1].items()} == releases
    for page in (short / "nights").iterdir():
        for link in read_page(page).select("main a[href], header a[href]"):
            assert (page.parent / str(link["href"])).is_file(), link


def results_of(lake: Lake, dimension: str) -> list[Any]:
    """What was asked of the newest revisions of the first night."""
    asked = [newest(lake, CRASHES, stage, 2) for stage in ("bronze", "silver")]
    asked += [newest(lake, "traffic.link_speed", stage) for stage in ("bronze", "silver")]
    return [r for line in asked for r in line.results if r["dimension"] == dimension]


def test_a_dimensions_share_is_what_was_met_of_what_was_asked(lake: Lake, pages: Path) -> None:
    shown = {str(x["data-share"]): x for x in read_page(pages, "index.html").select("[data-share]")}
    asked = sum(r["evaluated"] for r in results_of(lake, "validity"))
    broken = sum(r["broken"] for r in results_of(lake, "validity"))
    assert numbers(shown[f"validity/{FIRST}"]) == {"met": asked - broken, "asked": asked, "not_evaluated": 0}
    percent = shown[f"validity/{FIRST}"].select_one("[data-field=percent]").get_text()
    assert float(percent) <= 100 * (asked - broken) / asked < float(percent) + 0.01
    in_time = {night: numbers(shown[f"timeliness/{night}"]) for night in (FIRST, SECOND)}
    assert in_time[FIRST]["met"] < in_time[FIRST]["asked"] and in_time[SECOND]["met"] == 0


def test_a_rule_with_nothing_to_be_asked_of_is_not_shown_as_met(own_lake: Lake) -> None:
    line = newest(own_lake, "traffic.link_speed", "silver")
    empty = tuple({**r, "evaluated": 0, "broken": 0, "success": True, "dimension": "accuracy"} for r in line.results)
    Ledger(own_lake, Run("run-2", 1, NOW)).append(Line(**{**vars(line), "results": empty}))
    pages = invented.write_pages(own_lake)
    share = read_page(pages, "index.html").select_one(f'[data-share="accuracy/{FIRST}"]')
    assert (share.select_one("[data-field=percent]").get_text(), numbers(share)["not_evaluated"]) == (
        "not evaluated",
        2,
    )
    rules = read_page(pages, "datasets", "traffic.link_speed", "rules.html").select("[data-stage=silver] [data-asked]")
    assert [r.td.find_next_sibling("td").get_text() for r in rules] == ["not evaluated"] * 2


def test_a_datasets_page_says_what_each_revision_did(lake: Lake, pages: Path) -> None:
    soup = read_page(pages, "datasets", CRASHES, "index.html")
    shown = {str(x["data-delivery"]): numbers(x) for x in soup.select("[data-delivery]")}
    counts = newest(lake, CRASHES, "silver").counts
    assert shown[f"{FIRST}.r1"] == {
        **{n: counts[n] for n in ("good", "set_aside", "duplicates", "inserted", "changed", "unchanged")},
        "ended": counts["ended"] + counts["ended_by_absence"],
    }
    assert shown[f"{FIRST}.r2"] == {"good": 81, "set_aside": 9, "duplicates": 0}, "held: it did nothing to silver"
    assert [x["data-column"] for x in soup.select("[data-column]")] == [c.name for c in CONTRACTS[CRASHES].columns]
    assert CONTRACTS[CRASHES].owner.replace("_", " ") in soup.select_one("#contract").get_text()


def test_a_rule_shows_its_reason_and_every_time_it_was_asked(lake: Lake, pages: Path) -> None:
    soup = read_page(pages, "datasets", CRASHES, "rules.html")
    (rule,) = [x for x in soup.select("section[data-rule]") if x["data-rule"] == "traffic.crashes.s1"]
    assert "Reason of traffic.crashes.s1." in rule.get_text()
    asked = {str(x["data-asked"]): numbers(x) for x in rule.select("[data-asked]")}
    kept = {revision: next(r for r in newest(lake, CRASHES, "silver", revision).results if r["rule"] == "traffic.crashes.s1") for revision in (1, 2)}  # fmt: skip
    assert asked == {f"{FIRST}.r{n}": {k: r[k] for k in ("evaluated", "broken", "allowed")} for n, r in kept.items()}
    unmet = [numbers(row)["unmet"] > 0 for row in soup.select("#all tbody tr")]
    assert unmet == sorted(unmet, reverse=True) and any(unmet), "what was not met comes first"


def test_a_department_is_told_what_was_wrong_with_file_and_record(pages: Path) -> None:
    soup = read_page(pages, "departments", "traffic.html")
    troubles = {str(x["data-trouble"]): x for x in soup.select("[data-trouble]")}
    assert set(troubles) == {f"{CRASHES}/{FIRST}", f"{CRASHES}/{SECOND}", f"traffic.link_speed/{FIRST}"}
    assert "E701" in troubles[f"{CRASHES}/{FIRST}"].get_text() and "after it was due" in troubles[f"traffic.link_speed/{FIRST}"].get_text()  # fmt: skip
    assert "did not come" in troubles[f"{CRASHES}/{SECOND}"].get_text()
    assert [a["href"] for a in soup.select("a[href]")] == ["#main"], "a page that is sent leads nowhere"


def test_set_aside_records_stand_on_the_departments_page(tmp_path: Path) -> None:
    lake = invented.make_lake(tmp_path, corrected=False)
    soup = read_page(invented.write_pages(lake), "departments", "traffic.html")
    aside = soup.select_one('[data-aside="traffic.crashes.s1"]')
    assert numbers(aside)["rows"] == 251 and len(aside.select("[data-place]")) == 50
    assert "Reason of traffic.crashes.s1." in aside.get_text()


def test_a_delivery_unlike_the_nights_before_needs_a_person_until_one_signs(tmp_path: Path) -> None:
    lake = invented.make_lake(tmp_path, corrected=False)
    line = newest(lake, CRASHES, "silver")
    where = {"dataset": CRASHES, "business_date": FIRST, "revision": 1, "stage": "band"}
    error = LakeError("E702", place="rows", expected="3000 rows", actual="1900 rows", **where)
    ledger = Ledger(lake, Run("run-2", 1, NOW))
    ledger.append(Line("band", CRASHES, "held", FIRST, 1, line.sha256, error=error.parts()))
    pages = invented.write_pages(lake)
    problems = read_page(pages, "index.html").select(f'[data-problem="{CRASHES}/{FIRST}"]')
    assert [("E702" in p.get_text(), "lake approve" in p.get_text()) for p in problems] == [(True, True)]
    assert read_page(pages, "datasets", CRASHES, f"{FIRST}.r1.html").select_one("[data-error=E702]") is not None
    ledger.decide(Decision("approve", "Ada", "a holiday", CRASHES, FIRST, 1, line.sha256))
    assert read_page(invented.write_pages(lake), "index.html").select(f'[data-problem="{CRASHES}/{FIRST}"]') == []


def test_a_department_without_a_fault_is_told_so(pages: Path) -> None:
    soup = read_page(pages, "departments", "tax.html")
    assert soup.select("[data-trouble]") == [] and "Nothing to mend." in soup.get_text()


def test_a_page_is_made_again_only_where_something_of_it_changed(
    own_lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake, pages = own_lake, Path(own_lake.path("reports"))
    made: list[str] = []
    render = report.pages.render
    monkeypatch.setattr(report.pages, "render", lambda e, template, *rest: made.append(template) or render(e, template, *rest))  # fmt: skip
    invented.write_pages(lake)
    assert made == []
    line = newest(lake, "traffic.link_speed", "silver")
    Ledger(lake, Run("run-2", 1, NOW)).append(Line(**{**vars(line), "counts": {**line.counts, "good": 7}}))
    invented.write_pages(lake)
    assert sorted(made) == sorted(2 * ["dataset.html", "delivery.html", "index.html", "rules.html"]), "once a language"
    assert "7" in read_page(pages, "datasets", "traffic.link_speed", "index.html").select_one('[data-count="good"]').get_text()  # fmt: skip
    made.clear()
    (pages / "releases" / "1.html").unlink()
    invented.write_pages(lake)
    assert made == ["release.html"] and (pages / "releases" / "1.html").is_file()


def test_a_stage_typed_by_itself_leaves_the_first_page_to_the_next_command(own_lake: Lake) -> None:
    lake, pages = own_lake, Path(own_lake.path("reports"))
    shown = (pages / "index.html").read_bytes()
    line = newest(lake, "traffic.link_speed", "silver")
    Ledger(lake, Run("run-2", 1, NOW)).append(Line(**{**vars(line), "counts": {**line.counts, "good": 7}}))
    last = max(x.line for x in all_lines(lake.table("audit", "ledger")))
    assert report.write_report(lake, CONTRACTS, invented.GOLD, "New York", front=False) == ""
    assert "7" in read_page(pages, "datasets", "traffic.link_speed", "index.html").select_one('[data-count="good"]').get_text()  # fmt: skip
    assert ((pages / "index.html").read_bytes() == shown, is_owed(lake, last)) == (True, True)
    invented.write_pages(lake)
    assert ((pages / "index.html").read_bytes() == shown, is_owed(lake, last)) == (False, False)


def test_the_command_makes_every_page_again_whatever_became_of_it(
    own_lake: Lake, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lake, path = own_lake, Path(own_lake.path("reports", "releases", "1.html"))
    kept = path.read_bytes()
    path.write_bytes(kept.replace(b"Release 1", b"Release 7"))
    monkeypatch.setenv("LAKE_ROOT", lake.root)
    monkeypatch.setattr("sys.argv", ["lake", "report"])
    with pytest.raises(SystemExit) as left:
        cli.main()
    capsys.readouterr()
    assert not left.value.code and path.read_bytes() == kept


def test_a_delivery_names_the_releases_that_stand_on_it_as_runs(lake: Lake) -> None:
    facts = read_facts(lake, CONTRACTS, invented.GOLD, load_city(invented.CITY))
    receipt = next(r for r in facts.delivered if (r.dataset, r.revision) == (CRASHES, 1))
    assert facts.standing_on(receipt) == [(2, None)]
    (last,) = [r for r in facts.releases if r.number == 2]
    later = tuple(replace(last, number=n, tables=last.tables if n not in (4, 7) else {}) for n in range(3, 8))
    assert replace(facts, releases=(*facts.releases, *later)).standing_on(receipt) == [(2, 3), (5, 6)]
