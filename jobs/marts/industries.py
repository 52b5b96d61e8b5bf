"""Gold tables of industries."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.marts.exact import or_none, or_zero, per_mu, ratio
from jobs.marts.links import add_enterprise
from jobs.marts.nights import night_of
from jobs.marts.rows import stack

_GROUP = ["industry_division", "division_code"]
_GREATEST = 5


def industry_monthly(
    tax_payment: DataFrame,
    gold_entity_link: DataFrame,
    gold_dim_enterprise: DataFrame,
    employment_insurance: DataFrame,
    land_parcel: DataFrame,
    gold_dim_parcel: DataFrame,
    receipts: DataFrame,
) -> DataFrame:
    """Give enterprises, employees and tax of an industry in a district, by month, and how few pay most of it.

    Enterprises and employees are known of the present only, so they stand in the newest month. The land of all months
    is that which the enterprises hold now; a parcel of several of them counts once.

    Grain: industry_division (letter and two digits) x division_code x month; a row where payments are linked, and in
    the newest month where an enterprise lives. Columns: enterprises, employees, tax in CNY, tax_per_mu (null without
    land), top5_share (tax of the five greatest payers over tax; null where that is 0).
    """
    night = night_of(receipts)
    groups = gold_dim_enterprise.select(
        "uscc", F.substring("industry_code", 1, 3).alias("industry_division"), "division_code", "status"
    )
    rows = stack(
        _tax(tax_payment, gold_entity_link, groups),
        _enterprises(groups, night),
        _employees(employment_insurance, gold_entity_link, groups, night),
    )
    area = _area(land_parcel, gold_dim_parcel, gold_entity_link, groups)
    return _add_up(rows).join(area, _GROUP, "left").crossJoin(night).select(*_GROUP, "month", *_columns())


def _add_up(rows: DataFrame) -> DataFrame:
    """Add up, without groups of which only employees are known."""
    greatest = F.slice(F.sort_array(F.collect_list("tax"), asc=False), 1, _GREATEST)
    summed = rows.groupBy(*_GROUP, "month").agg(
        F.sum("tax").alias("tax"),
        F.sum("enterprises").alias("enterprises"),
        F.sum("employees").alias("employees"),
        greatest.alias("_greatest"),
    )
    return summed.where(F.col("tax").isNotNull() | F.col("enterprises").isNotNull())


def _columns() -> list[Column]:
    is_present = F.col("month") == F.col("_month")
    tax = or_zero(F.col("tax"))
    greatest = F.aggregate("_greatest", F.lit(0).cast("decimal(38,2)"), lambda s, x: (s + x).cast("decimal(38,2)"))
    return [
        F.when(is_present, or_none(F.col("enterprises"))).alias("enterprises"),
        F.when(is_present, or_none(F.col("employees"))).alias("employees"),
        tax.alias("tax"),
        per_mu(tax, F.col("_area_m2")).alias("tax_per_mu"),
        ratio(greatest, tax, 5, 4).alias("top5_share"),
    ]


def _tax(payments: DataFrame, links: DataFrame, groups: DataFrame) -> DataFrame:
    """Give tax by payer, that is by enterprise, and month."""
    return (
        payments.select("uscc", F.trunc("tax_month", "month").alias("month"), "amount_cny")
        .transform(add_enterprise, "uscc", "tax", links, groups)
        .where(F.col("entity_id").isNotNull())
        .groupBy("entity_id", *_GROUP, "month")
        .agg(F.sum("amount_cny").alias("tax"))
        .select(*_GROUP, "month", "tax")
    )


def _enterprises(groups: DataFrame, night: DataFrame) -> DataFrame:
    live = groups.where(F.col("status") == "存续")
    return live.crossJoin(night).select(*_GROUP, F.col("_month").alias("month"), F.lit(1).alias("enterprises"))


def _employees(insurance: DataFrame, links: DataFrame, groups: DataFrame, night: DataFrame) -> DataFrame:
    return (
        insurance.where(F.col("status") == "参保")
        .select("uscc")
        .transform(add_enterprise, "uscc", "employment", links, groups)
        .where(F.col("entity_id").isNotNull())
        .groupBy(*_GROUP)
        .agg(F.count("*").alias("employees"))
        .crossJoin(night)
        .select(*_GROUP, F.col("_month").alias("month"), "employees")
    )


def _area(land_parcel: DataFrame, parcels: DataFrame, links: DataFrame, groups: DataFrame) -> DataFrame:
    """Give the area that a group holds; a parcel held by several of its enterprises, or under several keys, once."""
    return (
        land_parcel.where(F.col("holder_uscc").isNotNull())
        .select("parcel_code", "holder_uscc")
        .transform(add_enterprise, "holder_uscc", "land", links, groups)
        .where(F.col("entity_id").isNotNull())
        .select(*_GROUP, "parcel_code")
        .distinct()
        .join(parcels.select("parcel_code", "area_m2"), "parcel_code")
        .groupBy(*_GROUP)
        .agg(F.sum("area_m2").alias("_area_m2"))
    )
