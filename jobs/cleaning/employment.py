"""Cleaning steps of employment statistics."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F


def empty_suppressed_figures(patterns: DataFrame) -> DataFrame:
    """Mark the rows whose figures the Census Bureau withheld, and empty these figures.

    Where single employers could be told apart, the bureau writes 0 for employment and payroll. A postal code with
    establishments has employees, so 0 never is a count; added up as 0 it would understate the city.

    | employment | first_quarter_... | annual_... |      | employment | first_quarter_... | annual_... | is_suppressed |
    |------------|-------------------|------------|  ->  |------------|-------------------|------------|---------------|
    | 0          | 0                 | 0          |      |            |                   |            | true          |
    """
    is_suppressed = F.coalesce(F.col("employment").rlike(r"^0+(\.0+)?$"), F.lit(False))
    names = ("employment", "first_quarter_payroll_thousand_usd", "annual_payroll_thousand_usd")
    emptied = {name: F.when(is_suppressed, "").otherwise(F.col(name)) for name in names}
    return patterns.withColumns({"is_suppressed": is_suppressed.cast("string"), **emptied})
