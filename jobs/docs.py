"""The command `lake docs`: the data dictionary as pages that need no network."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from jobs import show
from jobs.ask import app
from jobs.cities import load_city, load_contracts, load_gold
from jobs.settings import Settings, with_settings


@app.command()
@with_settings
def docs(
    settings: Settings, out: Annotated[str, typer.Option("--out", help="Folder to write to [default: reports/docs in the lake].")] = ""
) -> None:  # fmt: skip
    """Write the data dictionary: every table and column, its meaning, lineage, freshness and quality, searchable."""
    from jobs.report import write_docs

    city = load_city(settings.city)
    page = write_docs(
        settings.lake, load_contracts(settings.city), load_gold(settings.city), city.title, Path(out) if out else None
    )
    if settings.json:
        show.print_json("docs", page=page)
    else:
        show.out.print(page)
