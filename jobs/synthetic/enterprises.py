"""Enterprises are born, change their capital, move, merge, leave the city and close; the registry tells of it the night it happens."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np
import pyarrow as pa

from jobs.synthetic.columns import chosen, days, hundredths, to_table
from jobs.synthetic.draws import Ints, below, between, draw, weighted
from jobs.synthetic.identifiers import credit_code
from jobs.synthetic.places import DISTRICT_CODES, STREETS
from jobs.synthetic.world import NEVER, Delivery, World, arrivals, change_sequence, event

INDUSTRIES = (
    "C3611", "C3962", "C2710", "I6510", "I6420", "F5122", "F5211", "K7010", "G5412", "M7320", "L7212", "H6210", "P8342", "E4710", "C4030",
)  # fmt: skip
_WEIGHTS = [6, 8, 4, 14, 6, 10, 14, 5, 6, 8, 9, 6, 4, 6, 4]
_FORMS, _FORM_WEIGHTS = ("有限责任公司", "股份有限公司", "个人独资企业", "合伙企业"), [70, 10, 12, 8]
ENDINGS = ("有限责任公司", "股份有限公司", "厂（个人独资）", "（合伙企业）")
PAIRED = 250  # one enterprise in so many has the trade name of the one before it, and another legal form
_FIRST, _SECOND = "云锦望松明青星竹桂月长晴", "岭川湖原台溪河海山林舟禾"
_TRADE = {"C": "光电科技", "I": "信息技术", "F": "商贸", "K": "置业", "G": "物流", "M": "研究", "L": "企业服务", "H": "餐饮", "P": "教育", "E": "建设"}  # fmt: skip

_ADDRESSES = [f"光谷市{street}{house}号" for street in STREETS for house in range(1, 401)]


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
    """Street and house of each enterprise on a night, by position in _ADDRESSES."""
    known = enterprises(world)
    number = np.arange(len(known.codes))
    return below(draw(world.seed, "address", number, known.moves <= night), len(_ADDRESSES))


@lru_cache(maxsize=2)
def capital(world: World, night: int) -> Ints:
    """Registered capital of each enterprise on a night, in yuan."""
    known = enterprises(world)
    number = np.arange(len(known.codes))
    bits = draw(world.seed, "capital", number)
    was = 10_000 * between(bits, 5, 100) * (1 << below(draw(world.seed, "capital size", number), 7))
    return np.where(known.grows <= night, was * 2, was)


def written_addresses(world: World, night: int, numbers: Ints) -> pa.Array:
    """Where enterprises, by number, are on a night; an empty text at -1."""
    return chosen(_ADDRESSES, np.where(numbers < 0, -1, address(world, night)[numbers]))


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
    table = to_table(HEADERS, _columns(world, night, told))
    return Delivery("market.enterprise", world.day(night), {"enterprise.csv": table}, full=night == 0)


def _columns(world: World, night: int, told: Ints) -> tuple[pa.Array, ...]:
    known = enterprises(world)
    ended, leaves = known.ends[told] <= night, known.leaves[told]
    is_closed, established = ended & ~leaves, known.established[told]
    since = np.where(is_closed, world.first.toordinal() + known.ends[told], established)
    is_new = (known.born[told] == night) | (night == 0)
    return (
        chosen(known.codes, told), chosen(known.names, told), chosen(_FORMS, known.form[told]), chosen(INDUSTRIES, known.industry[told]),
        chosen(DISTRICT_CODES, division(world, night)[told]), written_addresses(world, night, told),
        hundredths(capital(world, night)[told] * 100), days(established), chosen(("存续", "注销"), is_closed.astype(np.int64)), days(since),
        chosen(known.codes, np.where(is_closed, known.successor[told], -1)), change_sequence(night, told),
        chosen(("I", "D", "U"), np.where(is_new, 0, np.where(ended & leaves, 1, 2))),
    )  # fmt: skip
