"""The command `diff`: the published figures that changed between two releases, and the deliveries that caused it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from jobs import night as nights
from jobs import show
from jobs.ask import app, open_reading
from jobs.errors import LakeError
from jobs.release import find_release, read_restatements
from jobs.settings import Settings, with_settings


@app.command()
@with_settings
def diff(
    settings: Settings, first: Annotated[int, typer.Argument(help="The earlier release.")],
    last: Annotated[int, typer.Argument(help="The later release.")],
) -> None:  # fmt: skip
    """List the figures that were published otherwise before, by key, with old and new value and the deliveries that caused it."""
    if first >= last:
        raise LakeError("E002", place="diff", expected="an earlier release, then a later one", actual=f"{first} {last}")
    for number in (first, last):
        find_release(settings.lake, number)
    found = [_named(r) for r in _with_causes(settings, read_restatements(settings.lake, first, last))]
    if settings.json:
        show.print_json("diff", first=first, last=last, restated=found)
        return
    columns = ["release", "table", "key", "column", "old", "new", "deliveries"]
    if found:
        show.print_table("", columns, [_row(r) for r in found])
    show.out.print(f"{len(found):,} published figures changed between release {first} and release {last}")


def _with_causes(settings: Settings, restated: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Where one delivery came between the releases it is the cause, and Spark need not start to find it out."""
    if all(len(r["deliveries"]) < 2 for r in restated):
        return restated
    with open_reading(settings) as night:
        return nights.name_causes(night, restated)


def _named(restated: Mapping[str, Any]) -> dict[str, Any]:
    names = ("dataset", "business_date", "revision", "sha256")
    deliveries = [dict(zip(names, d, strict=True)) for d in restated["deliveries"]]
    return {**restated, "key": json.loads(restated["key"]), "deliveries": deliveries}


def _row(r: Mapping[str, Any]) -> Sequence[object]:
    """One figure; `none` where a row or value is no longer there, or was not."""
    key = " ".join(f"{name}={value}" for name, value in r["key"].items())
    deliveries = ", ".join(f"{d['dataset']} {d['business_date']} r{d['revision']}" for d in r["deliveries"])
    old, new = ("none" if v is None else v for v in (r["old"], r["new"]))
    return [r["release"], f"gold.{r['table']}", key, r["column"], old, new, deliveries]
