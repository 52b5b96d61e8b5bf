"""Administrative divisions: the codes that a city's records may name, each with the time in which it is in force."""

from __future__ import annotations

import csv
import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from jobs.cities import conf_roots
from jobs.contracts import check_name
from jobs.errors import LakeError

FILE = "divisions.csv"
COLUMNS = ["code", "name", "valid_from", "valid_to", "successor"]


@dataclass(frozen=True)
class Division:
    """One division: six digits, in force from `valid_from` until the day before `valid_to`; open where they are None.

    `successor`: the code of the division that took its place, empty where there is none, or more than one.
    """

    code: str
    name: str
    valid_from: date | None = None
    valid_to: date | None = None
    successor: str = ""


def load_divisions(city: str) -> tuple[Division, ...]:
    """Read `conf/cities/<city>/divisions.csv`; none where there is no such file. Raises E003 where it cannot be understood."""
    return _load_divisions(check_name(city), conf_roots())


@functools.cache
def _load_divisions(city: str, roots: tuple[Path, ...]) -> tuple[Division, ...]:
    paths = [root / "conf" / "cities" / city / FILE for root in roots]
    return tuple(d for path in paths if path.is_file() for d in _read(path))


def _read(path: Path) -> list[Division]:
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.reader(file, strict=True)
        if (header := next(rows, [])) not in (COLUMNS, COLUMNS[:-1]):
            raise LakeError("E003", place=FILE, expected=",".join(COLUMNS), actual=",".join(header))
        found = [_division(row, len(header), f"{FILE}:{rows.line_num}") for row in rows]
    for d in found:
        _check_successor(d, found)
    return found


def _division(row: list[str], width: int, place: str) -> Division:
    try:
        if len(row) != width:
            raise ValueError(f"{len(row)} cells, not {width}")
        code, name, start, end, *successor = row
        found = Division(code, name, _day(start), _day(end), *successor)
    except ValueError as error:
        raise LakeError(
            "E003", place=place, expected="code, name and two ISO dates or nothing", actual=str(error)
        ) from error
    if not re.fullmatch(r"[0-9]{6}", code):
        raise LakeError("E003", place=place, expected="a code of six digits", actual=code)
    return found


def _day(text: str) -> date | None:
    return date.fromisoformat(text) if text else None


def _check_successor(d: Division, known: Sequence[Division]) -> None:
    """A successor is in force on the day from which its predecessor is not: so following one to the next ends."""
    end = d.valid_to
    if d.successor and not (end and any(s.code == d.successor and _is_in_force(s, end) for s in known)):
        raise LakeError(
            "E003", place=f"{FILE} {d.code}", expected="valid_to, and a successor that is in force on that day",
            actual=f"{end or 'no valid_to'}, {d.successor}",
        )  # fmt: skip


def _is_in_force(d: Division, on: date) -> bool:
    return (d.valid_from is None or d.valid_from <= on) and (d.valid_to is None or on < d.valid_to)


def successors(divisions: Sequence[Division]) -> dict[str, list[tuple[date, str]]]:
    """Of each withdrawn code which takes its place from which day on, in order: a successor may have one too."""
    by_code = {d.code: d for d in divisions}
    found: dict[str, list[tuple[date, str]]] = {}
    for d in divisions:
        hop: Division | None = d
        while hop and hop.successor and hop.valid_to:
            found.setdefault(d.code, []).append((hop.valid_to, hop.successor))
            hop = by_code.get(hop.successor)
    return found
