"""Gold tables of parcels of land."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.marts.exact import or_zero, per_mu
from jobs.marts.nights import is_in_last_year, night_of
from jobs.marts.rows import stack

LAND_USE_TAX = "城镇土地使用税"
_AS_OF_PARCEL = ("division_code", "community_code", "use_class", "area_m2", "supplied_date")


def dim_parcel(land_parcel: DataFrame) -> DataFrame:
    """Make one parcel of its real estate units.

    The registry keeps a row a unit, up to three a parcel, and repeats in each what is true of the parcel; should they
    differ, the unit of the least number is believed. A parcel is idle when every unit of it is.

    Grain: parcel_code. Columns: division_code, community_code, use_class, area_m2, supplied_date, units, status.
    """
    first = F.min_by(F.struct(*_AS_OF_PARCEL), "real_estate_unit")
    is_idle = F.every(F.col("status") == "闲置")
    return (
        land_parcel.groupBy("parcel_code")
        .agg(first.alias("_first"), F.count("*").cast("int").alias("units"), is_idle.alias("_is_idle"))
        .select("parcel_code", "_first.*", "units", F.when(F.col("_is_idle"), "闲置").otherwise("在用").alias("status"))
    )


def parcel_use(
    gold_dim_parcel: DataFrame, land_parcel: DataFrame, tax_payment: DataFrame, receipts: DataFrame
) -> DataFrame:
    """Tell how a parcel is used: by how many holders, and what land-use tax a mu of it brings.

    Land-use tax names the unit; its first 19 characters are the parcel.

    Grain: parcel_code x snapshot_date (the newest delivered business date). Columns: use_class, area_m2, occupiers
    (different holders), tax_per_mu (CNY of the last twelve months for each mu; null where the area is 0), idle_flag.
    """
    night = night_of(receipts)
    holders = land_parcel.select("parcel_code", "holder_uscc")
    used = (
        stack(holders, _land_use_tax(tax_payment, night))
        .groupBy("parcel_code")
        .agg(F.count_distinct("holder_uscc").cast("int").alias("occupiers"), F.sum("amount_cny").alias("_tax"))
    )
    return (
        gold_dim_parcel.join(used, "parcel_code", "left")
        .crossJoin(night)
        .select(
            "parcel_code",
            F.col("_newest").alias("snapshot_date"),
            "use_class",
            "area_m2",
            F.coalesce("occupiers", F.lit(0)).alias("occupiers"),
            per_mu(or_zero(F.col("_tax")), F.col("area_m2")).alias("tax_per_mu"),
            (F.col("status") == "闲置").alias("idle_flag"),
        )
    )


def _land_use_tax(payments: DataFrame, night: DataFrame) -> DataFrame:
    is_recent = (F.col("tax_type") == LAND_USE_TAX) & is_in_last_year(F.col("tax_month"))
    return (
        payments.crossJoin(night)
        .where(is_recent & F.col("real_estate_unit").isNotNull())
        .select(F.substring("real_estate_unit", 1, 19).alias("parcel_code"), "amount_cny")
    )
