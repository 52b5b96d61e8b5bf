"""Pages for auditors: what arrived, what was checked, what was published, and what it stands on.

The pages are a function of receipts, ledger, decisions, releases and quarantine: no clock and no JVM. Writing them
twice gives the same bytes, and a file is only written where its bytes changed. They hold no value of a delivered record
and need no network. A release's page does hold the gold figures that it restated: they are published.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from jobs.contracts import Contract, load_city
from jobs.lake import Lake
from jobs.report import dataset, delivery, department, dictionary, index, pages, released
from jobs.report.chart import draw_rows, draw_shares
from jobs.report.facts import Facts, read_facts


def write_report(
    lake: Lake, contracts: Mapping[str, Contract], gold_contracts: Mapping[str, Contract], title: str
) -> str:
    """Write every page whose bytes changed under `reports/`; returns the path of `index.html`."""
    facts = read_facts(lake, contracts, gold_contracts, load_city(lake.city))
    for name, text in _render(lake, facts, title):
        _write_changed(lake, lake.path("reports", *name.split("/")), text.encode())
    return lake.path("reports", "index.html")


def write_docs(
    lake: Lake,
    contracts: Mapping[str, Contract],
    gold_contracts: Mapping[str, Contract],
    title: str,
    out: Path | None = None,
) -> str:
    """Write the data dictionary under `reports/docs`, or into another folder of this machine; returns the path of its first page."""
    facts = read_facts(lake, contracts, gold_contracts, load_city(lake.city))

    def put(name: str, data: bytes) -> None:
        if out is None:
            _write_changed(lake, lake.path("reports", "docs", name), data)
        else:
            out.mkdir(parents=True, exist_ok=True)
            (out / name).write_bytes(data)

    dictionary.write_dictionary(facts, title, put, in_lake=out is None)
    return lake.path("reports", "docs", "index.html") if out is None else str(out / "index.html")


def _render(lake: Lake, facts: Facts, title: str) -> Iterator[tuple[str, str]]:
    environment = pages.open_templates(facts.city.timezone, title)
    for receipt in facts.delivered:
        view: Any = delivery.view_delivery(facts, receipt)
        yield (
            pages.delivery_path(receipt.dataset, receipt.business_date, receipt.revision),
            pages.render(environment, "delivery.html", "../../", view),
        )
    for contract in facts.contracts.values():
        shown = dataset.view_dataset(facts, contract)
        name = contract.dataset
        yield pages.dataset_path(name), pages.render(environment, "dataset.html", "../../", shown)
        yield pages.rules_path(name), pages.render(environment, "rules.html", "../../", shown)
    for source in sorted({c.source for c in facts.contracts.values()}):
        told = department.view_department(facts, source)
        yield pages.department_path(source), pages.render(environment, "department.html", "../", told)
    for release in facts.releases:
        yield (
            pages.release_path(release.number),
            pages.render(environment, "release.html", "../", released.view_release(facts, release)),
        )
    front = index.view_index(facts)
    charts = {"rows": draw_rows(lake, front.bars), "shares": draw_shares(lake, front.shares)}
    yield "index.html", pages.render(environment, "index.html", "", front, charts)


def _write_changed(lake: Lake, path: str, data: bytes) -> None:
    if not lake.files.exists(path) or lake.files.cat_file(path) != data:
        lake.write_atomic(path, data)
