"""Government services: cases are submitted, received, reviewed and decided; what is missing must be supplied, and people must come.

Officials work on workdays, the machine that receives what comes online always; it decides some simple cases by itself. A case is told
on the night it is submitted, lacks something, or is decided, a step on the night it ends. The first night also tells of the cases of
the twenty days before it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any

import numpy as np

from jobs.synthetic.calendars import is_workday
from jobs.synthetic.draws import Ints, below, between, draw, weighted
from jobs.synthetic.enterprises import division, enterprises
from jobs.synthetic.places import DISTRICT_CODES
from jobs.synthetic.traffic import moment
from jobs.synthetic.world import Delivery, World, change_sequence, from_rows

Flags = np.ndarray[Any, np.dtype[np.bool_]]
APPROVAL_HEADERS = (
    "办件编号", "事项编码", "事项名称", "办理部门", "办理渠道", "申请单位代码", "行政区划代码", "申请日期", "办结日期", "补正次数", "到场次数",
    "满意度", "变更序号", "操作",
)  # fmt: skip
STEP_HEADERS = ("办件编号", "环节序号", "环节名称", "开始时间", "结束时间")
STEP_NAMES = ("受理", "审查", "审查", "审查", "决定")  # the second and third review follow what was supplied
CHANNELS = ("网上", "窗口", "自助")
BEFORE = 20  # days before the first night
_DAY = 86_400
_GRADES = ([1, 2, 7, 25, 65], [3, 6, 16, 35, 40], [8, 15, 27, 30, 20], [20, 25, 30, 17, 8])  # 1 to 5, by annoyance


@dataclass(frozen=True)
class Item:
    """What can be applied for: its department, promised workdays, weight, percent of cases by enterprises, channels' weights."""

    code: str
    name: str
    department: str
    promised: int
    weight: int
    companies: int
    channels: list[int]


ITEMS = (
    Item("I0101", "发票票种核定", "tax", 1, 14, 100, [80, 8, 12]),
    Item("I0102", "个人完税证明开具", "tax", 1, 10, 0, [60, 10, 30]),
    Item("I0201", "企业变更登记", "market", 3, 14, 100, [70, 25, 5]),
    Item("I0202", '食品经营许可(新办,含"网络经营")', "market", 15, 7, 80, [55, 45, 0]),
    Item("I0301", "单位职工参保登记", "employment", 1, 12, 100, [75, 15, 10]),
    Item("I0302", "灵活就业人员社会保险补贴", "employment", 10, 8, 0, [40, 50, 10]),
    Item("I0401", "不动产登记", "land", 5, 10, 30, [35, 60, 5]),
    Item("I0402", "建设工程规划许可", "land", 20, 3, 100, [50, 50, 0]),
    Item("I0501", "占道施工许可", "traffic", 7, 4, 100, [60, 40, 0]),
    Item("I0601", "惠企政策资金申请", "services", 10, 6, 100, [85, 15, 0]),
    Item("I0701", "转学审批", "education", 5, 4, 0, [45, 50, 5]),
    Item("I0801", "公共场所卫生许可", "health", 10, 5, 90, [55, 45, 0]),
    Item("I0901", "居住证申领", "grid", 7, 8, 0, [50, 30, 20]),
)
_PROMISED, _COMPANIES = np.array([i.promised for i in ITEMS]), np.array([i.companies for i in ITEMS])


@dataclass(frozen=True)
class Cases:
    """Each case that there ever is, by number: days as ordinals, times in seconds since the day of ordinal 0.

    `serial` counts the day's cases; `ends` holds when each of STEP_NAMES ends, in columns, and `does` whether a case has the step.
    `applicant` is an enterprise's number, -1 for a person.
    """

    night: Ints
    serial: Ints
    item: Ints
    channel: Ints
    applicant: Ints
    district: Ints
    submitted: Ints
    ends: Ints
    does: Flags
    grade: Ints


@cache
def cases(world: World) -> Cases:
    """All cases of the world, from 20 days before its first night on; on a free day two in five of a workday's."""
    nights = np.arange(-BEFORE, world.nights)
    works = np.array([is_workday(world.day(n)) for n in nights.tolist()])
    sizes = np.where(works, world.size(200, 5), world.size(200, 5) * 2 // 5)
    night, is_open = np.repeat(nights, sizes), np.repeat(works, sizes)
    serial = np.arange(len(night)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    item = weighted(draw(world.seed, "item", night, serial), [i.weight for i in ITEMS])
    channel = _channel(world, night, serial, item, is_open)
    applicant, district = _applicant(world, night, serial, item)
    submitted = (world.first.toordinal() + night) * _DAY + _second(world, night, serial, channel)
    missing = weighted(draw(world.seed, "missing", night, serial), [80, 16, 4])
    does = np.stack([missing >= least for least in (0, 0, 1, 2, 0)], axis=1)
    ends = _ends(world, night, serial, item, channel, submitted, does)
    grade = _grade(world, night, serial, item, submitted, ends[:, -1], missing + (channel == 1))
    return Cases(night, serial, item, channel, applicant, district, submitted, ends, does, grade)


def _channel(world: World, night: Ints, serial: Ints, item: Ints, is_open: Flags) -> Ints:
    """Counters are closed on free days; who would have come then applies online."""
    bits = draw(world.seed, "channel", night, serial)
    channel = np.zeros(len(item), np.int64)
    for n, known in enumerate(ITEMS):
        channel = np.where(item == n, weighted(bits, known.channels), channel)
    return np.where(~is_open & (channel == 1), 0, channel)


def _applicant(world: World, night: Ints, serial: Ints, item: Ints) -> tuple[Ints, Ints]:
    """An enterprise that is registered and live on that day, and its district; or a person, from any district."""
    bits = draw(world.seed, "applicant", night, serial)
    is_company = below(draw(world.seed, "is company", night, serial), 100) < _COMPANIES[item]
    applicant = np.full(len(night), -1)
    district = weighted(draw(world.seed, "applicant from", night, serial), [5, 4, 3, 2, 3, 2])
    for n in range(-BEFORE, world.nights):
        told = max(n, -1)
        where = np.flatnonzero((night == n) & is_company)
        live = np.flatnonzero(enterprises(world).is_live(told))
        applicant[where] = live[below(bits[where], len(live))]
        district[where] = division(world, told)[applicant[where]]
    return applicant, district


def _second(world: World, night: Ints, serial: Ints, channel: Ints) -> Ints:
    """Counters are open from 9 to 17, machines stand from 8 to 20, and online one may apply from 6 to 23."""
    low, high = np.array([6, 9, 8]) * 3_600, np.array([23, 17, 20]) * 3_600 - 1
    return between(draw(world.seed, "submission", night, serial), low[channel], high[channel])


def _workdays(world: World) -> Ints:
    start = world.first.toordinal() - 2 * BEFORE
    days = range(start, start + world.nights + 250)
    return np.array([d for d in days if is_workday(date.fromordinal(d))])


def _ends(world: World, night: Ints, serial: Ints, item: Ints, channel: Ints, submitted: Ints, does: Flags) -> Ints:
    """When each step ends: some workdays after the one before, in office hours; what comes after 17 waits for the next workday.

    What the machine does takes minutes, whatever the day.
    """
    workdays = _workdays(world)
    begun = np.searchsorted(workdays, (submitted + 7 * 3_600) // _DAY)
    by_machine = _by_machine(world, night, serial, item, channel, does)
    ends, before = [], submitted
    for step, days in enumerate(_lasts(world, night, serial, item)):
        begun = begun + np.where(does[:, step] & ~by_machine[:, step], days, 0)
        at = workdays[begun] * _DAY + between(draw(world.seed, "step", night, serial, step), 9 * 3_600, 17 * 3_600)
        soonest = before + between(draw(world.seed, "soonest", night, serial, step), 300, 1_800)
        after = np.where(by_machine[:, step], soonest, np.maximum(at, soonest))
        before = np.where(does[:, step], after, before)
        ends.append(before)
    return np.stack(ends, axis=1)


def _by_machine(world: World, night: Ints, serial: Ints, item: Ints, channel: Ints, does: Flags) -> Flags:
    """Whether each step is the machine's: it receives what comes by no counter, and decides half of what is simple and complete."""
    receives = channel != 1
    is_simple = receives & (_PROMISED[item] == 1) & ~does[:, 2]
    decides = is_simple & (below(draw(world.seed, "machine", night, serial), 2) == 0)
    return np.stack([receives, decides, decides, decides, decides], axis=1)


def _lasts(world: World, night: Ints, serial: Ints, item: Ints) -> tuple[Ints, ...]:
    """Workdays from the end of the step before to the end of each step, where an official does it."""
    promised = _PROMISED[item]
    return (
        below(draw(world.seed, "received", night, serial), 10) // 7,
        below(draw(world.seed, "reviewed", night, serial), promised + 1),
        between(draw(world.seed, "first supplied", night, serial), 1, 4),
        between(draw(world.seed, "then supplied", night, serial), 1, 4),
        below(draw(world.seed, "decided", night, serial), promised // 4 + 2),
    )


def _grade(world: World, night: Ints, serial: Ints, item: Ints, submitted: Ints, decided: Ints, burden: Ints) -> Ints:
    """From 1 to 5 by four in nine applicants, else 0: the later than promised and the more visits, the worse."""
    workdays = _workdays(world)
    days = np.searchsorted(workdays, decided // _DAY, "right") - np.searchsorted(workdays, submitted // _DAY, "right")
    annoyance = np.clip(burden + 2 * (days > _PROMISED[item]), 0, 3)
    bits = draw(world.seed, "grade", night, serial)
    grade = 1 + np.choose(annoyance, [weighted(bits, weights) for weights in _GRADES])
    return np.where(below(draw(world.seed, "answers", night, serial), 9) < 4, grade, 0)


def approvals(world: World, night: int) -> Delivery:
    """services.approval: on the first night every case so far, then those submitted, lacking something, or decided that day."""
    known, today = cases(world), world.day(night).toordinal()
    lacks = (known.does[:, 2:4] & (known.ends[:, 1:3] // _DAY == today)).any(axis=1)
    is_decided = known.ends[:, -1] // _DAY == today
    told = (known.night <= 0) if night == 0 else (known.night == night) | ((known.night < night) & (lacks | is_decided))
    numbers = np.flatnonzero(told)
    luck = below(draw(world.seed, "visits", numbers), 20)
    told_as = zip(numbers.tolist(), luck.tolist(), change_sequence(night, numbers).to_pylist(), strict=True)
    rows = [_row(world, night, n, chance, sequence) for n, chance, sequence in told_as]
    return Delivery(
        "services.approval", world.day(night), {"approval.csv": from_rows(APPROVAL_HEADERS, rows)}, full=night == 0
    )


def _row(world: World, night: int, n: int, luck: int, sequence: str) -> tuple[str, ...]:
    """A case as it stands at the end of the day: who applies at a counter comes, comes again with what lacks, and may fetch the paper."""
    known, today = cases(world), world.day(night).toordinal()
    item, channel, who = ITEMS[int(known.item[n])], int(known.channel[n]), int(known.applicant[n])
    end = int(known.ends[n, -1]) // _DAY
    is_decided = end <= today
    supplements = sum(bool(known.does[n, s]) and known.ends[n, s - 1] // _DAY <= today for s in (2, 3))
    comes_again, fetches = channel > 0 or luck < 5, is_decided and luck % 10 < (1, 4, 2)[channel]
    visits = (channel > 0) + (supplements if comes_again else 0) + fetches
    is_new = known.night[n] == night or night == 0
    return (
        _case_id(world, n), item.code, item.name, item.department, CHANNELS[channel], enterprises(world).codes[who] if who >= 0 else "",
        DISTRICT_CODES[int(known.district[n])], world.day(int(known.night[n])).isoformat(),
        date.fromordinal(end).isoformat() if is_decided else "", str(supplements), str(visits),
        str(known.grade[n]) if is_decided and known.grade[n] else "", sequence, "I" if is_new else "U",
    )  # fmt: skip


def _case_id(world: World, n: int) -> str:
    known = cases(world)
    return f"C{world.day(int(known.night[n])):%y%m%d}{known.serial[n]:06}"


def steps(world: World, night: int) -> Delivery:
    """services.step: the steps that ended that day; on the first night also those that ended before."""
    known, today = cases(world), world.day(night).toordinal()
    ended = known.ends // _DAY
    told = known.does & ((ended == today) | ((ended < today) & (night == 0)))
    number = np.cumsum(known.does, axis=1)
    begun = np.concatenate([known.submitted[:, None], known.ends[:, :-1]], axis=1)
    rows = [
        (_case_id(world, n), str(number[n, s]), STEP_NAMES[s], moment(int(begun[n, s])), moment(int(known.ends[n, s])))
        for n, s in zip(*[a.tolist() for a in np.nonzero(told)], strict=True)
    ]
    return Delivery("services.step", world.day(night), {"step.csv": from_rows(STEP_HEADERS, rows)})
