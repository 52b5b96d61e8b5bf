"""What a run of the generator is asked for, and the shape of what it gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

import numpy as np
import pyarrow as pa

from jobs.synthetic.columns import whole
from jobs.synthetic.draws import Ints, below, draw

NEVER = 1 << 30  # a night that does not come


@dataclass(frozen=True)
class World:
    """A city of a seed and a size, told on `nights` nights from `first` on."""

    seed: int
    scale: Decimal
    first: date
    nights: int

    def size(self, at_scale_1: int, least: int = 1) -> int:
        return max(least, int(at_scale_1 * self.scale))

    def day(self, night: int) -> date:
        return self.first + timedelta(days=night)


@dataclass(frozen=True)
class Delivery:
    """What a department hands over of one dataset for one night: per file a table of texts under the headers it uses.

    `sums`, `hash_totals`: headers of which the manifest states totals. `full`: whether a delivery of changes names everything.
    """

    dataset: str
    night: date
    files: Mapping[str, pa.Table]
    sums: tuple[str, ...] = ()
    full: bool = False
    revision: int = 1
    late_nights: int = 0
    hash_totals: tuple[str, ...] = ()


def from_rows(headers: Sequence[str], rows: Sequence[tuple[str, ...]]) -> pa.Table:
    """Few rows of texts as a table under some headers; an empty text is a cell without a value."""
    columns = zip(*rows, strict=True) if rows else ((),) * len(headers)
    return pa.table({h: pa.array(list(c), pa.string()) for h, c in zip(headers, columns, strict=True)})


def arrivals(world: World, at_first: int, a_night: int) -> tuple[Ints, Ints]:
    """Numbers of all that there ever are of a kind, and the night on which each comes: -1 for those before the first night."""
    number = np.arange(at_first + a_night * world.nights)
    return number, np.where(number < at_first, -1, (number - at_first) // a_night)


def event(world: World, what: str, number: Ints, born: Ints, once_in: int) -> Ints:
    """The night of a thing that happens to one in `once_in` a night, after it came and once at most; else NEVER."""
    night = below(draw(world.seed, what, number), once_in)
    return np.where((night < world.nights) & (night > np.maximum(born, 0)), night, NEVER)


def change_sequence(night: int, numbers: Ints) -> pa.Array:
    """What orders changes: later nights have greater ones, and within a night each record has its own."""
    return whole((night + 1) * 100_000_000 + numbers)
