"""Gold tables that say which names and codes of the departments are one enterprise."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.marts.rows import stack


def entity_link(
    tax_payment: DataFrame,
    employment_insurance: DataFrame,
    land_parcel: DataFrame,
    services_approval: DataFrame,
    market_enterprise: DataFrame,
) -> DataFrame:
    """Link every code under which a department knows an enterprise to the register.

    A code that the register has is the enterprise. One that it does not have is mistyped or of elsewhere; it is then
    linked by name where exactly one enterprise of the register bears it. The rest stays without a link, pending.

    Grain: source_system x source_key. Columns: entity_id (uscc of the register; null without link), method (code,
    name, none), score (1.0000, 0.9000, 0.0000), valid_from (the day on which the enterprise was established),
    valid_to (null: in force), reviewed_by (null: by nobody).
    """
    is_coded, is_named = F.col("_code").isNotNull(), F.col("_named").isNotNull()
    return (
        _keys(tax_payment, employment_insurance, land_parcel, services_approval)
        .join(_by_code(market_enterprise), "source_key", "left")
        .join(_by_name(market_enterprise), "_name", "left")
        .select(
            "source_system",
            "source_key",
            F.coalesce("_code", "_named").alias("entity_id"),
            F.when(is_coded, "code").when(is_named, "name").otherwise("none").alias("method"),
            F.when(is_coded, _score("1")).when(is_named, _score("0.9")).otherwise(_score("0")).alias("score"),
            F.coalesce("_code_since", "_named_since").alias("valid_from"),
            F.lit(None).cast("date").alias("valid_to"),
            F.lit(None).cast("string").alias("reviewed_by"),
        )
    )


def _keys(taxes: DataFrame, insurance: DataFrame, parcels: DataFrame, approvals: DataFrame) -> DataFrame:
    """Give the codes of every source, each with the greatest of the names that stand beside it."""
    return stack(
        _keys_of("tax", taxes, "uscc", F.col("taxpayer_name")),
        _keys_of("employment", insurance, "uscc", F.col("employer_name")),
        _keys_of("land", parcels, "holder_uscc", F.col("holder_name")),
        _keys_of("services", approvals, "applicant_uscc", F.lit(None).cast("string")),
    )


def _keys_of(source_system: str, rows: DataFrame, key: str, name: Column) -> DataFrame:
    """Give the codes of a source. Spark sorts all rows for the greatest of texts, so they are made few before."""
    named = rows.where(F.col(key).isNotNull()).select(F.col(key).alias("source_key"), name.alias("_name")).distinct()
    greatest = named.groupBy("source_key").agg(F.max("_name").alias("_name"))
    return greatest.select(F.lit(source_system).alias("source_system"), "source_key", "_name")


def _by_code(register: DataFrame) -> DataFrame:
    return register.select(
        F.col("uscc").alias("source_key"), F.col("uscc").alias("_code"), F.col("established_date").alias("_code_since")
    )


def _by_name(register: DataFrame) -> DataFrame:
    """Give the names that one enterprise alone bears."""
    return (
        register.groupBy(F.col("enterprise_name").alias("_name"))
        .agg(
            F.count("*").alias("_bearers"),
            F.min("uscc").alias("_named"),
            F.min("established_date").alias("_named_since"),
        )
        .where("_bearers = 1")
    )


def _score(value: str) -> Column:
    return F.lit(value).cast("decimal(5,4)")
