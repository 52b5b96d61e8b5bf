"""Commands that examine: digest, doctor, explain, lint, check."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from jobs import show
from jobs.ask import ReleaseOption, app, published
from jobs.cities import load_city, load_contracts, load_gold
from jobs.contracts import Contract
from jobs.due import today_in
from jobs.error_codes import CODES
from jobs.errors import LakeError
from jobs.failures import is_damage
from jobs.release import Released
from jobs.settings import Settings, with_settings


@app.command()
@with_settings
def digest(
    settings: Settings, number: ReleaseOption = None, zone: Annotated[str, typer.Option(help="gold or silver")] = "gold"
) -> None:
    """The canonical digest of every table; for gold, compared with the one in the release."""
    if zone not in ("gold", "silver"):
        raise LakeError("E002", place="--zone", expected="gold or silver", actual=zone[:20])
    rows = _digest_silver(settings) if zone == "silver" else _digest_gold(settings, number)
    different = [str(row[0]) for row in rows if row[3] == "DIFFERENT"]
    if settings.json:
        show.print_json("digest", tables={str(r[0]): r[2] for r in rows}, different=len(different))
    else:
        show.print_table("", ["table", "rows", "sha256", ""], rows)
    if different:
        raise LakeError(
            "E602", place=", ".join(different), expected=f"the digests of release {published(settings, number).number}",
            actual=f"{len(different)} tables differ",
            next_command="lake run, which builds a lost table again; lake fsck --full says what is damaged, lake restore --release N goes back",
        )  # fmt: skip


def _digest_silver(settings: Settings) -> list[Sequence[object]]:
    from jobs import delta
    from jobs.digest import digest_table

    rows: list[Sequence[object]] = []
    for c in load_contracts(settings.city).values():
        found = delta.read_arrow(settings.lake.table("silver", c.table))
        if found is not None:
            rows.append([f"silver.{c.table}", found.num_rows, digest_table(found, c), ""])
    return rows


def _digest_gold(settings: Settings, number: int | None) -> list[Sequence[object]]:
    gold, tables = load_gold(settings.city), published(settings, number).tables.values()
    return [_compare(settings, gold[t.table], t) for t in tables if t.version >= 0]


def _compare(settings: Settings, contract: Contract, table: Released) -> Sequence[object]:
    """A released table as it is now; one that is lost, or of which a file is, differs."""
    from jobs import delta
    from jobs.digest import digest_table

    try:
        found = delta.read_arrow(settings.lake.table("gold", table.table), table.version)
    except Exception as error:
        if not is_damage(error, settings.lake):
            raise
        found = None
    if found is None:
        return [f"gold.{table.table}", "", "", "DIFFERENT"]
    now = digest_table(found, contract)
    return [f"gold.{table.table}", found.num_rows, now, "as released" if now == table.digest else "DIFFERENT"]


@app.command()
@with_settings
def doctor(settings: Settings) -> None:
    """Look at Java, jars, packages, disk and permissions; with --deliveries live also at the departments' systems."""
    from jobs.doctor import examine, examine_suppliers

    findings = examine(settings.root)
    if settings.deliveries == "live":
        findings += examine_suppliers(load_contracts(settings.city))
    if settings.json:
        show.print_json("doctor", findings=findings)
    else:
        show.print_table(
            "",
            ["what", "", "found", "next"],
            [[f.name, "ok" if f.ok else "NOT OK", f.detail, f.remedy] for f in findings],
        )
    raise typer.Exit(0 if all(f.ok for f in findings) else 1)


@app.command()
@with_settings
def explain(
    settings: Settings, code: Annotated[str, typer.Argument(help="A code such as E701; empty lists all.")] = ""
) -> None:
    """What a code means, why it happens, and what to do."""
    if code and code.upper() not in CODES:
        raise LakeError(
            "E004", place="code", expected="one of lake explain", actual=code[:20], next_command="lake explain"
        )
    found = {code.upper(): CODES[code.upper()]} if code else CODES
    if settings.json:
        show.print_json("explain", codes=found)
    elif code:
        c = found[code.upper()]
        show.out.print(
            f"{code.upper()} {c.title}\ncause:   {c.cause}\nremedy:  {c.remedy}\noutcome: {c.outcome}\nexit:    {c.exit}",
            markup=False,
        )
    else:
        show.print_table(
            "", ["code", "title", "outcome", "exit"], [[k, c.title, c.outcome, c.exit] for k, c in found.items()]
        )


@app.command()
@with_settings
def lint(settings: Settings) -> None:
    """Check every contract, suite, step and mart of the city."""
    from jobs.lint import lint_city

    faults = lint_city(settings.city)
    if settings.json:
        show.print_json("lint", faults=faults)
    else:
        for fault in faults:
            show.err.print(fault, markup=False)
        show.out.print(
            f"{len(load_contracts(settings.city))} datasets, {len(load_gold(settings.city))} gold tables, {len(faults)} faults"
        )
    if faults:
        raise LakeError("E003", place=settings.city, expected="no fault", actual=f"{len(faults)} faults")


@app.command()
@with_settings
def check(
    settings: Settings, file: Annotated[Path, typer.Argument(help="A file as a department would deliver it.")],
    dataset: Annotated[str, typer.Option(help="Dataset whose contract it should keep.")],
) -> None:  # fmt: skip
    """Read and judge a file by a dataset's contract and rules; nothing is written."""
    from jobs.check import check_file
    from jobs.session import open_session

    contracts = load_contracts(settings.city)
    if dataset not in contracts:
        raise LakeError("E004", place="dataset", expected=", ".join(contracts), actual=dataset[:60])
    if not file.is_file():
        raise LakeError("E002", place="FILE", expected="a file that exists", actual=str(file))
    today = today_in(load_city(settings.city), settings.run.now)
    found = check_file(lambda: open_session(small=True), contracts[dataset], file, today)
    if settings.json:
        show.print_json("check", **found)
    else:
        show.print_table(file.name, ["what", "records"], [[k, v] for k, v in found["counts"].items()])
        show.print_table(
            "",
            ["rule", "broken", "allowed", "of", ""],
            [
                [r["rule"], r["broken"], r["allowed"], r["evaluated"], "ok" if r["success"] else "NOT MET"]
                for r in found["results"]
                if r["broken"] or not r["success"]
            ],
        )
        for line in (*found["places"], *found["notices"]):
            show.out.print(line, markup=False)
    if found["held"]:
        raise LakeError(
            "E701",
            dataset=dataset,
            place=file.name,
            expected="every critical rule met",
            actual=", ".join(found["held"]),
        )
