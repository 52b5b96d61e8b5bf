"""Gold tables of time."""

from __future__ import annotations

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from jobs.marts.optics_valley import holiday_name


def dim_calendar_wd(receipts: DataFrame) -> DataFrame:
    """Give every day of the years of the receipts and of the year before, and whether it is a workday.

    Terms of offices count in workdays, and a case decided in January was submitted in December. Saturdays, Sundays
    and holidays are free; no free day is made up for.

    Grain: calendar_date. Columns: is_workday, holiday_name (null on other days), workday_no (workdays of the year up
    to and including the day).
    """
    years = receipts.agg(F.year(F.min("business_date")).alias("_first"), F.year(F.max("business_date")).alias("_last"))
    january, december = F.make_date(F.col("_first") - 1, F.lit(1), F.lit(1)), F.make_date("_last", F.lit(12), F.lit(31))
    is_workday = F.col("holiday_name").isNull() & (F.weekday("calendar_date") < 5)
    of_year = Window.partitionBy(F.year("calendar_date")).orderBy("calendar_date")
    return (
        years.select(F.explode(F.sequence(january, december)).alias("calendar_date"))
        .withColumn("holiday_name", holiday_name(F.col("calendar_date")))
        .withColumn("is_workday", is_workday)
        .withColumn("workday_no", F.sum(F.when(F.col("is_workday"), 1).otherwise(0)).over(of_year).cast("int"))
        .select("calendar_date", "is_workday", "holiday_name", "workday_no")
    )
