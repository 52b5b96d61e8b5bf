"""What the commands that run nights share: opening a night, and saying at its end what was done and what still waits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import typer

from jobs import night as nights
from jobs import show
from jobs.cities import load_gold
from jobs.errors import LakeError
from jobs.failures import placing
from jobs.ledger import Ledger, Line
from jobs.night import Night, Selection
from jobs.page_marks import is_owed
from jobs.settings import Settings, select

WORST = (6, 5, 1, 2, 4, 3, 7, 0)


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
def open_night(
    settings: Settings, selection: Selection, meanwhile: Callable[[], object] = lambda: None
) -> Iterator[tuple[Night, show.Watch]]:
    """Hold the lake and open it; the session starts when a stage first needs it. `meanwhile` is done while another writer ends.

    Raises E602, E603 or E604 where gold, audit or a selected dataset is damaged, before anything is read or written.
    """
    from jobs.fsck import refuse_damage

    with open_damaged(settings, selection, meanwhile) as (night, watch):
        refuse_damage(night.lake, {c.dataset: c for c in night.selected})
        yield night, watch


@contextmanager
def open_damaged(
    settings: Settings, selection: Selection, meanwhile: Callable[[], object] = lambda: None
) -> Iterator[tuple[Night, show.Watch]]:
    """Hold the lake and open it as it is, to mend it."""
    from jobs.lock import hold_lake

    settings.lake.check_format()
    with (
        hold_lake(settings.lake, settings.run, settings.wait, meanwhile) as lock,
        show.watching(settings.lake, settings.run, settings.json) as watch,
    ):
        night = Night(
            settings.lake,
            settings.inbox,
            settings.run,
            lambda: _open_driver(settings, lock, nights.is_small(night)),
            watch,
            selection,
            server=settings.deliveries,
        )
        try:
            yield night, watch
        finally:
            night.close()


def load_libraries() -> None:
    """Import what stages need and what is slow to import: a command that has to wait does it meanwhile."""
    from jobs import quality

    quality.load()


def _open_driver(settings: Settings, lock: Path, small: bool) -> Any:
    from jobs.connect import open_driver
    from jobs.lock import note_driver, note_session

    return open_driver(
        settings.lake, small=small, attached=partial(note_session, lock), embedded=partial(note_driver, lock)
    )


def write_pages(night: Night, *, front: bool = True) -> str:
    from jobs.report import write_report

    with placing(night.lake, stage="report", place="reports"):
        return write_report(night.lake, night.contracts, load_gold(night.lake.city), night.city.title, front=front)


def write_owed_pages(night: Night, *, front: bool = True) -> str:
    """Write the pages where this command did something, or an earlier one that was stopped before it came to them; else nothing.

    Without `front` the first page is left to a later command.
    """
    newest = max((line.line for line in night.ledger.lines.values()), default=0)
    return write_pages(night, front=front) if night.lines or is_owed(night.lake, newest) else ""


def print_release(settings: Settings, made: Any) -> None:
    if settings.json:
        return
    rows = [[f"gold.{t.table}", t.status, t.rows, t.version, t.digest[:12], t.why] for t in made.tables.values()]
    show.print_table(f"Release {made.number}", ["table", "status", "rows", "version", "digest", "why"], rows)
    ledger = Ledger(settings.lake, settings.run)
    line = ledger.newest("release", f"release.{made.number}")
    waiting = [
        [p["column"], p["parent"], p["rows"], p["keys"]] for p in (line.counts.get("pending", ()) if line else ())
    ]
    if waiting:
        show.print_table("Rows that wait for their parent", ["column", "parent", "rows", "keys"], waiting)
    for name, table in made.tables.items():
        line = ledger.newest("gold", f"gold.{name}")
        if line and line.counts.get("statement") and line.counts.get("digest") == table.digest:
            show.out.print(f"gold.{name}: {line.counts['statement']}", markup=False)


def conclude(settings: Settings, night: Night, page: str, waiting: list[Line], **values: Any) -> None:
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
    ids = {line.key: ident for ident, line in night.ledger.held_things().items()} if waiting else {}
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
