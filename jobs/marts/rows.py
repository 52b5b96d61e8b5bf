"""Rows of several tables as rows of one, so that one aggregate does what several joins would."""

from __future__ import annotations

from functools import reduce

from pyspark.sql import DataFrame


def stack(*parts: DataFrame) -> DataFrame:
    """Put the rows of all parts under each other; a column that a part does not have is null in its rows.

    | day | reported |     | day | closed |      | day | reported | closed |
    |-----|----------|  +  |-----|--------|  ->  |-----|----------|--------|
    | 1   | 1        |     | 1   | 1      |      | 1   | 1        |        |
                                                 | 1   |          | 1      |
    """
    return reduce(lambda one, other: one.unionByName(other, allowMissingColumns=True), parts)
