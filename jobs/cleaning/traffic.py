"""Cleaning steps of the traffic department's datasets."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F


def pad_crash_time(crashes: DataFrame) -> DataFrame:
    """Write the hour of a crash with two digits.

    The police write `0:05` and `17:30`; as text, `9:00` would sort after `10:00`.

    | crash_time |      | crash_time |
    |------------|  ->  |------------|
    | 0:05       |      | 00:05      |
    """
    return crashes.withColumn("crash_time", F.regexp_replace("crash_time", "^([0-9]):", "0$1:"))


def empty_zero_coordinates(crashes: DataFrame) -> DataFrame:
    """Empty the coordinates of crashes placed at latitude 0, longitude 0.

    The police enter zeros where a place was not located; taken at their word they put the crash in the Gulf of Guinea.

    | latitude | longitude | location   |      | latitude | longitude | location |
    |----------|-----------|------------|  ->  |----------|-----------|----------|
    | 0        | 0         | (0.0, 0.0) |      |          |           |          |
    """
    zero = r"^-?0+(\.0+)?$"
    is_zero = F.col("latitude").rlike(zero) & F.col("longitude").rlike(zero)
    names = ("latitude", "longitude", "location")
    return crashes.withColumns({name: F.when(is_zero, F.lit("")).otherwise(F.col(name)) for name in names})


def canonical_direction(counts: DataFrame) -> DataFrame:
    """Write a direction without blanks round its hyphen.

    Crews write `SB - SER` and `SB-SER` for the same service road; as two directions its hours would not compare.

    | direction  |      | direction |
    |------------|  ->  |-----------|
    | `SB - SER` |      | `SB-SER`  |
    """
    return counts.withColumn("direction", F.regexp_replace(F.trim("direction"), r"\s*-\s*", "-"))


def unpivot_hours(counts: DataFrame) -> DataFrame:
    """Turn a day of 24 hour columns into 24 rows.

    The hour is local wall time by its position in the day: the department fills the hour from 2 to 3 also on the
    night when the clocks go forward, and its count is kept.

    | segment_id | count_date | hour_00 | hour_01 | ... |      | segment_id | hour_start       | volume_count |
    |------------|------------|---------|---------|-----|  ->  |------------|------------------|--------------|
    | 2153       | 02/02/2013 | 106     | 74      | ... |      | 2153       | 02/02/2013 00:00 | 106          |
    |            |            |         |         |     |      | 2153       | 02/02/2013 01:00 | 74           |
    """
    hours = [f"hour_{hour:02d}" for hour in range(24)]
    kept = [F.col(f"`{name}`") for name in counts.columns if name not in hours]
    clock = F.concat_ws(" ", "count_date", F.format_string("%02d:00", F.col("_hour")))
    return (
        counts.select(*kept, F.posexplode(F.array(*hours)).alias("_hour", "volume_count"))
        .withColumn("hour_start", clock)
        .drop("_hour")
    )


def flag_cut_points(links: DataFrame) -> DataFrame:
    """Mark the links whose points the supplier cut at 255 characters: their last point is wrong.

    | link_points (length) |      | link_points (length) | is_link_points_cut |
    |----------------------|  ->  |----------------------|--------------------|
    | 255                  |      | 255                  | true               |
    | 180                  |      | 180                  | false              |
    """
    is_cut = F.coalesce(F.length("link_points") >= 255, F.lit(False))
    return links.withColumn("is_link_points_cut", is_cut.cast("string"))


def title_case_borough(links: DataFrame) -> DataFrame:
    """Write the borough in title case: one link stands in `Staten island`, the others in `Staten Island`."""
    return links.withColumn("borough", F.initcap("borough"))
