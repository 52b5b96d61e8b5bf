"""Deliveries unlike those of the nights before: half the rows, or an amount in another unit.

Such a delivery is in silver, because what silver holds does not depend on other nights. The gold tables that read its dataset are held
until a person signs, or a correction comes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from statistics import median

from jobs.contracts import Contract
from jobs.errors import LakeError

NIGHTS = 28
ENOUGH_NIGHTS = 5
ENOUGH_ROWS = 20  # fewer differ by half from night to night and mean nothing
CENT = Decimal("0.01")


@dataclass(frozen=True)
class Counted:
    """What an accepted delivery counts: rows that were judged, and the sums of its control columns."""

    business_date: str
    revision: int
    sha256: str
    rows: int
    sums: Mapping[str, str]

    def mean(self, column: str) -> Decimal:
        return Decimal(self.sums.get(column) or 0) / self.rows


def find_unusual(contract: Contract, nights: Sequence[Counted]) -> Iterator[tuple[Counted, LakeError]]:
    """Deliveries out of their volume band (E702) or with a shifted mean (E403), of one dataset in order of business date.

    Each is compared with the median of the 28 deliveries before it, where there are 5 at least, of 20 rows at least.
    """
    for n, counted in enumerate(nights):
        before = nights[max(0, n - NIGHTS) : n]
        if len(before) < ENOUGH_NIGHTS or median(x.rows for x in before) < ENOUGH_ROWS:
            continue
        error = _out_of_band(contract, counted, before) or _shifted(contract, counted, before)
        if error:
            yield counted, error


def _out_of_band(contract: Contract, counted: Counted, before: Sequence[Counted]) -> LakeError | None:
    usual, band = Decimal(median(x.rows for x in before)), contract.volume_band
    if not band or abs(counted.rows - usual) <= band * usual:
        return None
    low, high = (max(Decimal(0), usual * (1 + sign * band)).quantize(Decimal(1)) for sign in (-1, 1))
    expected = f"{low} to {high} rows, {band:%} round the median of {len(before)} nights before"
    return LakeError("E702", place="rows", expected=expected, actual=f"{counted.rows} rows")


def _shifted(contract: Contract, counted: Counted, before: Sequence[Counted]) -> LakeError | None:
    for column, factor in contract.shift_factor.items():
        compared = [x for x in before if x.rows >= ENOUGH_ROWS]
        usual = median(x.mean(column) for x in compared)
        if counted.rows < ENOUGH_ROWS or not usual:
            continue
        mean = counted.mean(column)
        if not usual / factor <= mean <= usual * factor:
            low, high = (usual / factor).quantize(CENT), (usual * factor).quantize(CENT)
            expected = f"a mean of {low} to {high}, the median of {len(compared)} nights before by {factor}"
            return LakeError("E403", place=column, expected=expected, actual=f"a mean of {mean.quantize(CENT)}")
    return None
