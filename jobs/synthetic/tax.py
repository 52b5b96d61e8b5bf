"""Taxes follow turnover, season, wages and land: each enterprise files on its day of the month; some nights are corrected later."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from jobs.synthetic import land
from jobs.synthetic.columns import chosen, days, hundredths, to_table, whole
from jobs.synthetic.draws import Ints, below, between, draw
from jobs.synthetic.employment import employer, is_insured
from jobs.synthetic.enterprises import INDUSTRIES, enterprises
from jobs.synthetic.world import Delivery, World

HEADERS = (
    "税票号码", "纳税人识别号", "纳税人名称", "税种", "税款所属期", "入库日期", "实缴金额", "欠缴金额", "不动产单元号",
)  # fmt: skip
TAXES = ("增值税", "个人所得税", "企业所得税", "城镇土地使用税")
AMOUNTS = ("实缴金额", "欠缴金额")
_SEASON = {  # permille of an average month
    "F": (1400, 1250, 850, 850, 900, 900, 900, 900, 950, 1000, 1100, 1000),
    "E": (600, 500, 900, 1050, 1150, 1150, 1100, 1100, 1150, 1150, 1100, 1050),
}
_EVEN = (1000,) * 12
_RATE = {"C": 130, "E": 90, "F": 130, "G": 90}  # value added tax in permille of turnover; 60 for services
_LAND_EVERY = 90  # nights between two payments of a unit's land-use tax
_LAND_RATE = 150  # fen for a square metre and quarter


@dataclass(frozen=True)
class Payments:
    """Which enterprise, by number, pays which of TAXES for which month (the ordinal of its first day): what is paid, and what it
    still owes, in fen; the number of the unit for land-use tax, else -1."""

    who: Ints
    tax: Ints
    month: Ints
    paid: Ints
    arrears: Ints
    unit: Ints


def payments(world: World, night: int) -> Delivery:
    """tax.payment: what was paid on a day; the first night also tells what was paid a year before, for comparison."""
    return _deliver(world, night, 1)


def corrected_payments(world: World, night: int) -> Delivery | None:
    """The corrected delivery of one night in five: some arrears of the first were in fact paid. It comes the night after."""
    return _deliver(world, night, 2) if is_corrected(night) else None


def is_corrected(night: int) -> bool:
    return night % 5 == 1


def _deliver(world: World, night: int, revision: int) -> Delivery:
    day = world.day(night)
    month = _month_before(day)
    told = [*_returns(world, night, month, _files_today(world, night)), _land_use(world, night)]
    if night == 0:
        told += _year_before(world)
    made = Payments(*(np.concatenate([getattr(p, field.name) for p in told]) for field in fields(Payments)))
    table = to_table(HEADERS, _columns(world, _settle(made) if revision > 1 else made, day))
    return Delivery(
        "tax.payment",
        day,
        {"payment.csv": table},
        AMOUNTS,
        revision=revision,
        late_nights=revision - 1,
        hash_totals=("税票号码",),
    )


def _month_before(day: date) -> date:
    return date(day.year - (day.month == 1), (day.month - 2) % 12 + 1, 1)


def _files_today(world: World, night: int) -> Ints:
    """Enterprises that file on this day of the month: each has its own, from 1 to 28."""
    known = enterprises(world)
    number = np.arange(len(known.codes))
    its_day = between(draw(world.seed, "filing day", number), 1, 28)
    return np.flatnonzero((its_day == world.day(night).day) & known.is_live(night))


def turnover(world: World, month: date) -> Ints:
    """Turnover of each enterprise in a month, in yuan: its size, its industry's season, chance within a fifth."""
    known = enterprises(world)
    number = np.arange(len(known.codes))
    size = (
        between(draw(world.seed, "turnover", number), 8, 60) * 1_000 * (1 << below(draw(world.seed, "size", number), 8))
    )
    season = np.array([_SEASON.get(i[0], _EVEN)[month.month - 1] for i in INDUSTRIES])[known.industry]
    luck = between(draw(world.seed, "luck", number, month.toordinal()), 800, 1_200)
    earned: Ints = size * season // 1_000 * luck // 1_000
    return earned


def _returns(world: World, night: int, month: date, who: Ints) -> list[Payments]:
    """What some enterprises pay for a month: tax on value added and on wages, and after a quarter on profit.

    Income tax that employers withhold is 40 yuan and 3 fen a month for each insured person.
    """
    known = enterprises(world)
    rate = np.array([_RATE.get(i[0], 60) for i in INDUSTRIES])[known.industry]
    earned = turnover(world, month)[who]
    staff = np.bincount(employer(world, night)[is_insured(world, night)], minlength=len(known.codes))
    employers = who[staff[who] > 0]
    found = [
        _with_arrears(world, night, "增值税", month, who, earned * rate[who] // 10),
        _with_arrears(world, night, "个人所得税", month, employers, staff[employers] * 4_003),
    ]
    return (
        [*found, _with_arrears(world, night, "企业所得税", month, who, earned * 15)] if month.month % 3 == 0 else found
    )


def _with_arrears(world: World, night: int, tax: str, month: date, who: Ints, due: Ints) -> Payments:
    """One payment in forty is a part of what is due; the rest is arrears."""
    short = below(draw(world.seed, f"arrears {tax}", who, night), 40) == 0
    arrears = np.where(short, due // 4, 0)
    return Payments(
        who, _each(who, TAXES.index(tax)), _each(who, month.toordinal()), due - arrears, arrears, _each(who, -1)
    )


def _each(who: Ints, value: int) -> Ints:
    return np.full(len(who), value)


def _land_use(world: World, night: int) -> Payments:
    """Holders pay for their units once a quarter, each unit on its own night; the units of a parcel share its area."""
    held, day = land.units(world, night), world.day(night)
    sharing = np.bincount(held.parcel)[held.parcel]
    is_due = ((held.number + day.toordinal()) % _LAND_EVERY == 0) & (held.holder >= 0)
    due = np.flatnonzero(is_due & enterprises(world).is_live(night)[held.holder])
    who, paid = held.holder[due], held.area_cents[due] * _LAND_RATE // (100 * sharing[due])
    month = _each(who, day.replace(day=1).toordinal())
    return Payments(who, _each(who, TAXES.index("城镇土地使用税")), month, paid, _each(who, 0), held.number[due])


def _year_before(world: World) -> list[Payments]:
    """What was paid for the months a year before those of which this run's nights tell, so that there is something to compare."""
    known = enterprises(world)
    found: list[Payments] = []
    for month in sorted({_month_before(world.day(night)) for night in range(world.nights)}):
        earlier = month.replace(year=month.year - 1)
        who = np.flatnonzero((known.born < 0) & (known.established < earlier.toordinal()))
        found += [replace(p, paid=p.paid + p.arrears, arrears=p.arrears * 0) for p in _returns(world, 0, earlier, who)]
    return found


def _settle(made: Payments) -> Payments:
    """Of the corrected delivery: every second payment with arrears was paid in full."""
    settled = np.where(np.arange(len(made.who)) % 2 == 1, made.arrears, 0)
    return replace(made, paid=made.paid + settled, arrears=made.arrears - settled)


def _columns(world: World, made: Payments, day: date) -> tuple[pa.Array, ...]:
    known, number = enterprises(world), np.arange(len(made.who))
    return (
        pc.binary_join_element_wise(f"{day:%Y%m%d}", whole(number, 10), ""), chosen(known.codes, made.who), chosen(known.names, made.who),
        chosen(TAXES, made.tax), days(made.month), days(_each(made.who, day.toordinal())), hundredths(made.paid), hundredths(made.arrears),
        chosen(land.known_units(world).codes, made.unit),
    )  # fmt: skip
