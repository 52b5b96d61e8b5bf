"""Enterprises are born, change their capital, move, merge, leave the city and close; the registry tells of it the night it happens."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cache, lru_cache

import numpy as np

from jobs.synthetic.draws import Ints, below, between, draw, weighted
from jobs.synthetic.identifiers import credit_code
from jobs.synthetic.places import DISTRICT_CODES, STREETS
from jobs.synthetic.world import NEVER, Delivery, World, arrivals, change_sequence, event, to_table

INDUSTRIES = (
    "C3611", "C3962", "C2710", "I6510", "I6420", "F5122", "F5211", "K7010", "G5412", "M7320", "L7212", "H6210", "P8342", "E4710", "C4030",
)  # fmt: skip
_WEIGHTS = [6, 8, 4, 14, 6, 10, 14, 5, 6, 8, 9, 6, 4, 6, 4]
_FORMS, _FORM_WEIGHTS = ("有限责任公司", "股份有限公司", "个人独资企业", "合伙企业"), [70, 10, 12, 8]
ENDINGS = ("有限责任公司", "股份有限公司", "厂（个人独资）", "（合伙企业）")
PAIRED = 250  # one enterprise in so many has the trade name of the one before it, and another legal form
_FIRST, _SECOND = "云锦望松明青星竹桂月长晴", "岭川湖原台溪河海山林舟禾"
_TRADE = {"C": "光电科技", "I": "信息技术", "F": "商贸", "K": "置业", "G": "物流", "M": "研究", "L": "企业服务", "H": "餐饮", "P": "教育", "E": "建设"}  # fmt: skip


@dataclass(frozen=True)
class Enterprises:
    """Each enterprise that there ever is, by number: what stays, and the nights on which something happens to it.

    Nights count from 0; those who were there before the first night have `born` -1. `ends` is the night of closing, merging or
    leaving, `leaves` whether the registry then forgets the enterprise, `successor` the number of the one it merges into or -1.
    """

    codes: list[str]
    names: list[str]
    industry: Ints
    form: Ints
    born: Ints
    established: Ints
    ends: Ints
    leaves: np.ndarray[tuple[int], np.dtype[np.bool_]]
    successor: Ints
    moves: Ints
    grows: Ints

    def is_live(self, night: int) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        return (self.born <= night) & (night < self.ends)

    def is_registered(self, night: int) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        return (self.born <= night) & ~(self.leaves & (self.ends <= night))


@cache
def enterprises(world: World) -> Enterprises:
    """All enterprises of the world: those of the first night, then each night's newborn."""
    number, born = arrivals(world, world.size(20_000, 40), world.size(10))
    count = len(number)
    age = between(draw(world.seed, "age", number), 30, 7_000)
    established = world.first.toordinal() + np.where(born < 0, -age, born)
    ends = event(world, "end", number, born, 3_000)
    kind = below(draw(world.seed, "end kind", number), 100)
    industry = weighted(draw(world.seed, "industry", number), _WEIGHTS)
    form = weighted(draw(world.seed, "form", number), _FORM_WEIGHTS)
    namesake = number - is_paired(number)
    form = np.where((namesake < number) & (form == form[namesake]), (form + 1) % len(_FORMS), form)
    survivors = number[ends == NEVER]
    heir = survivors[below(draw(world.seed, "heir", number), len(survivors))]
    return Enterprises(
        codes=[credit_code(n) for n in range(count)],
        names=[_name(n, int(i), int(f)) for n, i, f in zip(namesake.tolist(), industry[namesake], form, strict=True)],
        industry=industry, form=form, born=born, established=established, ends=ends, leaves=(ends < NEVER) & (kind < 10),
        successor=np.where((ends < NEVER) & (kind >= 85), heir, -1),
        moves=event(world, "move", number, born, 2_500), grows=event(world, "grow", number, born, 1_500),
    )  # fmt: skip


def is_paired(number: Ints) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    return np.equal(number % PAIRED, PAIRED - 1)


def _name(number: int, industry: int, form: int) -> str:
    """No two enterprises share a name: the number is written into it in two characters and a numeral, and pairs differ in form."""
    trade = _TRADE[INDUSTRIES[industry][0]]
    serial = f"{number // 144}" if number >= 144 else ""
    return f"光谷{_FIRST[number % 12]}{_SECOND[number // 12 % 12]}{serial}{trade}{ENDINGS[form]}"


@lru_cache(maxsize=2)
def division(world: World, night: int) -> Ints:
    """The district of each enterprise on a night, by position in DISTRICT_CODES."""
    known = enterprises(world)
    number = np.arange(len(known.codes))
    was = weighted(draw(world.seed, "division", number), [5, 4, 3, 2, 3, 2])
    return np.where(known.moves <= night, (was + 1 + below(draw(world.seed, "moved to", number), 5)) % 6, was)


@lru_cache(maxsize=2)
def address(world: World, night: int) -> Ints:
    """Street and house of each enterprise on a night: 400 houses a street."""
    known = enterprises(world)
    number = np.arange(len(known.codes))
    return below(draw(world.seed, "address", number, known.moves <= night), 400 * len(STREETS))


@lru_cache(maxsize=2)
def capital(world: World, night: int) -> Ints:
    """Registered capital of each enterprise on a night, in yuan."""
    known = enterprises(world)
    number = np.arange(len(known.codes))
    bits = draw(world.seed, "capital", number)
    was = 10_000 * between(bits, 5, 100) * (1 << below(draw(world.seed, "capital size", number), 7))
    return np.where(known.grows <= night, was * 2, was)


def written_address(world: World, night: int, n: int) -> str:
    street, house = divmod(int(address(world, night)[n]), 400)
    return f"光谷市{STREETS[street]}{house + 1}号"


HEADERS = (
    "统一社会信用代码", "企业名称", "企业类型", "行业代码", "行政区划代码", "住所", "注册资本", "成立日期", "登记状态", "状态日期",
    "承继企业代码", "变更序号", "操作",
)  # fmt: skip


def deliver(world: World, night: int) -> Delivery:
    """market.enterprise: everything on the first night, then what changed."""
    known = enterprises(world)
    happened = (known.born == night) | (known.ends == night) | (known.moves == night) | (known.grows == night)
    gone = known.leaves & (known.ends < night)
    told = np.flatnonzero(known.is_registered(0) if night == 0 else happened & ~gone & (known.born <= night))
    table = to_table(HEADERS, [_row(world, night, int(n)) for n in told])
    return Delivery("market.enterprise", world.day(night), {"enterprise.csv": table}, full=night == 0)


def _row(world: World, night: int, n: int) -> tuple[str, ...]:
    known = enterprises(world)
    ended = known.ends[n] <= night
    leaves = bool(known.leaves[n])
    closed = ended and not leaves
    heir = int(known.successor[n]) if closed else -1
    since = world.day(int(known.ends[n])) if closed else date.fromordinal(int(known.established[n]))
    district = DISTRICT_CODES[int(division(world, night)[n])]
    operation = "I" if night == 0 or known.born[n] == night else "D" if ended and leaves else "U"
    return (
        known.codes[n], known.names[n], _FORMS[int(known.form[n])], INDUSTRIES[int(known.industry[n])], district, written_address(world, night, n),
        f"{capital(world, night)[n]}.00", date.fromordinal(int(known.established[n])).isoformat(), "注销" if closed else "存续",
        since.isoformat(), known.codes[heir] if heir >= 0 else "", change_sequence(night, n), operation,
    )  # fmt: skip
