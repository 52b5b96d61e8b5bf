"""What stands in the inbox: deliveries that a run takes, folders with an impossible date, and what is no delivery at all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from jobs.contracts import Contract
from jobs.due import is_date, today_in
from jobs.errors import LakeError, Notice
from jobs.file_names import show_name
from jobs.landing import FOLDER, Arrival, find_arrivals
from jobs.night.opened import Night


@dataclass(frozen=True)
class Inbox:
    """The inbox as a run of the selection sees it."""

    arrivals: tuple[Arrival, ...]
    problems: tuple[LakeError, ...]
    notices: tuple[Notice, ...]


def look_into_inbox(night: Night) -> Inbox:
    """Part the selected inbox into deliveries to take, problems of single datasets (E005) and notices (N108, N109)."""
    today = today_in(night.city, night.run.now).isoformat()
    found = [
        a
        for c in night.selected
        for a in find_arrivals(night.inbox_of(c), c)
        if night.selection.has_date(a.business_date)
    ]
    early = [Notice("N109", f"{a.dataset} {a.folder}") for a in found if a.business_date > today]
    strange = [*_list_strangers(night), *early]
    return Inbox(
        arrivals=tuple(a for a in found if a.business_date <= today),
        problems=tuple(e for c in night.selected for e in _list_impossible(night, c)),
        notices=tuple(strange),
    )


def _entries(folder: Path) -> list[Path]:
    """What stands in a folder, but for names that are still arriving, and `.md` notes to people."""
    found = sorted(folder.iterdir()) if folder.is_dir() else []
    return [p for p in found if not p.name.startswith(".") and not p.name.endswith((".part", ".md"))]


def _list_impossible(night: Night, contract: Contract) -> Iterator[LakeError]:
    """Folders named as a delivery, of a date that no calendar has."""
    for path in _entries(night.inbox_of(contract) / contract.source / contract.name):
        match = FOLDER.fullmatch(path.name)
        if match and path.is_dir() and not is_date(match[1]) and night.selection.has_date(match[1]):
            yield LakeError(
                "E005", dataset=contract.dataset, stage="extract", place=path.name, expected="a date of the calendar", actual=match[1],
                evidence=str(path), next_command="Rename the folder to its business date, then lake run.",
            )  # fmt: skip


def _list_strangers(night: Night) -> Iterator[Notice]:
    """One notice for each entry of the inbox that is no delivery of a known dataset."""
    for root in sorted({night.inbox_of(c) for c in night.contracts.values()}):
        yield from _list_strangers_in(night, root)


def _list_strangers_in(night: Night, root: Path) -> Iterator[Notice]:
    sources = {c.source for c in night.contracts.values()}
    chosen = night.selection
    for path in _entries(root):
        if path.is_dir() and path.name in sources:
            yield from _list_strangers_of(night, path)
        elif not (chosen.source or chosen.dataset):
            yield Notice("N108", f"{show_name(path.name)}: no source of {night.lake.city}")


def _list_strangers_of(night: Night, source: Path) -> Iterator[Notice]:
    chosen = night.selection
    for path in _entries(source):
        contract = night.contracts.get(f"{source.name}.{path.name}") if path.is_dir() else None
        if contract is None:
            if chosen.source in ("", source.name) and not chosen.dataset:
                yield Notice("N108", f"{source.name}/{show_name(path.name)}: no dataset of {night.lake.city}")
        elif chosen.has_dataset(contract):
            for folder in _entries(path):
                if not (FOLDER.fullmatch(folder.name) and folder.is_dir()):
                    yield Notice(
                        "N108", f"{source.name}/{path.name}/{show_name(folder.name)}: not YYYY-MM-DD or YYYY-MM-DD.r2"
                    )
