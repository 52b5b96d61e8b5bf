"""Commands that only read: status, sql, describe, report, reconcile, digest, doctor, explain, lint, releases, check."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from jobs import show
from jobs.contracts import Contract, fingerprint, load_city, load_contracts, load_gold
from jobs.errors import CODES, LakeError
from jobs.landing import Receipt, all_receipts
from jobs.ledger import Ledger, Line
from jobs.night import Selection
from jobs.reconcile import COLUMNS, DIFFERENT, reconcile_deliveries
from jobs.release import Release, find_release, read_releases
from jobs.settings import DatasetOption, DateOption, Settings, SourceOption, select, with_settings

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
        if line.outcome == "held" and not decided and line.code != "E706":
            key = [line.dataset, line.business_date, line.revision, line.sha256 or line.fingerprint]
            found[fingerprint(key)[:8]] = line
    return found


def _receipts(settings: Settings, selection: Selection) -> list[Receipt]:
    contracts = {n: c for n, c in load_contracts(settings.city).items() if selection.has_dataset(c)}
    return [r for r in all_receipts(settings.lake, contracts) if selection.has_date(r.business_date)]


@app.command()
@with_settings
def status(settings: Settings, date: DateOption = "", source: SourceOption = "", dataset: DatasetOption = "") -> None:
    """What arrived, what became of it, what is held or late, and which release is published."""
    selection = select(settings, date, source, dataset)
    ledger = Ledger(settings.lake, settings.run)
    held = {line.key: ident for ident, line in held_things(ledger).items()}
    rows: list[list[object]] = []
    for r in _receipts(settings, selection):
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
    for table, code, ident in gold_held:
        show.out.print(f"{table} is held ({code}): lake approve {ident} --by NAME --reason TEXT")
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


@app.command()
@with_settings
def sql(
    settings: Settings, query: Annotated[str, typer.Argument(help="Spark SQL; tables are gold.<name>, or gold_r<N>.<name>.")] = "",
    file: Annotated[Path | None, typer.Option("-f", "--file", help="Read the query from a file.")] = None,
    form: Annotated[str, typer.Option("--format", help="table, csv or json")] = "table",
    out: Annotated[Path | None, typer.Option("--out", help="Write to FILE.csv or FILE.parquet.")] = None,
    number: ReleaseOption = None, limit: Annotated[int, typer.Option(help="Rows to show as a table.")] = 100,
) -> None:  # fmt: skip
    """Ask gold by name, as one release published it."""
    from jobs import query as queries
    from jobs.session import open_session

    text = file.read_text("utf-8") if file else query
    if not text.strip() or form not in ("table", "csv", "json"):
        raise LakeError(
            "E002",
            place="sql",
            expected="a query, and --format table, csv or json",
            actual=form if text.strip() else "no query",
        )
    found = _release(settings, number)
    for line in queries.warnings_for(text, found):
        show.err.print(line, markup=False)
    spark, gold = open_session(small=True), load_gold(settings.city)
    queries.open_views(spark, settings.lake, gold, found)
    for other in {int(n) for n in queries.named_releases(text)}:
        queries.open_views(spark, settings.lake, gold, _release(settings, other), f"gold_r{other}")
    rows = queries.run_query(spark, text.strip().rstrip(";"))
    if out:
        queries.write_out(rows, out)
        show.err.print(f"{rows.num_rows} rows of release {found.number} in {out}", markup=False)
    elif form == "json" or settings.json:
        sys.stdout.write(queries.to_json(rows) + "\n")
    elif form == "csv":
        sys.stdout.write(queries.to_csv(rows))
    else:
        show.print_table("", rows.column_names, queries.cells(rows, limit))
        show.err.print(
            f"{rows.num_rows} rows, release {found.number} of {found.released_at}"
            + (f"; showing {limit}" if rows.num_rows > limit else "")
        )


def _release(settings: Settings, number: int | None) -> Release:
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
        show.print_table("", ["table", "what", "grain"], [[n, c.title, c.grain] for n, c in known.items()])
        return
    if name not in known:
        raise LakeError(
            "E004", place="table", expected=", ".join(known), actual=name[:60], next_command="lake describe"
        )
    _describe(settings, name, known[name])


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
    show.out.print(page)


@app.command()
@with_settings
def reconcile(
    settings: Settings, date: DateOption = "", source: SourceOption = "", dataset: DatasetOption = ""
) -> None:
    """Per delivery the four identities with their numbers; any difference is an error."""
    receipts = _receipts(settings, select(settings, date, source, dataset))
    rows = reconcile_deliveries(Ledger(settings.lake, settings.run), load_contracts(settings.city), receipts)
    wrong = sum(row["identities"].startswith(DIFFERENT) for row in rows)
    if settings.json:
        show.print_json("reconcile", rows=rows, different=wrong)
    else:
        show.print_table("", COLUMNS, [list(row.values()) for row in rows])
    if wrong:
        raise LakeError("E704", place="reconcile", expected="equal sides", actual=f"{wrong} deliveries differ")


@app.command()
@with_settings
def digest(
    settings: Settings, number: ReleaseOption = None, zone: Annotated[str, typer.Option(help="gold or silver")] = "gold"
) -> None:
    """The canonical digest of every table; for gold, compared with the one in the release."""
    from jobs import delta
    from jobs.digest import digest_columns, digest_of

    rows, wrong = [], 0
    if zone == "silver":
        for c in load_contracts(settings.city).values():
            found = delta.read_arrow(settings.lake.table("silver", c.table))
            rows += (
                [[f"silver.{c.table}", found.num_rows, digest_of(found, digest_columns(c)), ""]]
                if found is not None
                else []
            )
    else:
        gold = load_gold(settings.city)
        for t in _release(settings, number).tables.values():
            found = delta.read_arrow(settings.lake.table("gold", t.table), t.version) if t.version >= 0 else None
            if found is not None:
                now = digest_of(found, digest_columns(gold[t.table]))
                wrong += now != t.digest
                rows.append([f"gold.{t.table}", found.num_rows, now, "as released" if now == t.digest else "DIFFERENT"])
    if settings.json:
        show.print_json("digest", tables={str(r[0]): r[2] for r in rows}, different=wrong)
    else:
        show.print_table("", ["table", "rows", "sha256", ""], rows)
    if wrong:
        raise LakeError("E602", place="gold", expected="the digests of the release", actual=f"{wrong} tables differ")


@app.command()
@with_settings
def doctor(settings: Settings) -> None:
    """Look at Java, jars, packages, disk and permissions."""
    from jobs.doctor import examine

    findings = examine(settings.root)
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
    found = check_file(lambda: open_session(small=True), contracts[dataset], file)
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
        for place in found["places"]:
            show.out.print(place, markup=False)
    if found["held"]:
        raise LakeError(
            "E701",
            dataset=dataset,
            place=file.name,
            expected="every critical rule met",
            actual=", ".join(found["held"]),
        )
