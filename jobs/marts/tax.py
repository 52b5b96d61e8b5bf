"""Gold tables of taxes."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.marts.boroughs import code_of_county

NEW_YORK_STATE = "36"
ALL_INCOMES = "0"


def income_tax_yearly(tax_county_income: DataFrame) -> DataFrame:
    """Give returns, income and tax of the boroughs' residents, by tax year, in dollars.

    The country's file counts in thousands of dollars and has a row for each county and state.

    Grain: borough_code x tax_year. Columns: returns, adjusted_gross_income, income_tax (after credits), total_tax
    (liability).
    """
    borough = code_of_county(F.col("county_fips"))
    is_ours = (F.col("state_fips") == NEW_YORK_STATE) & (F.col("agi_class") == ALL_INCOMES) & borough.isNotNull()
    return tax_county_income.where(is_ours).select(
        borough.alias("borough_code"),
        F.col("year").alias("tax_year"),
        "returns",
        _dollars("adjusted_gross_income_thousand_usd").alias("adjusted_gross_income"),
        _dollars("income_tax_thousand_usd").alias("income_tax"),
        _dollars("total_tax_thousand_usd").alias("total_tax"),
    )


def _dollars(thousands: str) -> Column:
    return (F.col(thousands) * F.lit("1000").cast("decimal(4,0)")).cast("decimal(18,2)")
