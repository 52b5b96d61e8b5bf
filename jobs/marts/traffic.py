"""Gold tables of road traffic."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.marts.boroughs import borough_name


def road_volume_hourly(traffic_volume: DataFrame) -> DataFrame:
    """Give the vehicles that passed each counted road, by hour.

    Grain: segment_id x roadway_name x direction x hour_start. Columns: volume, with two decimals because some
    counters report averages of several readings.
    """
    return traffic_volume.select(
        "segment_id", "roadway_name", "direction", "hour_start", F.col("volume_count").alias("volume")
    )


def crash_daily(traffic_crashes: DataFrame) -> DataFrame:
    """Count crashes and persons hurt, by borough and day.

    Three records in ten name no borough; they count under `unknown`, so that boroughs add up to the city.

    Grain: borough_name x crash_date. Columns: crashes, persons_injured, persons_killed.
    """
    return traffic_crashes.groupBy(borough_name(F.col("borough")).alias("borough_name"), "crash_date").agg(
        F.count("*").alias("crashes"),
        F.sum("persons_injured").cast("bigint").alias("persons_injured"),
        F.sum("persons_killed").cast("bigint").alias("persons_killed"),
    )
