"""Identifiers with rules of their own, checked as Spark expressions: `logicalTypeOptions.format` of a text column names one.

A code is a function of the text, the day on which it is judged and the divisions of the city; it is true where the text is right.
Nothing is repaired: a wrong check character is evidence.
"""

from __future__ import annotations

import inspect
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from functools import reduce

from pyspark.sql import Column
from pyspark.sql import functions as F

from jobs.contracts import Column as Declared
from jobs.contracts import Contract, fingerprint
from jobs.divisions import Division, load_divisions
from jobs.rules import join_all

Divisions = Sequence[Division]
Code = Callable[[Column, Column, Divisions], Column]

_BASE31 = "0123456789ABCDEFGHJKLMNPQRTUWXY"  # no I, O, S, V, Z: they are read as 1, 0, 5, U, 2
_BASE36 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
# Sections of GB/T 4754-2017 and their divisions, first and last.
_SECTIONS = {
    "A": (1, 5), "B": (6, 12), "C": (13, 43), "D": (44, 46), "E": (47, 50), "F": (51, 52), "G": (53, 60), "H": (61, 62), "I": (63, 65),
    "J": (66, 69), "K": (70, 70), "L": (71, 72), "M": (73, 75), "N": (76, 79), "O": (80, 82), "P": (83, 83), "Q": (84, 85), "R": (86, 90),
    "S": (91, 96), "T": (97, 97),
}  # fmt: skip


def resident_id(text: Column, on: Column, divisions: Divisions) -> Column:
    """GB 11643-1999: a division that was ever in force, a real date of birth not after `on`, and the check character.

    The old form of 15 digits is none.
    """
    born = F.concat_ws("-", F.substring(text, 7, 4), F.substring(text, 11, 2), F.substring(text, 13, 2)).try_cast(
        "date"
    )
    total = _weigh(text, 1, (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2), _BASE36)
    check = _nth("10X98765432", total % 11)
    return (
        text.rlike(r"^\d{17}[\dX]\z")
        & _was_ever(text, 1, divisions)
        & (born <= on)
        & (F.substring(text, 18, 1) == check)
    )


def uscc(text: Column, _on: Column, divisions: Divisions) -> Column:
    """GB 32100-2015, the unified social credit code: a division that was ever in force, and both check characters.

    The ninth to seventeenth character are the organisation's code with its own check character (GB 11714).
    """
    organisation = _nth("0X987654321", _weigh(text, 9, (3, 7, 9, 10, 5, 8, 4, 2), _BASE36) % 11)
    weights = [pow(3, n, 31) for n in range(17)]
    whole = _nth(_BASE31, (31 - _weigh(text, 1, weights, _BASE31) % 31) % 31)
    shape = rf"^[{_BASE31}]{{2}}\d{{6}}[{_BASE31}]{{10}}\z"
    return (
        text.rlike(shape) & _was_ever(text, 3, divisions) & (F.substring(text, 17, 1) == organisation) & (F.substring(text, 18, 1) == whole)
    )  # fmt: skip


def division(text: Column, on: Column, divisions: Divisions) -> Column:
    """GB/T 2260: a division that is in force on that day."""
    periods: dict[tuple[date | None, date | None], list[str]] = defaultdict(list)
    for d in divisions:
        periods[d.valid_from, d.valid_to].append(d.code)
    return reduce(Column.__or__, [text.isin(c) & _within(on, *p) for p, c in periods.items()], F.lit(False))


def real_estate_unit(text: Column, _on: Column, divisions: Divisions) -> Column:
    """GB/T 37346-2019: division, cadastral district, kind and number of the parcel, and the fixture on it.

    State-owned (G) and disputed (Z) parcels have no rights of kind A and C; a parcel without a fixture (W) has no unit.
    """
    shape = r"^\d{12}(J[ABSXCDEFHGWY]|[GZ][BSXDEFHGWY])(?!0{5})\d{5}([FLQ]\d{8}|W0{8})\z"
    return text.rlike(shape) & _was_ever(text, 1, divisions)


def industry(text: Column, _on: Column, _divisions: Divisions) -> Column:
    """GB/T 4754-2017: a section with a division of its own, then group and class; their own list is not checked."""
    sections = [f"{s}({'|'.join(f'{n:02}' for n in range(a, b + 1))})" for s, (a, b) in _SECTIONS.items()]
    return text.rlike(rf"^({'|'.join(sections)})\d{{0,2}}\z")


CODES: Mapping[str, Code] = {f.__name__: f for f in (resident_id, uscc, division, real_estate_unit, industry)}
NO_DIVISIONS = frozenset({"industry"})


def coded(contract: Contract) -> list[Declared]:
    """Text columns whose values must be right codes."""
    return [c for c in contract.columns if c.spark_type == "string" and c.format in CODES]


def is_wrong(column: Declared, city: str) -> Column:
    """Whether a value is there and no right code on its business date."""
    value = F.col(column.name)
    right = CODES[column.format](value, F.col("_business_date"), load_divisions(city))
    return value.isNotNull() & ~F.coalesce(right, F.lit(False))


def codes_identity(contract: Contract) -> str:
    """Identity of what makes codes right: their source and the divisions; empty where the contract has none."""
    if not coded(contract):
        return ""
    known = [[d.code, str(d.valid_from), str(d.valid_to)] for d in load_divisions(contract.city)]
    return fingerprint([inspect.getsource(sys.modules[__name__]), known])


def _weigh(text: Column, start: int, weights: Sequence[int], alphabet: str) -> Column:
    """Sum of the characters' places in an alphabet from 0, each by its weight."""
    digits = F.lit(alphabet)
    terms = [(F.position(F.substring(text, start + n, 1), digits) - 1) * w for n, w in enumerate(weights)]
    return join_all(Column.__add__, terms)


def _nth(alphabet: str, n: Column) -> Column:
    return F.substring(F.lit(alphabet), n + 1, F.lit(1))


def _was_ever(text: Column, start: int, divisions: Divisions) -> Column:
    return F.substring(text, start, 6).isin(sorted({d.code for d in divisions}))


def _within(on: Column, start: date | None, end: date | None) -> Column:
    bounds: Iterable[Column] = [on >= F.lit(start)] * (start is not None) + [on < F.lit(end)] * (end is not None)
    return reduce(Column.__and__, bounds, F.lit(True))
