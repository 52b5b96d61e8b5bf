"""Order does not matter, again is nothing, and a lake is a function of what was landed and decided."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from jobs import delta, landing
from jobs import night as nights
from jobs.cities import load_contracts, load_gold
from jobs.lake import Lake
from tests.commands import typed_at
from tests.laws.contents import contents, digests, quarantined
from tests.little import World, csv_of

CHANGES = "key,period,value,sequence,operation"
MENDED = {"key": "2", "period": "2013", "value": "21"}
NIGHTS = {
    ("reg.things", "2025-01-01", 1): csv_of([(1, 2013, 10), (2, 2013, "x"), (3, 2013, 30)]) + "short\n",
    ("reg.things", "2025-01-03", 1): csv_of([(1, 2013, 11)]),
    ("reg.things", "2025-01-03", 2): csv_of([(1, 2013, 12), (2, 2013, 20)]),
    ("reg.moves", "2025-01-02", 1): csv_of([(1, 2013, 10, 1, "I"), (1, 2013, 12, 2, "U")], CHANGES),
    ("tax.yearly", "2025-01-01", 1): "",
}


def deliver(world: World, *names: tuple[str, str, int]) -> None:
    """Put deliveries into the inbox, with the time of delivery in their manifests."""
    for dataset, date, revision in names:
        stated = {"delivered_at": f"{date}T22:00:00+08:00"}
        world.deliver(dataset, date, NIGHTS[dataset, date, revision], revision=revision, manifest=stated)


def mend(world: World) -> None:
    world.decide("mend", "reg.things", "2025-01-01", file="data.csv", record=2, values=MENDED)


@pytest.fixture(scope="module")
def make_world(
    tmp_path_factory: pytest.TempPathFactory, little_conf: Path, request: pytest.FixtureRequest
) -> Iterator[Callable[[], World]]:
    """Lakes of the little city that live as long as this module."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAKE_CONF", str(little_conf))
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        yield lambda: World(tmp_path_factory.mktemp("world"), lambda: request.getfixturevalue("spark"))


@pytest.fixture(scope="module")
def disordered(make_world: Callable[[], World]) -> World:
    """A newer night first, then a late one with flaws beside a broken file, then a correction and a mend."""
    world = make_world()
    deliver(world, ("reg.things", "2025-01-03", 1))
    world.run()
    deliver(world, ("reg.things", "2025-01-01", 1), ("tax.yearly", "2025-01-01", 1), ("reg.moves", "2025-01-02", 1))
    world.run()
    mend(world)
    deliver(world, ("reg.things", "2025-01-03", 2))
    world.run(release=True)
    return world


def refuse_session() -> Any:
    raise AssertionError("a JVM was asked for")


@pytest.mark.spark
def test_late_corrected_and_mended_nights_end_in_the_rows_of_their_dates(disordered: World) -> None:
    assert disordered.history("reg.things") == [
        (1, 2013, 10, "2025-01-01", "2025-01-03"),
        (1, 2013, 12, "2025-01-03", None),
        (2, 2013, 20, "2025-01-03", None),
        (2, 2013, 21, "2025-01-01", "2025-01-03"),
        (3, 2013, 30, "2025-01-01", "2025-01-03"),
    ]


@pytest.mark.spark
def test_a_broken_file_of_one_department_stops_no_other(disordered: World) -> None:
    broken = disordered.line("tax.yearly", "2025-01-01", "bronze")
    assert (broken.outcome, bool(broken.error)) == ("refused", True)
    assert disordered.line("reg.moves", "2025-01-02").outcome == "accepted"
    assert set(digests(disordered)) == {"silver.reg_things", "silver.reg_moves", "gold.totals"}


@pytest.mark.spark
def test_a_second_run_writes_no_table_and_starts_no_jvm(disordered: World) -> None:
    before = disordered.versions()
    again = World(disordered.inbox.parent, refuse_session)
    assert again.run(release=True).lines == []
    assert again.versions() == before


@pytest.mark.spark
def test_no_column_of_silver_or_gold_is_a_float(disordered: World) -> None:
    names = ["silver.reg_things", "silver.reg_moves", "gold.totals"]
    tables = [delta.read_arrow(disordered.lake.table(*name.split("."))) for name in names]
    kinds = [field.type for table in tables if table is not None for field in table.schema]
    assert kinds
    assert not [kind for kind in kinds if pa.types.is_floating(kind)]


def test_no_contract_declares_a_float() -> None:
    contracts = [*load_contracts("new_york").values(), *load_gold("new_york").values()]
    kinds = {f"{c.dataset}.{column.name}": column.spark_type for c in contracts for column in c.columns}
    assert kinds
    assert not {name: kind for name, kind in kinds.items() if kind in ("float", "double")}


@pytest.mark.spark
def test_landing_and_decisions_alone_rebuild_to_the_same_digests(
    disordered: World, make_world: Callable[[], World], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:  # fmt: skip
    rebuilt = make_world()
    rebuilt.lake = Lake(str(rebuilt.inbox.parent / "rebuilt"), rebuilt.lake.city)
    code, _, said = typed_at(disordered, monkeypatch, capsys)("rebuild", "--to", rebuilt.lake.root)
    assert code == 0, said
    assert digests(rebuilt) == digests(disordered)
    assert quarantined(rebuilt) == quarantined(disordered)


@pytest.mark.spark
def test_a_lake_that_lost_a_receipt_is_not_rebuilt_to_the_release(
    disordered: World, make_world: Callable[[], World], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:  # fmt: skip
    robbed = make_world()
    shutil.copytree(disordered.lake.base, robbed.lake.base, dirs_exist_ok=True)
    Path(robbed.lake.path("landing", "receipts", "reg", "things", "2025-01-03", "r2.json")).unlink()
    code, _, said = typed_at(robbed, monkeypatch, capsys)("rebuild", "--to", str(robbed.inbox.parent / "rebuilt"))
    assert (code, "E623" in said, "gold.totals" in said) == (6, True, True), said


@pytest.mark.spark
@pytest.mark.slow
def test_deleting_the_ledger_costs_time_and_changes_nothing(disordered: World, make_world: Callable[[], World]) -> None:
    copy = make_world()
    shutil.copytree(disordered.lake.base, copy.lake.base, dirs_exist_ok=True)
    shutil.rmtree(Path(copy.lake.base, "audit", "ledger"))
    before = contents(copy)
    copy.run(release=True)
    assert contents(copy) == before, "the same rows, and no release that says nothing new"
    again = World(copy.inbox.parent, refuse_session)
    assert again.run(release=True).lines == []


@pytest.mark.spark
@pytest.mark.slow
def test_arrivals_in_order_and_at_another_time_end_in_the_same_digests(
    disordered: World, make_world: Callable[[], World]
) -> None:
    world = make_world()
    deliver(world, *NIGHTS)
    world.run(now="2026-05-05T05:05:05Z")
    mend(world)
    world.run(now="2026-06-06T06:06:06Z", release=True)
    assert digests(world) == digests(disordered)
    assert quarantined(world) == quarantined(disordered)


def test_receipts_of_manifests_that_state_their_time_do_not_know_the_clock(make_world: Callable[[], World]) -> None:
    found = []
    for now in ("2026-01-01T12:00:00Z", "2026-05-05T05:05:05Z"):
        world = make_world()
        deliver(world, *NIGHTS)
        night = world.run_nothing()
        nights.extract(nights.Night(world.lake, world.inbox, run_at(now), refuse_session, lambda *_: None))
        found.append([r for c in night.contracts.values() for r in landing.list_receipts(world.lake, c)])
    assert found[0] == found[1]
    assert len(found[0]) == len(NIGHTS)


def run_at(now: str) -> Any:
    from datetime import datetime

    from jobs.ledger import Run

    return Run("test", 1, datetime.fromisoformat(now))
