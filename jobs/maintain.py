"""The command `maintain`: join small files, remove what no kept version needs."""

from __future__ import annotations

import typer

from jobs import night as nights
from jobs import show
from jobs.ask import app
from jobs.night import Selection
from jobs.opening import open_night, worst
from jobs.settings import Settings, with_settings


@app.command()
@with_settings
def maintain(settings: Settings) -> None:
    """Join small files and remove files that no kept version needs; never one that a kept release stands on."""
    with open_night(settings, Selection()) as (night, _):
        done = nights.maintain(night)
    if settings.json:
        show.print_json("maintain", tables=done, problems=[p.parts() for p in night.problems])
    else:
        columns = ["table", "files joined", "files removed", "log entries removed"]
        show.print_table("", columns, [[d.table, d.joined, d.removed, d.log] for d in done])
        for problem in night.problems:
            show.print_error(problem)
    raise typer.Exit(worst(night.problems))
