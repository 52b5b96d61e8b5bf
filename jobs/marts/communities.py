"""Gold tables of communities."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.marts.exact import or_none, ratio
from jobs.marts.nights import night_of
from jobs.marts.rows import stack


def community_monthly(
    grid_community: DataFrame,
    employment_insurance: DataFrame,
    education_school: DataFrame,
    health_facility: DataFrame,
    receipts: DataFrame,
) -> DataFrame:
    """Tell what a community has for its residents: work, places in schools, beds.

    Only communities of the grid are here: without residents nothing can be set in relation. Insured persons count
    where they live.

    Grain: community_code x month (that of the newest delivered business date). Columns: residents, employed_rate
    (insured over persons of working age, not capped at 1), school_places_per_1k and beds_per_1k (for each thousand
    residents), cases_open. A ratio is null where what it is divided by is 0.
    """
    rows = stack(
        employment_insurance.where(F.col("status") == "参保").select("community_code", F.lit(1).alias("_insured")),
        education_school.select("community_code", F.col("places").alias("_places")),
        health_facility.select("community_code", F.col("beds").alias("_beds")),
    )
    summed = rows.groupBy("community_code").agg(*[F.sum(c).alias(c) for c in ("_insured", "_places", "_beds")])
    return (
        grid_community.join(summed, "community_code", "left")
        .crossJoin(night_of(receipts))
        .select(
            "community_code",
            F.col("_month").alias("month"),
            "residents",
            ratio(or_none(F.col("_insured")), F.col("working_age"), 5, 4).alias("employed_rate"),
            ratio(or_none(F.col("_places")) * 1000, F.col("residents"), 9, 2).alias("school_places_per_1k"),
            ratio(or_none(F.col("_beds")) * 1000, F.col("residents"), 9, 2).alias("beds_per_1k"),
            "cases_open",
        )
    )
