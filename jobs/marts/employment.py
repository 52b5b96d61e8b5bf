"""Gold tables of employment."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.marts.boroughs import code_of_county_name


def employment_yearly(employment_county_industry: DataFrame) -> DataFrame:
    """Give establishments, employment and wages of the boroughs, by year and industry.

    The state's file holds eight kinds of overlapping areas; only the kind County is a borough. Industries of several
    levels overlap as well: add up within one industry_level only.

    Grain: borough_code x year x naics_code. Columns: industry_level, establishments, employment (jobs, average of the
    year), wages in dollars.
    """
    borough = code_of_county_name(F.col("area"))
    return employment_county_industry.where((F.col("area_type") == "County") & borough.isNotNull()).select(
        borough.alias("borough_code"),
        "year",
        "naics_code",
        _level(F.col("naics_code")).alias("industry_level"),
        "establishments",
        "employment",
        F.col("wages_usd").alias("wages"),
    )


def _level(naics_code: Column) -> Column:
    """Tell which codes add up: 00 is the total; 01 and 95 are its parts by owner, 951 to 953 the parts of 95."""
    return (
        F.when(naics_code == "00", "total")
        .when(naics_code.isin("01", "95"), "ownership")
        .when(naics_code.startswith("95"), "government")
        .when(F.length(naics_code) == 2, "sector")
        .otherwise("subsector")
    )
