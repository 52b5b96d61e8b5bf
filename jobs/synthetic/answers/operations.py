"""Urban management and citizen services."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import date, datetime, timedelta
from fractions import Fraction

from jobs.synthetic.answers.calendars import workdays
from jobs.synthetic.answers.facts import Answer, Facts
from jobs.synthetic.answers.figures import median, money, month_of, rounded
from jobs.synthetic.folded import Row
from jobs.synthetic.places import DISTRICT_CODES


def sensor_hourly(facts: Facts) -> list[Answer]:
    return [
        {
            "sensor_id": sensor, "hour_start": _hour_start(hour), "readings": str(readings), "volume": str(volume),
            "volume_speed": rounded(Fraction(weighted, 10), 1), "completeness": rounded(Fraction(readings, 12), 4),
        }
        for (sensor, hour), (readings, volume, weighted) in facts.readings.items()
    ]  # fmt: skip


def _hour_start(hour: str) -> str:
    return f"{hour[:10]}T{hour[11:13]}:00:00.000000"


def urban_ops_daily(facts: Facts) -> list[Answer]:
    district = {r["设备编号"]: r["行政区划代码"] for r in facts.rows("traffic.sensor")}
    expected = Counter(district.values())
    reporting: dict[tuple[str, str], set[str]] = defaultdict(set)
    for sensor, hour in facts.readings:
        if sensor in district:
            reporting[district[sensor], hour[:10]].add(sensor)
    opened = Counter[tuple[str, str]]()
    closed: dict[tuple[str, str], list[Fraction]] = defaultdict(list)
    for row in facts.rows("traffic.incident"):
        opened[row["行政区划代码"], row["上报时间"][:10]] += 1
        if row["结案时间"]:
            took = datetime.fromisoformat(row["结案时间"]) - datetime.fromisoformat(row["上报时间"])
            closed[row["行政区划代码"], row["结案时间"][:10]].append(Fraction(int(took.total_seconds()), 3600))
    days = sorted({hour[:10] for _, hour in facts.readings})
    every = [(date.fromisoformat(days[0]) + timedelta(days=n)).isoformat() for n in range((date.fromisoformat(days[-1]) - date.fromisoformat(days[0])).days + 1)] if days else []  # fmt: skip
    return [
        {
            "division_code": d, "day": day, "incidents": str(opened[d, day]), "closed": str(len(closed[d, day])),
            "median_hours": rounded(median(closed[d, day]), 2), "sensors_expected": str(expected[d]), "sensors_reporting": str(len(reporting[d, day])),
        }
        for d in DISTRICT_CODES for day in every
    ]  # fmt: skip


def road_traffic_hourly(facts: Facts) -> list[Answer]:
    segment = {r["设备编号"]: r["路段编号"] for r in facts.rows("traffic.sensor")}
    free: dict[str, list[Fraction]] = defaultdict(list)
    for r in facts.rows("traffic.sensor"):
        free[r["路段编号"]].append(money(r["自由流速度"]))
    cells: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0, 0])
    for (sensor, hour), counts in facts.readings.items():
        if sensor in segment:
            for n, value in enumerate(counts):
                cells[segment[sensor], hour][n] += value
    rows: list[Answer] = []
    for (code, hour), (readings, volume, weighted) in cells.items():
        mean = Fraction(weighted, 10 * volume) if volume else None
        speed = sum(free[code], Fraction(0)) / len(free[code])
        rows.append({
            "segment_id": code, "hour_start": _hour_start(hour), "volume": str(volume),
            "mean_speed_kmh": rounded(mean, 1), "congestion_index": rounded(speed / mean, 3) if mean else None,
            "completeness": rounded(Fraction(readings, 12 * len(free[code])), 4),
        })  # fmt: skip
    return rows


def citizen_service_monthly(facts: Facts) -> list[Answer]:
    cases: dict[tuple[str, str, str], list[Row]] = defaultdict(list)
    for row in facts.rows("services.approval"):
        cases[row["事项编码"], row["办理渠道"], month_of(row["申请日期"])].append(row)
    whole = Counter[tuple[str, str]]()
    for (item, _, month), found in cases.items():
        whole[item, month] += len(found)
    rows: list[Answer] = []
    for (item, channel, month), found in cases.items():
        took = [Fraction(workdays(r["申请日期"], r["办结日期"])) for r in found if r["办结日期"]]
        grades = [int(r["满意度"]) for r in found if r["满意度"]]
        online = len(cases.get((item, "网上", month), ()))
        rows.append({
            "item_code": item, "channel": channel, "month": month, "cases": str(len(found)),
            "online_share": rounded(Fraction(online, whole[item, month]), 4), "median_wd": rounded(median(took), 2),
            "satisfaction": rounded(Fraction(sum(grades), len(grades)), 2) if grades else None,
        })  # fmt: skip
    return rows
