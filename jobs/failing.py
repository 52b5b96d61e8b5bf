"""Records at which a step or a rule itself fails: each is set aside alone (Q900), and the rest of its delivery goes on.

Steps are expressions of Spark, which stops a whole query at one value that does not fit. Only then are its records searched, by halves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import pyarrow as pa
from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.failures import foreseen
from jobs.lake import Lake
from jobs.marked import mark_places
from jobs.rules import LINEAGE

RULE = "Q900"
MARK = "_failed"
REASON = "A value at which its cleaning or a rule fails is not understood."
MOST = 20  # more of them are not a few odd records: the step is wrong; each costs two dozen queries in a million

Judge = Callable[[DataFrame], DataFrame]
Span = tuple[tuple[object, ...], int, int]  # a file of a delivery, its first record and the one after its last


def find_failing(bronze: DataFrame, judge: Judge, lake: Lake) -> pa.Table:
    """Places of the records at which judging fails; none where more than a few do, or none does by itself."""
    of_file = [c for c in LINEAGE if c != "_record"]
    files = bronze.groupBy(*of_file).agg(F.min("_record").alias("low"), F.max("_record").alias("high")).collect()
    found: list[tuple[object, ...]] = []
    for row in sorted(files, key=str):
        for place in _search(bronze, judge, lake, (tuple(row[c] for c in of_file), row["low"], row["high"] + 1)):
            found.append(place)
            if len(found) > MOST:
                return pa.table({})
    columns = zip(*found, strict=True) if found else ()
    return pa.table(dict(zip([*of_file, "_record"], map(list, columns), strict=False)))


def _search(bronze: DataFrame, judge: Judge, lake: Lake, span: Span) -> Iterator[tuple[object, ...]]:
    """Halve what fails until single records are left."""
    file, low, high = span
    if not _fails(judge(_within(bronze, span)), lake):
        return
    if high - low == 1:
        yield (*file, low)
        return
    middle = (low + high) // 2
    yield from _search(bronze, judge, lake, (file, low, middle))
    yield from _search(bronze, judge, lake, (file, middle, high))


def _within(bronze: DataFrame, span: Span) -> DataFrame:
    file, low, high = span
    rows = bronze.where(F.col("_record").between(low, high - 1))
    for column, value in zip(LINEAGE, file, strict=False):
        rows = rows.where(F.col(column) == F.lit(value))
    return rows


def _fails(judged: DataFrame, lake: Lake) -> bool:
    """Whether some value of some row cannot be worked out. Raises what has another cause than a value."""
    try:
        judged.select(F.xxhash64(*judged.columns).alias("all")).agg(F.max("all")).collect()
    except (PySparkException, Py4JError) as error:
        if foreseen(error, lake):
            raise
        return True
    return False


def blank(records: DataFrame, delivered: Sequence[str], places: pa.Table) -> DataFrame:
    """Take the values of the records at some places away, before anything is done with them."""
    if not places.num_rows:
        return records
    marked = mark_places(records, places, MARK)
    emptied = {c: F.when(~F.col(MARK), F.col(c)) for c in delivered}
    return marked.withColumns(emptied).drop(MARK)


def say_only_that(judged: DataFrame, places: pa.Table) -> DataFrame:
    """What other rules say of a record whose values were taken away is not true of it. The rule is the first bit of the first mask."""
    if not places.num_rows:
        return judged
    masks = [c for c in judged.columns if c.startswith("_rules_")]
    only = {c: F.lit(int(c == "_rules_0")).cast("bigint") for c in masks}
    is_failing = F.col("_rules_0").bitwiseAND(F.lit(1)) != 0
    return judged.withColumns({c: F.when(is_failing, only[c]).otherwise(F.col(c)) for c in masks})
