"""Gold tables of the whole economy."""

from __future__ import annotations

from functools import reduce

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

_GRAIN = ["borough_code", "year"]
_FIGURES = ["employment", "wages", "adjusted_gross_income", "total_tax", "sales_amount", "sales_months"]


def macro_economy_yearly(
    gold_employment_yearly: DataFrame, gold_income_tax_yearly: DataFrame, gold_land_market_monthly: DataFrame
) -> DataFrame:
    """Put employment, income, tax and property sales of a borough and year side by side.

    A figure is null where its source has nothing for the borough and year: absent is not zero. Sales cover only the
    months that the sales files cover, so sales_months stands beside their amount.

    Grain: borough_code x year. Columns: employment, wages, adjusted_gross_income, total_tax, sales_amount (all in
    dollars but employment), sales_months, sources_present (sorted, comma separated).
    """
    parts = [
        _employment(gold_employment_yearly),
        _income_tax(gold_income_tax_yearly),
        _sales(gold_land_market_monthly),
    ]
    joined = reduce(lambda left, right: left.join(right, _GRAIN, "full"), parts)
    present = F.concat_ws(",", "_employment", "_land", "_tax")
    return joined.select(*_GRAIN, *_FIGURES, present.alias("sources_present"))


def _employment(employment: DataFrame) -> DataFrame:
    return employment.where(F.col("industry_level") == "total").select(
        *_GRAIN, "employment", "wages", F.lit("employment").alias("_employment")
    )


def _income_tax(taxes: DataFrame) -> DataFrame:
    return taxes.select(
        "borough_code",
        F.col("tax_year").alias("year"),
        "adjusted_gross_income",
        "total_tax",
        F.lit("tax").alias("_tax"),
    )


def _sales(market: DataFrame) -> DataFrame:
    return market.groupBy("borough_code", F.year("month").alias("year")).agg(
        F.sum("sales_amount").cast("decimal(18,2)").alias("sales_amount"),
        F.countDistinct("month").cast("int").alias("sales_months"),
        F.first(F.lit("land")).alias("_land"),
    )
