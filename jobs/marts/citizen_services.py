"""Gold tables of government services."""

from __future__ import annotations

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from jobs.marts.exact import ratio, twice_median

ONLINE = "网上"


def citizen_service_monthly(services_approval: DataFrame, gold_dim_calendar_wd: DataFrame) -> DataFrame:
    """Tell of each service and channel how many cases came in a month, how long they took and how they were liked.

    Duration is in workdays after the day of submission, up to and including that of the decision. A case of which one
    of the two days is outside of the calendar counts as a case, but has no duration.

    Grain: item_code x channel x month of submission. Columns: cases, online_share (cases of the item and month that
    came online, over all of them: the same in all its channels), median_wd (exact median of decided cases, workdays;
    null without), satisfaction (mean of 1 to 5; null without).
    """
    of_item = Window.partitionBy("item_code", "month")
    online = F.sum(F.when(F.col("channel") == ONLINE, F.col("cases")).otherwise(0)).over(of_item)
    return (
        _add_workdays(services_approval, gold_dim_calendar_wd)
        .groupBy("item_code", "channel", F.trunc("submitted_date", "month").alias("month"))
        .agg(
            F.count("*").alias("cases"),
            F.array_sort(F.collect_list("_workdays")).alias("_workdays"),
            ratio(F.sum("satisfaction"), F.count("satisfaction"), 5, 2).alias("satisfaction"),
        )
        .withColumn("online_share", ratio(online, F.sum("cases").over(of_item), 5, 4))
        .withColumn("median_wd", ratio(twice_median(F.col("_workdays")), F.lit(2), 9, 2))
        .select("item_code", "channel", "month", "cases", "online_share", "median_wd", "satisfaction")
    )


def _add_workdays(approvals: DataFrame, calendar: DataFrame) -> DataFrame:
    """Add the workdays from submission to decision: the difference of two running counts that do not end with a year."""
    count = F.sum(F.when(F.col("is_workday"), 1).otherwise(0)).over(Window.orderBy("calendar_date"))
    days = calendar.select("calendar_date", count.alias("_count"))
    start = days.select(F.col("calendar_date").alias("submitted_date"), F.col("_count").alias("_start"))
    end = days.select(F.col("calendar_date").alias("decided_date"), F.col("_count").alias("_end"))
    both = approvals.join(F.broadcast(start), "submitted_date", "left").join(F.broadcast(end), "decided_date", "left")
    lasted = F.when(F.col("_start") < F.col("_end"), F.col("_end") - F.col("_start")).otherwise(F.lit(0))
    return both.withColumn("_workdays", F.when(F.col("_start").isNotNull() & F.col("_end").isNotNull(), lasted))
