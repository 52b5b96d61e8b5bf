"""Insured persons follow enterprises: they are hired, change their employer, move, stop; a closing enterprise lets all of them go.

Persons are numbers with an identity number under the prefix 0999: nobody. Large employers have many, most have few.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np

from jobs.synthetic.columns import chosen, days, hundredths, to_table
from jobs.synthetic.draws import Ints, below, between, draw
from jobs.synthetic.enterprises import enterprises
from jobs.synthetic.identifiers import resident_ids
from jobs.synthetic.places import COMMUNITY_CODES
from jobs.synthetic.world import Delivery, World, arrivals, change_sequence, event

HEADERS = (
    "身份证号", "单位信用代码", "单位名称", "居住社区代码", "参保日期", "月缴费基数", "参保状态", "变更序号", "操作",
)  # fmt: skip
Flags = np.ndarray[tuple[int], np.dtype[np.bool_]]


@dataclass(frozen=True)
class Insured:
    """Each person there ever is, by number: when the person is first insured, and what changes on which night."""

    born: Ints
    since: Ints
    first_employer: Ints
    second_employer: Ints
    changes: Ints
    moves: Ints
    stops: Ints
    base: Ints


@cache
def insured(world: World) -> Insured:
    """All persons of the world; `since` is the ordinal of the day on which somebody is first insured."""
    number, born = arrivals(world, world.size(200_000, 400), world.size(60))
    since = world.first.toordinal() + np.where(born < 0, -between(draw(world.seed, "insured", number), 20, 5_000), born)
    return Insured(
        born=born, since=since, first_employer=_employer(world, "employer", number),
        second_employer=_employer(world, "next employer", number), changes=event(world, "hired away", number, born, 2_000),
        moves=event(world, "moves home", number, born, 4_000), stops=event(world, "stops", number, born, 5_000),
        base=between(draw(world.seed, "base", number), 40, 220) * 10_000,
    )  # fmt: skip


def _employer(world: World, what: str, number: Ints) -> Ints:
    """An enterprise that was there before the first night; the lower its number, the more likely, so that sizes differ."""
    count = int(np.count_nonzero(enterprises(world).born < 0))
    low = below(draw(world.seed, what, number, 1), count)
    high = below(draw(world.seed, what, number, 2), count)
    return np.minimum(low, high)


def employer(world: World, night: int) -> Ints:
    """The enterprise that insures each person on a night, or that last did."""
    known = insured(world)
    closing = enterprises(world).ends
    stays = closing[known.first_employer] <= known.changes  # who was let go before is hired by nobody
    return np.where((known.changes <= night) & ~stays, known.second_employer, known.first_employer)


@lru_cache(maxsize=2)
def is_insured(world: World, night: int) -> Flags:
    """Whether each person is insured on a night: started, did not stop, and the employer is there."""
    known = insured(world)
    flags: Flags = (
        (known.born <= night) & (known.stops > night) & (enterprises(world).ends[employer(world, night)] > night)
    )
    return flags


@lru_cache(maxsize=2)
def state(world: World, night: int) -> tuple[Ints, Ints, Flags]:
    """What the office knows of each person: employer, community (by position), whether insured."""
    number = np.arange(len(insured(world).born))
    home = below(draw(world.seed, "home", number, insured(world).moves <= night), len(COMMUNITY_CODES))
    return employer(world, night), home, is_insured(world, night)


def insurance(world: World, night: int) -> Delivery:
    """employment.insurance: everybody on the first night and on the first of a month, else whose record changed."""
    known, day = insured(world), world.day(night)
    full = night == 0 or day.day == 1
    employers, homes, flags = state(world, night)
    changed = known.born == night
    if night:
        was = state(world, night - 1)
        changed = changed | (employers != was[0]) | (homes != was[1]) | (flags != was[2])
    told = np.flatnonzero((known.born <= night) & (full | changed))
    fresh = (known.born == night) | (night == 0)
    names, codes = enterprises(world).names, enterprises(world).codes
    columns = (
        resident_ids(told), chosen(codes, employers[told]), chosen(names, employers[told]), chosen(COMMUNITY_CODES, homes[told]),
        days(known.since[told]), hundredths(known.base[told]), chosen(("停保", "参保"), flags[told].astype(np.int64)),
        change_sequence(night, told), chosen(("U", "I"), fresh[told].astype(np.int64)),
    )  # fmt: skip
    return Delivery("employment.insurance", day, {"insurance.json": to_table(HEADERS, columns)}, ("月缴费基数",), full)
