"""Traffic follows hour, weekday, holidays and incidents: sensors on road segments count vehicles, and speeds fall as volumes rise.

Everything is integer arithmetic in tenths and hundredths on whole arrays, one hour's file at a time, so that a night of millions of
readings needs the memory of one file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache, lru_cache

import numpy as np
import pyarrow as pa

from jobs.synthetic.calendars import holiday_of, is_workday
from jobs.synthetic.draws import Ints, below, between, draw, weighted
from jobs.synthetic.places import DISTRICT_CODES
from jobs.synthetic.world import NEVER, Delivery, World, from_rows

SENSOR_HEADERS = ("设备编号", "路段编号", "行政区划代码", "自由流速度")
READING_HEADERS = ("设备编号", "测量时间", "流量", "平均速度", "占有率")
INCIDENT_HEADERS = ("事件编号", "行政区划代码", "事件类型", "上报时间", "结案时间")

# Of a segment's greatest demand, permille by hour. The same weights say when incidents happen.
_WORKDAY = (90, 60, 45, 40, 60, 150, 400, 800, 960, 780, 640, 620, 600, 590, 620, 680, 800, 990, 900, 650, 480, 360, 260, 160)  # fmt: skip
_FREE_DAY = (150, 110, 80, 60, 55, 80, 150, 260, 400, 520, 620, 680, 690, 680, 690, 700, 720, 740, 700, 620, 520, 420, 320, 230)  # fmt: skip
_WEEK = (100, 99, 100, 102, 106, 100, 92)  # percent
# By road: expressway, arterial, collector, local street. Capacity is what a sensor can count in five minutes.
_ROAD_WEIGHTS, _FREE_TENTHS, _CAPACITY, _LANES = [2, 4, 5, 4], (800, 600, 500, 400), (190, 120, 70, 36), (3, 2, 2, 1)
_TICKS = 288  # five minutes each
_DAY = 86_400
_NOTHING = 10_001  # an occupancy that is not measured

KINDS = ("交通事故", "道路积水", "设施损坏", "占道施工")
_DRY, _WET = [60, 4, 18, 18], [60, 45, 20, 8]
_SHORTEST, _LONGEST = (15, 60, 120, 240), (180, 600, 2_800, 4_300)  # minutes, by kind
_LEFT = (45, 55, 85, 65)  # percent of the segment's capacity while it lasts


def moment(second: int) -> str:
    """A wall time from its seconds since the day of ordinal 0."""
    day, second = divmod(second, _DAY)
    return f"{date.fromordinal(day)} {second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}"


@dataclass(frozen=True)
class Roads:
    """Each segment by number: free speed in tenths of km/h, what five minutes can take, lanes, usual demand in permille of that."""

    free_tenths: Ints
    capacity: Ints
    lanes: Ints
    load: Ints


@cache
def roads(world: World) -> Roads:
    number = np.arange(min(world.size(500, 24) // 2, 10_000))
    kind = weighted(draw(world.seed, "road", number), _ROAD_WEIGHTS)
    free = np.array(_FREE_TENTHS)[kind] + between(draw(world.seed, "free speed", number), -35, 35)
    load = between(draw(world.seed, "load", number), 500, 1_080)
    return Roads(free, np.array(_CAPACITY)[kind], np.array(_LANES)[kind], load)


@lru_cache(maxsize=2)
def segment(world: World, night: int) -> Ints:
    """The segment of each sensor on a night: two a segment, until one in 600 a night is mounted elsewhere."""
    sensor, segments = np.arange(world.size(500, 24)), len(roads(world).load)
    moves = 1 + below(draw(world.seed, "sensor moves", sensor), 600)
    other = below(draw(world.seed, "sensor moved to", sensor), segments)
    return np.where(np.where(moves < world.nights, moves, NEVER) <= night, other, sensor // 2 % segments)


def sensors(world: World, night: int) -> Delivery:
    """traffic.sensor: all sensors where they are on that night."""
    free = roads(world).free_tenths
    rows = [
        (f"S{n:05}", f"R{s:04}", DISTRICT_CODES[s % 6], f"{free[s] // 10}.{free[s] % 10}")
        for n, s in enumerate(segment(world, night).tolist())
    ]
    return Delivery("traffic.sensor", world.day(night), {"sensor.csv": from_rows(SENSOR_HEADERS, rows)})


@dataclass(frozen=True)
class Hours(Mapping[str, pa.Table]):
    """The 24 files of a night's readings; a table is made when it is asked for and not kept."""

    world: World
    night: int

    def __getitem__(self, name: str) -> pa.Table:
        if name not in set(self):
            raise KeyError(name)
        return _hour(self.world, self.night, int(name[8:10]))

    def __iter__(self) -> Iterator[str]:
        return (f"reading_{hour:02}.csv" for hour in range(24))

    def __len__(self) -> int:
        return 24


def readings(world: World, night: int) -> Delivery:
    """traffic.reading: a file an hour; one night in ten comes a night late, but neither the first nor the last."""
    is_late = 0 < night < world.nights - 1 and below(draw(world.seed, "late readings", night), 10)[0] == 0
    return Delivery("traffic.reading", world.day(night), Hours(world, night), late_nights=int(is_late))


def _hour(world: World, night: int, hour: int) -> pa.Table:
    """One file: twelve times each sensor that works, as texts looked up in lists of all texts that there can be."""
    volume, speed, occupancy = _measure(world, night, hour)
    start, end = _outage(world, night)
    tick = hour * 12 + np.arange(12)[:, None]
    row = np.flatnonzero((tick < start) | (tick >= end))
    step, sensor = np.divmod(row, volume.shape[1])
    minutes = pa.array([f"{world.day(night)} {hour:02}:{5 * n:02}:00" for n in range(12)])
    columns = (
        _sensor_ids(volume.shape[1]).take(pa.array(sensor)), minutes.take(pa.array(step)), _decimals(0).take(pa.array(volume.ravel()[row])),
        _decimals(1).take(pa.array(speed.ravel()[row])), _decimals(2).take(pa.array(occupancy.ravel()[row])),
    )  # fmt: skip
    return pa.table(dict(zip(READING_HEADERS, columns, strict=True)))


def _measure(world: World, night: int, hour: int) -> tuple[Ints, Ints, Ints]:
    """Vehicles, tenths of km/h and hundredths of a percent by time and sensor; 10,001 where a sensor knows no occupancy.

    Demand beyond capacity waits: volume stops rising and speed goes on falling.
    """
    city, where = roads(world), segment(world, night)
    tick, sensor = hour * 12 + np.arange(12)[:, None], np.arange(len(where))[None, :]
    bits = draw(world.seed, "reading", world.day(night).toordinal() * _TICKS + tick, sensor)
    share = _profile(world.day(night), hour)[:, None] * city.load[where] // 1_000 * between(bits, 920, 1_080)
    demand = city.capacity[where] * share // 1_000_000
    capacity = np.maximum(city.capacity[where] * _left(world, night)[hour * 12 : hour * 12 + 12, where] // 100, 1)
    volume = np.minimum(demand, capacity)
    full = np.minimum(demand * 1_000 // capacity, 1_600)
    slow = 1_000 + 800 * full**3 // 1_000_000_000
    wobble = between(bits << np.uint64(32), 970, 1_030)
    speed = np.maximum(city.free_tenths[where] * wobble // slow, 30)
    occupancy = np.minimum(7_200 * volume // (speed * city.lanes[where]), 10_000)  # vehicles of six metres
    is_old = below(draw(world.seed, "old sensor", sensor), 20) == 0
    return volume, speed, np.where(is_old, _NOTHING, occupancy)


def _profile(day: date, hour: int) -> Ints:
    """Demand at the hour's twelve times in permille, in a straight line from hour to hour."""
    table = _WORKDAY if is_workday(day) else _FREE_DAY
    minute = np.arange(12)
    percent = 85 if holiday_of(day) else _WEEK[day.weekday()]
    return (table[hour] * (12 - minute) + table[(hour + 1) % 24] * minute) * percent // 1_200


def _outage(world: World, night: int) -> tuple[Ints, Ints]:
    """From which time to before which each sensor reports nothing: one in forty some hours of a night, few the whole day."""
    sensor = np.arange(world.size(500, 24))
    is_broken = below(draw(world.seed, "broken", sensor, night), 40) == 0
    is_whole = below(draw(world.seed, "broken all day", sensor, night), 6) == 0
    start = np.where(is_whole, 0, below(draw(world.seed, "breaks", sensor, night), _TICKS))
    length = np.where(is_whole, _TICKS, between(draw(world.seed, "repair", sensor, night), 12, 96))
    return np.where(is_broken, start, _TICKS), start + length


@cache
def _decimals(places: int) -> pa.Array:
    """The texts of 0 to 10,000 with that many decimals, then the empty one."""
    texts = [f"{n // 10**places}.{n % 10**places:0{places}}" if places else str(n) for n in range(_NOTHING)]
    return pa.array([*texts, ""])


@lru_cache(maxsize=2)
def _sensor_ids(count: int) -> pa.Array:
    return pa.array([f"S{n:05}" for n in range(count)])


@dataclass(frozen=True)
class Incidents:
    """What was reported on a day: kind and segment by number, times in seconds since the day of ordinal 0."""

    kind: Ints
    segment: Ints
    reported: Ints
    closed: Ints


@lru_cache(maxsize=8)
def reported(world: World, night: int) -> Incidents:
    """Incidents of a day: more on workdays and when the roads are full, waters on the rainy day in five."""
    day, count = world.day(night), world.size(30, 3)
    number = np.arange(count if is_workday(day) else max(count * 2 // 3, 2))
    is_rainy = below(draw(world.seed, "rain", night), 5)[0] == 0
    kind = weighted(draw(world.seed, "incident", night, number), _WET if is_rainy else _DRY)
    hour = weighted(draw(world.seed, "incident hour", night, number), list(_WORKDAY if is_workday(day) else _FREE_DAY))
    second = hour * 3_600 + below(draw(world.seed, "incident second", night, number), 3_600)
    begun = day.toordinal() * _DAY + np.sort(second)
    shortest, longest = np.array(_SHORTEST)[kind], np.array(_LONGEST)[kind]
    minutes = between(draw(world.seed, "incident minutes", night, number), shortest, longest)
    lasts = minutes * 60 + below(draw(world.seed, "closing second", night, number), 60)
    where = below(draw(world.seed, "incident segment", night, number), len(roads(world).load))
    return Incidents(kind, where, begun, begun + lasts)


@lru_cache(maxsize=2)
def _left(world: World, night: int) -> Ints:
    """Percent of capacity left, by time of the day and segment, where incidents are open."""
    left = np.full((_TICKS, len(roads(world).load)), 100)
    midnight = world.day(night).toordinal() * _DAY
    for before in range(max(night - 3, 0), night + 1):
        told = reported(world, before)
        start, end = (
            np.clip((told.reported - midnight) // 300, 0, _TICKS),
            np.clip((told.closed - midnight) // 300, 0, _TICKS),
        )
        for kind, where, a, b in zip(
            told.kind.tolist(), told.segment.tolist(), start.tolist(), end.tolist(), strict=True
        ):
            left[a:b, where] = np.minimum(left[a:b, where], _LEFT[kind])
    return left


def incidents(world: World, night: int) -> Delivery:
    """traffic.incident: those reported that day, and those that were open and closed that day."""
    rows = [row for before in range(max(night - 3, 0), night + 1) for row in _rows(world, before, night)]
    return Delivery("traffic.incident", world.day(night), {"incident.csv": from_rows(INCIDENT_HEADERS, rows)})


def _rows(world: World, before: int, night: int) -> list[tuple[str, ...]]:
    """Of the incidents reported on night `before`, what is told on `night`."""
    told, midnight = reported(world, before), world.day(night).toordinal() * _DAY
    found = zip(told.kind.tolist(), told.segment.tolist(), told.reported.tolist(), told.closed.tolist(), strict=True)
    return [
        (
            f"E{world.day(before):%y%m%d}{n:04}", DISTRICT_CODES[where % 6], KINDS[kind], moment(begun),
            moment(closed) if closed < midnight + _DAY else "",
        )
        for n, (kind, where, begun, closed) in enumerate(found)
        if before == night or midnight <= closed < midnight + _DAY
    ]  # fmt: skip
