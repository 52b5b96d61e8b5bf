"""Cleaning steps that any source may use.

A step is `DataFrame -> DataFrame` on delivered values, which are strings; it keeps every row and every lineage column
(those that begin with `_`). A contract names its steps in order, and a name is looked up in
`jobs/cleaning/<source>.py` first, then here.
"""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import StringType

_WHITE_SPACE = r"(?U)\s+"  # with no-break and ideographic spaces


def collapse_white_space(rows: DataFrame) -> DataFrame:
    r"""Trim every delivered value and make each run of white space one blank.

    Departments pad cells to a width and break lines inside them, so one street has several spellings.

    | roadway_name    |      | roadway_name |
    |-----------------|  ->  |--------------|
    | `BAY   STREET ` |      | `BAY STREET` |
    """
    return rows.withColumns(
        {
            field.name: F.trim(F.regexp_replace(F.col(f"`{field.name}`"), _WHITE_SPACE, " "))
            for field in rows.schema.fields
            if isinstance(field.dataType, StringType) and not field.name.startswith("_")
        }
    )
