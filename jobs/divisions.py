"""Administrative divisions: the codes that a city's records may name, each with the time in which it is in force."""

from __future__ import annotations

import csv
import functools
import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from jobs.cities import conf_roots
from jobs.contracts import check_name
from jobs.errors import LakeError

FILE = "divisions.csv"
COLUMNS = ["code", "name", "valid_from", "valid_to"]


@dataclass(frozen=True)
class Division:
    """One division: six digits, in force from `valid_from` until the day before `valid_to`; open where they are None."""

    code: str
    name: str
    valid_from: date | None = None
    valid_to: date | None = None


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
        if (header := next(rows, [])) != COLUMNS:
            raise LakeError("E003", place=FILE, expected=",".join(COLUMNS), actual=",".join(header))
        return [_division(row, f"{FILE}:{rows.line_num}") for row in rows]


def _division(row: list[str], place: str) -> Division:
    try:
        code, name, start, end = row
        found = Division(code, name, _day(start), _day(end))
    except ValueError as error:
        raise LakeError(
            "E003", place=place, expected="code, name and two ISO dates or nothing", actual=str(error)
        ) from error
    if not re.fullmatch(r"[0-9]{6}", code):
        raise LakeError("E003", place=place, expected="a code of six digits", actual=code)
    return found


def _day(text: str) -> date | None:
    return date.fromisoformat(text) if text else None
