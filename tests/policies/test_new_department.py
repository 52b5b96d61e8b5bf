"""A department outside the project: four files of its own, and no file of the project changed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from jobs.lint import lint_city
from tests.little import CITY, CONTRACT, World

pytestmark = pytest.mark.spark
STEP = '''"""Steps for the parks department."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F


def strip_tree_prefix(rows: DataFrame) -> DataFrame:
    """Tree numbers arrive as T-12; the register has 12."""
    return rows.withColumn("key", F.regexp_replace("key", "^T-", ""))
'''
SUITE = """\
bronze:
  - {type: expect_column_value_lengths_to_be_between, kwargs: {column: key, min_value: 3}, severity: critical, meta: {rule: parks.trees.b1, dimension: validity, reason: A tree number has a prefix.}}
silver:
  - {type: expect_column_values_to_be_between, kwargs: {column: value, max_value: 100}, severity: critical, meta: {rule: parks.trees.s1, action: quarantine, dimension: validity, reason: No tree here is higher.}}
"""


def write_department(root: Path) -> Path:
    steps = "      - {property: steps, value: [collapse_white_space, strip_tree_prefix]}"
    contract = CONTRACT.format(
        dataset="parks.trees", source="parks", name="trees", mode="snapshot", mostly=0.5, extra=steps, columns=""
    )
    files = {
        f"conf/cities/{CITY}/parks/trees.odcs.yaml": contract,
        f"expectations/{CITY}/parks/trees.yaml": SUITE,
        "jobs/cleaning/parks.py": STEP,
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, "utf-8")
    return root


def test_a_department_outside_the_project_runs_from_landing_to_silver(
    world: World, tmp_path: Path, little_conf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAKE_CONF", os.pathsep.join([str(little_conf), str(write_department(tmp_path / "parks"))]))
    assert [f for f in lint_city(CITY) if f.startswith("parks")] == []
    world.deliver("parks.trees", "2025-01-01", "key,period,value\nT-1,2013, 20 \nT-2,2013,300\n")
    assert world.run(dataset="parks.trees").problems == []
    assert [(r["key"], r["value"]) for r in world.rows("parks.trees")] == [(1, 20)]
    assert [(r["_record"], r["_rules"]) for r in world.rows("parks.trees", "quarantine")] == [(2, ["parks.trees.s1"])]
