"""A gold table that is built by days is the one that is built whole, whatever happened on the way."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from jobs import delta
from jobs import night as nights
from jobs import stage as stages
from jobs.cities import load_gold
from jobs.digest import digest_table
from jobs.ledger import Run
from jobs.night import Night
from jobs.release import read_releases
from tests.commands import typed_at
from tests.laws import roads
from tests.laws.roads import deliver, register
from tests.little import World

pytestmark = pytest.mark.spark
TABLES = ("sensor_days", "street_days")
STREETS = {"a": "Long", "b": "Long", "c": "Short"}


@pytest.fixture(scope="module")
def roads_conf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return roads.write_conf(tmp_path_factory.mktemp("roads"))


@pytest.fixture(scope="module")
def two_nights(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory, roads_conf: Path) -> Path:
    """A lake of two nights, each with its release; tests change copies of it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAKE_CONF", str(roads_conf))
        folder = tmp_path_factory.mktemp("two_nights")
        world = World(folder, lambda: spark, roads.CITY)
        register(world, 1, STREETS)
        for day in (1, 2):
            deliver(world, day, {"a": 10 * day, "b": 20, "c": 30})
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


def said(world: World, table: str) -> dict[str, Any]:
    """What the newest commit of a gold table says of itself."""
    state = delta.table_state(world.lake.table("gold", table))
    assert state is not None
    return dict(state.metadata)


def built(world: World) -> dict[str, list[str]]:
    """The days that the newest version of each table was built of; none where it was built whole."""
    return {table: [f"{first}..{last}" for first, last in said(world, table)["built"]] for table in TABLES}


def released(world: World) -> dict[str, tuple[str, str, int]]:
    return {name: (t.status, t.digest, t.rows) for name, t in read_releases(world.lake)[-1].tables.items()}


def operations(world: World, table: str, zone: str = "gold") -> list[str]:
    opened = delta.open_table(world.lake.table(zone, table))
    assert opened is not None
    return [str(commit["operation"]) for commit in reversed(opened.history())]


def assert_as_if_whole(world: World, tmp_path: Path) -> None:
    """A copy of the lake that lost gold builds all days again; the digests are those of the rows that are there."""
    other = roads.built_whole(tmp_path / "world", tmp_path / "other", world)
    assert built(other) == {table: [] for table in TABLES}
    for table, contract in load_gold(roads.CITY).items():
        assert world.rows(table, "gold") == other.rows(table, "gold")
        newest = read_releases(world.lake)[-1].tables[table]
        rows = delta.read_arrow(world.lake.table("gold", table), newest.version)
        assert rows is not None
        assert digest_table(rows, contract) == newest.digest
    assert [t[1:] for t in released(world).values()] == [t[1:] for t in released(other).values()]


def test_a_new_night_builds_its_own_day_and_the_table_is_as_if_built_whole(world: World, tmp_path: Path) -> None:
    deliver(world, 3, {"a": 4, "c": 6})
    world.run(release=True)
    assert built(world) == {table: ["2025-01-03..2025-01-03"] for table in TABLES}
    rows = {(r["street"], r["day"].day): r["total"] for r in world.rows("street_days", "gold")}
    assert rows == {
        ("Long", 1): 30,
        ("Short", 1): 30,
        ("Long", 2): 40,
        ("Short", 2): 30,
        ("Long", 3): 4,
        ("Short", 3): 6,
    }
    assert_as_if_whole(world, tmp_path)


def test_a_second_run_builds_nothing_and_owes_no_release(world: World) -> None:
    before = world.versions()
    assert world.run(release=True).lines == []
    assert not nights.is_release_owed(world.run_nothing())
    assert world.versions() == before


def test_a_late_night_ends_in_the_same_tables(world: World, tmp_path: Path) -> None:
    deliver(world, 4, {"a": 2, "b": 2})
    world.run(release=True)
    deliver(world, 3, {"b": 8, "c": 8})
    world.run(release=True)
    assert_as_if_whole(world, tmp_path)


def test_files_that_were_joined_are_no_change_of_their_days(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stages, "SMALL", -1)  # as of a large night, a file of silver for each that was delivered
    deliver(world, 3, {"a": 4, "c": 6})
    folder = world.inbox / "road" / "reading" / "2025-01-03"
    (folder / "more.csv").write_text("sensor,measured_at,value\nb,2025-01-03 06:00:00,7\n", "utf-8")
    world.run(release=True)
    monkeypatch.setattr(delta, "FEW_FILES", 1)
    nights.maintain(world.run_nothing())
    assert operations(world, "road_reading", "silver")[-1] == "OPTIMIZE"
    deliver(world, 4, {"a": 4, "c": 6})
    world.run(release=True)
    assert built(world) == {table: ["2025-01-04..2025-01-04"] for table in TABLES}
    assert_as_if_whole(world, tmp_path)


def test_a_night_that_tells_of_an_earlier_day_again_builds_both_days(world: World, tmp_path: Path) -> None:
    rows = ["a,2025-01-02 23:00:00,100", "a,2025-01-03 06:00:00,4", "c,2025-01-02 12:00:00,1"]
    world.deliver("road.reading", "2025-01-03", "\n".join(["sensor,measured_at,value", *rows, ""]))
    world.run(release=True)
    counts = world.line("road.reading", "2025-01-03").counts
    assert (counts["inserted"], counts["changed"], counts["unchanged"]) == (2, 1, 0)
    assert operations(world, "road_reading", "silver")[-1] == "MERGE"
    assert built(world) == {table: ["2025-01-02..2025-01-03"] for table in TABLES}
    totals = {(r["sensor"], r["day"].day): r["total"] for r in world.rows("sensor_days", "gold")}
    assert totals == {("a", 1): 10, ("b", 1): 20, ("c", 1): 30, ("a", 2): 110, ("b", 2): 20, ("c", 2): 31, ("a", 3): 4}
    assert_as_if_whole(world, tmp_path)


def test_a_correction_restates_its_own_figures_only(world: World, tmp_path: Path) -> None:
    deliver(world, 1, {"a": 12, "b": 20, "c": 30}, revision=2)
    world.run(release=True)
    restated = delta.read_arrow(world.lake.table("audit", "restatements"))
    assert restated is not None
    assert sorted((r["table"], r["old"], r["new"]) for r in restated.to_pylist()) == [
        ("sensor_days", "10", "12"),
        ("street_days", "30", "32"),
    ]
    assert_as_if_whole(world, tmp_path)


def test_each_restated_figure_names_the_deliveries_without_which_it_would_be_another(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Between two releases came a new night, the first night again, and a register in which a sensor moved."""
    night, again, moved = (
        ("road.reading", "2025-01-03", 1),
        ("road.reading", "2025-01-01", 2),
        ("road.sensor", "2025-01-03", 1),
    )
    register(world, 3, STREETS | {"b": "Short"})
    deliver(world, 3, {"a": 4, "c": 6})
    deliver(world, 1, {"a": 12, "b": 20}, revision=2)
    world.run(release=True)

    def told() -> dict[tuple[str, ...], list[tuple[str, str, int]]]:
        code, out, _ = typed_at(world, monkeypatch, capsys)("diff", "2", "3", "--json", "--city", roads.CITY)
        assert code == 0, out
        return {
            (r["table"], *r["key"].values(), r["old"], r["new"]): [(d["dataset"], d["business_date"], d["revision"]) for d in r["deliveries"]]
            for r in json.loads(out)["restated"]
        }  # fmt: skip

    assert told() == {
        ("sensor_days", "a", "2025-01-01", "10", "12"): [again],
        ("sensor_days", "c", "2025-01-01", "30", None): [again],
        ("street_days", "Long", "2025-01-01", "30", "12"): [again, moved],
        ("street_days", "Short", "2025-01-01", "30", "20"): [again, moved],
        ("street_days", "Long", "2025-01-02", "40", "20"): [moved],
        ("street_days", "Short", "2025-01-02", "30", "50"): [moved],
    }
    all_of_them = {(again, night), (again, night, moved)}
    with monkeypatch.context() as patch:
        patch.setattr("jobs.night.causes.MOST", 0)
        assert {tuple(sorted(named)) for named in told().values()} == all_of_them
    shutil.rmtree(world.lake.table("silver", "road_reading"))
    assert {tuple(sorted(named)) for named in told().values()} == all_of_them


@pytest.mark.slow
def test_a_register_with_other_rows_builds_what_reads_it_whole_and_one_with_the_same_rows_does_not(
    world: World, tmp_path: Path
) -> None:
    register(world, 3, STREETS)
    deliver(world, 3, {"a": 4, "c": 6})
    world.run(release=True)
    assert built(world) == {table: ["2025-01-03..2025-01-03"] for table in TABLES}
    register(world, 4, STREETS | {"b": "Short"})
    deliver(world, 4, {"a": 4, "c": 6})
    world.run(release=True)
    assert built(world) == {"sensor_days": ["2025-01-04..2025-01-04"], "street_days": []}
    assert_as_if_whole(world, tmp_path)


def test_a_register_that_says_the_same_makes_no_new_version(world: World) -> None:
    before = {k: v for k, v in world.versions().items() if k.startswith("gold.")}
    register(world, 3, STREETS)
    night = world.run(release=True)
    assert [line.outcome for line in night.lines if line.stage == "gold"] == ["built"]
    assert world.run(release=True).lines == []
    assert {k: v for k, v in world.versions().items() if k.startswith("gold.")} == before


@pytest.mark.slow
def test_a_build_that_was_not_released_is_taken_back_before_the_next(
    world: World, tmp_path: Path, interrupted_before: Callable[[str], None]
) -> None:
    deliver(world, 3, {"a": 4, "c": 6})
    interrupted_before("release")
    with pytest.raises(KeyboardInterrupt):
        world.run(release=True)
    assert "2025-01-03" in said(world, "sensor_days")["days"]
    deliver(world, 4, {"a": 8})
    world.run(release=True)
    assert built(world) == {table: ["2025-01-03..2025-01-04"] for table in TABLES}
    assert operations(world, "sensor_days")[-3:] == ["WRITE", "RESTORE", "WRITE"]
    assert_as_if_whole(world, tmp_path)


@pytest.mark.slow
def test_a_build_that_was_interrupted_after_it_was_taken_back_takes_nothing_back_again(
    world: World, tmp_path: Path, interrupted_before: Callable[[str], None]
) -> None:
    deliver(world, 3, {"a": 4, "c": 6})
    interrupted_before("release")
    with pytest.raises(KeyboardInterrupt):
        world.run(release=True)
    deliver(world, 4, {"a": 8})
    interrupted_before("gold")
    with pytest.raises(KeyboardInterrupt):
        world.run(release=True)
    world.run(release=True)
    assert operations(world, "sensor_days").count("RESTORE") == 1
    assert_as_if_whole(world, tmp_path)


@pytest.fixture
def interrupted_before() -> Iterator[Callable[[str], None]]:
    """Interrupt the next run just before a commit."""
    added = []

    def arm(point: str) -> None:
        def observe(event: str) -> None:
            if event == f"before {point}":
                delta.observers.remove(observe)
                raise KeyboardInterrupt

        delta.observers.append(observe)
        added.append(observe)

    yield arm
    for observe in added:
        if observe in delta.observers:
            delta.observers.remove(observe)


@pytest.mark.slow
def test_a_held_day_is_built_again_with_its_correction_and_every_release_reads_as_it_did(
    world: World, tmp_path: Path
) -> None:
    """The head of a held table is not its released version; upkeep of six years later keeps what the last release stands on."""
    before = released(world)
    deliver(world, 3, {"a": 4000, "c": 6})
    assert world.problem_codes(world.run(release=True)) == ["E705"]
    held = released(world)
    assert {t: held[t][1:] for t in TABLES} == {t: before[t][1:] for t in TABLES}
    assert [held[t][0] for t in TABLES] == ["held", "stale"]
    deliver(world, 3, {"a": 4, "c": 6}, revision=2)
    world.run(release=True)
    assert operations(world, "sensor_days")[-2:] == ["RESTORE", "WRITE"]
    assert_every_release_is_there(world)
    now = datetime.now(UTC) + timedelta(days=8)
    nights.maintain(Night(world.lake, world.inbox, Run("test", 1, now), world.open_session, lambda e, w: None))
    assert_every_release_is_there(world)
    assert_as_if_whole(world, tmp_path)


def assert_every_release_is_there(world: World) -> None:
    contracts = load_gold(roads.CITY)
    for release in read_releases(world.lake):
        for t in release.tables.values():
            rows = delta.read_arrow(world.lake.table("gold", t.table), t.version)
            assert rows is not None
            assert (digest_table(rows, contracts[t.table]), rows.num_rows) == (t.digest, t.rows), (release.number, t)


def test_the_command_digest_agrees_with_the_release(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = typed_at(world, monkeypatch, capsys)("digest", "--city", roads.CITY)
    assert (code, out.count("as released")) == (0, 2)
