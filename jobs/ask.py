"""Commands that only read: releases, describe, report, reconcile. `sql` and those that examine are modules of their own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from functools import partial
from typing import Annotated, Any

import pyarrow as pa
import typer

from jobs import delta, show
from jobs.cities import load_city, load_contracts, load_gold
from jobs.contracts import Contract
from jobs.errors import LakeError
from jobs.landing import Receipt, all_receipts
from jobs.ledger import Ledger
from jobs.night import Night, Selection
from jobs.reconcile import COLUMNS, DIFFERENT, GOLD, reconcile_deliveries, reconcile_gold
from jobs.release import Release, find_release, read_releases
from jobs.settings import DatasetOption, DateOption, Settings, SourceOption, select, with_settings
from jobs.units import unit_of

app = typer.Typer(
    name="lake",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="A city's data lakehouse: land, check, publish, ask.",
)
ReleaseOption = Annotated[int | None, typer.Option("--release", help="Release number [default: the newest].")]


@contextmanager
def open_reading(settings: Settings) -> Iterator[Night]:
    """A night that only reads: the lake is not held, and Spark starts when it is first needed."""
    from jobs.connect import open_driver

    open_session = partial(open_driver, settings.lake, small=True)
    night = Night(settings.lake, settings.inbox, settings.run, open_session, lambda *_: None)
    try:
        yield night
    finally:
        night.close()


def receipts_of(settings: Settings, selection: Selection) -> list[Receipt]:
    contracts = {n: c for n, c in load_contracts(settings.city).items() if selection.has_dataset(c)}
    return [r for r in all_receipts(settings.lake, contracts) if selection.has_date(r.business_date)]


@app.command()
@with_settings
def releases(settings: Settings) -> None:
    """Every release: when it was published and how many tables it changed."""
    found = read_releases(settings.lake)
    rows = [
        [
            r.number,
            r.released_at,
            *[sum(t.status == s for t in r.tables.values()) for s in ("new", "unchanged", "stale", "held", "restored")],
        ]
        for r in found
    ]
    if settings.json:
        show.print_json("releases", releases=found)
    else:
        show.print_table("", ["release", "at", "new", "unchanged", "stale", "held", "restored"], rows)


def released_rows(settings: Settings, table: str) -> pa.Table | None:
    """Rows of a gold table as the newest release has it; None where it was never released."""
    found = published(settings, None).tables.get(table)
    return delta.read_arrow(settings.lake.table("gold", table), found.version) if found and found.version >= 0 else None


def published(settings: Settings, number: int | None) -> Release:
    found = find_release(settings.lake, number)
    if found is None:
        raise LakeError("E004", place="release", expected="at least one", actual="none yet", next_command="lake run")
    return found


@app.command()
@with_settings
def describe(
    settings: Settings, name: Annotated[str, typer.Argument(help="gold.TABLE or SOURCE.DATASET; empty lists all.")] = ""
) -> None:
    """What a table holds: grain, columns, units, where they come from, whom to ask."""
    gold, datasets = load_gold(settings.city), load_contracts(settings.city)
    known = {f"gold.{t}": c for t, c in gold.items()} | dict(datasets)
    if not name:
        _list_tables(settings, known)
        return
    if name not in known:
        raise LakeError(
            "E004", place="table", expected=", ".join(known), actual=name[:60], next_command="lake describe"
        )
    _describe(settings, name, known[name])


def _list_tables(settings: Settings, known: Mapping[str, Contract]) -> None:
    columns, rows = ["table", "what", "grain"], [[n, c.title, c.grain] for n, c in known.items()]
    if settings.json:
        show.print_json("tables", tables=[dict(zip(columns, row, strict=True)) for row in rows])
    else:
        show.print_table("", columns, rows)


def _describe(settings: Settings, name: str, contract: Contract) -> None:
    newest = find_release(settings.lake, None)
    released = newest.tables.get(contract.name) if newest and name.startswith("gold.") else None
    columns = [
        [
            c.name,
            c.spark_type,
            "key" if c.key_position else "",
            c.classification,
            c.description,
            ", ".join(c.sources),
            unit_of(c),
        ]
        for c in contract.columns
    ]
    if settings.json:
        show.print_json(
            "describe",
            table=name,
            title=contract.title,
            grain=contract.grain,
            owner=contract.owner,
            description=contract.description,
            released=released,
            columns=columns,
        )
        return
    show.out.print(f"{name}: {contract.title}\ngrain: {contract.grain}\nowner: {contract.owner}")
    for what, text in contract.description.items():
        show.out.print(f"{what}: {text}", markup=False)
    if newest and released:
        show.out.print(
            f"release {newest.number}: {released.status}, {released.rows:,} rows"
            + (f" ({released.why})" if released.why else "")
        )
    show.print_table("", ["column", "type", "", "class", "description", "from", "unit"], columns)


@app.command()
@with_settings
def report(
    settings: Settings,
    changed: Annotated[bool, typer.Option("--changed", help="Only pages that are missing or of which something changed.")] = False,
) -> None:  # fmt: skip
    """Write the auditor's pages again and print where they are."""
    from jobs.report import write_report

    title = load_city(settings.city).title
    page = write_report(
        settings.lake, load_contracts(settings.city), load_gold(settings.city), title, again=not changed
    )
    if settings.json:
        show.print_json("report", page=page)
    else:
        show.out.print(page)


@app.command()
@with_settings
def reconcile(
    settings: Settings, date: DateOption = "", source: SourceOption = "", dataset: DatasetOption = ""
) -> None:
    """Per delivery the four identities with their numbers, and the sums that gold keeps; any difference is an error."""
    receipts = receipts_of(settings, select(settings, date, source, dataset))
    rows = reconcile_deliveries(Ledger(settings.lake, settings.run), load_contracts(settings.city), receipts)
    kept = _reconcile_gold(settings, {r.dataset for r in receipts})
    wrong = sum(row["identities"].startswith(DIFFERENT) for row in rows)
    unlike = sum(Decimal(row["difference"] or 0) != 0 for row in kept)
    if settings.json:
        show.print_json("reconcile", rows=rows, gold=kept, different=wrong + unlike)
    else:
        show.print_table("", COLUMNS, [list(row.values()) for row in rows])
        if kept:
            show.print_table("Sums that gold keeps", GOLD, [list(row.values()) for row in kept])
    if wrong or unlike:
        actual = f"{wrong} deliveries and {unlike} sums of gold differ"
        raise LakeError("E704", place="reconcile", expected="equal sides", actual=actual)


def _reconcile_gold(settings: Settings, datasets: set[str]) -> list[dict[str, Any]]:
    """Of the newest release, what comes from these datasets."""
    newest = find_release(settings.lake, None)
    if newest is None:
        return []
    rows = reconcile_gold(settings.lake, load_contracts(settings.city), load_gold(settings.city), newest)
    return [row for row in rows if row["from"].rpartition(".")[0] in datasets]
