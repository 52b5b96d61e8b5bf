"""Identifiers with rules of their own, checked as Spark expressions: `logicalTypeOptions.format` of a text column names one.

A code is a function of the text, the day on which it is judged and the divisions of the city; it is true where the text is right.
Nothing is repaired: a wrong check character is evidence. A division that was withdrawn and has one successor is read as that one. Expressions are SQL text: made of columns, one code is hundreds of messages
to the JVM, each time that a delivery is judged.
"""

from __future__ import annotations

import inspect
import sys
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import date

from pyspark.sql import Column
from pyspark.sql import functions as F

from jobs.contracts import Column as Declared
from jobs.contracts import Contract, fingerprint
from jobs.divisions import Division, load_divisions, successors

Divisions = Sequence[Division]
Code = Callable[[str, str, Divisions], str]  # SQL of a text and a day

_BASE31 = "0123456789ABCDEFGHJKLMNPQRTUWXY"  # no I, O, S, V, Z: they are read as 1, 0, 5, U, 2
_BASE36 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
# Sections of GB/T 4754-2017 and their divisions, first and last.
_SECTIONS = {
    "A": (1, 5), "B": (6, 12), "C": (13, 43), "D": (44, 46), "E": (47, 50), "F": (51, 52), "G": (53, 60), "H": (61, 62), "I": (63, 65),
    "J": (66, 69), "K": (70, 70), "L": (71, 72), "M": (73, 75), "N": (76, 79), "O": (80, 82), "P": (83, 83), "Q": (84, 85), "R": (86, 90),
    "S": (91, 96), "T": (97, 97),
}  # fmt: skip


def resident_id(text: str, on: str, divisions: Divisions) -> str:
    """GB 11643-1999: a division that was ever in force, a real date of birth not after `on`, and the check character.

    The old form of 15 digits is none.
    """
    born = f"concat_ws('-', substr({text}, 7, 4), substr({text}, 11, 2), substr({text}, 13, 2))"
    total = _weigh(text, 1, (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2), _BASE36)
    return _all(
        rf"{text} RLIKE r'^\d{{17}}[\dX]\z'", _was_ever(text, 1, divisions), f"try_cast({born} AS date) <= {on}",
        f"substr({text}, 18, 1) = {_nth('10X98765432', f'{total} % 11')}",
    )  # fmt: skip


def uscc(text: str, _on: str, divisions: Divisions) -> str:
    """GB 32100-2015, the unified social credit code: a division that was ever in force, and both check characters.

    The ninth to seventeenth character are the organisation's code with its own check character (GB 11714).
    """
    organisation = _nth("0X987654321", f"{_weigh(text, 9, (3, 7, 9, 10, 5, 8, 4, 2), _BASE36)} % 11")
    weights = [pow(3, n, 31) for n in range(17)]
    whole = _nth(_BASE31, f"(31 - {_weigh(text, 1, weights, _BASE31)} % 31) % 31")
    return _all(
        rf"{text} RLIKE r'^[{_BASE31}]{{2}}\d{{6}}[{_BASE31}]{{10}}\z'", _was_ever(text, 3, divisions),
        f"substr({text}, 17, 1) = {organisation}", f"substr({text}, 18, 1) = {whole}",
    )  # fmt: skip


def division(text: str, on: str, divisions: Divisions) -> str:
    """GB/T 2260: a division that is in force on that day."""
    periods: dict[tuple[date | None, date | None], list[str]] = defaultdict(list)
    for d in divisions:
        periods[d.valid_from, d.valid_to].append(d.code)
    return f"({' OR '.join([_all(_is_in(text, c), *_within(on, *p)) for p, c in periods.items()] or ['false'])})"


def real_estate_unit(text: str, _on: str, divisions: Divisions) -> str:
    """GB/T 37346-2019: division, cadastral district, kind and number of the parcel, and the fixture on it.

    State-owned (G) and disputed (Z) parcels have no rights of kind A and C; a parcel without a fixture (W) has no unit.
    """
    shape = r"^\d{12}(J[ABSXCDEFHGWY]|[GZ][BSXDEFHGWY])(?!0{5})\d{5}([FLQ]\d{8}|W0{8})\z"
    return _all(f"{text} RLIKE r'{shape}'", _was_ever(text, 1, divisions))


def industry(text: str, _on: str, _divisions: Divisions) -> str:
    """GB/T 4754-2017: a section with a division of its own, then group and class; their own list is not checked."""
    sections = [f"{s}({'|'.join(f'{n:02}' for n in range(a, b + 1))})" for s, (a, b) in _SECTIONS.items()]
    return rf"{text} RLIKE r'^({'|'.join(sections)})\d{{0,2}}\z'"


CODES: Mapping[str, Code] = {f.__name__: f for f in (resident_id, uscc, division, real_estate_unit, industry)}
NO_DIVISIONS = frozenset({"industry"})


def coded(contract: Contract) -> list[Declared]:
    """Text columns whose values must be right codes."""
    return [c for c in contract.columns if c.spark_type == "string" and c.format in CODES]


def is_wrong(column: Declared, city: str) -> Column:
    """Whether a value is there and no right code on its business date."""
    right = CODES[column.format](f"`{column.name}`", "_business_date", load_divisions(city))
    return F.expr(f"`{column.name}` IS NOT NULL AND NOT coalesce({right}, false)")


def replaced(contract: Contract) -> dict[str, str]:
    """SQL of the division in force that stands for a withdrawn one on its business date, null where none does; by column."""
    hops = successors(load_divisions(contract.city))
    cases = [(c, day, to) for c, days in hops.items() for day, to in reversed(days)]
    columns = [c.name for c in coded(contract) if c.format == "division"] if cases else []
    return {name: f"CASE {' '.join(_case(name, *case) for case in cases)} END" for name in columns}


def _case(name: str, code: str, day: date, to: str) -> str:
    return f"WHEN `{name}` = '{code}' AND _business_date >= DATE'{day}' THEN '{to}'"


def codes_identity(contract: Contract) -> str:
    """Identity of what makes codes right: their source and the divisions; empty where the contract has none."""
    if not coded(contract):
        return ""
    known = [
        [d.code, str(d.valid_from), str(d.valid_to), *filter(None, [d.successor])]
        for d in load_divisions(contract.city)
    ]
    return fingerprint([inspect.getsource(sys.modules[__name__]), known])


def _all(*conditions: str) -> str:
    return f"({' AND '.join(conditions)})"


def _weigh(text: str, start: int, weights: Sequence[int], alphabet: str) -> str:
    """Sum of the characters' places in an alphabet from 0, each by its weight."""
    terms = [f"(position(substr({text}, {start + n}, 1), '{alphabet}') - 1) * {w}" for n, w in enumerate(weights)]
    return f"({' + '.join(terms)})"


def _nth(alphabet: str, n: str) -> str:
    return f"substr('{alphabet}', {n} + 1, 1)"


def _was_ever(text: str, start: int, divisions: Divisions) -> str:
    return _is_in(f"substr({text}, {start}, 6)", sorted({d.code for d in divisions}))


def _is_in(text: str, codes: Sequence[str]) -> str:
    return f"{text} IN ({', '.join(map(repr, codes))})" if codes else "false"


def _within(on: str, start: date | None, end: date | None) -> list[str]:
    return [f"{on} >= DATE'{start}'"] * (start is not None) + [f"{on} < DATE'{end}'"] * (end is not None)
