"""Columns of texts made from columns of numbers: millions of rows never become a Python object a cell."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from jobs.synthetic.draws import Ints

BATCH = 100_000  # rows that are looked at together where they have to be looked at one by one
_EPOCH = date(1970, 1, 1).toordinal()


def whole(numbers: Ints, width: int = 0) -> pa.Array:
    """Whole numbers as texts, with zeros before them up to a width."""
    texts = pc.cast(pa.array(numbers), pa.string())
    return pc.utf8_lpad(texts, width, "0") if width else texts


def hundredths(numbers: Ints) -> pa.Array:
    """Numbers of hundredths (fen, square decimetres) that are not negative, as decimal texts."""
    return pc.binary_join_element_wise(whole(numbers // 100), whole(numbers % 100, 2), ".")


def days(ordinals: Ints) -> pa.Array:
    """Days by their ordinals as texts of ISO 8601."""
    return pc.cast(pc.cast(pa.array(ordinals - _EPOCH, pa.int32()), pa.date32()), pa.string())


def chosen(texts: Sequence[str], positions: Ints) -> pa.Array:
    """The text at each position; an empty one at -1."""
    return pa.array([*texts, ""], pa.string()).take(pa.array(np.where(positions < 0, len(texts), positions)))


def to_table(headers: Sequence[str], columns: Sequence[pa.Array]) -> pa.Table:
    return pa.table(dict(zip(headers, columns, strict=True)))


def rows_of(table: pa.Table, *headers: str) -> Iterator[Any]:
    """The cells under some headers, a row at a time: as many texts as there are headers."""
    for batch in table.select(headers).to_batches(max_chunksize=BATCH):
        yield from zip(*[column.to_pylist() for column in batch.columns], strict=True)
