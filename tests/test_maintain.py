"""`lake maintain` removes what nobody needs any more, and nothing that a kept release stands on."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from jobs import delta, versions
from jobs import night as nights
from jobs import stage as stages
from jobs.cities import load_gold
from jobs.digest import digest_table
from jobs.ledger import Run
from jobs.night import Night
from jobs.night.upkeep import Upkeep
from jobs.release import read_releases
from tests.little import World, csv_of

pytestmark = pytest.mark.spark


def maintain(world: World, ahead: timedelta = timedelta()) -> tuple[Night, dict[str, Upkeep]]:
    """Upkeep by a clock that is ahead; what was done by table."""
    run = Run("test", 1, datetime.now(UTC) + ahead)
    night = Night(world.lake, world.inbox, run, world.open_session, lambda e, w: None)
    return night, {done.table: done for done in nights.maintain(night)}


def files(world: World, zone: str) -> set[str]:
    return {str(p) for p in Path(world.lake.path(zone)).rglob("*.parquet") if "_delta_log" not in p.parts}


def released(world: World) -> dict[int, str]:
    """Digest of `gold.totals` as each release published it."""
    contract = load_gold("little")["totals"]
    found = {}
    for release in read_releases(world.lake):
        rows = delta.read_arrow(world.lake.table("gold", "totals"), release.tables["totals"].version)
        assert rows is not None
        found[release.number] = digest_table(rows, contract)
    return found


@pytest.fixture(scope="module")
def three_nights(shared_world: World) -> World:
    """Three nights, three releases; each night rewrote silver and gold."""
    for day, value in (("2025-01-01", 10), ("2025-01-02", 11), ("2025-01-03", 12)):
        shared_world.deliver("reg.things", day, csv_of([(1, 2013, value), (2, 2014, 20)]))
        shared_world.run(release=True)
    return shared_world


@pytest.fixture
def aged(world: World, three_nights: World) -> World:
    return world.take(three_nights)


def test_within_a_week_nothing_is_removed(aged: World) -> None:
    before = files(aged, "silver") | files(aged, "gold")
    _, done = maintain(aged, timedelta(days=6))
    assert {d.removed for d in done.values()} == {0}
    assert files(aged, "silver") | files(aged, "gold") == before


def test_after_a_week_old_files_of_silver_go_and_every_release_reads_as_before(aged: World) -> None:
    gold, rows, digests = files(aged, "gold"), aged.rows("reg.things"), released(aged)
    assert len(set(digests.values())) == 3
    night, done = maintain(aged, timedelta(days=8))
    assert (night.problems, done["silver.reg_things"].removed > 0) == ([], True)
    table = delta.open_table(aged.lake.table("silver", "reg_things"))
    assert table is not None
    assert {Path(f).name for f in files(aged, "silver")} == {Path(f).name for f in table.file_uris()}
    assert (files(aged, "gold"), aged.rows("reg.things"), released(aged)) == (gold, rows, digests)


def test_a_kept_up_lake_has_nothing_to_do_and_takes_the_next_night(aged: World) -> None:
    maintain(aged, timedelta(days=8))
    before = {k: v for k, v in aged.versions().items() if not k.startswith("audit")}
    assert aged.run(release=True).lines == []
    assert {k: v for k, v in aged.versions().items() if not k.startswith("audit")} == before
    aged.deliver("reg.things", "2025-01-04", csv_of([(1, 2013, 13), (2, 2014, 20)]))
    night = aged.run(release=True)
    assert night.problems == []
    assert [r["total"] for r in aged.rows("totals", "gold")] == [13, 20]
    assert aged.line("reg.things", "2025-01-04").counts["changed"] == 1


def test_after_a_month_the_log_of_bronze_is_short_and_the_nights_are_still_known(aged: World) -> None:
    log = Path(aged.lake.table("bronze", "reg_things")) / "_delta_log"
    month_ago = time.time() - timedelta(days=31).total_seconds()
    for entry in log.iterdir():
        os.utime(entry, (month_ago, month_ago))
    rows = aged.rows("reg.things", "bronze")
    _, done = maintain(aged)
    assert done["bronze.reg_things"].log > 0
    assert aged.rows("reg.things", "bronze") == rows
    assert aged.run(release=True).lines == []


def test_a_table_of_which_a_kept_release_would_lose_a_file_is_left_alone(aged: World) -> None:
    """A third year holds `gold.totals`: readers keep the version before, which no commit of today needs."""
    aged.deliver("reg.things", "2025-01-04", csv_of([(1, 2013, 13), (2, 2014, 20), (3, 2015, 30)]))
    aged.run(release=True)
    assert read_releases(aged.lake)[-1].tables["totals"].status == "held"
    before, digests = files(aged, "gold"), released(aged)
    night, _ = maintain(aged, timedelta(days=6 * 365))
    assert [(p.code, p.where.place) for p in night.problems] == [("E605", "gold.totals")]
    assert (files(aged, "gold"), released(aged)) == (before, digests)


def test_a_ledger_of_many_small_files_becomes_one_and_says_the_same(aged: World, spark: SparkSession) -> None:
    path = aged.lake.table("audit", "ledger")
    for n in range(delta.FEW_FILES):
        aged.deliver("tax.yearly", "2025-01-01", csv_of([(1, 2013, n)]), revision=n + 1)
    night = aged.run_nothing()
    nights.extract(night)
    nights.process(night, ("bronze",))
    before = delta.read_arrow(path)
    _, done = maintain(aged)
    after = delta.read_arrow(path)
    assert before is not None
    assert after is not None
    assert done["audit.ledger"].joined > 0
    assert [r for r in after.sort_by("line").to_pylist() if r["stage"] != "maintain"] == before.sort_by(
        "line"
    ).to_pylist()


def test_small_files_of_silver_are_joined_and_what_is_folded_is_still_known(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A table that is too large to be rewritten takes each night by MERGE, which leaves a few files more."""
    monkeypatch.setattr(stages, "SMALL", -1)
    for day, value in (("2025-01-01", 10), ("2025-01-02", 11), ("2025-01-03", 12)):
        world.deliver("reg.things", day, csv_of([(1, 2013, value), (2, 2014, 20)]))
        world.run()
    path = world.lake.table("silver", "reg_things")
    rows, folded = world.rows("reg.things"), delta.table_state(path)
    assert folded is not None
    monkeypatch.setattr(delta, "FEW_FILES", 1)
    _, done = maintain(world)
    joined = delta.table_state(path)
    assert joined is not None
    assert (done["silver.reg_things"].joined > 0, joined.version > folded.version) == (True, True)
    assert (world.rows("reg.things"), joined.metadata) == (rows, folded.metadata)
    assert world.run().lines == []


def test_a_run_after_small_files_were_joined_has_nothing_to_do(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stages, "SMALL", -1)
    for day, value in (("2025-01-01", 10), ("2025-01-02", 11), ("2025-01-03", 12)):
        world.deliver("reg.things", day, csv_of([(1, 2013, value), (2, 2014, 20)]))
        world.run(release=True)
    monkeypatch.setattr(delta, "FEW_FILES", 1)
    _, done = maintain(world)
    assert done["silver.reg_things"].joined > 0
    before = read_releases(world.lake)[-1].number
    assert not nights.is_release_owed(world.run_nothing())
    assert world.run(release=True).lines == []
    assert read_releases(world.lake)[-1].number == before
    maintain(world, timedelta(days=8))  # now the files that were joined are gone
    path, (read,) = world.lake.table("silver", "reg_things"), read_releases(world.lake)[-1].tables["totals"].reads
    assert not delta.holds(path, read["table_id"], read["version"])
    assert delta.holds(path, read["table_id"], versions.rows_until(path, read["version"]))
    assert world.run(release=True).lines == []
    world.deliver("reg.things", "2025-01-04", csv_of([(1, 2013, 13), (2, 2014, 20)]))
    world.run(release=True)
    assert read_releases(world.lake)[-1].number == before + 1
