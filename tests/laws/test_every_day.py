"""A table that has every day from the first reading to the last, and counts incidents on two days each, is the same built by days and whole."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from jobs import delta
from jobs.release import read_releases
from tests.laws import roads
from tests.laws.roads import deliver, register, tell
from tests.little import World

pytestmark = pytest.mark.spark
TABLE = "incident_days"


@pytest.fixture(scope="module")
def roads_conf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return roads.write_conf(tmp_path_factory.mktemp("roads"), incidents=True)


@pytest.fixture(scope="module")
def two_nights(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory, roads_conf: Path) -> Path:
    """The nights of the third and fourth; of the second, incidents alone are told."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAKE_CONF", str(roads_conf))
        folder = tmp_path_factory.mktemp("two_nights")
        world = World(folder, lambda: spark, roads.CITY)
        register(world, 3, {"a": "Long"})
        tell(world, 2, [("i1", 2, None), ("i2", 2, 2)])
        for day in (3, 4):
            deliver(world, day, {"a": 10 * day})
            tell(world, day, [(f"i{day}", day, None)])
            world.run(release=True)
        return folder


@pytest.fixture
def world(
    spark: SparkSession, two_nights: Path, tmp_path: Path, roads_conf: Path, state_home: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> World:  # fmt: skip
    monkeypatch.setenv("LAKE_CONF", str(roads_conf))
    shutil.copytree(two_nights, tmp_path / "world")
    return World(tmp_path / "world", lambda: spark, roads.CITY)


def figures(world: World) -> dict[int, tuple[int, int, int]]:
    """Opened, closed and total of each day."""
    return {r["day"].day: (r["opened"], r["closed"], r["total"]) for r in world.rows(TABLE, "gold")}


def built(world: World) -> list[list[str]]:
    state = delta.table_state(world.lake.table("gold", TABLE))
    assert state is not None
    return [list(span) for span in state.metadata["built"]]


def assert_as_if_whole(world: World, tmp_path: Path) -> None:
    other = roads.built_whole(tmp_path / "world", tmp_path / "other", world)
    assert built(other) == []
    assert world.rows(TABLE, "gold") == other.rows(TABLE, "gold")
    digests = [read_releases(w.lake)[-1].tables[TABLE].digest for w in (world, other)]
    assert digests[0] == digests[1]


def test_a_new_night_builds_its_own_day(world: World, tmp_path: Path) -> None:
    assert figures(world) == {3: (1, 0, 30), 4: (1, 0, 40)}
    deliver(world, 5, {"a": 50})
    tell(world, 5, [("i5", 5, None)])
    world.run(release=True)
    assert built(world) == [["2025-01-05", "2025-01-05"]]
    assert figures(world) == {3: (1, 0, 30), 4: (1, 0, 40), 5: (1, 0, 50)}
    assert_as_if_whole(world, tmp_path)


def test_a_day_on_which_nothing_was_read_has_its_row_once_a_later_one_is_read(world: World, tmp_path: Path) -> None:
    tell(world, 5, [("i5", 5, None)])
    world.run(release=True)
    assert 5 not in figures(world)
    deliver(world, 7, {"a": 70})
    world.run(release=True)
    assert figures(world) == {3: (1, 0, 30), 4: (1, 0, 40), 5: (1, 0, 0), 6: (0, 0, 0), 7: (0, 0, 70)}
    tell(world, 8, [("i6", 6, None)])
    world.run(release=True)
    assert built(world) == [["2025-01-06", "2025-01-06"]]
    assert figures(world)[6] == (1, 0, 0)
    assert_as_if_whole(world, tmp_path)


@pytest.mark.slow
def test_an_incident_that_is_closed_changes_both_of_its_days(world: World, tmp_path: Path) -> None:
    deliver(world, 5, {"a": 50})
    tell(world, 5, [("i1", 2, 5), ("i3", 3, 5)])
    world.run(release=True)
    assert figures(world) == {3: (1, 0, 30), 4: (1, 0, 40), 5: (0, 2, 50)}
    tell(world, 6, [("i4", 4, 4), ("i5", 5, None)])
    world.run(release=True)
    assert figures(world) == {3: (1, 0, 30), 4: (1, 1, 40), 5: (1, 2, 50)}
    assert_as_if_whole(world, tmp_path)


@pytest.mark.slow
def test_a_night_before_the_first_comes_late(world: World, tmp_path: Path) -> None:
    deliver(world, 1, {"a": 10})
    world.run(release=True)
    assert figures(world) == {1: (0, 0, 10), 2: (2, 1, 0), 3: (1, 0, 30), 4: (1, 0, 40)}
    assert_as_if_whole(world, tmp_path)


@pytest.mark.slow
def test_a_last_day_whose_readings_were_another_days_is_gone_with_its_correction(world: World, tmp_path: Path) -> None:
    deliver(world, 6, {"a": 60})
    world.run(release=True)
    assert set(figures(world)) == {3, 4, 5, 6}
    text = "sensor,measured_at,value\na,2025-01-04 23:30:00,1\n"
    world.deliver("road.reading", "2025-01-06", text, revision=2)
    world.run(release=True)
    assert figures(world) == {3: (1, 0, 30), 4: (1, 0, 41)}
    assert_as_if_whole(world, tmp_path)
