"""An open night: the lake, its city, ledger and session, and what every stage of it does with lines and problems."""

from __future__ import annotations

import shutil
import traceback
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from threading import RLock
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar

from jobs.cities import City, load_city, load_contracts, load_gold
from jobs.contracts import Contract
from jobs.errors import LakeError, Notice
from jobs.lake import Lake
from jobs.landing import Receipt
from jobs.ledger import Ledger, Line, Run
from jobs.suites import Suite

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

AT_ONCE = 2
NOTHING: Mapping[str, int] = MappingProxyType({})
T = TypeVar("T")
R = TypeVar("R")
Tell = Callable[[str, Line | Receipt | LakeError | Notice], None]


@dataclass(frozen=True)
class Selection:
    """What a command is about; empty means all."""

    dates: tuple[str, ...] = ()
    source: str = ""
    dataset: str = ""
    refold: bool = False
    refetch: bool = False
    first: str = ""
    last: str = ""
    done_for: str = ""  # the date that gold or a release is typed for; limits nothing

    def has_date(self, text: str) -> bool:
        return (
            (not self.dates or text in self.dates)
            and (not self.first or text >= self.first)
            and (not self.last or text <= self.last)
        )

    def has_dataset(self, contract: Contract) -> bool:
        return self.source in ("", contract.source) and self.dataset in ("", contract.dataset)


@dataclass
class Night:
    """An open lake with its city, ledger and, once something needs it, its Spark session."""

    lake: Lake
    inbox: Path
    run: Run
    open_session: Callable[[], SparkSession]
    tell: Tell
    selection: Selection = field(default_factory=Selection)
    problems: list[LakeError] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    turn: RLock = field(default_factory=RLock)
    server: str = "inbox"
    roots: dict[str, Path] = field(default_factory=dict)

    def inbox_of(self, contract: Contract) -> Path:
        """The folder that holds the deliveries of a dataset: the inbox, a drop folder, or what was fetched."""
        return self.roots.get(contract.dataset, self.inbox)

    @property
    def spool(self) -> Path:
        """What this run fetched, until it ends; on this machine, for no other user's eyes."""
        return self.lake.state() / "fetched"

    @cached_property
    def city(self) -> City:
        return load_city(self.lake.city)

    @cached_property
    def contracts(self) -> dict[str, Contract]:
        return load_contracts(self.lake.city)

    @cached_property
    def gold(self) -> dict[str, Contract]:
        """Contracts of the city's gold tables by the name that ledger lines have."""
        return {c.dataset: c for c in load_gold(self.lake.city).values()}

    @cached_property
    def ledger(self) -> Ledger:
        return Ledger(self.lake, self.run)

    @property
    def spark(self) -> SparkSession:
        with self.turn:
            return self._session

    @cached_property
    def _session(self) -> SparkSession:
        return self.open_session()

    def close(self) -> None:
        """Give up a session on a server, with what it kept there, and what was fetched."""
        shutil.rmtree(self.spool, ignore_errors=True)
        if "_session" in vars(self):
            from jobs.session import detach

            detach(self._session)

    @property
    def selected(self) -> list[Contract]:
        return [c for c in self.contracts.values() if self.selection.has_dataset(c)]


@dataclass(frozen=True)
class Delivery:
    """A landed delivery with what judges it."""

    contract: Contract
    suite: Suite
    receipt: Receipt

    @property
    def key(self) -> tuple[str, str, int]:
        return (self.contract.dataset, self.receipt.business_date, self.receipt.revision)


def placed(error: LakeError, d: Delivery, stage: str) -> LakeError:
    zone = (
        "quarantine" if stage == "silver" and error.code in ("E314", "E701") else "bronze" if stage == "silver" else ""
    )
    error.evidence = error.evidence or (
        f"{zone}.{d.contract.table}" if zone else f"landed delivery sha256 {d.receipt.sha256}"
    )
    return error.at(
        dataset=d.contract.dataset, business_date=d.receipt.business_date, revision=d.receipt.revision, stage=stage
    )


def counts_for(night: Night, counts: Mapping[str, Any]) -> dict[str, Any]:
    """Counts of a line of gold or a release, with the date that it was typed for."""
    return {**counts, **({"for_date": night.selection.done_for} if night.selection.done_for else {})}


def note_line(night: Night, line: Line, error: LakeError | None, reads: Mapping[str, int] = NOTHING) -> None:
    """Write how a stage ended: its lineage, then its line in the ledger, after which nothing would write the lineage any more.

    `reads` are versions of the tables that it read.
    """
    note_lineage(night, night.ledger.stamp(line), reads)
    with night.turn:
        written = night.ledger.append(line)
        night.lines.append(written)
        night.tell("done", written)
        if error is not None:
            say_problem(night, error)


def note_lineage(night: Night, line: Line, reads: Mapping[str, int] = NOTHING) -> None:
    """Write the OpenLineage events of a stage that ran. Where that fails the night goes on, and says so (N110)."""
    try:
        from jobs import lineage

        if line.stage in lineage.STAGES:
            contract = night.contracts.get(line.dataset) or night.gold.get(line.dataset)
            lineage.write_events(night.lake, lineage.Work(night.city, line, contract, reads))
    except Exception as error:
        notice = Notice(
            "N110", " ".join(str(x) for x in (line.stage, line.dataset, line.business_date, type(error).__name__) if x)
        )
        with night.turn:
            night.notices.append(notice)
            night.tell("notice", notice)
            night.tell("trace", LakeError("E001", actual=traceback.format_exc()))


def say_problem(night: Night, error: LakeError) -> None:
    with night.turn:
        night.problems.append(error)
        night.tell("problem", error)


def do_all(call: Callable[[T], R], items: Sequence[T], at_once: int) -> list[R]:
    """Do independent things, some at once: the planning of small queries keeps one core busy and leaves the others idle."""
    if at_once == 1 or len(items) < 2:
        return [call(item) for item in items]
    with ThreadPoolExecutor(at_once) as pool:
        return list(pool.map(call, items))
