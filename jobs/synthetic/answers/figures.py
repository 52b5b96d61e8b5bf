"""Exact figures: fractions until the end, then rounded half up once."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

MU = Fraction(6_666_667, 10_000)  # square metres


def rounded(value: Fraction | int | None, places: int) -> str | None:
    """Plain decimal text, rounded half up away from zero."""
    if value is None:
        return None
    scaled = Fraction(value) * 10**places
    whole = int(abs(scaled) + Fraction(1, 2))
    sign = -1 if scaled < 0 else 1
    return f"{Decimal(sign * whole).scaleb(-places):f}"


def money(text: str) -> Fraction:
    return Fraction(Decimal(text or "0"))


def month_of(day: str) -> str:
    return f"{day[:7]}-01"


def months_back(month: str, count: int) -> str:
    number = int(month[:4]) * 12 + int(month[5:7]) - 1 - count
    return f"{number // 12:04}-{number % 12 + 1:02}-01"


def median(values: list[Fraction]) -> Fraction | None:
    ordered = sorted(values)
    n = len(ordered)
    return (ordered[(n - 1) // 2] + ordered[n // 2]) / 2 if n else None
