"""Cleaning steps of the Department of Finance's deeds."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

_ZERO = r"^0(\.0+)?$"


def empty_unknown_zip_and_year(sales: DataFrame) -> DataFrame:
    """Empty a postal code or year of construction of 0.

    The workbooks write 0 where they do not know; as a year it would make the mean age of a house absurd.

    | zip_code | year_built |      | zip_code | year_built |
    |----------|------------|  ->  |----------|------------|
    | 10457    | 0          |      | 10457    |            |
    """
    names = ("zip_code", "year_built")
    return sales.withColumns({name: F.when(F.col(name).rlike(_ZERO), "").otherwise(F.col(name)) for name in names})
