"""Communities, with their schools and clinics: small snapshots of which a few figures change every night."""

from __future__ import annotations

import numpy as np

from jobs.synthetic.calendars import is_workday
from jobs.synthetic.draws import Ints, below, between, draw
from jobs.synthetic.places import COMMUNITIES, COMMUNITY_CODES
from jobs.synthetic.world import Delivery, World, from_rows

SCHOOL_HEADERS = ("学校编码", "学校名称", "社区代码", "学位数", "在校生数")
FACILITY_HEADERS = ("机构编码", "机构名称", "社区代码", "床位数", "医师数")
COMMUNITY_HEADERS = ("社区代码", "社区名称", "行政区划代码", "常住人口", "劳动年龄人口", "未结案件")
_SCHOOLS = ("小学", "初级中学", "九年一贯制学校")
_FACILITIES = ("社区卫生服务中心", "综合医院(内、外、妇、儿科)")
_COUNT = len(COMMUNITY_CODES)
_INSURED = 200_000, 400  # persons at scale 1, and at least: each community has about its share of them


def _drift(world: World, what: str, count: int, night: int, once_in: int, most: int) -> Ints:
    """What has been added since the first night: now and then up to `most`, or taken away."""
    number, nights = np.arange(count), np.arange(1, night + 1)[:, None]
    step = between(draw(world.seed, what, nights, number), -most, most)
    is_changed = below(draw(world.seed, f"{what} changes", nights, number), once_in) == 0
    total: Ints = np.where(is_changed, step, 0).sum(axis=0)
    return total


def _some(world: World, what: str, kinds: int) -> list[tuple[int, int]]:
    """Community and kind of each institution: every kind but the last is everywhere, the last in every second place."""
    has_last = below(draw(world.seed, what, np.arange(_COUNT)), 2) == 0
    return [(place, kind) for place in range(_COUNT) for kind in range(kinds) if kind < kinds - 1 or has_last[place]]


def _name(place: int, kind: str) -> str:
    return f"光谷市{COMMUNITIES[COMMUNITY_CODES[place]].removesuffix('社区')}{kind}"


def schools(world: World, night: int) -> Delivery:
    """education.school: two or three a community; pupils come and go, some schools are fuller than they should be."""
    found = _some(world, "schools", len(_SCHOOLS))
    number = np.arange(len(found))
    places = np.maximum(between(draw(world.seed, "places", number), world.size(240), world.size(560)), 30)
    filled = places * between(draw(world.seed, "enrolled", number), 780, 1_030) // 1_000
    enrolled = np.maximum(filled + _drift(world, "pupils", len(found), night, 4, 3), 0)
    rows = [
        (f"X{n + 1:04}", _name(place, _SCHOOLS[kind]), COMMUNITY_CODES[place], str(places[n]), str(enrolled[n]))
        for n, (place, kind) in enumerate(found)
    ]
    return Delivery("education.school", world.day(night), {"school.csv": from_rows(SCHOOL_HEADERS, rows)})


def facilities(world: World, night: int) -> Delivery:
    """health.facility: a clinic in each community, a hospital in every second; beds and doctors change now and then."""
    found = _some(world, "facilities", len(_FACILITIES))
    number, is_hospital = np.arange(len(found)), np.array([kind for _, kind in found])
    low, high = (
        np.where(is_hospital, world.size(40), world.size(6)),
        np.where(is_hospital, world.size(160), world.size(20)),
    )
    beds = np.maximum(between(draw(world.seed, "beds", number), low, high), 4)
    doctors = beds // between(draw(world.seed, "beds a doctor", number), 2, 4) + 2
    beds = np.maximum(beds + _drift(world, "beds added", len(found), night, 30, 2), 0)
    doctors = np.maximum(doctors + _drift(world, "doctors", len(found), night, 15, 1), 1)
    rows = [
        (f"H{n + 1:04}", _name(place, _FACILITIES[kind]), COMMUNITY_CODES[place], str(beds[n]), str(doctors[n]))
        for n, (place, kind) in enumerate(found)
    ]
    return Delivery("health.facility", world.day(night), {"facility.csv": from_rows(FACILITY_HEADERS, rows)})


def communities(world: World, night: int) -> Delivery:
    """grid.community: residents, those of working age (more than are insured there), and cases, which wait on free days."""
    number = np.arange(_COUNT)
    insured = world.size(*_INSURED) // _COUNT
    working = insured * between(draw(world.seed, "working age", number), 125, 145) // 100 + 30
    residents = working * between(draw(world.seed, "residents", number), 150, 175) // 100
    working = working + _drift(world, "working age moves", _COUNT, night, 3, 2)
    residents = residents + _drift(world, "moves", _COUNT, night, 2, 6)
    waiting = 1 if is_workday(world.day(night)) else 2
    cases = between(draw(world.seed, "grid cases", night, number), 0, residents // 250 + 2) * waiting
    rows = [
        (code, COMMUNITIES[code], code[:6], str(residents[n]), str(working[n]), str(cases[n]))
        for n, code in enumerate(COMMUNITY_CODES)
    ]
    return Delivery("grid.community", world.day(night), {"community.csv": from_rows(COMMUNITY_HEADERS, rows)})
