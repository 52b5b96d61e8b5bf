"""A gold table that is lost, or a file of it, is noticed by who reads it, and built again by the next run."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from jobs import night as nights
from jobs import release
from tests.commands import Command, typed_at
from tests.little import World, csv_of

pytestmark = pytest.mark.spark
LOSSES: dict[str, Callable[[Path], None]] = {
    "its log": lambda table: [p.unlink() for p in (table / "_delta_log").glob("*.json")] and None,
    "its files": lambda table: [p.unlink() for p in table.glob("*.parquet")] and None,
    "half a file": lambda table: [p.write_bytes(p.read_bytes()[:100]) for p in table.glob("*.parquet")] and None,
    "all of it": shutil.rmtree,
}


@pytest.fixture(scope="module")
def released(shared_world: World) -> World:
    shared_world.deliver("reg.things", "2025-01-01", csv_of([(1, 2013, 10), (2, 2014, 20)]))
    shared_world.run(release=True)
    return shared_world


@pytest.fixture
def command(world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    return typed_at(world, monkeypatch, capsys)


@pytest.mark.parametrize("loss", LOSSES)
def test_a_lost_gold_table_is_noticed_and_the_next_run_builds_it_again(
    world: World, released: World, spark: SparkSession, command: Command, loss: str
) -> None:
    world.take(released)
    before = world.rows("totals", "gold")
    first = release.find_release(world.lake, None)
    assert first is not None
    LOSSES[loss](Path(world.lake.table("gold", "totals")))

    code, out, _ = command("digest", "--json")
    assert (code, json.loads(out)["different"]) == (6, 1)
    code, out, said = command("sql", "SELECT * FROM gold.totals", "--json")
    assert (code, json.loads(out)["error"]["code"], "lake run" in said) == (6, "E602", True), said
    code, out, _ = command("sql", "SELECT count(*) AS n FROM gold.release", "--format", "json")
    assert (code, json.loads(out)) == (0, [{"n": 1}])
    _, out, _ = command("plan", "--json")
    assert ["release", "gold", "", "what changed"] in json.loads(out)["steps"]

    world.run(release=True)
    again = release.find_release(world.lake, None)
    assert again is not None
    assert (again.number, again.tables["totals"].digest) == (2, first.tables["totals"].digest)
    assert world.rows("totals", "gold") == before
    assert not nights.is_release_owed(world.run_nothing())
    assert command("digest")[0] == 0
    code, out, said = command("sql", "SELECT count(*) AS n FROM gold.totals", "--format", "json")
    assert (code, json.loads(out)) == (0, [{"n": 2}]), said
