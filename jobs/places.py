"""Names of records by their place, and rows parted by them: those to look at closely, and all others."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

Places = np.ndarray[Any, Any]
FEW = 200
# Records of a file that stand together share a block, each with a bit of its own. Rows are looked up by their block: neighbours find the
# same one, which is in the processor's cache by then, and places that are not few are a third as many blocks.
_BLOCK = 6
_BLOCK_OF = f"shiftright(xxhash64(_business_date, _revision, _file, shiftright(_record, {_BLOCK})), {_BLOCK})"
_BIT_OF = f"CAST(_record & {(1 << _BLOCK) - 1} AS int)"


def place_of() -> Column:
    """A 64-bit name of the record that a row comes from; a rare namesake only means that some records more are looked at."""
    return F.expr(f"shiftleft({_BLOCK_OF}, {_BLOCK}) | {_BIT_OF}")


def part_records(rows: DataFrame, places: Places) -> tuple[DataFrame, DataFrame]:
    """Rows of all other records, and rows of the records at some places."""
    if len(places) <= FEW:
        here = place_of().isin(places.tolist())
        return rows.where(~here), rows.where(here)
    known = F.broadcast(rows.sparkSession.createDataFrame(_by_block(places)))
    on = (F.expr(_BLOCK_OF) == F.col("_block")) & F.expr(f"getbit(_bits, {_BIT_OF}) = 1")
    return rows.join(known, on, "left_anti"), rows.join(known, on, "left_semi")


def _by_block(places: Places) -> pa.Table:
    """A row a block: `_block`, and `_bits` with one set for each of its places."""
    places = np.sort(places)
    blocks, first = np.unique(places >> _BLOCK, return_index=True)
    bits = np.left_shift(np.int64(1), places & ((1 << _BLOCK) - 1))
    return pa.table({"_block": blocks, "_bits": np.bitwise_or.reduceat(bits, first)})
