"""The command line `lake`: commands that run nights. Those that only read are in `ask.py`, `sql.py` and `examine.py`."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC
from typing import Annotated, Any

import typer

from jobs import examine, pages, show, sql  # noqa: F401 - they add their commands
from jobs import night as nights
from jobs.ask import app
from jobs.contracts import Contract, load_city, load_gold
from jobs.due import due_at, is_due, parse_date
from jobs.errors import LakeError
from jobs.landing import find_arrivals, list_receipts
from jobs.ledger import Decision, Line
from jobs.night import Night, Selection
from jobs.settings import DatasetOption, DateOption, Settings, SourceOption, select, with_settings

USAGE = (
    "UsageError", "BadParameter", "NoSuchOption", "NoSuchCommand", "MissingParameter", "NoArgsIsHelpError", "BadOptionUsage",
    "BadArgumentUsage", "FileError",
)  # fmt: skip
WORST = (6, 5, 1, 2, 4, 3, 7, 0)
ForDateOption = Annotated[str, typer.Option("--date", help="The business date that this is done for; limits nothing.")]


def main() -> None:
    """Run a command; a foreseen failure prints its message and gives its exit code."""
    sys.exit(_run_command(sys.argv[1:]))


def _run_command(arguments: list[str]) -> int:
    try:
        return app(arguments, standalone_mode=False) or 0  # what typer.Exit carried; None where a command just returned
    except (typer.Abort, KeyboardInterrupt):
        show.err.print("Stopped. The same command finishes the night.")
        return 1
    except Exception as error:
        failure = _name_failure(error)
        show.print_failure(failure, "--json" in arguments)
        return failure.exit


def _name_failure(error: Exception) -> LakeError:
    """The code of what stopped a command. Only what no code foresees leaves a trace on the terminal."""
    if isinstance(error, LakeError):
        return error
    if type(error).__name__ in USAGE:
        return LakeError("E002", place="command line", actual=str(error))
    show.err.print(traceback.format_exc())
    return LakeError("E001", actual=type(error).__name__)


def select_for(settings: Settings, date: str) -> Selection:
    """Everything, and the date that it is done for, which the ledger keeps."""
    select(settings, date)
    return Selection(done_for=date)


def need_date(text: str) -> str:
    """Refuse the empty text where a command is about one business date (E005): elsewhere it means all."""
    if not text:
        raise LakeError("E005", expected="YYYY-MM-DD", actual="nothing")
    return text


@contextmanager
def open_night(settings: Settings, selection: Selection) -> Iterator[tuple[Night, show.Watch]]:
    """Hold the lake and open it; the session starts when a stage first needs it."""
    from jobs.lock import hold_lake, note_driver

    settings.lake.check_format()
    with (
        hold_lake(settings.lake, settings.run) as lock,
        show.watching(settings.lake, settings.run, settings.json) as watch,
    ):
        night = Night(
            settings.lake,
            settings.inbox,
            settings.run,
            lambda: _open_session(lock, note_driver, nights.is_small(night), settings.root),
            watch,
            selection,
        )
        yield night, watch


def _open_session(lock: Any, note_driver: Callable[[Any, int], None], small: bool, root: str) -> Any:
    from jobs.session import driver_pid, open_session

    spark = open_session(small=small, root=root)
    pid = driver_pid()
    if pid:
        note_driver(lock, pid)
    return spark


@app.command()
@with_settings
def run(
    settings: Settings, date: DateOption = "", source: SourceOption = "", dataset: DatasetOption = "",
    refold: Annotated[bool, typer.Option("--refold", help="Refold datasets whose rules changed.")] = False,
) -> None:  # fmt: skip
    """Do what is owed: land, bronze, silver, gold, release, report. Without --date: everything in the inbox."""
    _run(settings, select(settings, date, source, dataset, refold=refold))


@app.command()
@with_settings
def backfill(
    settings: Settings, first: Annotated[str, typer.Option("--from", help="First business date.")], last: Annotated[str, typer.Option("--to", help="Last business date, included.")],
    source: SourceOption = "", dataset: DatasetOption = "",
) -> None:  # fmt: skip
    """Run a range of business dates, both ends included, and publish one release."""
    _run(settings, select(settings, "", source, dataset, first=need_date(first), last=need_date(last)))


@app.command()
@with_settings
def retry(settings: Settings, source: SourceOption = "", dataset: DatasetOption = "") -> None:
    """Run again what failed or is held; takes no new deliveries."""
    _run(settings, select(settings, "", source, dataset), land=False)


def _run(settings: Settings, selection: Selection, *, land: bool = True) -> None:
    with open_night(settings, selection) as (night, watch):
        landed = nights.extract(night) if land else []
        work = nights.owed(night)
        watch.expect(len(work) + (len(load_gold(settings.city)) + 1 if work or nights.is_release_owed(night) else 0))
        nights.process(night)
        made = nights.run_release(night) if nights.is_release_owed(night) else None
        page = _write_pages(night) if night.lines else ""
    if made:
        _print_release(settings, made)
    waiting = nights.list_waiting(night)
    _conclude(settings, night, page, waiting, landed=len(landed), release=made.number if made else None)


def _write_pages(night: Night) -> str:
    from jobs.report import write_report

    return write_report(night.lake, night.contracts, load_gold(night.lake.city), night.city.title)


def _print_release(settings: Settings, made: Any) -> None:
    if settings.json:
        return
    rows = [[f"gold.{t.table}", t.status, t.rows, t.version, t.digest[:12], t.why] for t in made.tables.values()]
    show.print_table(f"Release {made.number}", ["table", "status", "rows", "version", "digest", "why"], rows)


def _conclude(settings: Settings, night: Night, page: str, waiting: list[Line], **values: Any) -> None:
    """Print what was done and what still waits, and leave with the worst exit code of both."""
    code = worst([*night.problems, *[LakeError(x.code) for x in waiting]])
    steps = _next_steps(night, waiting)
    if settings.json:
        show.print_json(
            "run",
            run_id=settings.run.id,
            exit=code,
            lines=night.lines,
            problems=[p.parts() for p in night.problems],
            notices=night.notices,
            waiting=steps,
            report=page,
            **values,
        )
    else:
        _print_lines(night.lines)
        show.print_notices(night.notices)
        for problem in night.problems:
            show.print_error(problem)
        if not night.lines and not night.problems:
            done = "and released." if not waiting else "or waits for somebody."
            show.out.print(f"N107 Nothing to do: everything that was delivered is done {done}")
        if steps:
            show.print_table("Still waiting", list(steps[0]), [list(s.values()) for s in steps])
        if page:
            show.out.print(f"Report: {page}")
    raise typer.Exit(code) if code else typer.Exit()


def _next_steps(night: Night, waiting: list[Line]) -> list[dict[str, object]]:
    """What waits, and what to type next, with the id that `lake approve` takes."""
    from jobs.ask import held_things

    ids = {line.key: ident for ident, line in held_things(night.ledger).items()} if waiting else {}
    return [
        {
            "dataset": x.dataset,
            "date": x.business_date,
            "rev": f"r{x.revision}" if x.revision else "",
            "code": x.code,
            "next": str(x.error.get("next", "")).replace(" ID ", f" {ids.get(x.key, 'ID')} "),
        }
        for x in waiting
    ]


def worst(problems: list[LakeError]) -> int:
    """The worst exit code of some problems; a file that is still arriving is none, but for `extract`."""
    codes = {p.exit for p in problems if p.code != "E101"}
    return next((c for c in WORST if c in codes), 0)


def _print_lines(lines: list[Line]) -> None:
    if not lines:
        return
    rows = [
        [
            x.stage,
            x.dataset,
            x.business_date,
            f"r{x.revision}" if x.revision else "",
            x.outcome,
            _rows(x),
            x.counts.get("set_aside", x.counts.get("refused", 0)),
            x.seconds,
        ]
        for x in lines
    ]
    show.print_table("", ["stage", "dataset", "date", "rev", "outcome", "rows", "set aside", "seconds"], rows)
    show.out.print(f"{len(lines)} stages, {sum(x.seconds for x in lines):.1f} seconds of work")


def _rows(line: Line) -> int:
    return int(
        line.counts.get("good", line.counts.get("bronze", line.counts.get("rows", line.counts.get("tables", 0))))
    )


@app.command()
@with_settings
def plan(settings: Settings, date: DateOption = "", source: SourceOption = "", dataset: DatasetOption = "") -> None:
    """Say what `lake run` would do; writes nothing."""
    from jobs.landing import is_landed, is_still_arriving

    night = Night(
        settings.lake,
        settings.inbox,
        settings.run,
        _no_session,
        lambda *_: None,
        select(settings, date, source, dataset),
    )
    inbox = nights.look_into_inbox(night)
    rows: list[list[object]] = [
        ["land", a.dataset, a.business_date, "still arriving" if is_still_arriving(a) else a.folder]
        for a in inbox.arrivals
        if not is_landed(settings.lake, night.contracts[a.dataset], a)
    ]
    rows += [
        [stage, d.contract.dataset, d.receipt.business_date, f"r{d.receipt.revision}"]
        for d, stage in nights.owed(night)
    ]
    if rows or nights.is_release_owed(night):
        rows.append(["release", "gold", "", "what changed"])
    if settings.json:
        problems = [p.parts() for p in inbox.problems]
        owed = nights.is_release_owed(night)
        show.print_json("plan", steps=rows, release_owed=owed, problems=problems, notices=inbox.notices)
        return
    if rows:
        show.print_table("", ["stage", "dataset", "date", "what"], rows)
    else:
        show.out.print("N107 Nothing to do.")
    show.print_notices(inbox.notices)
    for problem in inbox.problems:
        show.print_error(problem)


def _no_session() -> Any:
    raise LakeError("E001", actual="a plan needs no session")


@app.command()
@with_settings
def extract(settings: Settings, date: DateOption, dataset: DatasetOption = "", source: SourceOption = "") -> None:
    """Land one business date's deliveries. Exit code 7 while one is due, not there and before its cut-off."""
    selection = select(settings, need_date(date), source, dataset)
    city = load_city(settings.city)
    with open_night(settings, selection) as (night, _):
        landed = nights.extract(night)
        waiting = [p for p in night.problems if p.code == "E101"]
        for contract in night.selected:
            day = parse_date(date, city, settings.run.now)
            arrived = any(a.business_date == date for a in find_arrivals(settings.inbox, contract))
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
    if settings.json:
        outcomes = {c.dataset: _outcome(settings, c, date, {r.dataset for r in landed}) for c in night.selected}
        waits = [w.parts() for w in waiting]
        show.print_json("extract", landed=landed, waiting=waits, outcomes=outcomes, notices=night.notices)
    else:
        show.print_notices(night.notices)
        for r in landed:
            show.out.print(f"landed {r.dataset} {r.business_date} r{r.revision}: {len(r.files)} files")
        for w in waiting:
            show.print_error(w)
        if not landed and not waiting:
            show.out.print("N106 Nothing new: the same bytes as before, not due, or recorded as not delivered.")
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
    with open_night(settings, select(settings, need_date(date), "", dataset, **more)) as (night, watch):
        watch.expect(sum(1 for _, s in nights.owed(night) if s == stage))
        nights.process(night, (stage,))
        page = _write_pages(night) if night.lines else ""
    _conclude(settings, night, page, nights.list_waiting(night, ("bronze", stage)))


@app.command()
@with_settings
def gold(settings: Settings, date: ForDateOption = "") -> None:
    """Build the gold tables whose input changed, without publishing them."""
    from jobs.release import find_release

    with open_night(settings, select_for(settings, date)) as (night, _):
        if nights.is_release_owed(night):
            nights.run_gold(night, find_release(settings.lake, None))
    _conclude(settings, night, "", nights.list_waiting(night, ("gold",)))


@app.command()
@with_settings
def release(settings: Settings, date: ForDateOption = "") -> None:
    """Build what changed and publish one release, where it says something new."""
    with open_night(settings, select_for(settings, date)) as (night, _):
        made = nights.run_release(night) if nights.is_release_owed(night) else None
        page = _write_pages(night) if night.lines else ""
    if made:
        _print_release(settings, made)
    waiting = nights.list_waiting(night, ("gold",))
    _conclude(settings, night, page, waiting, release=made.number if made else None)


@app.command()
@with_settings
def approve(
    settings: Settings, ident: Annotated[str, typer.Argument(metavar="ID", help="Id of what is held, from `lake status`.")],
    by: Annotated[str, typer.Option(help="Who decides.")], reason: Annotated[str, typer.Option(help="Why.")],
) -> None:  # fmt: skip
    """Approve a held delivery or gold table, by name and with a reason. The next run goes on with it."""
    from jobs.ask import held_things

    with open_night(settings, Selection()) as (night, _):
        found = held_things(night.ledger).get(ident)
        if found is None:
            raise LakeError(
                "E004",
                place="ID",
                expected=", ".join(held_things(night.ledger)) or "nothing is held",
                actual=ident[:20],
            )
        if found.stage == "gold":
            decision = Decision(
                "approve", by, reason, table=found.dataset.removeprefix("gold."), input_fingerprint=found.fingerprint
            )
        else:
            decision = Decision("approve", by, reason, found.dataset, found.business_date, found.revision, found.sha256)
        decided = night.ledger.decide(decision)
    _print_decision(settings, decided, f"approved {found.dataset} {found.business_date}".rstrip() + f" by {by}")


@app.command()
@with_settings
def quarantine(
    settings: Settings, action: Annotated[str, typer.Argument(help="list, show, dismiss or replay")], dataset: DatasetOption = "", date: DateOption = "",
    revision: Annotated[int, typer.Option(help="Revision.")] = 1, file: Annotated[str, typer.Option(help="Delivered file.")] = "",
    record: Annotated[int, typer.Option(help="Record number.")] = 0, values: Annotated[str, typer.Option(help="JSON file with the record's values, for replay.")] = "",
    by: Annotated[str, typer.Option(help="Who decides.")] = "", reason: Annotated[str, typer.Option(help="Why.")] = "",
) -> None:  # fmt: skip
    """List or show what is set aside; dismiss a record, or replay it with mended values."""
    from jobs import asides

    selection = select(settings, date, "", dataset)
    if action in ("list", "show"):
        asides.print_asides(settings, selection, action)
        return
    if action not in ("dismiss", "replay"):
        raise LakeError("E002", place="action", expected="list, show, dismiss or replay", actual=action[:20])
    with open_night(settings, selection) as (night, _):
        decision = asides.decide_record(
            night, dataset, date, revision, file, record, by, reason, values if action == "replay" else ""
        )
    _print_decision(settings, decision, f"{decision.kind} {dataset} {date} r{revision} {file} record {record} by {by}")


def _print_decision(settings: Settings, decision: Decision, text: str) -> None:
    if settings.json:
        show.print_json("decision", decision=decision, next="lake run")
    else:
        show.out.print(f"{text}. Next: lake run")
