"""A value at which a cleaning step fails takes no other record with it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from jobs import failing, places
from jobs import stage as stages
from jobs.lint import lint_city
from tests.little import CITY, CONTRACT, HOLD, SUITE, World, csv_of

pytestmark = [pytest.mark.spark, pytest.mark.slow]
FIRST, SECOND = "2025-01-01", "2025-01-02"
# Fails at 0 and at what is no number, and for a column that no rule asks about.
STEP = """\
from pyspark.sql import DataFrame
from pyspark.sql import functions as F


def share(rows: DataFrame) -> DataFrame:
    return rows.withColumn("share", (F.lit(1000) / F.col("value").cast("int")).cast("string"))
"""
SHARE = "      - {name: share, logicalType: string, classification: public, description: A share.}"


@pytest.fixture
def share(tmp_path: Path, little_conf: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A department whose step divides by a delivered value."""
    root = tmp_path / "shares"
    for mode in ("snapshot", "events"):
        contract = CONTRACT.format(
            dataset=f"stock.{mode}", source="stock", name=mode, mode=mode, mostly=0.5, columns=f"{SHARE}\n{HOLD}",
            extra="      - {property: steps, value: [share]}",
        )  # fmt: skip
        for path, text in (
            (f"conf/cities/{CITY}/stock/{mode}.odcs.yaml", contract),
            (f"expectations/{CITY}/stock/{mode}.yaml", SUITE.format(dataset=f"stock.{mode}")),
            ("jobs/cleaning/stock.py", STEP),
        ):
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text, "utf-8")
    monkeypatch.setenv("LAKE_CONF", os.pathsep.join([str(little_conf), str(root)]))
    return "stock"


@pytest.mark.parametrize(("mode", "many"), [("snapshot", False), ("events", True)], ids=["few rows", "many rows"])
def test_records_at_which_a_step_fails_are_set_aside_alone_with_what_was_delivered(
    world: World, share: str, monkeypatch: pytest.MonkeyPatch, mode: str, many: bool
) -> None:
    if many:
        monkeypatch.setattr(stages, "SMALL", -1)
        monkeypatch.setattr(places, "FEW", 0)
    assert [f for f in lint_city(CITY) if f.startswith(share)] == []
    rows = [(n, 2013, n) for n in range(1, 9)]
    rows[2], rows[6] = (3, 2013, 0), (7, 2013, "many")
    world.deliver(f"stock.{mode}", FIRST, csv_of(rows))
    assert world.run(dataset=f"stock.{mode}").problems == []
    kept = {r["key"]: r["share"] for r in world.rows(f"stock.{mode}")}
    assert sorted(kept) == [n for n in range(1, 9) if n not in (3, 7)]
    assert float(kept[4]) == 250
    aside = {
        r["_record"]: (r["_rules"], json.loads(r["_delivered"])["value"])
        for r in world.rows(f"stock.{mode}", "quarantine")
    }
    assert aside == {3: (["Q900"], "0"), 7: (["Q900"], "many")}
    counts = world.line(f"stock.{mode}", FIRST).counts
    assert (counts["judged"], counts["good"], counts["set_aside"], counts["rules"]) == (8, 6, 2, {"Q900": 2})


def test_a_later_night_and_a_fold_of_the_whole_end_in_the_same(world: World, share: str) -> None:
    for night, value in ((SECOND, 5), (FIRST, 4)):  # the late one folds all again
        world.deliver("stock.snapshot", night, csv_of([(1, 2013, 0), (2, 2013, value)]))
        assert world.run(dataset="stock.snapshot").problems == []
    assert [(r["key"], r["value"]) for r in world.rows("stock.snapshot") if r["valid_to"] is None] == [(2, 5)]
    aside = [(str(r["_business_date"]), r["_rules"]) for r in world.rows("stock.snapshot", "quarantine")]
    assert sorted(aside) == [(FIRST, ["Q900"]), (SECOND, ["Q900"])]


def test_a_step_that_fails_at_many_records_is_a_fault_of_the_step(
    world: World, share: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(failing, "MOST", 1)
    world.deliver("stock.snapshot", FIRST, csv_of([(n, 2013, 0) for n in range(3)]))
    (problem,) = world.run(dataset="stock.snapshot").problems
    assert (problem.code, problem.where.dataset) == ("E001", "stock.snapshot")
    assert world.rows("stock.snapshot", "quarantine") == []
