"""Gold tables of the city's daily operations: incidents, sensors, roads."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.marts.exact import or_none, ratio, twice_median
from jobs.marts.optics_valley import division_codes
from jobs.marts.rows import stack

_READINGS_AN_HOUR = 12
_HOUR = 3_600_000_000  # microseconds
_CELL = ["division_code", "day"]


def sensor_hourly(traffic_reading: DataFrame) -> DataFrame:
    """Add up what each sensor measured in an hour.

    Readings are many, twelve an hour and sensor; what is asked of them over many days is asked of this table. It knows
    nothing of where a sensor stands: the register says so, and may say another thing tomorrow.

    Grain: sensor_id x hour_start (local; hours with a reading). Columns: readings, volume (vehicles), volume_speed
    (sum of vehicles x km/h; over volume it is the mean speed weighted by vehicles), completeness (readings over the
    twelve that are due).
    """
    hour = F.date_trunc("hour", "measured_at").cast("timestamp_ntz").alias("hour_start")
    return (
        traffic_reading.groupBy("sensor_id", hour)
        .agg(
            F.count("*").alias("readings"),
            F.sum("volume").alias("volume"),
            F.sum(F.col("volume") * _tenths("mean_speed_kmh")).alias("_weighted"),
        )
        .select(
            "sensor_id",
            "hour_start",
            "readings",
            "volume",
            ratio(F.col("_weighted"), F.lit(10), 18, 1).alias("volume_speed"),
            ratio(F.col("readings"), F.lit(_READINGS_AN_HOUR), 5, 4).alias("completeness"),
        )
    )


def urban_ops_daily(gold_sensor_hourly: DataFrame, traffic_sensor: DataFrame, traffic_incident: DataFrame) -> DataFrame:
    """Count incidents and sensors at work, by district and day, for the days of the readings.

    Every district has a row on every day, so that a silent one is seen. Incidents of other days or divisions are not
    here.

    Grain: division_code x day. Columns: incidents (reported on the day), closed (on the day), median_hours (exact
    median from report to closing of the latter; null without), sensors_expected, sensors_reporting.
    """
    heard = gold_sensor_hourly.select("sensor_id", _day("hour_start")).distinct()
    sensors = F.broadcast(traffic_sensor.select("sensor_id", "division_code"))
    reporting = heard.join(sensors, "sensor_id").select(*_CELL, F.lit(1).alias("sensors_reporting"))
    rows = stack(_cells(heard), reporting, _reported(traffic_incident), _closed(traffic_incident))
    expected = F.broadcast(sensors.groupBy("division_code").agg(F.count("*").alias("sensors_expected")))
    return (
        _add_up(rows)
        .join(expected, "division_code", "left")
        .select(
            *_CELL,
            "incidents",
            "closed",
            ratio(twice_median(F.col("_lasted")), F.lit(2 * _HOUR), 9, 2).alias("median_hours"),
            *[or_none(F.col(c)).cast("int").alias(c) for c in ("sensors_expected", "sensors_reporting")],
        )
    )


def _add_up(rows: DataFrame) -> DataFrame:
    return (
        rows.groupBy(*_CELL)
        .agg(
            F.max("_is_cell").alias("_is_cell"),
            F.sum("sensors_reporting").alias("sensors_reporting"),
            F.count("_reported").alias("incidents"),
            F.count("_lasted").alias("closed"),
            F.array_sort(F.collect_list("_lasted")).alias("_lasted"),
        )
        .where("_is_cell")
    )


def _cells(heard: DataFrame) -> DataFrame:
    """Give every district on every day from the first to the last with a reading."""
    days = heard.agg(F.min("day").alias("_first"), F.max("day").alias("_last"))
    return days.select(F.explode(F.sequence("_first", "_last")).alias("day")).select(
        F.explode(division_codes()).alias("division_code"), "day", F.lit(True).alias("_is_cell")
    )


def _reported(incidents: DataFrame) -> DataFrame:
    return incidents.select("division_code", _day("reported_at"), F.lit(1).alias("_reported"))


def _closed(incidents: DataFrame) -> DataFrame:
    lasted = _micros("closed_at") - _micros("reported_at")
    return incidents.where(F.col("closed_at").isNotNull()).select(
        "division_code", _day("closed_at"), lasted.alias("_lasted")
    )


def _day(moment: str) -> Column:
    return F.col(moment).cast("date").alias("day")


def _micros(moment: str) -> Column:
    """Give a local time as a number of microseconds: only differences of two mean something."""
    return F.unix_micros(F.col(moment).cast("timestamp"))


def road_traffic_hourly(gold_sensor_hourly: DataFrame, traffic_sensor: DataFrame) -> DataFrame:
    """Tell how much passed a road segment in an hour, how fast, and how far that is from free flow.

    A mean of speeds without their volumes would let an empty lane outvote a full one. Readings of sensors that the
    register does not have are not here. The congestion index is made of unrounded means.

    Grain: segment_id x hour_start (local; hours with a reading). Columns: volume (vehicles), mean_speed_kmh
    (weighted by volume; null without vehicles), congestion_index (mean free speed of the segment's sensors over
    the mean speed; null where that is null or 0), completeness (readings over those due, twelve a sensor).
    """
    sensors = traffic_sensor.select("sensor_id", "segment_id", _tenths("free_speed_kmh").alias("_free"))
    segments = sensors.groupBy("segment_id").agg(F.count("*").alias("_sensors"), F.sum("_free").alias("_free"))
    hours = (
        gold_sensor_hourly.join(F.broadcast(sensors.drop("_free")), "sensor_id")
        .groupBy("segment_id", "hour_start")
        .agg(
            F.sum("volume").alias("volume"),
            F.sum(_tenths("volume_speed")).alias("_weighted"),
            F.sum("readings").alias("_readings"),
        )
    )
    return hours.join(F.broadcast(segments), "segment_id").select(
        "segment_id",
        "hour_start",
        "volume",
        ratio(F.col("_weighted"), F.col("volume") * 10, 5, 1).alias("mean_speed_kmh"),
        ratio(F.col("_free") * F.col("volume"), F.col("_sensors") * F.col("_weighted"), 6, 3).alias("congestion_index"),
        ratio(F.col("_readings"), F.col("_sensors") * _READINGS_AN_HOUR, 5, 4).alias("completeness"),
    )


def _tenths(speed: str) -> Column:
    """Give a decimal of scale 1 in tenths as a whole number: rows are many, and those are added up faster."""
    return (F.col(speed) * F.lit(10)).cast("bigint")
