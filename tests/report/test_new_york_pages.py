"""The pages of both shipped nights: every number on them is what the ledger says and what the Delta tables hold."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pytest
from bs4 import BeautifulSoup, Tag

from jobs import delta, landing
from jobs.cities import PROJECT, load_contracts, load_gold
from jobs.contracts import Contract
from jobs.lake import Lake
from jobs.landing import Receipt
from jobs.ledger import Line, all_lines
from jobs.release import read_releases
from jobs.report import write_report
from tests.little import World

pytestmark = pytest.mark.spark
CONTRACTS, GOLD = load_contracts("new_york"), load_gold("new_york")
PLACES = ("share", "stage", "checked", "rule", "identity", "file", "aside", "line", "bar", "table", "reads", "release", "night", "dataset")  # fmt: skip
CHECKED = ("evaluated", "broken", "allowed")
FATES = ("inserted", "changed", "ended", "unchanged", "outranked")
Numbers = Counter[tuple[str, str, str]]


@pytest.fixture(scope="module")
def lake(new_york: World, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """The lake of the shared nights, by links: its pages are written beside it."""
    found = Lake(str(tmp_path_factory.mktemp("linked")), new_york.lake.city)
    Path(found.base).mkdir()
    for zone in Path(new_york.lake.base).iterdir():
        if zone.name != "reports":
            Path(found.base, zone.name).symlink_to(zone)
    return found


@pytest.fixture(scope="module")
def pages(lake: Lake) -> dict[str, BeautifulSoup]:
    """Every page in the city's language, by its path below `reports`."""
    root = Path(write_report(lake, CONTRACTS, GOLD, "New York")).parent
    names = [p for p in root.rglob("*.html") if not p.is_relative_to(root / "zh")]
    return {p.relative_to(root).as_posix(): BeautifulSoup(p.read_text("utf-8"), "html.parser") for p in names}


@pytest.fixture(scope="module")
def lines(lake: Lake) -> dict[tuple[str, str, str, int], Line]:
    """The newest ledger line of each stage, dataset, date and revision."""
    return {(x.stage, x.dataset, x.business_date, x.revision): x for x in all_lines(lake.table("audit", "ledger"))}


@pytest.fixture(scope="module")
def receipts(lake: Lake) -> list[Receipt]:
    return [r for c in CONTRACTS.values() for r in landing.list_receipts(lake, c)]


def page_of(r: Receipt) -> str:
    return f"datasets/{r.dataset}/{r.business_date}.r{r.revision}.html"


def lines_of(lines: Mapping[Any, Line], r: Receipt) -> tuple[Line, Line]:
    return lines["bronze", *key_of(r)], lines["silver", *key_of(r)]


def key_of(r: Receipt) -> tuple[str, str, int]:
    return r.dataset, r.business_date, r.revision


def read_numbers(page: Tag) -> Numbers:
    """Every number of a page: what it is part of, its name, its value."""
    shown = [(place_of(x), str(x["data-count"]), str(x["data-value"])) for x in page.select("[data-count]")]
    sums = [("sums", str(x["data-sum"]), str(x["data-value"])) for x in page.select("[data-sum]")]
    return Counter([*shown, *sums])


def place_of(part: Tag) -> str:
    around = [part, *part.parents][::-1]
    return " ".join(str(x[f"data-{name}"]) for x in around for name in PLACES if x.has_attr(f"data-{name}"))


def numbers_in(page: Tag, selector: str) -> dict[str, int]:
    part = page.select_one(selector)
    assert part is not None, selector
    return {str(x["data-count"]): int(str(x["data-value"])) for x in part.select("[data-count]")}


# ---- Deliveries ------------------------------------------------------------------------------------------------------


def expected_numbers(lake: Lake, r: Receipt, bronze: Line, silver: Line) -> Iterator[tuple[str, str, Any]]:
    """What a delivery's page must hold, by the ledger, the receipt and quarantine; nothing else may stand there."""
    rows, per_record = {**bronze.counts, **silver.counts}, CONTRACTS[r.dataset].rows_per_record
    yield "", "landed_total", rows["landed"]
    for name, parts in (("landed", ("landed", "bronze", "refused")), ("judged", ("judged", "bronze")),
                        ("verdict", ("judged", "good", "set_aside", "duplicates")), ("fold", ("good", *FATES))):  # fmt: skip
        yield from ((name, part, rows[part]) for part in parts)
    yield "judged", "rows_per_record", per_record
    yield from (("", name, rows[name]) for name in ("ended_by_absence", "end_unproven"))
    yield from (("sums", name, total) for name, total in rows["sums"].items())
    if len(rows["periods"]) > 12:
        yield "", "periods", len(rows["periods"])
    stated = {f["name"]: f["records"] for f in r.manifest.get("files", ()) if "records" in f}
    for file in r.files:
        yield file.name, "bytes", file.size
        names = [
            name for name in (file.name, file.name.removesuffix(".gz")) if name in stated
        ]  # a manifest may name what is in it
        yield from ((file.name, "records", stated[name]) for name in names[:1])
    for line in (bronze, silver):
        yield line.stage, "version", line.table_version
        yield from ((f"{line.stage} {x['rule']}", name, x[name]) for x in line.results for name in CHECKED)
    aside = list_aside(lake, r)
    yield "", "aside_rows", len(aside)
    yield from ((rule, "rows", n) for rule, n in Counter(rule for x in aside for rule in x["_rules"]).items())


def list_aside(lake: Lake, r: Receipt, stage: str = "") -> list[dict[str, Any]]:
    columns = ["_business_date", "_revision", "_stage", "_rules"]
    table = delta.read_arrow(lake.table("quarantine", CONTRACTS[r.dataset].table), columns=columns)
    rows = table.to_pylist() if table is not None else []
    mine = [x for x in rows if (str(x["_business_date"]), x["_revision"]) == (r.business_date, r.revision)]
    return [x for x in mine if stage in ("", x["_stage"])]


def test_every_delivery_has_a_page_and_every_release(
    lake: Lake, pages: dict[str, Any], receipts: list[Receipt]
) -> None:
    named = {page_of(r) for r in receipts} | {f"releases/{r.number}.html" for r in read_releases(lake)}
    named |= {f"datasets/{d}/{name}.html" for d in CONTRACTS for name in ("index", "rules")}
    named |= {f"departments/{c.source}.html" for c in CONTRACTS.values()}
    assert set(pages) == {"index.html", *named}
    shipped = [p for p in (PROJECT / "tests" / "data" / "new_york").glob("*/*/*") if p.is_dir()]
    assert len(receipts) == len(shipped) > 0


def test_every_number_of_a_delivery_is_the_ledgers(
    lake: Lake, pages: dict[str, BeautifulSoup], lines: Mapping[Any, Line], receipts: list[Receipt]
) -> None:
    for r in receipts:
        bronze, silver = lines_of(lines, r)
        wanted = Counter((place, name, str(n)) for place, name, n in expected_numbers(lake, r, bronze, silver))
        assert read_numbers(pages[page_of(r)]) == wanted, page_of(r)


def test_the_four_identities_hold_in_the_numbers_that_are_shown(
    pages: dict[str, BeautifulSoup], receipts: list[Receipt]
) -> None:
    for r in receipts:
        page = pages[page_of(r)]
        landed, judged, verdict, fold = (
            numbers_in(page, f"[data-identity={name}]") for name in ("landed", "judged", "verdict", "fold")
        )
        assert landed["landed"] == landed["bronze"] + landed["refused"] > 0
        assert judged["judged"] == judged["bronze"] * judged["rows_per_record"]
        assert verdict["judged"] == verdict["good"] + verdict["set_aside"] + verdict["duplicates"]
        assert fold["good"] == sum(fold[name] for name in FATES)
        assert (judged["bronze"], verdict["judged"], fold["good"]) == (landed["bronze"], judged["judged"], verdict["good"])  # fmt: skip
        assert [x["data-holds"] for x in page.select("[data-holds]")] == ["true"] * 4


def test_bronze_and_quarantine_hold_the_rows_that_are_shown(
    lake: Lake, pages: dict[str, BeautifulSoup], receipts: list[Receipt]
) -> None:
    for r in receipts:
        page = pages[page_of(r)]
        table = delta.read_arrow(
            lake.table("bronze", CONTRACTS[r.dataset].table), columns=["_business_date", "_revision"]
        )
        assert table is not None
        mine = pc.and_(pc.equal(table["_business_date"], r.night), pc.equal(table["_revision"], r.revision))
        landed = numbers_in(page, "[data-identity=landed]")
        assert landed["bronze"] == pc.sum(mine).as_py()
        assert landed["refused"] == len(list_aside(lake, r, "bronze"))
        assert numbers_in(page, "[data-identity=verdict]")["set_aside"] == len(list_aside(lake, r, "silver"))


def test_silver_holds_the_rows_that_are_shown(
    lake: Lake, pages: dict[str, BeautifulSoup], lines: Mapping[Any, Line], receipts: list[Receipt]
) -> None:
    """Good rows are those that hold as of the date, in the periods of the delivery; what begins and ends then was counted."""
    for r in receipts:
        contract, fold = CONTRACTS[r.dataset], numbers_in(pages[page_of(r)], "[data-identity=fold]")
        rows = read_silver(lake, contract)
        if not contract.keeps_history:
            assert fold["good"] - fold["outranked"] == sum(x["_business_date"] == r.night for x in rows)
            continue
        periods = lines["silver", *key_of(r)].counts["periods"]
        mine = [x for x in rows if contract.mode == "snapshot" or str(x[contract.period]) in periods]
        assert fold["good"] == sum(holds(x, r.night) for x in mine)
        assert fold["inserted"] + fold["changed"] == sum(x["valid_from"] == r.night for x in rows)
        absent = number_of(pages[page_of(r)], "ended_by_absence")
        assert fold["changed"] + fold["ended"] + absent == sum(x["valid_to"] == r.night for x in rows)


def read_silver(lake: Lake, contract: Contract) -> list[dict[str, Any]]:
    columns = ["valid_from", "valid_to"] if contract.keeps_history else ["_business_date"]
    table = delta.read_arrow(
        lake.table("silver", contract.table), columns=[*columns, *([contract.period] if contract.period else [])]
    )
    assert table is not None
    rows: list[dict[str, Any]] = table.to_pylist()
    return rows  # fmt: skip


def holds(row: Mapping[str, Any], day: date) -> bool:
    return bool(row["valid_from"] <= day and (row["valid_to"] is None or row["valid_to"] > day))


def number_of(page: Tag, name: str) -> int:
    return int(str(page.select(f"[data-count={name}]")[0]["data-value"]))


def test_the_version_that_is_shown_is_the_commit_of_the_delivery(
    lake: Lake, pages: dict[str, BeautifulSoup], receipts: list[Receipt]
) -> None:
    for r in receipts:
        for zone in ("bronze", "silver"):
            table = delta.open_table(lake.table(zone, CONTRACTS[r.dataset].table))
            assert table is not None
            version = numbers_in(pages[page_of(r)], f"[data-line={zone}]")["version"]
            commit = next(c for c in table.history() if c["version"] == version)
            assert json.loads(commit["userMetadata"])["delivery"] == [r.business_date, r.revision, r.sha256]


# ---- The first page --------------------------------------------------------------------------------------------------


def test_every_number_of_the_first_page_is_the_ledgers(
    lake: Lake, pages: dict[str, BeautifulSoup], lines: Mapping[Any, Line], receipts: list[Receipt]
) -> None:
    wanted: Numbers = Counter()
    for r in receipts:
        counts = lines["silver", *key_of(r)].counts
        wanted[f"{r.business_date} {r.dataset}", "good", str(counts["good"])] += 1
        bar = f"{r.dataset}/{r.business_date}" + (f" r{r.revision}" if r.revision > 1 else "")
        wanted.update((bar, name, str(counts[name])) for name in ("good", "duplicates", "set_aside"))
    for release in read_releases(lake):
        statuses = Counter(t.status for t in release.tables.values())
        states = {**{s: statuses[s] for s in ("new", "unchanged", "stale", "held")}, "restated": 0}
        wanted.update((str(release.number), name, str(n)) for name, n in states.items())
    for place, numbers in expected_shares(lake, lines, receipts).items():
        wanted.update((place, name, str(n)) for name, n in numbers.items())
    assert read_numbers(pages["index.html"]) == wanted


def expected_shares(lake: Lake, lines: Mapping[Any, Line], receipts: list[Receipt]) -> dict[str, Counter[str]]:
    """What was met of what was asked, by dimension and night: rows by the ledger, deliveries in time by gold."""
    found: dict[str, Counter[str]] = {}
    for r in receipts:
        for result in (x for line in lines_of(lines, r) for x in line.results if x["dimension"] != "timeliness"):
            share = found.setdefault(
                f"{result['dimension']}/{r.business_date}", Counter(met=0, asked=0, not_evaluated=0)
            )
            share["met"] += result["evaluated"] - result["broken"]
            share["asked"] += result["evaluated"]
            share["not_evaluated"] += not result["evaluated"]
    fresh = delta.read_arrow(lake.table("gold", "dataset_freshness"))
    for row in (x for x in fresh.to_pylist() if x["due_at"]) if fresh is not None else ():
        share = found.setdefault(f"timeliness/{row['business_date']}", Counter(met=0, asked=0, not_evaluated=0))
        share["asked"] += 1
        share["met"] += bool(row["delivered_at"] and row["delivered_at"] <= row["due_at"])
    return found


def test_the_tiles_of_the_first_page_count_deliveries_and_identities(
    lake: Lake, pages: dict[str, BeautifulSoup], receipts: list[Receipt]
) -> None:
    index = pages["index.html"]
    cells = Counter(str(x["data-status"]) for x in index.select("td[data-night] [data-status]"))
    tiles = {str(x["data-status-count"]): int(str(x["data-value"])) for x in index.select("[data-status-count]")}
    late = len(index.select("td[data-night] [data-late]"))
    assert tiles == {**{word: n for word, n in cells.items() if word != "nothing known"}, **({"late": late} if late else {})}  # fmt: skip
    assert cells["accepted"] == len(receipts)
    identities = index.select_one("[data-identities]")
    newest = index.select_one("[data-newest-release]")
    assert identities is not None and newest is not None
    assert (identities["data-identities"], identities["data-of"]) == (str(4 * len(receipts)), str(4 * len(receipts)))
    assert newest["data-newest-release"] == str(read_releases(lake)[-1].number)


# ---- Releases --------------------------------------------------------------------------------------------------------


def test_every_number_of_a_release_is_the_releases_and_the_ledgers(
    lake: Lake, pages: dict[str, BeautifulSoup], lines: Mapping[Any, Line]
) -> None:
    for release in read_releases(lake):
        wanted: Numbers = Counter([("", "restated", "0")])
        for t in release.tables.values():
            wanted.update([(t.table, "version", str(t.version)), (t.table, "rows", str(t.rows))])
            wanted.update((f"{t.table}/{s['name']}", "version", str(s["version"])) for s in t.reads)
            built = next(x for x in lines.values() if x.dataset == f"gold.{t.table}")
            assert (built.table_id, built.table_version, len(built.results) > 0) == (t.table_id, t.version, True)
            wanted.update((f"{t.table} {x['rule']}", n, str(x[n])) for x in built.results for n in CHECKED)
        assert read_numbers(pages[f"releases/{release.number}.html"]) == wanted


def test_delta_holds_the_versions_and_rows_of_a_release(lake: Lake, pages: dict[str, BeautifulSoup]) -> None:
    for release in read_releases(lake):
        page = pages[f"releases/{release.number}.html"]
        assert {str(x["data-table"]) for x in page.select("tr[data-table]")} == set(GOLD)
        for name in GOLD:
            shown = numbers_in(page, f"tr[data-table={name}]")
            rows = delta.read_arrow(lake.table("gold", name), shown["version"])
            assert rows is not None
            assert shown["rows"] == rows.num_rows > 0
        for row in page.select("tr[data-reads]"):
            name = str(row["data-reads"]).split("/")[1]
            zone, table = ("gold", name.removeprefix("gold_")) if name.startswith("gold_") else ("silver", name)
            state = delta.table_state(lake.table(zone, table))
            assert state is not None
            assert number_of(row, "version") == state.version
            assert state.id in row.get_text()


def test_a_release_stands_on_the_accepted_deliveries_of_the_tables_that_were_read(
    lake: Lake, pages: dict[str, BeautifulSoup], lines: Mapping[Any, Line], receipts: Sequence[Receipt]
) -> None:
    for release in read_releases(lake):
        read = {str(s["name"]) for t in release.tables.values() for s in t.reads}
        behind = [r for r in receipts if CONTRACTS[r.dataset].table in read]
        assert {lines["silver", *key_of(r)].outcome for r in behind} == {"accepted"}
        rows = pages[f"releases/{release.number}.html"].select("tr[data-delivery]")
        shown = {str(x["data-delivery"]): x.select("[data-field=sha256]")[0].get_text() for x in rows}
        assert shown == {"/".join(map(str, key_of(r))): r.sha256 for r in behind}
        for r in receipts:
            runs = [
                (int(str(x["data-stands-in"])), str(x["data-to"])) for x in pages[page_of(r)].select("[data-stands-in]")
            ]
            stands = any(first <= release.number and (not to or release.number <= int(to)) for first, to in runs)
            assert stands == (r in behind)


def test_what_is_read_is_what_is_carried(pages: dict[str, BeautifulSoup]) -> None:
    """The text of a number, with its groups of three, is the number that the other tests compare."""
    texts = [(x, x.get_text(strip=True).replace(",", "")) for page in pages.values() for x in page.select("[data-value]")]  # fmt: skip
    assert len(texts) > 500
    for x, text in texts:
        if x.get("data-count") == "bytes":
            assert str(x["title"]).replace(",", "") == f"{x['data-value']} bytes"
        else:
            assert text in (x["data-value"], "No row of this delivery is set aside.", "No published figure changed with this release.")  # fmt: skip
