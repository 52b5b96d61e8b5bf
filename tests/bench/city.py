"""The bench's configuration root: one events dataset and one mart, which the product reads as any other city's."""

from __future__ import annotations

from pathlib import Path

CITY = "bench"
CONTRACT = """\
apiVersion: v3.2.0
kind: DataContract
id: bench.bench.sensor
name: Road sensors
version: 1.0.0
status: active
description: {purpose: Invented five-minute measurements.}
team: {name: bench}
servers:
  - {server: inbox, type: local, path: "bench/sensor/{business_date}/*.csv*", format: csv, delimiter: ",", encoding: utf-8}
schema:
  - name: sensor
    logicalType: object
    dataGranularityDescription: one sensor and five minutes
    customProperties:
      - {property: mode, value: events}
      - {property: controlSums, value: [volume, speed]}
      - {property: minRows, value: 1}
    properties:
      - {name: sensor_id, logicalType: string, required: true, primaryKey: true, primaryKeyPosition: 1, logicalTypeOptions: {pattern: "^S[0-9]{6}$"}, classification: public, description: The sensor.}
      - {name: measured_at, logicalType: timestamp, physicalType: timestamp_ntz, required: true, primaryKey: true, primaryKeyPosition: 2, logicalTypeOptions: {format: "yyyy-MM-dd HH:mm:ss"}, classification: public, description: Start of the five minutes.}
      - {name: direction, logicalType: string, required: true, enum: [{value: N}, {value: E}, {value: S}, {value: W}], classification: public, description: Direction of travel.}
      - {name: volume, logicalType: integer, physicalType: int, required: true, logicalTypeOptions: {minimum: 0, maximum: 10000}, classification: public, description: Vehicles.}
      - {name: speed, logicalType: number, physicalType: "decimal(5,1)", required: true, logicalTypeOptions: {minimum: 0, maximum: 250}, classification: public, description: Mean speed in km/h.}
      - {name: occupancy, logicalType: number, physicalType: "decimal(5,2)", logicalTypeOptions: {minimum: 0, maximum: 100}, classification: public, description: Share of time in percent.}
      - {name: status, logicalType: string, required: true, classification: public, description: Measured or estimated.}
slaProperties:
  - {property: frequency, value: 1, unit: d, scheduler: cron, schedule: "0 2 * * *"}
  - {property: latency, value: 4, unit: h}
  - {property: retention, value: 5, unit: y}
"""
SUITE = """\
bronze:
  - {type: expect_table_row_count_to_be_between, kwargs: {min_value: 1000}, severity: critical, meta: {rule: bench.sensor.b1, dimension: completeness, reason: "A night has thousands of records."}}
silver:
  - {type: expect_column_values_to_not_be_null, kwargs: {column: occupancy, mostly: 0.8}, severity: warning, meta: {rule: bench.sensor.s1, dimension: completeness, reason: "Some sensors measure no occupancy."}}
  - {type: expect_column_value_lengths_to_be_between, kwargs: {column: status, min_value: 2}, severity: critical, meta: {rule: bench.sensor.s2, dimension: validity, action: quarantine, reason: "A status is a word."}}
"""
GOLD = """\
apiVersion: v3.2.0
kind: DataContract
id: gold.sensor_daily
name: Sensors by day
version: 1.0.0
status: active
description: {purpose: Measurements of a sensor by day.}
team: {name: bench}
schema:
  - name: sensor_daily
    logicalType: object
    dataGranularityDescription: one sensor and day
    customProperties: [{property: mart, value: sensors}]
    properties:
      - {name: sensor_id, logicalType: string, required: true, primaryKey: true, primaryKeyPosition: 1, classification: public, description: The sensor., transformSourceObjects: [bench.sensor.sensor_id]}
      - {name: day, logicalType: date, required: true, primaryKey: true, primaryKeyPosition: 2, classification: public, description: The day., transformSourceObjects: [bench.sensor.measured_at]}
      - {name: readings, logicalType: integer, required: true, logicalTypeOptions: {minimum: 1, maximum: 288}, classification: public, description: Rows., transformSourceObjects: [bench.sensor.volume]}
      - {name: volume, logicalType: integer, required: true, logicalTypeOptions: {minimum: 0}, classification: public, description: Vehicles., transformSourceObjects: [bench.sensor.volume]}
      - {name: speeds, logicalType: number, physicalType: "decimal(18,1)", required: true, logicalTypeOptions: {minimum: 0}, classification: public, description: Sum of mean speeds., transformSourceObjects: [bench.sensor.speed]}
"""
# In place of the mart property alone, for a table that grows night by night.
BY_DAYS = "{property: mart, value: sensors}, {property: period, value: day}, {property: incremental, value: {bench_sensor: measured_at}}"
GOLD_SUITE = """\
gold:
  - {type: expect_table_row_count_to_be_between, kwargs: {min_value: 1}, severity: critical, meta: {rule: gold.sensor_daily.g1, dimension: completeness, reason: "A day has sensors."}}
"""
MART = """\
from pyspark.sql import DataFrame
from pyspark.sql import functions as F


def sensor_daily(bench_sensor: DataFrame) -> DataFrame:
    day = F.to_date("measured_at").alias("day")
    return bench_sensor.groupBy("sensor_id", day).agg(
        F.count("*").alias("readings"), F.sum("volume").alias("volume"), F.sum("speed").alias("speeds")
    )
"""


def write_conf(root: Path, *, by_days: bool = False) -> Path:
    """Write the configuration root, on demand with a mart that is built by days; returns it, to be named in LAKE_CONF."""
    gold = GOLD.replace("{property: mart, value: sensors}", BY_DAYS) if by_days else GOLD
    city = "name: bench\ntitle: Bench\ntimezone: America/New_York\ngold: [sensor_daily]\n"
    for path, text in {
        "conf/cities/bench/city.yaml": city,
        "conf/cities/bench/bench/sensor.odcs.yaml": CONTRACT,
        "expectations/bench/bench/sensor.yaml": SUITE,
        "conf/gold/sensor_daily.odcs.yaml": gold,
        "expectations/gold/sensor_daily.yaml": GOLD_SUITE,
        "jobs/marts/sensors.py": MART,
    }.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, "utf-8")
    return root
