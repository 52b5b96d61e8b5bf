"""A little city with gold tables that are built by days: readings of sensors, a register of sensors, and two tables of them.

`road.reading` events by sensor and local time, `road.sensor` snapshot; `gold.sensor_days` adds readings up by sensor and day,
`gold.street_days` these by the street where the register has the sensor. A value over 900 holds both. With incidents, there are
`road.incident` events, and `gold.incident_days` with those opened and closed on every day from the first to the last with a reading.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.little import World

CITY = "roads"
COLUMN = "      - {{name: {name}, logicalType: {type}, required: true, classification: public, description: A {name}.{more}}}"
CONTRACT = """\
apiVersion: v3.2.0
kind: DataContract
id: {id}
name: {name}
version: 1.0.0
status: active
description: {{purpose: Invented rows.}}
team: {{name: testers}}
servers:
  - {{server: inbox, type: local, path: "{source}/{name}/{{business_date}}/*.csv*", format: csv, encoding: utf-8}}
schema:
  - name: {name}
    logicalType: object
    dataGranularityDescription: one key
    customProperties:
{properties}
    properties:
{columns}
slaProperties:
  - {{property: frequency, value: 1, unit: d, scheduler: cron, schedule: "0 2 * * *"}}
  - {{property: latency, value: 4, unit: h}}
  - {{property: retention, value: 5, unit: y}}
"""
RULE = "  - {{type: {type}, kwargs: {kwargs}, severity: {severity}, meta: {{rule: {rule}, dimension: validity, reason: Invented.}}}}\n"
AT_LEAST_ONE = ("expect_table_row_count_to_be_between", "{min_value: 1}")
MART = """\
from pyspark.sql import DataFrame
from pyspark.sql import functions as F


def sensor_days(road_reading: DataFrame) -> DataFrame:
    return road_reading.groupBy("sensor", F.col("measured_at").cast("date").alias("day")).agg(F.sum("value").alias("total"))


def street_days(gold_sensor_days: DataFrame, road_sensor: DataFrame) -> DataFrame:
    return gold_sensor_days.join(road_sensor, "sensor").groupBy("street", "day").agg(F.sum("total").alias("total"))
"""
INCIDENT_MART = """

def incident_days(gold_sensor_days: DataFrame, road_incident: DataFrame) -> DataFrame:
    ends = gold_sensor_days.agg(F.min("day").alias("first"), F.max("day").alias("last"))
    found = ends.select(F.explode(F.sequence("first", "last")).alias("day"))
    for name in ("opened", "closed"):
        told = road_incident.where(F.col(f"{name}_on").isNotNull()).groupBy(F.col(f"{name}_on").alias("day"))
        found = found.join(told.agg(F.count("*").alias(name)), "day", "left")
    totals = gold_sensor_days.groupBy("day").agg(F.sum("total").alias("total"))
    return found.join(totals, "day", "left").fillna(0)
"""
Key = tuple[str, str]  # name, logical type with what follows
SENSOR, STREET, DAY, TOTAL = ("sensor", "string"), ("street", "string"), ("day", "date"), ("total", "integer")
MEASURED_AT, VALUE = ("measured_at", "timestamp, physicalType: timestamp_ntz"), ("value", "integer")
NUMBER, OPENED_ON, CLOSED_ON = ("number", "string"), ("opened_on", "date"), ("closed_on", "date")
OPENED, CLOSED = ("opened", "integer"), ("closed", "integer")


def write_conf(root: Path, *, incidents: bool = False) -> Path:
    """Write the city's configuration; returns the root to name in LAKE_CONF."""
    _contract(root, "road", "reading", {"mode": "events"}, [SENSOR, MEASURED_AT], [VALUE])
    _contract(root, "road", "sensor", {"mode": "snapshot"}, [SENSOR], [STREET])
    by_day = {"mart": "roads", "period": "day"}
    _contract(
        root, "gold", "sensor_days", by_day | {"incremental": "{road_reading: measured_at}"}, [SENSOR, DAY], [TOTAL]
    )
    _contract(root, "gold", "street_days", by_day | {"incremental": "{gold_sensor_days: day}"}, [STREET, DAY], [TOTAL])
    gold = "[sensor_days, street_days]"
    if incidents:
        gold = "[sensor_days, street_days, incident_days]"
        _contract(root, "road", "incident", {"mode": "events"}, [NUMBER], [OPENED_ON, CLOSED_ON])
        of_incidents = root / "conf" / "cities" / CITY / "road" / "incident.odcs.yaml"
        text = of_incidents.read_text("utf-8")
        of_incidents.write_text(
            text.replace("name: closed_on, logicalType: date, required: true", "name: closed_on, logicalType: date"),
            "utf-8",
        )
        dated = "{gold_sensor_days: day, road_incident: [opened_on, closed_on]}"
        more = {"incremental": dated, "everyDayOf": "gold_sensor_days"}
        _contract(root, "gold", "incident_days", by_day | more, [DAY], [OPENED, CLOSED, TOTAL])
    _write(
        root / "conf" / "cities" / CITY / "city.yaml", f"name: roads\ntitle: R\ntimezone: Asia/Shanghai\ngold: {gold}\n"
    )
    _write(root / "jobs" / "marts" / "roads.py", MART + INCIDENT_MART if incidents else MART)
    return root


def _contract(
    root: Path, source: str, name: str, properties: Mapping[str, str], key: Sequence[Key], others: Sequence[Key]
) -> None:
    places = {column: f", primaryKey: true, primaryKeyPosition: {n}" for n, (column, _) in enumerate(key, 1)}
    columns = [COLUMN.format(name=c, type=t, more=places.get(c, "")) for c, t in (*key, *others)]
    stated = [f"      - {{property: {k}, value: {v}}}" for k, v in properties.items()]
    text = CONTRACT.format(
        id=f"{source}.{name}", source=source, name=name, properties="\n".join(stated), columns="\n".join(columns)
    )
    folder = Path("gold") if source == "gold" else Path("cities", CITY, source)
    _write(root / "conf" / folder / f"{name}.odcs.yaml", text)
    _write(root / "expectations" / str(folder).removeprefix("cities/") / f"{name}.yaml", _suite(source, name))


def _suite(source: str, name: str) -> str:
    stages = ("gold",) if source == "gold" else ("bronze", "silver")
    rules = {stage: [(*AT_LEAST_ONE, f"{source}.{name}.{stage[0]}1")] for stage in stages}
    if source == "gold":
        high = "expect_column_values_to_be_between", "{column: total, max_value: 900}"
        rules["gold"].append((*high, f"{source}.{name}.g2"))
    return "".join(
        f"{stage}:\n" + "".join(RULE.format(type=t, kwargs=k, severity="critical", rule=r) for t, k, r in found)
        for stage, found in rules.items()
    )


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")


def deliver(world: World, day: int, values: Mapping[str, int], *, revision: int = 1) -> None:
    """A night's readings: of each sensor one in the morning and one in the evening, half of its value each."""
    rows = [
        f"{sensor},2025-01-{day:02} {hour}:00:00,{value // 2}"
        for sensor, value in values.items()
        for hour in ("06", "23")
    ]
    text = "\n".join(["sensor,measured_at,value", *rows, ""])
    world.deliver("road.reading", f"2025-01-{day:02}", text, revision=revision)


def register(world: World, day: int, streets: Mapping[str, str]) -> None:
    text = "\n".join(["sensor,street", *(f"{sensor},{street}" for sensor, street in streets.items()), ""])
    world.deliver("road.sensor", f"2025-01-{day:02}", text)


def tell(world: World, day: int, incidents: Sequence[tuple[str, int, int | None]], *, revision: int = 1) -> None:
    """What is told of incidents on a day: their number, the day they were opened, the day they were closed."""
    rows = [f"{n},2025-01-{a:02},{f'2025-01-{b:02}' if b else ''}" for n, a, b in incidents]
    text = "\n".join(["number,opened_on,closed_on", *rows, ""])
    world.deliver("road.incident", f"2025-01-{day:02}", text, revision=revision)


def built_whole(world: Path, folder: Path, like: World) -> World:
    """A copy of a world that lost gold and its releases, and built all of it again."""
    shutil.copytree(world, folder)
    other = World(folder, like.open_session, CITY)
    shutil.rmtree(other.lake.path("gold"))
    shutil.rmtree(other.lake.table("audit", "releases"))
    other.run(release=True)
    return other
