"""Gold tables of enterprises: the register, and one enterprise as all departments see it."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.marts.exact import or_none, or_zero, ratio
from jobs.marts.nights import is_in_last_year, night_of
from jobs.marts.rows import stack


def dim_enterprise(market_enterprise: DataFrame) -> DataFrame:
    """Give the enterprises of the register as they stand now, closed ones too.

    Grain: uscc. Columns: enterprise_name, legal_form, industry_code, division_code, established_date, status,
    status_date, successor_uscc (null unless merged into another).
    """
    return market_enterprise.select(
        "uscc",
        "enterprise_name",
        "legal_form",
        "industry_code",
        "division_code",
        "established_date",
        "status",
        "status_date",
        "successor_uscc",
    )


def enterprise_360(
    gold_dim_enterprise: DataFrame,
    gold_entity_link: DataFrame,
    tax_payment: DataFrame,
    employment_insurance: DataFrame,
    land_parcel: DataFrame,
    services_approval: DataFrame,
    receipts: DataFrame,
) -> DataFrame:
    """Put beside each enterprise of the register what tax, employment, land and services know of it.

    A source knows an enterprise under the keys that are linked to it, so its own code is not asked again here. Absent
    is 0: a department that never named an enterprise is missing from sources_present.

    Grain: uscc x snapshot_date (the newest delivered business date). Columns: status, industry_code, tax_12m and
    arrears in CNY, employees, parcels, policies_received, link_score (least of its links; 1 without any),
    sources_present (sorted, comma separated).
    """
    night = night_of(receipts)
    known = stack(
        _tax(tax_payment, night), _employees(employment_insurance), _land(land_parcel), _policies(services_approval)
    )
    linked = _add_up(gold_entity_link.join(known, ["source_system", "source_key"], "left"))
    return (
        gold_dim_enterprise.join(linked, "uscc", "left")
        .crossJoin(night)
        .select(
            "uscc",
            F.col("_newest").alias("snapshot_date"),
            "status",
            "industry_code",
            or_zero(F.col("tax_12m")).alias("tax_12m"),
            or_zero(F.col("arrears")).alias("arrears"),
            *[or_none(F.col(c)).alias(c) for c in ("employees", "parcels", "policies_received")],
            F.coalesce("link_score", F.lit(1)).cast("decimal(5,4)").alias("link_score"),
            F.coalesce("sources_present", F.lit("")).alias("sources_present"),
        )
    )


def enterprise_coverage(gold_enterprise_360: DataFrame, gold_entity_link: DataFrame) -> DataFrame:
    """Tell of how many living enterprises tax and employment know, and how many codes are linked to none.

    "Almost all enterprises" is a claim; this is the number beside it.

    Grain: snapshot_date (one row). Columns: registered, with_tax, with_employment, with_both, coverage (with_both over
    registered; null without an enterprise), unlinked_keys (codes of departments without an enterprise).
    """
    has = {s: F.array_contains(F.split("sources_present", ","), s) for s in ("tax", "employment")}
    counted = gold_enterprise_360.groupBy("snapshot_date").agg(
        *[
            F.count_if((F.col("status") == "存续") & condition).alias(name)
            for name, condition in {
                "registered": F.lit(True),
                "with_tax": has["tax"],
                "with_employment": has["employment"],
                "with_both": has["tax"] & has["employment"],
            }.items()
        ]
    )
    unlinked = gold_entity_link.agg(F.count_if(F.col("entity_id").isNull()).alias("unlinked_keys"))
    share = ratio(F.col("with_both"), F.col("registered"), 5, 4).alias("coverage")
    return counted.crossJoin(F.broadcast(unlinked)).select(*counted.columns, share, "unlinked_keys")


def _add_up(linked: DataFrame) -> DataFrame:
    """Add up by enterprise; a parcel under two keys of one enterprise is one parcel."""
    return (
        linked.where(F.col("entity_id").isNotNull())
        .groupBy(F.col("entity_id").alias("uscc"))
        .agg(
            F.min("score").alias("link_score"),
            F.concat_ws(",", F.array_sort(F.collect_set("source_system"))).alias("sources_present"),
            *[F.sum(c).alias(c) for c in ("tax_12m", "arrears", "employees", "policies_received")],
            F.count_distinct("_parcel").alias("parcels"),
        )
    )


def _tax(payments: DataFrame, night: DataFrame) -> DataFrame:
    recent = F.when(is_in_last_year(F.col("tax_month")), F.col("amount_cny"))
    return (
        payments.crossJoin(night)
        .groupBy(F.lit("tax").alias("source_system"), F.col("uscc").alias("source_key"))
        .agg(F.sum(recent).alias("tax_12m"), F.sum("arrears_cny").alias("arrears"))
    )


def _employees(insurance: DataFrame) -> DataFrame:
    return (
        insurance.where(F.col("status") == "参保")
        .groupBy(F.lit("employment").alias("source_system"), F.col("uscc").alias("source_key"))
        .agg(F.count("*").alias("employees"))
    )


def _land(parcels: DataFrame) -> DataFrame:
    return parcels.where(F.col("holder_uscc").isNotNull()).select(
        F.lit("land").alias("source_system"),
        F.col("holder_uscc").alias("source_key"),
        F.col("parcel_code").alias("_parcel"),
    )


def _policies(approvals: DataFrame) -> DataFrame:
    return (
        approvals.where(F.col("applicant_uscc").isNotNull() & F.col("decided_date").isNotNull())
        .groupBy(F.lit("services").alias("source_system"), F.col("applicant_uscc").alias("source_key"))
        .agg(F.count("*").alias("policies_received"))
    )
