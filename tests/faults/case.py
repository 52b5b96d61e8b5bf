"""A case of the catalogue of faults: how it is delivered, and what must become of it.

Every case is a delivery of its own business date; most have a dataset of their own, those that change no table share
`faults.standing`, which holds one good night. Every delivery holds KEY or TEXT, which no message may repeat.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from tests.little import World

KEY, TEXT = 7731942, "Zanzibar"
NIGHT, NEXT = "2025-01-01", "2025-01-02"
STANDING = "faults.standing"
HEADER = "key,period,value,text,amount,day"
Deliver = Callable[[World, str, str], None]


@dataclass(frozen=True)
class Case:
    """One fault. `silver` are the current rows afterwards, as (key, value); None: silver is as it was before.

    `aside` maps a set-aside record to its rules (without the dataset's name), `notices` are codes that the bronze line holds.
    An empty `outcome` says that the fault is met before a delivery has a ledger line.
    """

    id: str
    title: str
    deliver: Deliver
    outcome: str
    code: str = ""
    stage: str = "silver"
    counts: Mapping[str, int] = field(default_factory=dict)
    silver: tuple[tuple[int, int], ...] | None = None
    aside: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    notices: tuple[str, ...] = ()
    says: str = ""
    dataset: str = ""
    date: str = NEXT
    revision: int = 1
    before: Deliver | None = None
    mostly: float = 0.5
    encoding: str = "utf-8"
    null_tokens: tuple[str, ...] = ("-",)
    extra: str = ""
    suite: str | None = ""
    columns: str = ""  # further columns, as lines of the contract
    fails: Callable[[Any], BaseException] | None = None  # of a session, what is raised where the stage commits

    @property
    def name(self) -> str:
        return self.dataset or f"faults.{self.id.lower()}"


def text_of(*rows: tuple[object, ...], header: str = HEADER, end: str = "\n") -> str:
    """Rows under a header; a row that is shorter than the header ends in empty cells."""
    width = header.count(",")
    lines = [",".join(map(str, row)) + "," * (width + 1 - len(row)) for row in rows]
    return "".join(line + end for line in [header, *lines])


def file(content: str | bytes, name: str = "data.csv", revision: int = 1, **manifest: Any) -> Deliver:
    """A delivery of one file."""

    def deliver(world: World, dataset: str, date: str) -> None:
        world.deliver(dataset, date, content, name=name, revision=revision, manifest=manifest or None)

    return deliver


def nights(**files: str) -> Deliver:
    """Deliveries of several nights: `d01=...` is the first of January."""

    def deliver(world: World, dataset: str, date: str) -> None:
        for day, content in files.items():
            world.deliver(dataset, f"2025-01-{day.removeprefix('d')}", content)

    return deliver


def rows(*found: tuple[object, ...], header: str = HEADER) -> Deliver:
    return file(text_of(*found, header=header))


def zipped(**files: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(f"{name}.csv", content)
    return packed.getvalue()


def packed(name: str, content: str | bytes, mode: int = 0o100644) -> bytes:
    """A zip archive of one file of a name that may be no good one, or of what the mode says: 0o120777 is a link."""
    made = io.BytesIO()
    info = zipfile.ZipInfo(name)
    info.external_attr = mode << 16
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(info, content)
    return made.getvalue()


GOOD = text_of((KEY, 2013, 10, TEXT), (2, 2013, 20, TEXT))


def standing(id: str, title: str, deliver: Deliver, outcome: str, code: str, day: int, **more: Any) -> Case:
    """A case that must leave the good night of `faults.standing` alone."""
    return Case(
        id,
        title,
        deliver,
        outcome,
        code,
        dataset=STANDING,
        date=(date(2025, 1, 31) + timedelta(days=day)).isoformat(),
        **more,
    )
