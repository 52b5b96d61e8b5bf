"""Deliveries of the departments' own systems, brought into this run's spool: from there on they are like those of the inbox."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from jobs.contracts import Contract
from jobs.due import is_date, today_in
from jobs.errors import LakeError
from jobs.extract import Supplier, open_supplier, secret
from jobs.landing import FOLDER, list_receipts
from jobs.night.opened import AT_ONCE, Night, do_all, say_problem


@dataclass(frozen=True)
class Wanted:
    """A delivery that a supplier has and the lake does not."""

    contract: Contract
    supplier: Supplier
    folder: str


def list_wanted(night: Night) -> list[Wanted]:
    """Ask the selected suppliers what they have that is not landed (`refetch`: landed or not); one that fails stops no other.

    Where a contract's `live` server is a drop folder, the night reads it as its inbox.
    """
    asked = [c for c in night.selected if night.server in c.places] if night.server != "inbox" else []
    for contract in asked:
        night.roots[contract.dataset] = night.spool
    return [w for found in do_all(lambda c: _ask(night, c), asked, AT_ONCE) for w in found]


def bring(night: Night) -> None:
    """Fetch what is wanted, each delivery whole or not at all."""
    shutil.rmtree(night.spool, ignore_errors=True)
    do_all(lambda w: _bring(night, w), list_wanted(night), AT_ONCE)


def _ask(night: Night, contract: Contract) -> list[Wanted]:
    place = contract.places[night.server]
    try:
        if place.type == "local":
            night.roots[contract.dataset] = Path(secret(place, "folder"))
            return []
        supplier = open_supplier(contract, place)
        return [Wanted(contract, supplier, f) for f in _choose(night, contract, supplier.folders())]
    except LakeError as error:
        say_problem(night, _placed(error, contract))
        return []


def _choose(night: Night, contract: Contract, folders: list[str]) -> Iterator[str]:
    today = today_in(night.city, night.run.now).isoformat()
    for folder in folders:
        match = FOLDER.fullmatch(folder)
        day = match[1] if match else ""
        if not is_date(day) or day > today or not night.selection.has_date(day):
            continue
        landed = any(r.folder == folder for r in list_receipts(night.lake, contract, day))
        if night.selection.refetch or not landed:
            yield folder


def _bring(night: Night, wanted: Wanted) -> None:
    """Fetch under a name that no one takes for a delivery, and give the right one to what is whole."""
    contract, folder = wanted.contract, wanted.folder
    base = night.spool / contract.source / contract.name
    base.mkdir(parents=True, exist_ok=True)
    part = base / f".{folder}"
    part.mkdir(mode=0o700)
    try:
        wanted.supplier.fetch(folder, part)
    except LakeError as error:
        shutil.rmtree(part)
        say_problem(night, _placed(error, contract, folder))
    else:
        part.rename(base / folder)


def _placed(error: LakeError, contract: Contract, folder: str = "") -> LakeError:
    error.evidence = (
        error.evidence
        or f"server {contract.places['live'].type} of {contract.dataset}{f', {folder}' if folder else ''}"
    )
    day, _, revision = folder.partition(".r")
    return error.at(
        dataset=contract.dataset, business_date=day, revision=int(revision or 1) if day else 0, stage="extract"
    )
