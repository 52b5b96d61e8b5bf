"""Traffic: every sensor every five minutes, slower when fuller, and incidents that close after they were reported."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from decimal import Decimal

from jobs.synthetic import calendars, traffic
from jobs.synthetic.world import World

WORLD = World(seed=7, scale=Decimal("0.2"), first=date(2026, 1, 5), nights=12)
Row = dict[str, str]


def hour(number: int, night: int = 1, world: World = WORLD) -> list[Row]:
    rows: list[Row] = traffic.readings(world, night).files[f"reading_{number:02}.csv"].to_pylist()
    return rows


def incidents(night: int, world: World = WORLD) -> list[Row]:
    rows: list[Row] = traffic.incidents(world, night).files["incident.csv"].to_pylist()
    return rows


def sensors(night: int) -> list[Row]:
    rows: list[Row] = traffic.sensors(WORLD, night).files["sensor.csv"].to_pylist()
    return rows


def total(rows: list[Row], header: str) -> Decimal:
    return sum((Decimal(row[header]) for row in rows), Decimal(0))


def test_a_night_is_24_files_of_their_own_hour_in_which_no_reading_comes_twice() -> None:
    files = traffic.readings(WORLD, 1).files
    assert list(files) == [f"reading_{n:02}.csv" for n in range(24)] and len(files) == 24
    for name, table in files.items():
        rows = table.to_pylist()
        assert {r["测量时间"][:14] for r in rows} == {f"2026-01-06 {name[8:10]}:"}
        assert len({(r["设备编号"], r["测量时间"]) for r in rows}) == len(rows)


def test_most_sensors_report_288_times_and_a_broken_one_less() -> None:
    seen = [r["设备编号"] for n in range(24) for r in hour(n)]
    counts = sorted(seen.count(f"S{n:05}") for n in range(100))
    assert counts[50] == counts[-1] == 288
    assert counts[0] < 288


def test_values_are_written_as_declared() -> None:
    for row in hour(8):
        assert re.fullmatch(r"S[0-9]{5}", row["设备编号"])
        assert re.fullmatch(r"2026-01-06 08:[0-5][05]:00", row["测量时间"])
        assert re.fullmatch(r"[0-9]{1,4}", row["流量"])
        assert re.fullmatch(r"[0-9]{1,3}\.[0-9]", row["平均速度"])
        assert re.fullmatch(r"([0-9]{1,3}\.[0-9]{2})?", row["占有率"])


def test_the_evening_rush_is_fuller_and_slower_than_the_night_and_than_a_holiday() -> None:
    rush, night = hour(17), hour(3)
    holiday = hour(17, night=0, world=replace(WORLD, first=date(2026, 10, 6)))
    assert total(rush, "流量") > 5 * total(night, "流量")
    assert total(rush, "平均速度") / len(rush) < total(night, "平均速度") / len(night)
    assert total(rush, "流量") > total(holiday, "流量")


def test_an_incident_slows_its_segment() -> None:
    told, where = traffic.reported(WORLD, 1), traffic.segment(WORLD, 1)
    midnight = date(2026, 1, 6).toordinal() * 86_400
    at = next(n for n, k in enumerate(told.kind.tolist()) if k == 0)
    begun = int(told.reported[at] - midnight) // 300 + 1
    struck = {f"S{n:05}" for n in (where == told.segment[at]).nonzero()[0].tolist()}

    def speed(night: int) -> Decimal:
        minute = f"{begun // 12:02}:{begun % 12 * 5:02}:00"
        rows = [r for r in hour(begun // 12, night) if r["测量时间"].endswith(minute) and r["设备编号"] in struck]
        return total(rows, "平均速度") / len(rows)

    assert speed(1) < speed(8)  # a week later


def test_a_sensor_has_its_segments_division_and_speed_and_few_move() -> None:
    first, last = sensors(0), sensors(11)
    assert [r["设备编号"] for r in first] == [f"S{n:05}" for n in range(100)]
    assert 1 <= sum(a != b for a, b in zip(first, last, strict=True)) < 10
    of = {(r["路段编号"], r["行政区划代码"], r["自由流速度"]) for r in first}
    assert len(of) == len({segment for segment, _, _ in of}) == 50
    assert all(re.fullmatch(r"R[0-9]{4}", s) and re.fullmatch(r"09990[1-6]", d) for s, d, _ in of)


def test_an_open_incident_is_told_again_when_it_is_closed_and_never_else() -> None:
    open_ones: dict[str, str] = {}
    seen: set[str] = set()
    for night in range(WORLD.nights):
        rows = incidents(night)
        assert len({r["事件编号"] for r in rows}) == len(rows)
        for row in rows:
            key, closed = row["事件编号"], row["结案时间"]
            assert re.fullmatch(r"E[0-9]{10}", key)
            assert key not in seen or open_ones.pop(key) == row["上报时间"]
            seen.add(key)
            if closed:
                assert row["上报时间"] < closed
                assert closed[:10] == WORLD.day(night).isoformat()
            else:
                open_ones[key] = row["上报时间"]
    assert open_ones and min(open_ones.values()) >= WORLD.day(WORLD.nights - 4).isoformat()


def test_holidays_are_those_of_the_invented_city() -> None:
    free = [date(2026, 1, 3), date(2026, 2, 21), date(2026, 4, 6), date(2026, 5, 5), date(2026, 10, 7)]
    assert all(calendars.holiday_of(day) for day in free)
    assert not any(calendars.holiday_of(day.replace(day=day.day + 1)) for day in free)
    assert calendars.is_workday(date(2026, 2, 23)) and not calendars.is_workday(date(2026, 2, 28))


def test_the_same_seed_gives_the_same_tables_and_another_seed_others() -> None:
    again, other = replace(WORLD), replace(WORLD, seed=8)
    assert hour(8) == hour(8, world=again) != hour(8, world=other)
    assert incidents(3) == incidents(3, again) != incidents(3, other)
