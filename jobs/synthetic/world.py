"""What a run of the generator is asked for, and the shape of what it gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal

import pyarrow as pa


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

    `sums`: control totals by header, as decimal text. `full`: whether a delivery of changes names everything.
    """

    dataset: str
    night: date
    files: Mapping[str, pa.Table]
    sums: Mapping[str, str] = field(default_factory=dict)
    full: bool = False
    revision: int = 1
    late_nights: int = 0


def to_table(headers: Sequence[str], rows: Sequence[tuple[str, ...]]) -> pa.Table:
    """Rows of texts as a table under some headers; an empty text is a cell without a value."""
    columns = zip(*rows, strict=True) if rows else ((),) * len(headers)
    return pa.table({h: pa.array(list(c), pa.string()) for h, c in zip(headers, columns, strict=True)})
