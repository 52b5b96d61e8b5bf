"""What people see: tables, errors, progress; and the log of a run as JSON lines."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, is_dataclass
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from jobs.error_codes import CODES
from jobs.errors import LakeError, Notice
from jobs.lake import Lake
from jobs.landing import Receipt
from jobs.ledger import Line, Run

SCHEMA_VERSION = 1
out = Console(highlight=False, soft_wrap=True, markup=False, emoji=False)
err = Console(stderr=True, highlight=False, soft_wrap=True, markup=False, emoji=False)


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    table = Table(
        title=title or None,
        title_justify="left",
        header_style="bold",
        pad_edge=sys.stdout.isatty(),
        box=None if not sys.stdout.isatty() else Table().box,
    )
    for n, name in enumerate(columns):
        is_number = rows and all(isinstance(row[n], (int, float)) for row in rows)
        table.add_column(name, justify="right" if is_number else "left", overflow="fold")
    for row in rows:
        table.add_row(*[_cell(v) for v in row])
    width = None if sys.stdout.isatty() else 240
    Console(highlight=False, markup=False, emoji=False, width=width).print(table)


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.1f}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


_printed: list[str] = []  # kinds of objects that this process has printed: a command prints one


def print_json(kind: str, **values: Any) -> None:
    """One object with a schema version, for programs."""
    _printed.append(kind)
    sys.stdout.write(as_json(kind, **values))


def as_json(kind: str, **values: Any) -> str:
    """The object that `print_json` prints."""
    found = {"schema_version": SCHEMA_VERSION, "kind": kind, **values}
    return json.dumps(found, ensure_ascii=False, default=_plain) + "\n"


def _plain(value: object) -> object:
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else str(value)


def print_error(error: LakeError) -> None:
    err.print(str(error))


def print_failure(error: LakeError, as_json: bool) -> None:
    """A failure on stderr; for programs also as the one object, unless the command has printed its own."""
    print_error(error)
    if as_json and not _printed:
        print_json("error", error=error.parts(), exit=error.exit)


def print_notices(notices: Sequence[Notice]) -> None:
    for n in notices:
        out.print(f"{n.code} {CODES[n.code].title}: {n.text}", markup=False)


class Log:
    """The log of one run: JSON lines with time, run, dataset, date, revision and stage."""

    def __init__(self, lake: Lake, run: Run) -> None:
        self.path = lake.path("logs", f"{run.id}.jsonl")
        self.run, self.lines, self.lake = run, list[str](), lake
        self.is_saved, self.is_lost = True, False

    def write(self, event: str, **values: Any) -> None:
        """Write a line, and the notes before it."""
        self.note(event, **values)
        self.save()

    def note(self, event: str, **values: Any) -> None:
        """Keep a line that can wait for the next one: each delivery that was landed before is a notice."""
        said = {
            "at": datetime.now(UTC).isoformat(timespec="milliseconds"), "run": self.run.id, "try": self.run.attempt,
            "event": event, **values,
        }  # fmt: skip
        self.lines.append(json.dumps(said, ensure_ascii=False, default=str))
        self.is_saved = False

    def save(self) -> None:
        """Write what is not written. Where that fails the work goes on, and it is said once (N111); the next time brings all before it."""
        if self.is_saved:
            return
        try:
            self.lake.write_atomic(self.path, ("\n".join(self.lines) + "\n").encode())
            self.is_saved = True
        except OSError as error:
            if not self.is_lost:
                err.print(f"N111 {CODES['N111'].title}: {self.path}: {error.strerror or type(error).__name__}")
            self.is_lost = True


class Watch:
    """Follows a night: a progress bar on the terminal, a line a stage in the log."""

    def __init__(self, log: Log, progress: Progress | None) -> None:
        self.log, self.progress = log, progress
        self.task = progress.add_task("", total=None) if progress else None

    def expect(self, total: int) -> None:
        if self.progress and self.task is not None:
            self.progress.update(self.task, total=total)

    def __call__(self, event: str, what: Any) -> None:
        if isinstance(what, LakeError):
            self.log.write(event, **what.parts())
            return
        if isinstance(what, Line):
            self.log.write(
                event, stage=what.stage, dataset=what.dataset, business_date=what.business_date, revision=what.revision,
                outcome=what.outcome, seconds=round(what.seconds, 3), counts={k: v for k, v in what.counts.items() if isinstance(v, (int, str))},
            )  # fmt: skip
            if self.progress and self.task is not None:
                self.progress.update(
                    self.task, advance=1, description=f"{what.stage} {what.dataset} {what.business_date}"
                )
        if isinstance(what, Notice):
            self.log.note(event, code=what.code, text=what.text)
        if isinstance(what, Receipt):
            self.log.write(
                event,
                stage="extract",
                dataset=what.dataset,
                business_date=what.business_date,
                revision=what.revision,
                files=len(what.files),
            )


@contextmanager
def watching(lake: Lake, run: Run, quiet: bool) -> Iterator[Watch]:
    """A progress bar on stderr while a night runs."""
    log = Log(lake, run)
    try:
        if quiet:
            yield Watch(log, None)
            return
        with _progress() as progress:
            yield Watch(log, progress)
    finally:
        log.save()


def _progress() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=err, transient=True)


@contextmanager
def counting(what: str, total: int) -> Iterator[Callable[[], None]]:
    """A progress bar on stderr; what it yields is called for each of `total` steps."""
    with _progress() as progress:
        task = progress.add_task(what, total=total)
        yield lambda: progress.advance(task)
