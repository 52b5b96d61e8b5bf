"""Steps that any source may use."""

from __future__ import annotations

import pytest
from pyspark.sql import SparkSession

from jobs.columns import collapse_white_space

pytestmark = pytest.mark.spark


def test_white_space_is_trimmed_and_collapsed_also_inside_a_cell(spark: SparkSession) -> None:
    rows = spark.createDataFrame([("BAY   STREET ", "a\r\n\tb\u00a0c"), ("", None)], "roadway string, note string")
    assert collapse_white_space(rows).collect() == [("BAY STREET", "a b c"), ("", None)]


def test_lineage_columns_stay_as_they_are(spark: SparkSession) -> None:
    rows = spark.createDataFrame([(" a ", "two  files.csv", 7)], "name string, _file string, _record bigint")
    assert collapse_white_space(rows).collect() == [("a", "two  files.csv", 7)]
