"""The stages by themselves, which is what Airflow types: extract, bronze, silver, gold, release."""

from __future__ import annotations

from datetime import UTC
from typing import Annotated, Any

import typer

from jobs import night as nights
from jobs import show
from jobs.ask import app
from jobs.cities import load_city
from jobs.contracts import Contract
from jobs.due import due_at, is_due, parse_date
from jobs.errors import LakeError
from jobs.landing import find_arrivals, list_receipts
from jobs.opening import (
    conclude,
    load_libraries,
    need_date,
    open_night,
    print_release,
    select_for,
    worst,
    write_owed_pages,
)
from jobs.settings import DatasetOption, DateOption, RefetchOption, Settings, SourceOption, select, with_settings

ForDateOption = Annotated[str, typer.Option("--date", help="The business date that this is done for; limits nothing.")]


@app.command()
@with_settings
def extract(
    settings: Settings, date: DateOption, dataset: DatasetOption = "", source: SourceOption = "", refetch: RefetchOption = False
) -> None:  # fmt: skip
    """Land one business date's deliveries. Exit code 7 while one is due, not there and before its cut-off."""
    selection = select(settings, need_date(date), source, dataset, refetch=refetch)
    city = load_city(settings.city)
    with open_night(settings, selection) as (night, _):
        landed = nights.extract(night)
        waiting = [p for p in night.problems if p.code == "E101"]
        for contract in night.selected:
            day = parse_date(date, city, settings.run.now)
            arrived = any(
                a.business_date == date for a in find_arrivals(night.inbox_of(contract), contract)
            ) or list_receipts(settings.lake, contract, date)
            if (
                not arrived
                and is_due(contract, day, city)
                and settings.run.now.astimezone(UTC) < due_at(contract, day, city)
            ):
                waiting.append(
                    LakeError(
                        "E104",
                        dataset=contract.dataset,
                        business_date=date,
                        stage="extract",
                        expected=f"by {due_at(contract, day, city):%Y-%m-%dT%H:%MZ}",
                        actual="nothing yet",
                    )
                )
    others = [p for p in night.problems if p not in waiting]
    if settings.json:
        outcomes = {c.dataset: _outcome(settings, c, date, {r.dataset for r in landed}) for c in night.selected}
        waits = [w.parts() for w in waiting]
        show.print_json("extract", landed=landed, waiting=waits, outcomes=outcomes, notices=night.notices)
    else:
        show.print_notices(night.notices)
        for r in landed:
            show.out.print(f"landed {r.dataset} {r.business_date} r{r.revision}: {len(r.files)} files")
        if not landed and not waiting and not others:
            show.out.print("N106 Nothing new: the same bytes as before, not due, or recorded as not delivered.")
    for problem in (*waiting, *others):
        show.print_error(problem)
    raise typer.Exit(7 if waiting else worst(night.problems))


def _outcome(settings: Settings, contract: Contract, date: str, landed: set[str]) -> str:
    """What became of a dataset on a date: delivered, unchanged, not_due or not_delivered; empty while it is waited for."""
    if contract.dataset in landed:
        return "delivered"
    known = [r.status for r in list_receipts(settings.lake, contract, date, absent=True)]
    return "unchanged" if "delivered" in known else known[-1] if known else ""


@app.command()
@with_settings
def bronze(settings: Settings, date: DateOption, dataset: DatasetOption) -> None:
    """Read one dataset's landed deliveries of a date into bronze."""
    _one_stage(settings, date, dataset, "bronze")


@app.command()
@with_settings
def silver(
    settings: Settings,
    date: DateOption,
    dataset: DatasetOption,
    refold: Annotated[bool, typer.Option("--refold")] = False,
) -> None:
    """Judge and fold one dataset's deliveries of a date into silver."""
    _one_stage(settings, date, dataset, "silver", refold=refold)


def _one_stage(settings: Settings, date: str, dataset: str, stage: str, **more: Any) -> None:
    with open_night(settings, select(settings, need_date(date), "", dataset, **more), load_libraries) as (night, watch):
        watch.expect(sum(1 for _, s in nights.owed(night) if s == stage))
        nights.process(night, (stage,))
        page = _write_pages_of(night, stage)
    conclude(settings, night, page, nights.list_waiting(night, ("bronze", stage)))


def _write_pages_of(night: nights.Night, stage: str) -> str:
    """What other stages follow leaves pages to them: bronze all, silver the first, which is drawn anew; what ends here none."""
    if night.problems or not night.lines:
        return write_owed_pages(night)
    return write_owed_pages(night, front=False) if stage == "silver" else ""


@app.command()
@with_settings
def gold(settings: Settings, date: ForDateOption = "") -> None:
    """Build the gold tables whose input changed, without publishing them."""
    from jobs.release import find_release

    with open_night(settings, select_for(settings, date), load_libraries) as (night, _):
        if nights.is_release_owed(night):
            nights.run_gold(night, find_release(settings.lake, None))
    conclude(settings, night, "", nights.list_waiting(night, ("gold",)))


@app.command()
@with_settings
def release(settings: Settings, date: ForDateOption = "") -> None:
    """Build what changed and publish one release, where it says something new."""
    with open_night(settings, select_for(settings, date), load_libraries) as (night, _):
        made = nights.run_release(night) if nights.is_release_owed(night) else None
        page = write_owed_pages(night)
    if made:
        print_release(settings, made)
    waiting = nights.list_waiting(night, ("gold",))
    conclude(settings, night, page, waiting, release=made.number if made else None)
