"""Commands that only read: status, releases, describe, report, reconcile. `sql` and those that examine are modules of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import typer

from jobs import show
from jobs.contracts import Contract, fingerprint, load_city, load_contracts, load_gold
from jobs.errors import LakeError
from jobs.landing import all_receipts
from jobs.ledger import Ledger, Line
from jobs.release import Release, find_release, read_releases
from jobs.settings import Settings, with_settings

app = typer.Typer(
    name="lake",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="A city's data lakehouse: land, check, publish, ask.",
)
ReleaseOption = Annotated[int | None, typer.Option("--release", help="Release number [default: the newest].")]


def held_things(ledger: Ledger) -> dict[str, Line]:
    """What awaits a decision, by the id that `lake approve` takes."""
    approved = [d for d in ledger.decisions if d.kind == "approve"]
    deliveries = {(d.dataset, d.business_date, d.revision, d.sha256) for d in approved}
    tables = {(d.table, d.input_fingerprint) for d in approved}
    found = {}
    for line in ledger.lines.values():
        decided = (line.dataset, line.business_date, line.revision, line.sha256) in deliveries or (
            line.dataset.removeprefix("gold."),
            line.fingerprint,
        ) in tables
        if line.outcome == "held" and not decided:
            key = [line.dataset, line.business_date, line.revision, line.sha256 or line.fingerprint]
            found[fingerprint(key)[:8]] = line
    return found


@app.command()
@with_settings
def status(settings: Settings) -> None:
    """What arrived, what became of it, what is held or late, and which release is published."""
    ledger = Ledger(settings.lake, settings.run)
    held = {line.key: ident for ident, line in held_things(ledger).items()}
    rows: list[list[object]] = []
    for r in all_receipts(settings.lake, load_contracts(settings.city)):
        stages = [ledger.newest(s, r.dataset, r.business_date, r.revision) for s in ("bronze", "silver")]
        last = next((x for x in reversed(stages) if x), None)
        ident = next((held[x.key] for x in stages if x and x.key in held), "")
        run = f"{last.run_id} try {last.attempt}" if last else ""
        code = str(last.error.get("code", "")) if last else ""
        rows.append(
            [
                r.dataset,
                r.business_date,
                f"r{r.revision}" if r.revision else "",
                r.status,
                *[x.outcome if x else "" for x in stages],
                code,
                ident,
                r.delivered_at,
                run,
            ]
        )
    columns = ["dataset", "date", "rev", "delivery", "bronze", "silver", "code", "approve id", "at", "run"]
    newest = find_release(settings.lake, None)
    gold_held = [
        [line.dataset, line.error.get("code", ""), ident]
        for ident, line in held_things(ledger).items()
        if line.stage == "gold"
    ]
    if settings.json:
        tables = {t.table: t.status for t in newest.tables.values()} if newest else {}
        show.print_json(
            "status",
            deliveries=[dict(zip(columns, r, strict=True)) for r in rows],
            release=newest.number if newest else None,
            gold=tables,
            held=gold_held,
        )
        return
    show.print_table("", columns, rows)
    for dataset, code, ident in gold_held:
        show.out.print(f"{dataset} is held ({code}): lake approve {ident} --by NAME --reason TEXT")
    show.out.print(f"Release {newest.number} of {newest.released_at}" if newest else "No release yet: lake run")
    for t in newest.tables.values() if newest else ():
        if t.status in ("held", "stale"):
            show.out.print(f"gold.{t.table} is {t.status}: {t.why}")


@app.command()
@with_settings
def releases(settings: Settings) -> None:
    """Every release: when it was published and how many tables it changed."""
    found = read_releases(settings.lake)
    rows = [
        [
            r.number,
            r.released_at,
            *[sum(t.status == s for t in r.tables.values()) for s in ("new", "unchanged", "stale", "held")],
        ]
        for r in found
    ]
    if settings.json:
        show.print_json("releases", releases=found)
    else:
        show.print_table("", ["release", "at", "new", "unchanged", "stale", "held"], rows)


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
        [c.name, c.spark_type, "key" if c.key_position else "", c.classification, c.description, ", ".join(c.sources)]
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
    show.print_table("", ["column", "type", "", "class", "description", "from"], columns)


@app.command()
@with_settings
def report(settings: Settings) -> None:
    """Write the auditor's pages again and print where they are."""
    from jobs.report import write_report

    page = write_report(
        settings.lake, load_contracts(settings.city), load_gold(settings.city), load_city(settings.city).title
    )
    if settings.json:
        show.print_json("report", page=page)
    else:
        show.out.print(page)


@app.command()
@with_settings
def reconcile(settings: Settings, date: Annotated[str, typer.Option("--date", help="Business date.")] = "") -> None:
    """Per delivery the four identities with their numbers; any difference is an error."""
    ledger = Ledger(settings.lake, settings.run)
    rows, wrong = [], 0
    for (dataset, day, revision, stage), line in sorted(ledger.lines.items()):
        b = ledger.newest("bronze", dataset, day, revision)
        if stage != "silver" or date not in ("", day) or not line.counts or b is None:
            continue
        n, first = line.counts, b.counts
        equal = (
            first["landed"] == first["bronze"] + first["refused"]
            and n["judged"] == n["good"] + n["set_aside"] + n["duplicates"]
        )
        if line.outcome == "accepted":
            equal = equal and n["good"] == sum(n[k] for k in ("inserted", "changed", "ended", "unchanged", "outranked"))
        wrong += not equal
        sums = " ".join(f"{k}={v}" for k, v in n.get("sums", {}).items())
        rows.append(
            [
                dataset,
                day,
                f"r{revision}",
                *[first[k] for k in ("landed", "bronze", "refused")],
                *[
                    n.get(k, 0)
                    for k in (
                        "judged",
                        "good",
                        "set_aside",
                        "duplicates",
                        "inserted",
                        "changed",
                        "ended",
                        "unchanged",
                        "outranked",
                        "ended_by_absence",
                    )
                ],
                sums,
                "equal" if equal else "DIFFERENT",
            ]
        )
    columns = [
        "dataset",
        "date",
        "rev",
        "landed",
        "bronze",
        "refused",
        "judged",
        "good",
        "aside",
        "duplicates",
        "inserted",
        "changed",
        "ended",
        "unchanged",
        "outranked",
        "absent",
        "sums",
        "identities",
    ]
    if settings.json:
        show.print_json("reconcile", rows=[dict(zip(columns, r, strict=True)) for r in rows], different=wrong)
    else:
        show.print_table("", columns, rows)
    if wrong:
        raise LakeError("E704", place="reconcile", expected="equal sides", actual=f"{wrong} deliveries differ")
