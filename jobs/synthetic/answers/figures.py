"""Exact figures: decimals and fractions until the end, then rounded half up once."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

MU = Fraction(6_666_667, 10_000)  # square metres


def rounded(value: Fraction | Decimal | int | None, places: int) -> str | None:
    """Plain decimal text, rounded half up away from zero."""
    if value is None:
        return None
    over, under = value.as_integer_ratio()
    whole = (2 * abs(over) * 10**places + under) // (2 * under)
    return f"{'-' if over < 0 and whole else ''}{whole // 10**places}.{whole % 10**places:0{places}}"


def money(text: str) -> Decimal:
    """An amount; sums of amounts are exact as long as they have at most 28 digits."""
    return Decimal(text or "0")


def month_of(day: str) -> str:
    return f"{day[:7]}-01"


def months_back(month: str, count: int) -> str:
    number = int(month[:4]) * 12 + int(month[5:7]) - 1 - count
    return f"{number // 12:04}-{number % 12 + 1:02}-01"


def median(values: list[Fraction]) -> Fraction | None:
    ordered = sorted(values)
    n = len(ordered)
    return (ordered[(n - 1) // 2] + ordered[n // 2]) / 2 if n else None
