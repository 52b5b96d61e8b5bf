"""F5 and F1: an input or output that fails, wherever it does, is a clean message or no harm; typed again, the command ends as undisturbed."""

from __future__ import annotations

import errno
import hashlib
import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from jobs import night as nights
from jobs import store, sums
from jobs.failures import foreseen
from jobs.landing import list_receipts
from jobs.ledger import Ledger, Line, Run, all_lines
from jobs.release import read_releases
from tests.commands import typed_at
from tests.little import World, csv_of

pytestmark = pytest.mark.long

DATE = "2025-01-01"
CALLS = ("open", "os.mkdir", "os.rename", "os.listdir", "os.scandir", "shutil.copyfile")


class Failing:
    """Counts calls of the system below a folder, and fails the one of a number."""

    def __init__(self) -> None:
        self.folder, self.number, self.count = "", 0, 0
        sys.addaudithook(self.hook)  # there is no way to take one away: without a folder it does nothing

    def hook(self, event: str, arguments: tuple[object, ...]) -> None:
        if self.folder and event in CALLS and str(arguments[0]).startswith(self.folder):
            self.count += 1
            if self.count == self.number:
                raise OSError(errno.ENOSPC, "No space left on device", str(arguments[0]))

    @contextmanager
    def at(self, folder: str, number: int) -> Iterator[None]:
        self.folder, self.number, self.count = folder, number, 0
        try:
            yield
        finally:
            self.folder = ""


FAILING = Failing()


def test_whichever_call_fails_while_landing_no_file_is_half_there_and_typing_again_lands_it(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lake = typed_at(world, monkeypatch, capsys)
    codes, number = [], 0
    while not codes or codes[-1] != 0:
        number += 1
        day = (date.fromisoformat(DATE) + timedelta(days=number)).isoformat()
        world.deliver("reg.things", day, csv_of([(1, 2013, number)]), manifest={"records": 1})
        with FAILING.at(world.lake.base, number):
            code, _, said = lake("extract", "--date", day)
        assert code in (0, 6) and (code == 0 or "E601 No space left" in said), (number, code, said)
        codes.append(code)
        for path in Path(world.lake.base).glob("landing/objects/*/*"):
            if not path.name.endswith(".part"):
                assert hashlib.sha256(path.read_bytes()).hexdigest() == path.name, "whole or not there"
        assert lake("extract", "--date", day)[0] == 0
        assert len(list_receipts(world.lake, world.run_nothing().contracts["reg.things"], day)) == 1
    assert codes.count(6) > 3, "some calls were made to fail"


@contextmanager
def no_file_larger_than(size: int) -> Iterator[None]:
    """Writes end there, as on a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("size", [0, 1, 1_000, 70_000, 299_999])
def test_a_disk_that_is_full_in_the_middle_of_a_file_leaves_none_of_it(world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], size: int) -> None:  # fmt: skip
    lake = typed_at(world, monkeypatch, capsys)
    world.deliver("reg.things", DATE, "x" * 300_000)
    with no_file_larger_than(size):
        code, _, said = lake("extract", "--date", DATE)
    assert (code, "E601 No space left" in said) == (6, True), said
    assert list(Path(world.lake.base).glob("landing/receipts/*/*/*/*.json")) == []
    assert lake("extract", "--date", DATE)[0] == 0
    (found,) = [p for p in Path(world.lake.base).glob("landing/objects/*/*") if p.stat().st_size == 300_000]
    assert hashlib.sha256(found.read_bytes()).hexdigest() == found.name


@pytest.mark.parametrize("size", [0, 100, 500, 1_500])
def test_a_line_that_does_not_fit_on_the_disk_leaves_the_ledger_as_it_was(world: World, size: int) -> None:
    ledger = Ledger(world.lake, Run("r1", 1, datetime(2026, 1, 1, tzinfo=UTC)))
    ledger.append(Line("bronze", "reg.things", "accepted", DATE, 1))
    with no_file_larger_than(size), pytest.raises(Exception) as failed:
        ledger.append(Line("silver", "reg.things", "accepted", DATE, 1))
    known = foreseen(failed.value, world.lake)
    assert known is not None and known.code == "E601", failed.value
    lines = [(x.line, x.stage) for x in all_lines(ledger.path)]
    assert lines == [(1, "bronze")]
    ledger.append(Line("silver", "reg.things", "accepted", DATE, 1))
    assert [x.stage for x in all_lines(ledger.path)] == ["bronze", "silver"]


def test_a_log_that_cannot_be_written_stops_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its folder is a file: the delivery is landed all the same, and the loss is said once."""
    lake = typed_at(world, monkeypatch, capsys)
    Path(world.lake.path("logs")).rmdir()
    Path(world.lake.path("logs")).write_text("")
    for day in (DATE, "2025-01-02"):
        world.deliver("reg.things", day, csv_of([(1, 2013, 10)]))
        code, _, said = lake("extract", "--date", day)
        assert (code, said.count("N111 The log of the run was not written")) == (0, 1), said
        assert len(list_receipts(world.lake, world.run_nothing().contracts["reg.things"], day)) == 1


def test_temporary_files_without_space_fail_the_delivery_with_its_code(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.deliver("reg.things", DATE, csv_of([(1, 2013, 10)]))

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "/tmp/x")

    with monkeypatch.context() as patch:
        patch.setattr("tempfile.mkdtemp", full)
        night = world.run_nothing()
        nights.extract(night)
        nights.process(night, ("bronze",))
    assert [(p.code, p.where.dataset, p.where.stage) for p in night.problems] == [("E601", "reg.things", "bronze")]
    assert world.versions().get("bronze.reg_things") is None
    night = world.run_nothing()
    nights.process(night, ("bronze",))
    assert world.line("reg.things", DATE, "bronze").outcome == "accepted"


@pytest.mark.spark
def test_a_run_that_lacked_room_for_a_delivery_publishes_nothing_and_the_same_command_does(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lake = typed_at(world, monkeypatch, capsys)
    world.deliver("reg.things", DATE, csv_of([(1, 2013, 10)]))
    assert lake("run")[0] == 0
    world.deliver("reg.things", "2025-01-02", csv_of([(1, 2013, 11)]))

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "/tmp/x")

    with monkeypatch.context() as patch:
        patch.setattr("jobs.bronze.write_bronze", full)
        code, _, said = lake("run")
    assert (code, "E601 No space left: reg.things 2025-01-02 r1 bronze" in said) == (6, True), said
    assert [r.number for r in read_releases(world.lake)] == [1]
    assert lake("run")[0] == 0
    assert [r.number for r in read_releases(world.lake)] == [1, 2]


@pytest.mark.parametrize("size", [0, 20])
def test_check_sums_that_do_not_fit_on_the_disk_are_not_there_at_all(tmp_path: Path, size: int) -> None:
    files, path = store.open_files(str(tmp_path / "file"))
    Path(path).write_bytes(bytes(10_000))
    with no_file_larger_than(size), pytest.raises(OSError, match="File too large"):
        sums.seal(files, path)
    assert not sums.is_sealed(files, path)
    sums.seal(files, path)
    assert sums.agrees(files, path)


@pytest.mark.programs
def test_a_report_that_was_cut_off_is_written_by_the_next_command(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lake, command = typed_at(world, monkeypatch, capsys), ("bronze", "--date", DATE, "--dataset", "reg.things")
    world.deliver("reg.things", DATE, csv_of([(1, 2013, 10)]))
    assert lake("extract", "--date", DATE)[0] == 0
    assert "Report:" not in lake(*command)[1], "silver follows, and writes the pages"
    with monkeypatch.context() as full:
        full.setattr("jobs.report.write_report", raise_full)
        code, _, said = lake(*command)
    assert (code, "E601 No space left: report reports" in said) == (6, True), said
    code, out, _ = lake(*command)
    assert (code, "N107" in out, "Report:" in out) == (0, True, True)
    assert Path(world.lake.path("reports", "index.html")).exists()
    assert "Report:" not in lake(*command)[1], "and then it is written"


def raise_full(*_: object, **__: object) -> str:
    raise OSError(errno.ENOSPC, "No space left on device")
