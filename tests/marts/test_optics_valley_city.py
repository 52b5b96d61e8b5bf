"""Communities, daily operations, roads and services, on invented rows."""

from __future__ import annotations

import datetime as dt
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest
from pyspark.sql import SparkSession

from jobs.marts import citizen_services, communities, operations
from tests.marts.invented import MONTH, TODAY, at, table, tables

pytestmark = pytest.mark.spark


def test_supply_of_a_community_is_set_against_its_residents(spark: SparkSession) -> None:
    found = communities.community_monthly(
        **tables(
            spark,
            grid_community=[{"residents": 3000, "working_age": 3, "cases_open": 4}, {"community_code": "099901002"}],
            employment_insurance=[{}, {}, {"status": "停保"}],
            education_school=[{"places": 100}, {"places": 100}, {"community_code": "099909009", "places": 9}],
            health_facility=[{"beds": 1}],
        )
    )
    full = (Decimal("0.6667"), Decimal("66.67"), Decimal("0.33"))
    assert found.orderBy("community_code").collect() == [
        ("099901001", MONTH, 3000, *full, 4),
        ("099901002", MONTH, 0, None, None, None, 0),
    ]


def test_an_hour_of_a_sensor_adds_up_like_its_readings(spark: SparkSession) -> None:
    """The same sums by hand, of three hours of three sensors, one of them silent for an hour."""
    readings = [
        {"sensor_id": f"S0000{s}", "measured_at": at(5, hour, minute), "volume": 7 * s + minute, "mean_speed_kmh": Decimal(301 + 10 * hour + s) / 10}
        for s in (1, 2, 3) for hour in (7, 8, 9) for minute in range(0, 60, 5) if (s, hour) != (3, 8) and minute % 15 + s < 12
    ]  # fmt: skip
    expected = []
    for s, hour in sorted({(r["sensor_id"], r["measured_at"].hour) for r in readings}):
        own = [r for r in readings if (r["sensor_id"], r["measured_at"].hour) == (s, hour)]
        volume = sum(r["volume"] for r in own)
        speed = sum((r["volume"] * r["mean_speed_kmh"] for r in own), Decimal(0))
        share = (Decimal(len(own)) / 12).quantize(Decimal("0.0001"), ROUND_HALF_UP)
        expected.append((s, at(5, hour), len(own), volume, speed, share))
    assert len(expected) == 8
    found = operations.sensor_hourly(table(spark, "traffic_reading", *readings))
    assert found.orderBy("sensor_id", "hour_start").collect() == expected


def _days(spark: SparkSession, **rows: list[dict[str, Any]]) -> list[Any]:
    frames = tables(spark, **({"traffic_sensor": [{}], "traffic_incident": []} | rows))
    del frames["receipts"]
    frames["gold_sensor_hourly"] = operations.sensor_hourly(frames.pop("traffic_reading"))
    return operations.urban_ops_daily(**frames).orderBy("day", "division_code").collect()


def test_every_district_has_a_row_on_every_day_of_the_readings(spark: SparkSession) -> None:
    readings = [{"measured_at": at(3, 0)}, {"measured_at": at(3, 23)}, {"measured_at": at(5, 0)}, {"sensor_id": "S9"}]
    found = _days(spark, traffic_reading=readings)
    assert [r.day.day for r in found] == [3] * 6 + [4] * 6 + [5] * 6
    assert [(r.sensors_expected, r.sensors_reporting) for r in found[::6]] == [(1, 1), (1, 0), (1, 1)]
    assert found[1] == ("099902", dt.date(2026, 3, 3), 0, 0, None, 0, 0)


def test_an_incident_counts_when_reported_and_again_when_closed(spark: SparkSession) -> None:
    incidents = [(at(1, 0), at(3, 1)), (at(3, 9), at(3, 9, 1)), (at(3, 9), None), (at(2, 9), at(2, 10))]
    found = _days(
        spark,
        traffic_reading=[{"measured_at": at(3, 0)}],
        traffic_incident=[{"reported_at": r, "closed_at": c} for r, c in incidents]
        + [{"division_code": "099907", "reported_at": at(3, 1)}],
    )
    assert found[0][:5] == ("099901", dt.date(2026, 3, 3), 2, 2, Decimal("24.51"))
    assert sum(r.incidents for r in found) == 2


def _hours(spark: SparkSession, *readings: dict[str, Any]) -> list[Any]:
    sensors = table(
        spark, "traffic_sensor", {}, {"sensor_id": "S00002", "free_speed_kmh": "49.9"}, {"sensor_id": "S00003", "segment_id": "R0002"}
    )  # fmt: skip
    hours = operations.sensor_hourly(table(spark, "traffic_reading", *readings))
    found = operations.road_traffic_hourly(hours, sensors)
    return found.orderBy("segment_id", "hour_start").collect()


def test_a_full_lane_counts_for_more_than_an_empty_one(spark: SparkSession) -> None:
    found = _hours(
        spark,
        {"measured_at": at(5, 8), "volume": 300, "mean_speed_kmh": "20.3"},
        {"measured_at": at(5, 8, 55), "volume": 0, "mean_speed_kmh": 0},
        {"measured_at": at(5, 8, 5), "sensor_id": "S00002", "volume": 100, "mean_speed_kmh": 60},
        {"measured_at": at(5, 8), "sensor_id": "S00099"},
    )
    # 54.95 over 30.225, and not over 30.2
    assert found == [("R0001", at(5, 8), 400, Decimal("30.2"), Decimal("1.818"), Decimal("0.1250"))]


def test_an_hour_without_vehicles_has_no_speed_and_one_at_a_standstill_no_index(spark: SparkSession) -> None:
    found = _hours(spark, {"volume": 0}, {"measured_at": at(5, 9), "mean_speed_kmh": 0})
    assert [r[1:5] for r in found] == [(at(5, 8), 0, None, None), (at(5, 9), 10, Decimal("0.0"), None)]


def _services(spark: SparkSession, *cases: dict[str, Any]) -> list[Any]:
    days = [{"calendar_date": dt.date(2026, 3, d), "is_workday": d not in (7, 8)} for d in range(1, 13)]
    frames = [table(spark, "services_approval", *cases), table(spark, "gold_dim_calendar_wd", *days)]
    return citizen_services.citizen_service_monthly(*frames).orderBy("month", "channel").collect()


def test_durations_are_workdays_after_submission_up_to_the_decision(spark: SparkSession) -> None:
    decided = [dt.date(2026, 3, 5), dt.date(2026, 3, 8), dt.date(2026, 3, 9), dt.date(2026, 3, 12), None]
    found = _services(
        spark, *[{"submitted_date": TODAY, "decided_date": d, "satisfaction": n} for n, d in enumerate(decided, 1)]
    )
    assert found == [("I0001", "网上", MONTH, 5, Decimal("1.0000"), Decimal("1.50"), Decimal("3.00"))]


def test_a_decision_outside_of_the_calendar_has_no_duration(spark: SparkSession) -> None:
    case = {"submitted_date": dt.date(2026, 2, 27), "decided_date": TODAY}
    assert [(r.cases, r.median_wd, r.satisfaction) for r in _services(spark, case)] == [(1, None, None)]


def test_the_online_share_of_an_item_is_the_same_in_all_its_channels(spark: SparkSession) -> None:
    cases = [("I0001", "网上"), ("I0001", "窗口"), ("I0001", "窗口"), ("I0002", "自助")]
    found = _services(spark, *[{"item_code": i, "channel": c} for i, c in cases])
    assert sorted((r.item_code, r.channel, r.online_share) for r in found) == [
        ("I0001", "窗口", Decimal("0.3333")),
        ("I0001", "网上", Decimal("0.3333")),
        ("I0002", "自助", Decimal("0.0000")),
    ]
