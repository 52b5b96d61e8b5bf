"""Records are parted from all others by their place, be they few or many."""

from __future__ import annotations

from datetime import date

import numpy as np
import pyarrow as pa
import pytest
from pyspark.sql import SparkSession

from jobs.places import FEW, part_records, place_of

pytestmark = pytest.mark.spark
RECORDS = [(file, record) for file in ("a.csv", "b.csv", "in a folder/c.csv") for record in range(1, 1001)]


MANY = {(file, record) for file, record in RECORDS if record % 3 == 0 and file != "a.csv"}


@pytest.mark.parametrize("wanted", [{("b.csv", 64)}, MANY], ids=["few", "many"])
def test_wanted_records_and_no_others_are_parted_from_the_rest(
    spark: SparkSession, wanted: set[tuple[str, int]]
) -> None:
    rows = pa.table(
        {
            "_business_date": [date(2024, 9, 16)] * len(RECORDS),
            "_revision": pa.array([1] * len(RECORDS), pa.int32()),
            "_file": [file for file, _ in RECORDS],
            "_record": [record for _, record in RECORDS],
        }
    )
    frame = spark.createDataFrame(rows)
    named = frame.select("_file", "_record", place_of().alias("place")).toArrow().to_pylist()
    places = np.array([r["place"] for r in named if (r["_file"], r["_record"]) in wanted])
    assert (len(places) > FEW) is (wanted == MANY)
    rest, parted = ({(r._file, r._record) for r in part.collect()} for part in part_records(frame, places))
    assert (parted, rest) == (wanted, set(RECORDS) - wanted)
