"""Pages for auditors: what arrived, what was checked, what was published, and what it stands on.

The pages are a function of receipts, ledger, decisions, releases and quarantine: no clock and no JVM. Writing them
twice gives the same bytes, and a file is only written where its bytes changed. They hold no value of a delivered record
and need no network. A release's page does hold the gold figures that it restated: they are published. Every page is there
once a language; those of the city's own stand in `reports`, the others in a folder of their language.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jobs.cities import load_city
from jobs.contracts import Contract, fingerprint
from jobs.lake import Lake
from jobs.page_marks import MARKS, NEWEST, read_marks
from jobs.report import dataset, delivery, department, dictionary, index, pages, released
from jobs.report.chart import draw_rows, draw_shares
from jobs.report.facts import Facts, read_facts
from jobs.report.languages import LANGUAGES, place_of


def write_report(
    lake: Lake,
    contracts: Mapping[str, Contract],
    gold_contracts: Mapping[str, Contract],
    title: str,
    *,
    again: bool = False,
    front: bool = True,
) -> str:
    """Write every page whose bytes changed under `reports/`; returns the path of `index.html`.

    A page is not even made where it is there and was made of the same things; with `again` all are, whatever became of them since.
    Without `front` the first page, which is drawn, is owed still, and no path is returned.
    """
    facts = read_facts(lake, contracts, gold_contracts, load_city(lake.city))
    city = facts.city
    editions = [pages.Edition(city, language, title) for language in LANGUAGES]
    before, made_by = {} if again else read_marks(lake), [pages.identity(), city.timezone, city.language, title]
    there, after = _list_names(lake) if before else set(), {}
    for page in _list_pages(lake, facts, front=front):
        mark = fingerprint([made_by, page.template, repr(page.view)])
        for edition in editions:
            name = place_of(edition.language, city.language, page.name)
            charts = page.charts.get(edition.language, {})
            after[name] = fingerprint([mark, charts]) if charts else mark
            if before.get(name) != after[name] or name not in there:
                text = pages.render(edition, page.template, page.name, page.view, charts)
                _write_changed(lake, lake.path("reports", *name.split("/")), text.encode())
    if front:
        after[NEWEST] = str(max((line.line for line in facts.lines), default=0))
    else:
        after = {**before, **after}
    _write_changed(lake, lake.path("reports", MARKS), json.dumps(after, indent=0, sort_keys=True).encode())
    return lake.path("reports", "index.html") if front else ""


def _list_names(lake: Lake) -> set[str]:
    """Names of the files that are there, as pages are named: the marks stand in the folder that names begin in."""
    found: list[str] = lake.files.find(lake.path("reports"))
    home = min((p for p in found if p.endswith(f"/{MARKS}")), key=len).removesuffix(MARKS)
    return {p.removeprefix(home) for p in found}


def write_docs(
    lake: Lake,
    contracts: Mapping[str, Contract],
    gold_contracts: Mapping[str, Contract],
    title: str,
    out: Path | None = None,
) -> str:
    """Write the data dictionary under `reports/docs`, or into another folder of this machine; returns the path of its first page."""
    facts = read_facts(lake, contracts, gold_contracts, load_city(lake.city))
    for language in LANGUAGES:
        edition = pages.Edition(facts.city, language, title)
        for page, text in dictionary.make_dictionary(facts, edition, in_lake=out is None):
            name = place_of(language, facts.city.language, page)
            if out is None:
                _write_changed(lake, lake.path("reports", *name.split("/")), text.encode())
            else:
                (out / name).parent.mkdir(parents=True, exist_ok=True)
                (out / name).write_bytes(text.encode())
    return lake.path("reports", "docs", "index.html") if out is None else str(out / "index.html")


@dataclass(frozen=True)
class Page:
    """A page before it is made: nothing but its template, its view and drawings decides its bytes. `charts` by language."""

    name: str
    template: str
    view: Any
    charts: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


def _list_pages(lake: Lake, facts: Facts, *, front: bool) -> Iterator[Page]:
    for receipt in facts.delivered:
        name = pages.delivery_path(receipt.dataset, receipt.business_date, receipt.revision)
        yield Page(name, "delivery.html", delivery.view_delivery(facts, receipt))
    for contract in facts.contracts.values():
        of_dataset = dataset.view_dataset(facts, contract)
        yield Page(pages.dataset_path(contract.dataset), "dataset.html", of_dataset)
        yield Page(pages.rules_path(contract.dataset), "rules.html", of_dataset)
    for source in sorted({c.source for c in facts.contracts.values()}):
        yield Page(pages.department_path(source), "department.html", department.view_department(facts, source))
    for release in facts.releases:
        yield Page(pages.release_path(release.number), "release.html", released.view_release(facts, release))
    for month in index.view_months(facts):
        yield Page(pages.month_path(month.month), "month.html", month)
    if front:
        shown = index.view_index(facts)
        rows, shares = draw_rows(lake, shown.bars), draw_shares(lake, shown.shares)
        charts = {x: {"rows": rows, "shares": shares[x]} for x in LANGUAGES}
        yield Page("index.html", "index.html", shown, charts)


def _write_changed(lake: Lake, path: str, data: bytes) -> None:
    if not lake.files.exists(path) or lake.files.cat_file(path) != data:
        lake.write_atomic(path, data)
