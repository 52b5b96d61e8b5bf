"""What every command is told: city, lake, inbox, clock, run; from options, then the environment, then defaults."""

from __future__ import annotations

import functools
import inspect
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from jobs.cities import PROJECT, load_city, load_contracts
from jobs.contracts import SERVERS
from jobs.due import parse_date
from jobs.errors import LakeError
from jobs.failures import foreseen
from jobs.lake import Lake
from jobs.ledger import Run
from jobs.night import Selection


@dataclass(frozen=True)
class Settings:
    """The common options of a command."""

    city: str
    root: str
    inbox: Path
    run: Run
    json: bool
    deliveries: str = "inbox"
    wait: int = 0

    @property
    def lake(self) -> Lake:
        return Lake(self.root, self.city)


_OPTIONS: dict[str, Any] = {
    "city": Annotated[str, typer.Option(help="City profile [default: $LAKE_CITY, else new_york].")],
    "root": Annotated[
        str, typer.Option(help="Where the lake is: a folder or s3a:// [default: $LAKE_ROOT, else .lake].")
    ],
    "inbox": Annotated[
        str, typer.Option(help="Where deliveries arrive [default: $LAKE_INBOX, else the shipped extracts].")
    ],
    "deliveries": Annotated[
        str,
        typer.Option(
            help="Whence: `inbox`, or `live`, the departments' own systems [default: $LAKE_DELIVERIES, else inbox]."
        ),
    ],
    "wait": Annotated[
        str, typer.Option(help="Seconds to wait for another writer of the lake [default: $LAKE_WAIT, else 0].")
    ],
    "now": Annotated[str, typer.Option(help="The clock, as an ISO instant [default: the clock].")],
    "run_id": Annotated[str, typer.Option("--run-id", help="Id of the run, kept in the ledger.")],
    "attempt": Annotated[int, typer.Option("--try", help="Which try of the run this is.")],
    "as_json": Annotated[bool, typer.Option("--json", help="Print one JSON object.")],
}
DateOption = Annotated[str, typer.Option("--date", help="Business date, YYYY-MM-DD.")]
SourceOption = Annotated[str, typer.Option(help="One source, such as traffic.")]
RefetchOption = Annotated[
    bool, typer.Option("--refetch", help="Fetch also what is landed; other bytes are a new revision.")
]
DatasetOption = Annotated[str, typer.Option(help="One dataset, such as traffic.crashes.")]


def with_settings(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the common options; its first parameter receives them as Settings."""

    @functools.wraps(command)
    def call(
        city: str = "",
        root: str = "",
        inbox: str = "",
        deliveries: str = "",
        wait: str = "",
        now: str = "",
        run_id: str = "",
        attempt: int = 1,
        as_json: bool = False,
        **own: Any,
    ) -> Any:
        settings = settle(city, root, inbox, now, run_id, attempt, as_json, deliveries, wait)
        try:
            return command(settings, **own)
        except (LakeError, typer.Exit, typer.Abort):
            raise
        except Exception as error:
            known = foreseen(error, settings.lake)
            if known is None:
                raise
            raise known from error

    defaults: dict[str, Any] = {"attempt": 1, "as_json": False}
    own = list(inspect.signature(command, eval_str=True).parameters.values())[1:]
    common = [
        inspect.Parameter(n, inspect.Parameter.KEYWORD_ONLY, annotation=a, default=defaults.get(n, ""))
        for n, a in _OPTIONS.items()
    ]
    call.__signature__ = inspect.Signature([*own, *common])  # type: ignore[attr-defined]
    call.__annotations__ = {p.name: p.annotation for p in (*own, *common)}
    return call


def settle(
    city: str,
    root: str,
    inbox: str,
    now: str,
    run_id: str,
    attempt: int,
    as_json: bool,
    deliveries: str = "",
    wait: str = "",
) -> Settings:
    """Fill what an option leaves open."""
    whence = deliveries or os.environ.get("LAKE_DELIVERIES") or SERVERS[0]
    if whence not in SERVERS:
        raise LakeError("E002", place="--deliveries", expected=" or ".join(SERVERS), actual=whence[:40])
    clock = _instant(now)
    name = city or os.environ.get("LAKE_CITY") or "new_york"
    shipped = PROJECT / "tests" / "data" / name
    return Settings(
        city=name,
        root=root or os.environ.get("LAKE_ROOT") or str(PROJECT / ".lake"),
        inbox=Path(inbox or os.environ.get("LAKE_INBOX") or shipped),
        run=Run(run_id or f"run-{clock:%Y%m%dT%H%M%S}-{os.getpid()}", attempt, clock),
        json=as_json,
        deliveries=whence,
        wait=_seconds(wait or os.environ.get("LAKE_WAIT") or "0"),
    )


def _seconds(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise LakeError("E002", place="--wait", expected="whole seconds", actual=text[:20])
    return int(text)


def _instant(text: str) -> datetime:
    if not text:
        return datetime.now(UTC)
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise LakeError(
            "E002", place="--now", expected="an ISO instant such as 2025-02-13T06:00:00Z", actual=repr(text)[:40]
        ) from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def select(settings: Settings, date: str = "", source: str = "", dataset: str = "", **more: Any) -> Selection:
    """Check selectors against the city before anything is touched."""
    city = load_city(settings.city)
    for text in (date, more.get("first", ""), more.get("last", "")):
        if text:
            parse_date(text, city, settings.run.now)
    known = load_contracts(settings.city)
    if dataset and dataset not in known:
        raise LakeError("E004", place="dataset", expected=", ".join(known), actual=dataset[:60])
    if source and source not in {c.source for c in known.values()}:
        raise LakeError(
            "E004", place="source", expected=", ".join(sorted({c.source for c in known.values()})), actual=source[:60]
        )
    return Selection(dates=(date,) if date else (), source=source, dataset=dataset, **more)
