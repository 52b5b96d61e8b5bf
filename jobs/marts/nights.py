"""Where the deliveries stand: the date of which gold tells."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F


def night_of(receipts: DataFrame) -> DataFrame:
    """Give one row: the newest business date for which anything was delivered, and the months that follow from it.

    Columns: _newest (date), _month (first day of its month), _year_start and _year_end (first and last day of the
    twelve months that end with it), _first_month (twelve months before the month of the first business date,
    delivered or not).
    """
    newest = F.max(F.when(F.col("status") == "delivered", F.col("business_date")))
    return F.broadcast(
        receipts.agg(newest.alias("_newest"), F.min("business_date").alias("_oldest")).select(
            "_newest",
            F.trunc("_newest", "month").alias("_month"),
            F.add_months(F.trunc("_newest", "month"), -11).alias("_year_start"),
            F.last_day("_newest").alias("_year_end"),
            F.add_months(F.trunc("_oldest", "month"), -12).alias("_first_month"),
        )
    )


def is_in_last_year(day: Column) -> Column:
    """Whether a date is in the twelve months that end with that of the newest business date."""
    return day.between(F.col("_year_start"), F.col("_year_end"))
