"""Records that something else than a rule found fault with: their rows are marked, and set aside by a rule about the mark.

Hardly any delivery has one, so the rule is asked of those that do: all others are spared a column.
"""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.rules import LINEAGE
from jobs.suites import Rule


def with_rule(
    rules: Sequence[Rule], places: pa.Table, code: str, mark: str, reason: str, mostly: float
) -> tuple[Rule, ...]:
    """The rules of a delivery, before them the one about a mark where it has any."""
    if not places.num_rows:
        return tuple(rules)
    return (
        Rule(
            code, "expect_column_values_to_be_in_set", {"column": mark, "value_set": [False], "mostly": mostly}, "critical",
            "validity", reason, quarantine=True, code=code, derived=True,
        ),
        *rules,
    )  # fmt: skip


def mark_places(rows: DataFrame, places: pa.Table, mark: str) -> DataFrame:
    """Mark the rows of the records at some places; nothing where there are none."""
    if not places.num_rows:
        return rows
    named = F.broadcast(rows.sparkSession.createDataFrame(places).withColumn(mark, F.lit(True)))
    return rows.join(named, list(LINEAGE), "left").fillna(False, [mark])
