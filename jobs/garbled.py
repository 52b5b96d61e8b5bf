"""Garbled texts as silver judges them: the readers noted them in bronze, and a row with one is set aside (Q202).

Hardly any delivery has one, so the rule is asked of those that do: all others are spared a column.
"""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs import delta
from jobs.formats.garbled import NOTE
from jobs.rules import LINEAGE
from jobs.stage import Entry, Stage
from jobs.suites import Rule

RULE = "Q202"
MARK = "_garbled"
_NOTED = f'{NOTE}": '


def find_garbled(stage: Stage, entries: Sequence[Entry]) -> pa.Table:
    """Places of the bronze records of some deliveries that hold a garbled text, but for those that a person mended."""
    nights = pa.array([e.business_date for e in entries]).cast(pa.date32())
    where = pc.field("_business_date").isin(nights) & pc.field("_extra").is_valid() & noted(pc.field("_extra"))
    found = delta.read_arrow(stage.bronze, columns=list(LINEAGE), where=where)
    if found is None:
        return pa.table({})
    named = {(e.business_date, e.revision) for e in entries}
    mended = {(e.business_date, e.revision, d.file, d.record) for e in entries for d in e.decisions if d.kind == "mend"}
    rows = [
        row
        for row in found.to_pylist()
        if (str(row["_business_date"]), row["_revision"]) in named
        and (str(row["_business_date"]), row["_revision"], row["_file"], row["_record"]) not in mended
    ]
    return pa.Table.from_pylist(rows, found.schema)


def noted(extra: pc.Expression) -> pc.Expression:
    """Whether a reader's notes say that a text of the record is garbled."""
    return pc.match_substring(extra, _NOTED)


def with_rule(rules: Sequence[Rule], places: pa.Table, mostly: float) -> tuple[Rule, ...]:
    """The rules of a delivery, before them the one about garbled texts where it has any."""
    if not places.num_rows:
        return tuple(rules)
    return (
        Rule(
            RULE, "expect_column_values_to_be_in_set", {"column": MARK, "value_set": [False], "mostly": mostly}, "critical",
            "validity", "What a program has garbled is not what somebody wrote.", quarantine=True, code=RULE, derived=True,
        ),
        *rules,
    )  # fmt: skip


def mark_garbled(typed: DataFrame, places: pa.Table) -> DataFrame:
    """Mark the rows of the records at some places; nothing where there are none."""
    if not places.num_rows:
        return typed
    named = F.broadcast(typed.sparkSession.createDataFrame(places).withColumn(MARK, F.lit(True)))
    return typed.join(named, list(LINEAGE), "left").fillna(False, [MARK])
