"""Cleaning steps of the Internal Revenue Service's county files."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F


def spell_out_tax_year(incomes: DataFrame) -> DataFrame:
    """Write the tax year with four digits.

    The files say their year only in their names, with two digits (`12cyallnoagi.csv`). The series begins in 1989, so
    89 to 99 are of the last century.

    | year |      | year |
    |------|  ->  |------|
    | 12   |      | 2012 |
    """
    century = F.when(F.col("year") >= "89", "19").otherwise("20")
    is_short = F.col("year").rlike("^[0-9]{2}$")
    return incomes.withColumn("year", F.when(is_short, F.concat(century, F.col("year"))).otherwise(F.col("year")))
