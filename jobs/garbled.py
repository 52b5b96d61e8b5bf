"""Garbled texts as silver judges them: the readers noted them in bronze, and a row with one is set aside (Q202)."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from jobs import delta
from jobs.formats.garbled import NOTE
from jobs.rules import LINEAGE
from jobs.stage import Entry, Stage

RULE = "Q202"
MARK = "_garbled"
REASON = "What a program has garbled is not what somebody wrote."
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
