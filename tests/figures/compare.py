"""Gold tables of New York beside their second computation."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

import pandas as pd

from jobs import delta
from jobs.cities import load_gold
from jobs.lake import Lake
from tests.figures import expected

NIGHTS = (date(2024, 9, 16), date(2025, 2, 12))


def assert_all_figures_equal(lake: Lake, table: str) -> None:
    """Every row and column of a gold table is what `expected.py` computes straight from the files.

    Of `dataset_freshness` those of the shipped nights: under Airflow there is also the night of today.
    """
    contract = load_gold("new_york")[table]
    found = delta.read_arrow(lake.table("gold", table))
    assert found is not None
    key = list(contract.key)
    ours, theirs = (_as_text(_shipped(f), contract.key) for f in (found.to_pandas(), getattr(expected, table)()))
    assert list(found.column_names) == [c.name for c in contract.columns]
    pd.testing.assert_frame_equal(ours, theirs[ours.columns], check_dtype=False)
    assert ours[key].duplicated().sum() == 0


def _shipped(frame: pd.DataFrame) -> pd.DataFrame:
    return frame[frame["business_date"].isin(NIGHTS)] if "business_date" in frame else frame


def _as_text(frame: pd.DataFrame, key: tuple[str, ...]) -> pd.DataFrame:
    """Every cell as the text of its value, ordered by key."""
    texts = pd.DataFrame({c: [_text(v) for v in frame[c]] for c in frame.columns})
    return texts.sort_values(list(key)).reset_index(drop=True)


def _text(value: object) -> str:
    if value is None or value is pd.NaT or (isinstance(value, float) and pd.isna(value)):
        return ""
    if isinstance(value, Decimal):
        return format(value.normalize() + 0, "f") if value else "0"
    if isinstance(value, (datetime, pd.Timestamp)):
        moment = pd.Timestamp(value)
        moment = moment.tz_convert("UTC").tz_localize(None) if moment.tzinfo else moment
        return moment.isoformat()
    if isinstance(value, date):
        return f"{value.isoformat()}T00:00:00"
    return str(int(value)) if isinstance(value, float) and value == int(value) else str(value)
