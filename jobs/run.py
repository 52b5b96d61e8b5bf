"""The commands that run whole nights: run, backfill, retry, and plan, which only says what they would do."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from jobs import night as nights
from jobs import show
from jobs.ask import app
from jobs.cities import load_gold
from jobs.errors import LakeError
from jobs.night import Night, Selection
from jobs.opening import conclude, need_date, open_night, print_release, write_owed_pages
from jobs.settings import DatasetOption, DateOption, RefetchOption, Settings, SourceOption, select, with_settings


@app.command()
@with_settings
def run(
    settings: Settings, date: DateOption = "", source: SourceOption = "", dataset: DatasetOption = "",
    refold: Annotated[bool, typer.Option("--refold", help="Refold datasets whose rules changed.")] = False,
    refetch: RefetchOption = False,
) -> None:  # fmt: skip
    """Do what is owed: land, bronze, silver, gold, release, report. Without --date: everything in the inbox."""
    _run(settings, select(settings, date, source, dataset, refold=refold, refetch=refetch))


@app.command()
@with_settings
def backfill(
    settings: Settings, first: Annotated[str, typer.Option("--from", help="First business date.")], last: Annotated[str, typer.Option("--to", help="Last business date, included.")],
    source: SourceOption = "", dataset: DatasetOption = "",
) -> None:  # fmt: skip
    """Run a range of business dates, both ends included, and publish one release."""
    _run(settings, select(settings, "", source, dataset, first=need_date(first), last=need_date(last)))


@app.command()
@with_settings
def retry(settings: Settings, date: DateOption = "", source: SourceOption = "", dataset: DatasetOption = "") -> None:
    """Run again what failed or is held; takes no new deliveries."""
    _run(settings, select(settings, date, source, dataset), land=False)


def _run(settings: Settings, selection: Selection, *, land: bool = True) -> None:
    with open_night(settings, selection) as (night, watch):
        landed = nights.extract(night) if land else []
        work = nights.owed(night)
        watch.expect(len(work) + (len(load_gold(settings.city)) + 1 if work or nights.is_release_owed(night) else 0))
        nights.process(night)
        made = nights.run_release(night) if _has_room(night) and nights.is_release_owed(night) else None
        page = write_owed_pages(night)
    if made:
        print_release(settings, made)
    waiting = nights.list_waiting(night)
    conclude(settings, night, page, waiting, landed=len(landed), release=made.number if made else None)


def _has_room(night: nights.Night) -> bool:
    """Whether nothing failed for want of room (E601): it is no department's fault, and the same command finishes the night."""
    return all(p.code != "E601" for p in night.problems)


@app.command()
@with_settings
def plan(settings: Settings, date: DateOption = "", source: SourceOption = "", dataset: DatasetOption = "") -> None:
    """Say what `lake run` would do; writes nothing."""
    from jobs.landing import is_landed, is_still_arriving

    night = Night(
        settings.lake,
        settings.inbox,
        settings.run,
        no_session,
        lambda *_: None,
        select(settings, date, source, dataset),
        server=settings.deliveries,
    )
    rows: list[list[object]] = [
        ["fetch", w.contract.dataset, w.folder[:10], w.folder] for w in nights.list_wanted(night)
    ]
    inbox = nights.look_into_inbox(night)
    rows += [
        ["land", a.dataset, a.business_date, "still arriving" if is_still_arriving(a) else a.folder]
        for a in inbox.arrivals
        if not is_landed(settings.lake, night.contracts[a.dataset], a)
    ]
    rows += [
        [stage, d.contract.dataset, d.receipt.business_date, f"r{d.receipt.revision}"]
        for d, stage in nights.owed(night)
    ]
    if rows or nights.is_release_owed(night):
        rows.append(["release", "gold", "", "what changed"])
    if settings.json:
        problems = [p.parts() for p in (*night.problems, *inbox.problems)]
        owed = nights.is_release_owed(night)
        show.print_json("plan", steps=rows, release_owed=owed, problems=problems, notices=inbox.notices)
        return
    if rows:
        show.print_table("", ["stage", "dataset", "date", "what"], rows)
    else:
        show.out.print("N107 Nothing to do.")
    show.print_notices(inbox.notices)
    for problem in (*night.problems, *inbox.problems):
        show.print_error(problem)


def no_session() -> Any:
    raise LakeError("E001", actual="a plan needs no session")
