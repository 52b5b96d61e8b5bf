"""Gold tables of land and real property."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.marts.exact import MONEY, twice_median


def land_market_monthly(land_sales: DataFrame) -> DataFrame:
    """Count transfers and sales of real property and give their amounts, by borough, month and building class.

    Every deed is a transfer; three in ten have the price 0 (inheritance, gift, change of owner within a company) and
    are no sale, so they are in no amount and no median.

    Grain: borough_code x month x building_class_category (`unknown` where the deed names none). Columns: transfers,
    sales, sales_amount and median_price in dollars; median_price is null without sales.
    """
    price = F.when(F.col("sale_price_usd") > 0, F.col("sale_price_usd"))
    return (
        land_sales.groupBy(
            "borough_code",
            F.trunc("sale_date", "month").alias("month"),
            F.coalesce("building_class_category", F.lit("unknown")).alias("building_class_category"),
        )
        .agg(
            F.count("*").alias("transfers"),
            F.count(price).alias("sales"),
            F.coalesce(F.sum(price), F.lit(0)).cast(MONEY).alias("sales_amount"),
            F.array_sort(F.collect_list(price)).alias("_prices"),
        )
        .withColumn("median_price", _median(F.col("_prices")))
        .drop("_prices")
    )


def _median(ordered: Column) -> Column:
    """Give the exact median of ordered amounts, rounded half up to cents once; null for none."""
    return F.round(twice_median(ordered) * F.lit("0.5").cast("decimal(2,1)"), 2).cast(MONEY)
