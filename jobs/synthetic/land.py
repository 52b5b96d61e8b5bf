"""Land follows projects: parcels are supplied, lie idle, are built upon, and their units change hands; land-use tax follows them.

A bare parcel is one unit (W00000000) and idle. When it is built upon, the registry deletes that unit and enters one to three of the
building. A holder that closes or leaves the city often stays in the register for a while: such a row is good all the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np
import pyarrow as pa

from jobs.synthetic.columns import chosen, days, hundredths, to_table
from jobs.synthetic.draws import Bits, Ints, below, between, draw, weighted
from jobs.synthetic.enterprises import INDUSTRIES, enterprises, written_addresses
from jobs.synthetic.identifiers import parcel_code, unit_code
from jobs.synthetic.places import COMMUNITY_CODES, DISTRICT_CODES
from jobs.synthetic.world import NEVER, Delivery, World, arrivals, change_sequence

HEADERS = (
    "不动产单元号", "宗地代码", "行政区划代码", "社区代码", "权利人代码", "权利人名称", "权利人地址", "用途", "面积", "供地日期", "利用状态", "变更序号",
    "操作",
)  # fmt: skip
USES, _USE_WEIGHTS = ("工业用地", "商服用地", "住宅用地", "公共管理用地"), [22, 28, 36, 14]
_SMALLEST, _LARGEST = (3_000, 600, 1_500, 800), (60_000, 20_000, 40_000, 50_000)  # m2, by use
_MAKERS = np.array(
    [i[0] in "CM" for i in INDUSTRIES]
)  # who holds industrial land; the others hold what is for business
_SLOTS = 4  # of a parcel: the bare land, then up to three units of a building


@dataclass(frozen=True)
class Parcels:
    """Each parcel that there ever is, by number. `born` is -1 before the first night, `built` too where it was built before."""

    codes: list[str]
    born: Ints
    built: Ints
    supplied: Ints
    use: Ints
    area_cents: Ints
    community: Ints
    buildings: Ints


@dataclass(frozen=True)
class AllUnits:
    """Each real-estate unit that there ever is: there on the nights from `starts` to before `ends`, holder -1 for none."""

    parcel: Ints
    slot: Ints
    codes: list[str]
    starts: Ints
    ends: Ints
    changes: Ints
    first_holder: Ints
    second_holder: Ints

    def holder(self, night: int) -> Ints:
        return np.where(self.changes <= night, self.second_holder, self.first_holder)


@dataclass(frozen=True)
class Units:
    """The units that the register knows on a night; `number` stays with a unit, `area_cents` is its whole parcel's area."""

    number: Ints
    codes: list[str]
    parcel: Ints
    holder: Ints
    area_cents: Ints


@cache
def known_parcels(world: World) -> Parcels:
    """All parcels of the world: those of the first night, then each night's newly supplied."""
    number, born = arrivals(world, world.size(30_000, 60), world.size(10))
    age = between(draw(world.seed, "parcel age", number), 30, 7_000)
    is_idle = (born >= 0) | (below(draw(world.seed, "idle", number), 100) < np.where(age < 1_500, 12, 2))
    building = np.maximum(born, 0) + 1 + below(draw(world.seed, "built", number), 60)
    use = weighted(draw(world.seed, "use", number), _USE_WEIGHTS)
    return Parcels(
        codes=[parcel_code(n) for n in range(len(number))], born=born, built=np.where(is_idle, _told(world, building), -1),
        supplied=world.first.toordinal() + np.where(born < 0, -age, born), use=use, area_cents=_area(world, number, use),
        community=number % 6 * 8 + weighted(draw(world.seed, "parcel community", number), [5, 6, 4, 4, 3, 3, 2, 2]),
        buildings=1 + weighted(draw(world.seed, "buildings", number), [60, 25, 15]),
    )  # fmt: skip


def _told(world: World, nights: Ints) -> Ints:
    return np.where(nights < world.nights, nights, NEVER)


def _area(world: World, number: Ints, use: Ints) -> Ints:
    """Hundredths of a square metre; small parcels are more frequent than large ones."""
    low, high = np.array(_SMALLEST)[use] * 100, np.array(_LARGEST)[use] * 100
    share = below(draw(world.seed, "area share", number), 256) + 1
    area: Ints = low + below(draw(world.seed, "area", number), high - low) * share // 256
    return area


@cache
def known_units(world: World) -> AllUnits:
    """All units of the world: the bare land until it is built upon, and the building's units from then on."""
    land = known_parcels(world)
    unit = np.arange(len(land.codes) * _SLOTS)
    parcel, slot = np.divmod(unit, _SLOTS)
    born, built = land.born[parcel], land.built[parcel]
    exists = np.where(slot == 0, built > born, (slot <= land.buildings[parcel]) & (built < NEVER))
    unit, parcel, slot, born, built = (a[exists] for a in (unit, parcel, slot, born, built))
    starts = np.where(slot == 0, born, np.maximum(born, built))
    sold = np.maximum(starts, 0) + 1 + below(draw(world.seed, "sold", unit), 800)
    first = _first_holders(world, parcel, slot, starts)
    changes = np.where((slot > 0) & (first >= 0), _told(world, sold), NEVER)
    second = _choose(world, draw(world.seed, "buyer", unit), land.use[parcel], changes)
    return AllUnits(
        parcel=parcel, slot=slot, codes=[unit_code(land.codes[p], s, is_built=s > 0) for p, s in zip(parcel.tolist(), slot.tolist(), strict=True)],
        starts=starts, ends=np.where(slot == 0, built, NEVER), changes=changes, first_holder=first, second_holder=second,
    )  # fmt: skip


def _first_holders(world: World, parcel: Ints, slot: Ints, starts: Ints) -> Ints:
    """The developer holds the land, its building's first unit and most others; some are another's from the outset.

    Land for industry and business has a holder; of the rest one unit in twelve.
    """
    land = known_parcels(world)
    is_others = (slot > 1) & (below(draw(world.seed, "other holder", parcel, slot), 5) < 2)
    bits = draw(world.seed, "holder", parcel, np.where(is_others, slot, 0))
    holder = _choose(world, bits, land.use[parcel], np.where(is_others, starts, land.born[parcel]))
    is_held = (land.use[parcel] < 2) | (below(draw(world.seed, "is held", parcel, slot), 12) == 0)
    return np.where(is_held, holder, -1)


def _choose(world: World, bits: Bits, use: Ints, nights: Ints) -> Ints:
    """An enterprise for each, live on its night and of a trade that fits the use; -1 where the night never comes."""
    known = enterprises(world)
    makes = _MAKERS[known.industry]
    nights = np.maximum(nights, 0)
    chosen = np.full(len(nights), -1)
    for night in np.unique(nights[nights < NEVER]).tolist():
        live = known.is_live(night)
        for is_industry, fits in ((True, makes), (False, ~makes)):
            where = np.flatnonzero((nights == night) & ((use == 0) == is_industry))
            pool = np.flatnonzero(live & fits)
            pool = pool if len(pool) else np.flatnonzero(live)
            chosen[where] = pool[below(bits[where], len(pool))]
    return chosen


@lru_cache(maxsize=2)
def units(world: World, night: int) -> Units:
    """The register at the end of a night."""
    land, known = known_parcels(world), known_units(world)
    there = np.flatnonzero((known.starts <= night) & (night < known.ends))
    parcel = known.parcel[there]
    return Units(
        number=there, codes=[known.codes[n] for n in there.tolist()], parcel=parcel, holder=known.holder(night)[there], area_cents=land.area_cents[parcel],
    )  # fmt: skip


def parcels(world: World, night: int) -> Delivery:
    """land.parcel: every unit on the first night and on Mondays, zipped; else a workbook of what was entered, changed and deleted."""
    known, full = known_units(world), night == 0 or world.day(night).weekday() == 0
    is_there = (known.starts <= night) & (night < known.ends)
    happened = (known.starts == night) | (known.changes == night) | (known.ends == night)
    told = np.flatnonzero(is_there if full else happened)
    name = "parcel.csv.zip" if full else "parcel.xlsx"
    return Delivery("land.parcel", world.day(night), {name: _table(world, night, told)}, full=full)


def _table(world: World, night: int, told: Ints) -> pa.Table:
    land, known, companies = known_parcels(world), known_units(world), enterprises(world)
    parcel, holder = known.parcel[told], known.holder(night)[told]
    is_new = (known.starts[told] == night) | (night == 0)
    return to_table(HEADERS, (
        chosen(known.codes, told), chosen(land.codes, parcel), chosen(DISTRICT_CODES, parcel % 6), chosen(COMMUNITY_CODES, land.community[parcel]),
        chosen(companies.codes, holder), chosen(companies.names, holder), written_addresses(world, night, holder),
        chosen(USES, land.use[parcel]), hundredths(land.area_cents[parcel]), days(land.supplied[parcel]),
        chosen(("闲置", "在用"), np.minimum(known.slot[told], 1)), change_sequence(night, told),
        chosen(("D", "I", "U"), np.where(known.ends[told] == night, 0, np.where(is_new, 1, 2))),
    ))  # fmt: skip
