"""The data dictionary: a page a table with every column, where it comes from and what is made of it, and a page to search them all.

The texts are those of the contracts, which `lake describe` and `DESCRIBE` show too; freshness and quality are those of the ledger and
the newest release. No clock, no network, no JVM, no value of a record.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from jobs.column_lineage import FILE_NAME, bronze_origins, headers, silver_origins, silver_uses
from jobs.contracts import Column, Contract
from jobs.landing import Receipt
from jobs.ledger import Line
from jobs.release import Released
from jobs.report import pages
from jobs.report.facts import Facts
from jobs.report.languages import say
from jobs.report.tables_graph import draw_tables
from jobs.units import unit_of


@dataclass(frozen=True)
class Link:
    """A column elsewhere: what it is called and where its row is."""

    text: str
    href: str


@dataclass(frozen=True)
class Entry:
    """A column with what it is made of, down to the headers of the file, and what is made of it, up to gold."""

    column: Column
    anchor: str
    unit: str
    origins: Sequence[Link]
    uses: Sequence[Link]


@dataclass(frozen=True)
class TableView:
    """What the page of a table shows. `delivered`: the columns of the file; none of gold."""

    name: str
    contract: Contract
    columns: Sequence[Entry]
    delivered: Sequence[Entry]
    trees: Sequence[tuple[Link, Sequence[tuple[Link, Sequence[Link]]]]]
    query: str
    receipt: Receipt | None
    status: str
    line: Line | None
    released: Released | None
    reached: str  # the newest business date behind a gold table
    in_lake: bool


def make_dictionary(facts: Facts, edition: pages.Edition, *, in_lake: bool) -> Iterator[tuple[str, str]]:
    """Every page by its name in one language; `in_lake` where they stand in `docs` beside the report's pages."""
    views = {v.name: v for v in _view_tables(facts, in_lake)}
    folder = "docs/" if in_lake else ""
    for view in views.values():
        name = f"{folder}{page_of(view.name)}"
        yield name, pages.render(edition, "dictionary_table.html", name, view)
    index = {
        "tables": views,
        "entries": list(_search_entries(views, edition.language)),
        "in_lake": in_lake,
        "release": facts.releases[-1] if facts.releases else None,
    }
    graph = draw_tables(facts.contracts, facts.gold_contracts, edition.language)
    name = f"{folder}index.html"
    yield name, pages.render(edition, "dictionary.html", name, index, {"tables": graph})


def page_of(name: str) -> str:
    return f"{name}.html"


def _view_tables(facts: Facts, in_lake: bool) -> Iterator[TableView]:
    uses = silver_uses(facts.gold_contracts)
    for contract in facts.gold_contracts.values():
        yield _view_gold(facts, contract, in_lake)
    for contract in facts.contracts.values():
        yield _view_dataset(facts, contract, uses, in_lake)


def _view_gold(facts: Facts, contract: Contract, in_lake: bool) -> TableView:
    found = silver_origins(contract)
    columns = [Entry(c, c.name, unit_of(c), [_to_silver(*o) for o in found[c.name]], []) for c in contract.columns]
    release = facts.releases[-1] if facts.releases else None
    released = release.tables.get(contract.name) if release else None
    builds = [x for x in facts.lines if x.stage == "gold" and x.dataset == contract.dataset and x.results]
    built = [x for x in builds if released and (x.table_id, x.table_version) == (released.table_id, released.version)]
    trees = [
        (
            Link(c.name, f"#{c.name}"),
            [(_to_silver(*o), _headers_of(facts.contracts[o[0]], o[1])) for o in found[c.name]],
        )
        for c in contract.columns
    ]
    names = ", ".join(c.name for c in contract.columns)
    query = f'lake sql "SELECT {names} FROM gold.{contract.name} ORDER BY {", ".join(contract.key)} LIMIT 10"'
    return TableView(
        name=contract.dataset, contract=contract, columns=columns, delivered=[], trees=trees, query=query, receipt=None,
        status=released.status if released else "not released", line=built[-1] if built else None, released=released,
        reached=max((str(d[1]) for d in released.stands_on), default="") if released else "", in_lake=in_lake,
    )  # fmt: skip


def _view_dataset(
    facts: Facts, contract: Contract, uses: Mapping[tuple[str, str], Sequence[tuple[str, str]]], in_lake: bool
) -> TableView:
    made, gold = (
        bronze_origins(contract),
        {n: [_to_gold(*u) for u in uses.get((contract.dataset, n), [])] for n in bronze_origins(contract)},
    )
    columns = [Entry(c, c.name, unit_of(c), _headers_of(contract, c.name), gold[c.name]) for c in contract.columns]
    silver = {name: [Link(c, f"#{c}") for c, origins in made.items() if name in origins] for name in headers(contract)}
    delivered = [Entry(c, f"delivered.{c.name}", "", [], silver[c.name]) for c in contract.delivered]
    trees = [(Link(e.column.header, f"#{e.anchor}"), [(use, gold[use.text]) for use in e.uses]) for e in delivered]
    receipts = [r for r in facts.delivered if r.dataset == contract.dataset]
    newest = receipts[-1] if receipts else None
    return TableView(
        name=contract.dataset, contract=contract, columns=columns, delivered=delivered, trees=trees,
        query=f"lake describe {contract.dataset}", receipt=newest, status=facts.status(newest) if newest else "not delivered",
        line=(facts.newest("silver", newest) or facts.newest("bronze", newest)) if newest else None, released=None, reached="", in_lake=in_lake,
    )  # fmt: skip


def _to_silver(dataset: str, column: str) -> Link:
    return Link(f"{dataset}.{column}", f"{page_of(dataset)}#{column}")


def _to_gold(table: str, column: str) -> Link:
    return Link(f"gold.{table}.{column}", f"{page_of(f'gold.{table}')}#{column}")


def _headers_of(contract: Contract, column: str) -> list[Link]:
    """The headers of the delivered file from which a silver column is made, or the file itself, whose name holds it."""
    known, page = headers(contract), page_of(contract.dataset)
    return [
        Link("the name of the file", f"{page}#file")
        if name == FILE_NAME
        else Link(known[name], f"{page}#delivered.{name}")
        for name in bronze_origins(contract)[column]
    ]


def _search_entries(views: Mapping[str, TableView], language: str) -> Iterator[dict[str, str]]:
    """Every table and column: name, text, type and where it is described."""
    for view in views.values():
        yield {"n": view.name, "d": view.contract.title, "t": view.contract.grain, "u": page_of(view.name)}
        for e in view.columns:
            yield {
                "n": f"{view.name}.{e.column.name}",
                "d": e.column.description,
                "t": e.column.spark_type,
                "u": f"{page_of(view.name)}#{e.anchor}",
            }
        for e in view.delivered:
            yield {
                "n": f"{view.name}: {e.column.header}",
                "d": say(language, "as delivered"),
                "t": say(language, "text"),
                "u": f"{page_of(view.name)}#{e.anchor}",
            }
