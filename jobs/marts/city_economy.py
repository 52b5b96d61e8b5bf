"""Gold tables of the economy of districts, by month."""

from __future__ import annotations

from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.marts.exact import or_none, or_zero, ratio
from jobs.marts.links import add_enterprise
from jobs.marts.nights import night_of
from jobs.marts.rows import stack

_FIGURES = ["tax", "tax_before", "insured", "new_ent", "closed_ent", "land"]


def macro_economy_monthly(
    tax_payment: DataFrame,
    gold_entity_link: DataFrame,
    gold_dim_enterprise: DataFrame,
    employment_insurance: DataFrame,
    gold_dim_parcel: DataFrame,
    receipts: DataFrame,
) -> DataFrame:
    """Put tax, insured employees, enterprises and land supply of a district and month side by side.

    Tax is where the enterprise is registered to which the payment is linked; what is linked to none counts under
    `unknown`, so that districts add up to the city. Only the present number of insured employees is known.

    Grain: division_code x month, from twelve months before the first business date to the newest; a row for every
    pair that a figure names, and for every other month for which tax was paid: no fen is left out. Columns: tax_total in CNY, tax_yoy (change against the month twelve before, as a share
    of it), insured_employees, new_ent, closed_ent, land_supplied_m2, data_coverage (share of tax, employment and land
    with a row for the pair).
    """
    night = night_of(receipts)
    rows = stack(
        _tax(tax_payment, gold_entity_link, gold_dim_enterprise),
        _enterprises(gold_dim_enterprise),
        _insured(employment_insurance, night),
        _land(gold_dim_parcel),
    )
    summed = rows.groupBy("division_code", "month").agg(*[F.sum(c).alias(c) for c in _FIGURES])
    is_named = F.coalesce(*[F.col(c) for c in _FIGURES if c != "tax_before"]).isNotNull()
    in_time = F.col("month").between(F.col("_first_month"), F.col("_month"))
    return (
        summed.crossJoin(night)
        .where(is_named & (in_time | F.col("tax").isNotNull()))
        .select("division_code", "month", *_columns())
    )


def _columns() -> list[Column]:
    tax, before = F.coalesce("tax", F.lit(0)), F.col("tax_before")
    present = [F.when(F.col(c).isNotNull(), 1).otherwise(0) for c in ("tax", "insured", "land")]
    return [
        or_zero(tax).alias("tax_total"),
        ratio(tax - before, before, 9, 4).alias("tax_yoy"),
        F.when(F.col("month") == F.col("_month"), or_none(F.col("insured"))).alias("insured_employees"),
        or_none(F.col("new_ent")).alias("new_ent"),
        or_none(F.col("closed_ent")).alias("closed_ent"),
        or_zero(F.col("land")).alias("land_supplied_m2"),
        ratio(reduce(Column.__add__, present), F.lit(3), 5, 4).alias("data_coverage"),
    ]


def _tax(payments: DataFrame, links: DataFrame, enterprises: DataFrame) -> DataFrame:
    """Give tax by district twice: in its own month, and twelve months later as that of the year before."""
    districts = enterprises.select("uscc", "division_code")
    division = F.coalesce("division_code", F.lit("unknown")).alias("division_code")
    summed = (
        payments.select("uscc", F.trunc("tax_month", "month").alias("month"), "amount_cny")
        .transform(add_enterprise, "uscc", "tax", links, districts)
        .groupBy(division, "month")
        .agg(F.sum("amount_cny").alias("tax"))
    )
    nothing = F.lit(None).cast("decimal(28,2)")
    own = F.struct("month", "tax", nothing.alias("tax_before"))
    later = F.struct(F.add_months("month", 12).alias("month"), nothing.alias("tax"), F.col("tax").alias("tax_before"))
    return summed.select("division_code", F.inline(F.array(own, later)))


def _enterprises(enterprises: DataFrame) -> DataFrame:
    new = enterprises.select(
        "division_code", F.trunc("established_date", "month").alias("month"), F.lit(1).alias("new_ent")
    )
    closed = enterprises.where(F.col("status") == "注销").select(
        "division_code", F.trunc("status_date", "month").alias("month"), F.lit(1).alias("closed_ent")
    )
    return stack(new, closed)


def _insured(insurance: DataFrame, night: DataFrame) -> DataFrame:
    district = F.substring("community_code", 1, 6).alias("division_code")
    counted = insurance.where(F.col("status") == "参保").groupBy(district).agg(F.count("*").alias("insured"))
    return counted.crossJoin(night).select("division_code", F.col("_month").alias("month"), "insured")


def _land(parcels: DataFrame) -> DataFrame:
    return parcels.select(
        "division_code", F.trunc("supplied_date", "month").alias("month"), F.col("area_m2").alias("land")
    )
