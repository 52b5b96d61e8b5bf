"""The benchmark's contestants make the same tables of a night, so that their costs may be compared."""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from pyspark.sql import SparkSession

from tests.bench import city, generate
from tests.bench.compare import compare_checked
from tests.bench.measure import Meter
from tests.bench.traffic import compare_all

pytestmark = [pytest.mark.spark, pytest.mark.slow]
ROWS = 20_000
NAMES = ("by_hand", "by_hand_unchecked", "by_polars", "product", "plain", "spark_gx")


@dataclass(frozen=True)
class Contest:
    folder: Path
    said: dict[str, Any]
    stages: dict[str, list[str]]


@pytest.fixture(scope="module")
def contest(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Contest]:
    """The small night by each contestant, in one session."""
    folder = tmp_path_factory.mktemp("bench")
    found = Contest(folder, {}, {})
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(folder / "state"))
        patch.setenv("LAKE_CONF", str(city.write_conf(folder / "conf")))
        inbox = generate.write_night(folder, ROWS)
        for name in NAMES:
            (folder / name).mkdir()
            meter = Meter(os.getpid(), folder / name)
            found.said[name] = importlib.import_module(f"tests.bench.{name}").run(spark, inbox, folder / name, meter)
            found.stages[name] = [c.name for c in meter.costs]
        yield found


def test_every_contestant_makes_what_the_product_makes_of_a_night(contest: Contest) -> None:
    lines = compare_all(contest.folder, contest.said)
    judged = contest.said["product"]["silver"]["counts"]["judged"]
    assert judged > ROWS
    assert [line.split(": ")[0].rsplit(" and ", 1)[1] for line in lines] == [
        *["DuckDB + delta-rs by hand"] * 3, "DuckDB + delta-rs, no checks", *["Polars + delta-rs by hand"] * 3, "plain Spark + Delta, no checks",
        *["Spark + Great Expectations' defaults"] * 2,
    ]  # fmt: skip
    assert f"{judged:,} rows" in lines[-2]


def test_every_contestant_is_timed_by_the_same_stages(contest: Contest) -> None:
    assert [contest.stages[name][-3:] for name in NAMES] == [["bronze", "silver", "gold and release"]] * len(NAMES)


def test_no_time_counts_where_one_row_differs(contest: Contest, tmp_path: Path) -> None:
    for zone in ("silver", "quarantine", "gold"):
        pl.read_delta(str(contest.folder / "by_polars" / zone)).write_delta(tmp_path / zone)
    gold = pl.read_delta(str(tmp_path / "gold"))
    gold.with_columns(pl.col("volume") + (pl.int_range(pl.len()) == 7)).write_delta(tmp_path / "gold", mode="overwrite")
    with pytest.raises(SystemExit, match="gold differs"):
        compare_checked(contest.folder / "product", tmp_path)
