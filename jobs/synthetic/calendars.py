"""The holidays of the city, the same every year; nobody works a Saturday to make up for one."""

from __future__ import annotations

from datetime import date

_HOLIDAYS = (
    ("元旦", 1, 1, 3),
    ("春节", 2, 15, 21),
    ("清明节", 4, 4, 6),
    ("劳动节", 5, 1, 5),
    ("国庆节", 10, 1, 7),
)  # month, days


def holiday_of(day: date) -> str | None:
    """The name of the holiday that a day belongs to."""
    return next((name for name, m, low, high in _HOLIDAYS if day.month == m and low <= day.day <= high), None)


def is_workday(day: date) -> bool:
    """Monday to Friday and no holiday."""
    return day.weekday() < 5 and holiday_of(day) is None
