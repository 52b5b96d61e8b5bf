"""Gold tables about the deliveries themselves."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F


def dataset_freshness(receipts: DataFrame) -> DataFrame:
    """Tell of each dataset and business date whether it came, when, and how many times in a row it has been late.

    Grain: dataset x business_date. Columns: due_at (null where not due), delivered_at, lag_hours (from due to
    delivered; negative is early; null where not delivered or not due), status, consecutive_late. A date is late when
    nothing came or it came after due_at. A date on which the dataset was not due neither adds to the row of late dates
    nor ends it.
    """
    delivered = F.col("status") == "delivered"
    is_late = (F.col("status") == "not_delivered") | (delivered & (F.col("delivered_at") > F.col("due_at")))
    is_punctual = delivered & (F.col("delivered_at") <= F.col("due_at"))
    by_date = Window.partitionBy("dataset").orderBy("business_date")
    in_streak = Window.partitionBy("dataset", "_streak").orderBy("business_date")
    return (
        receipts.withColumn("_streak", F.sum(_one_if(is_punctual)).over(by_date))
        .withColumn("consecutive_late", F.sum(_one_if(is_late)).over(in_streak).cast("int"))
        .withColumn("due_at", F.when(F.col("status") != "not_due", F.col("due_at")))
        .withColumn("lag_hours", F.when(delivered, _hours_between(F.col("due_at"), F.col("delivered_at"))))
        .select("dataset", "business_date", "due_at", "delivered_at", "lag_hours", "status", "consecutive_late")
    )


def _one_if(condition: Column) -> Column:
    return F.when(condition, 1).otherwise(0)


def _hours_between(start: Column, end: Column) -> Column:
    """Give the hours from start to end with two decimals, rounded half up; whole numbers until the end."""
    micros = F.unix_micros(end) - F.unix_micros(start)
    hundredths = F.call_function("div", F.abs(micros) * 2 + 36_000_000, F.lit(72_000_000))
    signed = F.when(micros < 0, -hundredths).otherwise(hundredths)
    return (signed.cast("decimal(9,0)") * F.lit("0.01").cast("decimal(2,2)")).cast("decimal(9,2)")
