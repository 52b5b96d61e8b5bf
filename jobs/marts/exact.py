"""Exact figures: ratios and medians of whole numbers and decimals, rounded half up once. No float is made on the way."""

from __future__ import annotations

from decimal import Decimal

from pyspark.sql import Column
from pyspark.sql import functions as F

MONEY = "decimal(18,2)"
# Square metres of a mu, the unit in which Chinese offices reckon land: fifteen of them are a hectare.
MU_M2 = Decimal("666.6667")
_WIDE = "decimal(30,6)"


def ratio(numerator: Column, denominator: Column, precision: int, scale: int) -> Column:
    """Divide, rounded half up (away from zero) once, to decimal(precision, scale).

    Spark's own division of decimals rounds to a scale of its choice first, so a second rounding may be wrong by one.
    Here the remainder is taken off before the division, which then leaves none. Null where the denominator is not
    positive or the result does not fit. Both sides have at most six decimals.
    """
    above, below = numerator.cast(_WIDE), F.when(denominator > 0, denominator.cast(_WIDE))
    doubled = F.abs(above) * _decimal(2 * 10**scale) + below
    twice = below * _decimal(2)
    units = F.try_divide(doubled - doubled % twice, twice).try_cast("decimal(19,0)")
    signed = F.when(above < 0, -units).otherwise(units)
    return (signed * F.lit(Decimal(1).scaleb(-scale))).try_cast(f"decimal({precision},{scale})")


def per_mu(amount: Column, area_m2: Column) -> Column:
    """Give an amount of money for each mu of an area; null where that is 0 or unknown."""
    return ratio(amount * F.lit(MU_M2), area_m2, 18, 2)


def twice_median(ordered: Column) -> Column:
    """Give twice the exact median of an ordered array, which needs no rounding; null for none.

    Spark's own median turns decimals into doubles. It is the sum of the two middle values, which are one and the same
    where their number is odd.
    """
    count = F.size(ordered)
    lower = F.try_element_at(ordered, F.shiftright(count + 1, 1))
    upper = F.try_element_at(ordered, F.shiftright(count, 1) + 1)
    return F.when(count > 0, lower + upper)


def or_zero(amount: Column) -> Column:
    """Give an amount of money, 0.00 for none."""
    return F.coalesce(amount, F.lit(0)).cast(MONEY)


def or_none(count: Column) -> Column:
    """Give a count, 0 for none."""
    return F.coalesce(count, F.lit(0)).cast("bigint")


def _decimal(whole: int) -> Column:
    return F.lit(Decimal(whole))
