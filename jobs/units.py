"""The unit of a column: what the contract states, else what the column's name ends in."""

from __future__ import annotations

from jobs.contracts import Column

UNITS = {
    "_thousand_usd": "thousand USD", "_usd": "USD", "_cny": "CNY", "_m2": "m²", "_sqft": "square feet", "_kmh": "km/h", "_mph": "miles an hour",
    "_hours": "hours", "_s": "seconds", "_pct": "percent", "_returns": "returns", "_share": "share",
}  # fmt: skip


def unit_of(column: Column) -> str:
    """The unit of a column; nothing where it has none."""
    return column.unit or next((unit for end, unit in UNITS.items() if column.name.endswith(end)), "")
