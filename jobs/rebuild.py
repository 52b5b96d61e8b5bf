"""The command `rebuild`: a release again, in an empty place, from landing and decisions alone."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from jobs import again, show
from jobs import night as nights
from jobs.ask import ReleaseOption, app, published
from jobs.cities import load_contracts
from jobs.errors import LakeError
from jobs.lake import Lake
from jobs.ledger import Run
from jobs.night import Night, Selection
from jobs.opening import open_night
from jobs.release import Release, Released
from jobs.settings import Settings, with_settings


@app.command()
@with_settings
def rebuild(
    settings: Settings, to: Annotated[str, typer.Option("--to", help="Where: a new folder, or an s3a:// address.")],
    number: ReleaseOption = None,
) -> None:  # fmt: skip
    """Build a release again in an empty place, from landing and decisions alone, and compare the digests."""
    release = published(settings, number)
    target = Lake(to, settings.city)
    again.need_empty(target)
    again.copy_ground(settings.lake, target, load_contracts(settings.city), release)
    with _open(settings, to, release) as night:
        nights.process(night)
        made = nights.run_release(night)
    rows = [_compare(t, made) for t in release.tables.values() if t.version >= 0]
    different = [str(row[0]) for row in rows if row[3] != "equal"]
    if settings.json:
        tables = {str(r[0]): {"released": r[1], "rebuilt": r[2], "equal": r[3] == "equal"} for r in rows}
        show.print_json("rebuild", release=release.number, root=to, tables=tables, different=len(different))
    else:
        show.print_table("", ["table", "released", "rebuilt", ""], rows)
        for problem in night.problems if different else ():
            show.print_error(problem)
    if different:
        raise LakeError(
            "E623", place=", ".join(different), expected=f"the digests of release {release.number}",
            actual=f"{len(different)} tables differ", evidence=target.base,
        )  # fmt: skip


@contextmanager
def _open(settings: Settings, root: str, release: Release) -> Iterator[Night]:
    """The new lake at the time of the release, with nothing in its inbox."""
    run = Run(settings.run.id, settings.run.attempt, datetime.fromisoformat(release.released_at))
    with tempfile.TemporaryDirectory() as inbox:
        there = replace(settings, root=root, inbox=Path(inbox), run=run, deliveries="inbox")
        with open_night(there, Selection()) as (night, watch):
            watch.expect(len(nights.owed(night)) + len(release.tables) + 1)
            yield night


def _compare(released: Released, made: Release | None) -> Sequence[object]:
    found = made.tables.get(released.table) if made else None
    digest = found.digest if found else ""
    return [f"gold.{released.table}", released.digest, digest, "equal" if digest == released.digest else "DIFFERENT"]
