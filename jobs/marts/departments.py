"""Gold tables of the departments that deliver."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.marts.optics_valley import departments


def dim_department(receipts: DataFrame) -> DataFrame:
    """Name the departments and count the datasets that each has been asked for.

    A department of which no receipt speaks stays in the table with 0, so that a missing one is seen.

    Grain: department_code. Columns: department_name, datasets (different ones in receipts, whatever their status).
    """
    known = receipts.agg(F.collect_set("dataset").alias("_datasets"))
    source = F.col("department_code")
    own = F.filter("_datasets", lambda dataset: F.substring_index(dataset, ".", 1) == source)
    return known.select("_datasets", F.inline(departments())).select(
        "department_code", "department_name", F.size(own).cast("int").alias("datasets")
    )
