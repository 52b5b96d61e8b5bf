"""The commands `fsck`, which finds damage, and `restore`, which publishes an earlier release again."""

from __future__ import annotations

from typing import Annotated

import typer

from jobs import night as nights
from jobs import show
from jobs.ask import app
from jobs.cities import load_contracts
from jobs.night import Selection
from jobs.opening import open_damaged, print_release, write_pages
from jobs.settings import DatasetOption, Settings, SourceOption, select, with_settings


@app.command()
@with_settings
def fsck(
    settings: Settings, full: Annotated[bool, typer.Option("--full", help="Read every byte: live files, released versions, landing.")] = False,
    source: SourceOption = "", dataset: DatasetOption = "",
) -> None:  # fmt: skip
    """Look for damage: logs, missing files, with --full every byte. Reads only; gold and audit are always looked at."""
    from jobs.fsck import examine

    selection = select(settings, "", source, dataset)
    contracts = {n: c for n, c in load_contracts(settings.city).items() if selection.has_dataset(c)}
    problems = examine(settings.lake, contracts, full=full)
    if settings.json:
        code = max((p.exit for p in problems), default=0)
        show.print_json("fsck", full=full, damage=[p.parts() for p in problems], exit=code)
    for problem in problems:
        show.print_error(problem)
    if not problems and not settings.json:
        show.out.print(
            "No damage." if full else "No damage of logs, and no live file is missing. --full reads every byte."
        )
    raise typer.Exit(max((p.exit for p in problems), default=0))


@app.command()
@with_settings
def restore(
    settings: Settings, number: Annotated[int, typer.Option("--release", help="The release that is to be published again.")],
    by: Annotated[str, typer.Option(help="Who decides.")], reason: Annotated[str, typer.Option(help="Why.")],
) -> None:  # fmt: skip
    """Publish what an earlier release published, as a new release with equal digests; sets damaged entries of gold's logs aside.

    No later figure is forgotten: the next `lake run` builds again, and publishes, whatever differs from today's silver.
    """
    with open_damaged(settings, Selection()) as (night, _):
        made = nights.run_restore(night, number, f"by {by}: {reason}")
        page = write_pages(night)
    if settings.json:
        show.print_json("restore", release=made, restored=number, report=page)
    else:
        print_release(settings, made)
        show.out.print("The next lake run builds again, and publishes, what differs from today's silver.")
