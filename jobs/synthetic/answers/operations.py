"""Urban management and citizen services."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from jobs.synthetic.answers.calendars import workdays
from jobs.synthetic.answers.facts import Answer, Facts
from jobs.synthetic.answers.figures import median, money, month_of, rounded
from jobs.synthetic.columns import rows_of
from jobs.synthetic.places import DISTRICT_CODES


def sensor_hourly(facts: Facts) -> Iterator[Answer]:
    for sensor, hour, readings, volume, weighted in rows_of(facts.readings, *facts.readings.column_names):
        yield {
            "sensor_id": sensor, "hour_start": _hour_start(hour), "readings": str(readings), "volume": str(volume),
            "volume_speed": rounded(Fraction(int(weighted), 10), 1), "completeness": rounded(Fraction(int(readings), 12), 4),
        }  # fmt: skip


def _hour_start(hour: str) -> str:
    return f"{hour[:10]}T{hour[11:13]}:00:00.000000"


def urban_ops_daily(facts: Facts) -> Iterator[Answer]:
    district = dict(facts.rows("traffic.sensor", "设备编号", "行政区划代码"))
    expected = Counter(district.values())
    reporting: dict[tuple[str, str], set[str]] = defaultdict(set)
    days: set[str] = set()
    for sensor, hour in rows_of(facts.readings, "sensor", "hour"):
        days.add(hour[:10])
        if sensor in district:
            reporting[district[sensor], hour[:10]].add(sensor)
    opened = Counter[tuple[str, str]]()
    closed: dict[tuple[str, str], list[Fraction]] = defaultdict(list)
    for division, begun, ended in facts.rows("traffic.incident", "行政区划代码", "上报时间", "结案时间"):
        opened[division, begun[:10]] += 1
        if ended:
            took = datetime.fromisoformat(ended) - datetime.fromisoformat(begun)
            closed[division, ended[:10]].append(Fraction(int(took.total_seconds()), 3600))
    for division in DISTRICT_CODES:
        for day in _every_day(days):
            here = (division, day)
            yield {
                "division_code": division, "day": day, "incidents": str(opened[here]), "closed": str(len(closed[here])),
                "median_hours": rounded(median(closed[here]), 2), "sensors_expected": str(expected[division]),
                "sensors_reporting": str(len(reporting[here])),
            }  # fmt: skip


def _every_day(days: set[str]) -> list[str]:
    """The days from the first to the last of some."""
    if not days:
        return []
    first, last = date.fromisoformat(min(days)), date.fromisoformat(max(days))
    return [(first + timedelta(days=n)).isoformat() for n in range((last - first).days + 1)]


def road_traffic_hourly(facts: Facts) -> Iterator[Answer]:
    segment: dict[str, str] = {}
    free: dict[str, list[Decimal]] = defaultdict(list)
    for sensor, code, speed in facts.rows("traffic.sensor", "设备编号", "路段编号", "自由流速度"):
        segment[sensor] = code
        free[code].append(money(speed))
    cells: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0, 0])
    for sensor, hour, *counts in rows_of(facts.readings, *facts.readings.column_names):
        if sensor in segment:
            cell = cells[segment[sensor], hour]
            for n, value in enumerate(counts):
                cell[n] += int(value)
    for (code, hour), (readings, volume, weighted) in cells.items():
        mean = Fraction(weighted, 10 * volume) if volume else None
        usual = Fraction(sum(free[code], Decimal(0))) / len(free[code])
        yield {
            "segment_id": code, "hour_start": _hour_start(hour), "volume": str(volume),
            "mean_speed_kmh": rounded(mean, 1), "congestion_index": rounded(usual / mean, 3) if mean else None,
            "completeness": rounded(Fraction(readings, 12 * len(free[code])), 4),
        }  # fmt: skip


def citizen_service_monthly(facts: Facts) -> Iterator[Answer]:
    cases: dict[tuple[str, str, str], list[tuple[str, str, str]]] = defaultdict(list)
    whole = Counter[tuple[str, str]]()
    told = facts.rows("services.approval", "事项编码", "办理渠道", "申请日期", "办结日期", "满意度")
    for item, channel, submitted, decided, grade in told:
        cases[item, channel, month_of(submitted)].append((submitted, decided, grade))
        whole[item, month_of(submitted)] += 1
    for (item, channel, month), found in cases.items():
        took = [Fraction(workdays(submitted, decided)) for submitted, decided, _ in found if decided]
        grades = [int(grade) for *_, grade in found if grade]
        online = len(cases.get((item, "网上", month), ()))
        yield {
            "item_code": item, "channel": channel, "month": month, "cases": str(len(found)),
            "online_share": rounded(Fraction(online, whole[item, month]), 4), "median_wd": rounded(median(took), 2),
            "satisfaction": rounded(Fraction(sum(grades), len(grades)), 2) if grades else None,
        }  # fmt: skip
