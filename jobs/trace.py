"""The command `trace`: from a published figure back to the rows, records and files behind it, and evidence to take away."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from jobs import night as nights
from jobs import show
from jobs.ask import ReleaseOption, app, open_reading
from jobs.cities import load_city
from jobs.errors import LakeError
from jobs.origins import Delivered, Figure, Source
from jobs.settings import Settings, with_settings

Rows = Sequence[Mapping[str, Any]]


@app.command()
@with_settings
def trace(
    settings: Settings, table: Annotated[str, typer.Argument(help="gold.TABLE")] = "",
    key: Annotated[list[str] | None, typer.Option(help="The row: COLUMN=VALUE,COLUMN=VALUE; may be given several times.")] = None,
    number: ReleaseOption = None,
    out: Annotated[Path | None, typer.Option("--out", help="Write evidence into this new folder.")] = None,
    verify: Annotated[Path | None, typer.Option("--verify", help="Check a folder of evidence, without a lake.")] = None,
    limit: Annotated[int, typer.Option(help="Rows of a table to print.")] = 20,
) -> None:  # fmt: skip
    """List the silver rows, delivered records and landed files behind one row of gold, and make it again from them."""
    if verify:
        _verify(settings, verify)
        return
    from jobs import evidence

    if not table:
        raise LakeError("E002", place="trace", expected="gold.TABLE with --key, or --verify DIR", actual="neither")
    if out:
        evidence.need_new(out)
    with open_reading(settings) as night:
        figure = nights.trace_figure(night, table.removeprefix("gold."), read_key(key or []), number)
    if out:
        evidence.write_evidence(figure, settings.lake, load_city(settings.city), out)
    if settings.json:
        show.print_json("trace", **evidence.describe(figure), rows={s.name: s.lines() for s in figure.sources})
    else:
        _print(figure, limit)
        if out:
            show.out.print(f"Evidence: {out}, manifest.json sha256 {evidence.seal(out)}")


def read_key(options: Sequence[str]) -> dict[str, str]:
    """`a=1,b=2` as a mapping; a comma parts only where a column's name follows."""
    parts = [part for option in options for part in re.split(r",(?=[a-z][a-z0-9_]*=)", option)]
    wrong = [part for part in parts if not re.match(r"[a-z][a-z0-9_]*=", part)]
    if wrong or not parts:
        raise LakeError(
            "E002", place="--key", expected="COLUMN=VALUE,COLUMN=VALUE", actual=(wrong or ["nothing"])[0][:60]
        )
    return dict(part.split("=", 1) for part in parts)


def _verify(settings: Settings, folder: Path) -> None:
    from jobs import evidence

    found = evidence.verify_evidence(folder)
    if settings.json:
        show.print_json("evidence", **asdict(found))
        return
    show.out.print(
        f"{found.table} of release {found.release}: {found.files} files are as they were written, {found.records} records stand in "
        f"the landed files, {found.unread} are known by place only; the page says what the manifest says.\n"
        f"manifest.json sha256 {found.sha256}"
    )


def _print(figure: Figure, limit: int) -> None:
    place = ", ".join(f"{name}={value}" for name, value in figure.key.items())
    show.out.print(f"gold.{figure.table} {place}, release {figure.release} of {figure.released_at}")
    show.print_table("", ["column", "value"], [[n, "" if v is None else v] for n, v in figure.values.items()])
    show.out.print("Made again from what it stands on: equal.")
    if figure.sources:
        show.print_table("", ["table", "version", "rows", "of", ""], [_about(source) for source in figure.sources])
    for name in figure.given:
        show.out.print(f"and all {name} up to the release (not narrowed)")
    for source in figure.sources:
        _print_rows(source, limit)
    columns = ["dataset", "date", "rev", "file", "records", "sha256", "delivered", "from"]
    if figure.deliveries:
        show.out.print("Landed files")
        show.print_table("", columns, [row for d in figure.deliveries for row in _files(d)])
    if figure.receipts and not figure.sources:
        names = ["dataset", "business_date", "revision", "status", "delivered_at"]
        show.out.print("Receipts")
        show.print_table("", names, [[getattr(r, n) for n in names] for r in figure.receipts])


def _print_rows(source: Source, limit: int) -> None:
    """Place, key and the columns that the figure comes from; the others would not fit on a terminal."""
    lines, names = source.lines(), source.leading()
    if lines:
        rows = [["" if line[n] is None else line[n] for n in names] for line in lines[:limit]]
        some = f", {limit} of {len(lines)}" if len(lines) > limit else ""
        show.out.print(f"{source.name}{some} (--json and --out give all rows and columns)")
        show.print_table("", [n.removeprefix("_") for n in names], rows)


def _about(source: Source) -> list[object]:
    if source.rows is None:
        return [source.name, source.version, source.total, source.total, "the whole table (not narrowed)"]
    return [source.name, source.version, source.rows.num_rows, source.total, ""]


def _files(d: Delivered) -> list[list[object]]:
    r = d.receipt
    files = [f for f in r.files if f.name in d.records or not d.records]
    return [
        [r.dataset, r.business_date, f"r{r.revision}", f.name, len(d.records[f.name]) if d.records else "all", f.sha256,
         r.delivered_at, d.contract.owner]
        for f in files
    ]  # fmt: skip
