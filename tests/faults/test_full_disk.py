"""F1: a disk that fills up while a night is worked on: E601 says where, readers see what they saw, and with room the same command finishes."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from jobs import delta
from jobs.cities import load_gold
from jobs.report import write_report
from tests.commands import typed_at
from tests.faults.small_disk import SmallDisk, mount_small_disk
from tests.laws.crash_lake import published, said
from tests.little import World, csv_of, no_session

RUN = ("run", "--now", "2026-01-01T12:00:00Z", "--json")
STAGES = ("extract", "bronze", "silver", "gold", "release", "report")
# Where the disk fills up, and the stage that is then at work.
MOMENTS = {
    "landing": "extract", "quarantine_bronze": "bronze", "bronze": "bronze", "ledger": "bronze", "quarantine_silver": "silver",
    "silver": "silver", "gold": "gold", "restatement": "release", "release": "release", "report": "report",
}  # fmt: skip
PAGES, IN_CI = range(8), [("silver", 1), ("gold", 1), ("report", 0)]


@dataclass(frozen=True)
class Night:
    """A lake after its first night, with the second in the inbox; what readers see, and what the lake says after an undisturbed second."""

    folder: Path
    before: dict[str, str]
    after: dict[str, Any]


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory, little_conf: Path, spark: Any) -> Iterator[Night]:
    folder = tmp_path_factory.mktemp("night")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(folder / "state"))
        patch.setenv("LAKE_CONF", str(little_conf))
        world = World(folder / "world", lambda: spark)
        world.deliver("reg.things", "2025-01-01", csv_of([(1, 2013, 10), (2, 2013, 20), (3, 2013, "x")]) + "short\n")
        world.run(release=True)
        before = published(world)
        world.deliver("reg.things", "2025-01-02", csv_of([(1, 2013, 11), (2, 2013, "y"), (3, 2013, 30)]) + "short\n")
        shutil.copytree(folder / "world", folder / "first")
        worked = world.run(release=True)
        write_report(world.lake, worked.contracts, load_gold(world.lake.city), worked.city.title)
        yield Night(folder / "first", before, said(world))


def full_disks() -> list[Any]:
    cases = [(moment, pages) for moment in MOMENTS for pages in PAGES]
    return [
        pytest.param(*case, marks=[pytest.mark.crash, *([pytest.mark.slow] if case in IN_CI else [])]) for case in cases
    ]


@contextmanager
def filling_up(disk: SmallDisk, moment: str, pages: int) -> Iterator[None]:
    """The disk fills up just before a commit point is first passed; `landing` is before everything, `report` after the release's line."""
    is_released = False

    def observe(event: str) -> None:
        nonlocal is_released
        is_released |= event == "after release"
        is_there = event == f"before {moment}" or (moment == "report" and is_released and event == "after ledger")
        if is_there and not disk.filler.exists():
            disk.fill(pages)

    if moment == "landing":
        disk.fill(pages)
    delta.observers.append(observe)
    try:
        yield
    finally:
        delta.observers.remove(observe)
    assert disk.filler.exists(), f"{moment} was not met"
    disk.empty()


@pytest.mark.spark
@pytest.mark.parametrize(("moment", "pages"), full_disks())
def test_a_night_on_a_disk_that_fills_up_is_told_so_and_finished_when_there_is_room(
    night: Night, spark: object, little_conf: Path, state_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    moment: str, pages: int,
) -> None:  # fmt: skip
    monkeypatch.setenv("LAKE_CONF", str(little_conf))
    with mount_small_disk(tmp_path / "disk") as disk:
        shutil.copytree(night.folder, disk.folder / "night")
        world = World(disk.folder / "night", no_session)
        lake = typed_at(world, monkeypatch, capsys)
        with filling_up(disk, moment, pages):
            code, out, told = lake(*RUN)
        assert "Traceback" not in told, told
        assert code == 6 or (code == 0 and pages), told
        if code:
            assert_says_where(json.loads(out), MOMENTS[moment])
        assert published(world) in (night.before, night.after["published"])
        code, _, told = lake(*RUN)
        assert code == 0, told
        assert said(world) == night.after


def assert_says_where(found: dict[str, Any], stage: str) -> None:
    """E601, with everything that a person needs to act on it; the stage is the one at work or, where its own writes had room, a later one."""
    errors = [found["error"]] if "error" in found else found["problems"]
    assert {e["code"] for e in errors} == {"E601"}, errors
    for error in errors:
        needed = [
            "place",
            "expected",
            "actual",
            "evidence",
            "next",
            *([] if error["stage"] == "report" else ["dataset"]),
        ]
        assert [name for name in needed if not error[name]] == [], error
        assert error["stage"] in STAGES[STAGES.index(stage) :], error
        assert "No space left on device" in error["actual"], error


@pytest.mark.parametrize("pages", range(4))
def test_a_lake_that_is_begun_on_a_full_disk_is_made_when_there_is_room(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], pages: int
) -> None:
    world.deliver("reg.things", "2025-01-01", csv_of([(1, 2013, 10)]))
    lake = typed_at(world, monkeypatch, capsys)
    with mount_small_disk(tmp_path / "disk", "1m") as disk:
        command = ("extract", "--date", "2025-01-01", "--root", str(disk.folder / "lake"))
        disk.fill(pages)
        code, _, told = lake(*command)
        assert (code, "E601 No space left" in told) == (6, True) or (code == 0 and pages), told
        disk.empty()
        assert lake(*command)[0] == 0
