"""Invented rows of Optics Valley: a test says what matters to it, the rest is filled in."""

# ruff: noqa: DTZ001  # local wall time has no zone

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

from pyspark.sql import DataFrame, SparkSession

FIRST, SECOND, THIRD = "91099901MA0TERT08Q", "910999027654321A61", "92099903MA9KLMN10B"
UNIT, OTHER_UNIT = "099901001001GB00001F00010001", "099901001002GB00012W00000000"
PARCEL, OTHER_PARCEL = UNIT[:19], OTHER_UNIT[:19]
TODAY = dt.date(2026, 3, 5)
MONTH = dt.date(2026, 3, 1)

# Columns with their types, and the values of those that a test does not name; all others are null.
_TABLES: dict[str, tuple[str, dict[str, Any]]] = {
    "receipts": (
        "dataset string, business_date date, status string",
        {"dataset": "tax.payment", "business_date": TODAY, "status": "delivered"},
    ),
    "decisions": (
        "source_system string, source_key string, entity_id string, decision string, decided_by string",
        {"source_system": "tax", "source_key": SECOND, "entity_id": FIRST, "decision": "accept", "decided_by": "A. Clerk"},
    ),
    "market_enterprise": (
        "uscc string, enterprise_name string, legal_form string, industry_code string, division_code string, address string, "
        "established_date date, status string, status_date date, successor_uscc string",
        {
            "uscc": FIRST,
            "enterprise_name": "光谷甲有限公司",
            "legal_form": "有限责任公司",
            "industry_code": "C3611",
            "division_code": "099901",
            "address": "光谷市学府路12号",
            "established_date": dt.date(2020, 1, 2),
            "status": "存续",
            "status_date": dt.date(2020, 1, 2),
        },
    ),
    "tax_payment": (
        "uscc string, taxpayer_name string, tax_type string, tax_month date, amount_cny decimal(18,2), "
        "arrears_cny decimal(18,2), real_estate_unit string",
        {"uscc": FIRST, "tax_type": "增值税", "tax_month": MONTH, "amount_cny": 0, "arrears_cny": 0},
    ),
    "employment_insurance": (
        "uscc string, employer_name string, community_code string, status string",
        {"uscc": FIRST, "community_code": "099901001", "status": "参保"},
    ),
    "land_parcel": (
        "real_estate_unit string, parcel_code string, division_code string, community_code string, holder_uscc string, "
        "holder_name string, holder_address string, use_class string, area_m2 decimal(14,2), supplied_date date, status string",
        {
            "real_estate_unit": UNIT,
            "parcel_code": PARCEL,
            "division_code": "099901",
            "community_code": "099901001",
            "use_class": "工业用地",
            "area_m2": 1000,
            "supplied_date": dt.date(2021, 5, 6),
            "status": "在用",
        },
    ),
    "services_approval": (
        "item_code string, channel string, applicant_uscc string, submitted_date date, decided_date date, "
        "satisfaction int",
        {"item_code": "I0001", "channel": "网上", "submitted_date": MONTH},
    ),
    "traffic_sensor": (
        "sensor_id string, segment_id string, division_code string, free_speed_kmh decimal(5,1)",
        {"sensor_id": "S00001", "segment_id": "R0001", "division_code": "099901", "free_speed_kmh": 60},
    ),
    "traffic_reading": (
        "sensor_id string, measured_at timestamp_ntz, volume int, mean_speed_kmh decimal(5,1)",
        {"sensor_id": "S00001", "measured_at": dt.datetime(2026, 3, 5, 8), "volume": 10, "mean_speed_kmh": 60},
    ),
    "traffic_incident": (
        "division_code string, reported_at timestamp_ntz, closed_at timestamp_ntz",
        {"division_code": "099901"},
    ),
    "grid_community": (
        "community_code string, residents int, working_age int, cases_open int",
        {"community_code": "099901001", "residents": 0, "working_age": 0, "cases_open": 0},
    ),
    "education_school": ("community_code string, places int", {"community_code": "099901001"}),
    "health_facility": ("community_code string, beds int", {"community_code": "099901001"}),
    "gold_entity_link": (
        "source_system string, source_key string, entity_id string, method string, score decimal(5,4)",
        {"source_system": "tax", "source_key": FIRST, "entity_id": FIRST, "method": "code", "score": 1},
    ),
    "gold_enterprise_360": (
        "uscc string, snapshot_date date, status string, sources_present string",
        {"snapshot_date": TODAY, "status": "存续", "sources_present": ""},
    ),
    "gold_dim_calendar_wd": ("calendar_date date, is_workday boolean", {}),
}  # fmt: skip
_TABLES["gold_dim_enterprise"] = _TABLES["market_enterprise"]
_TABLES["gold_dim_parcel"] = (
    "parcel_code string, division_code string, use_class string, area_m2 decimal(14,2), supplied_date date, status string",
    {k: v for k, v in _TABLES["land_parcel"][1].items() if k not in ("real_estate_unit", "community_code")},
)


def table(spark: SparkSession, name: str, *rows: dict[str, Any]) -> DataFrame:
    """A table as a mart sees it, with the values that a test gives."""
    schema, defaults = _TABLES[name]
    types = {c.split()[0]: c.split()[1] for c in schema.split(", ")}
    assert all(set(row) <= set(types) for row in rows), rows
    filled = [[_value((defaults | row).get(c), t) for c, t in types.items()] for row in rows]
    return spark.createDataFrame([tuple(row) for row in filled], schema)


def tables(spark: SparkSession, **rows: list[dict[str, Any]]) -> dict[str, DataFrame]:
    """Several tables by name; a row of receipts says that the newest night is TODAY's."""
    return {name: table(spark, name, *given) for name, given in ({"receipts": [{}]} | rows).items()}


def at(day: int, hour: int, minute: int = 0) -> dt.datetime:
    """A local wall time of March 2026."""
    return dt.datetime(2026, 3, day, hour, minute)


def _value(value: Any, spark_type: str) -> Any:
    return Decimal(value) if spark_type.startswith("decimal") and value is not None else value
