"""What the system, Delta and Spark raise has the code that the help explains."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from jobs import delta
from jobs.failures import foreseen
from jobs.lake import Lake
from tests.commands import typed_at
from tests.little import World, csv_of


def log_of(table: Path, version: int) -> Path:
    return table / "_delta_log" / f"{version:020}.json"


DAMAGES: dict[str, Callable[[Path], object]] = {
    "a gap in the log": lambda t: log_of(t, 1).unlink(),
    "no first commit": lambda t: log_of(t, 0).unlink(),
    "a commit that is no JSON": lambda t: log_of(t, 2).write_text("{x"),
    "no files": lambda t: [p.unlink() for p in t.glob("*.parquet")],
    "half of the files": lambda t: [os.truncate(p, 50) for p in t.glob("*.parquet")],
    "empty files": lambda t: [os.truncate(p, 0) for p in t.glob("*.parquet")],
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_table_is_named_as_such(tmp_path: Path, damage: str) -> None:
    lake = Lake(str(tmp_path), "little")
    for n in range(3):
        delta.append_rows(lake.table("audit", "ledger"), pa.table({"n": [n]}), "ledger")
    DAMAGES[damage](Path(lake.table("audit", "ledger")))
    with pytest.raises(Exception) as raised:
        delta.read_arrow(lake.table("audit", "ledger"))
    found = foreseen(raised.value, lake)
    assert found is not None
    assert (found.code, found.exit) == ("E602", 6)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "/x"), "E601"),
        (OSError("Generic LocalFileSystem error: Unable to write: No space left on device (os error 28)"), "E601"),
        (OSError(errno.EROFS, "Read-only file system", "/x"), "E608"),
        (PermissionError(errno.EACCES, "Permission denied", "/x"), "E608"),
        (OSError("When reading 'x': AWS Error ACCESS_DENIED during HeadObject operation: No response body."), "E609"),
        (OSError("Kernel error -> Generic S3 error: error sending request"), "E609"),
        (OSError("Kernel error -> The operation lacked the necessary privileges to complete"), "E609"),
        (OSError("Kernel error -> Object at location s3://x not found: 404 Not Found"), "E602"),
        (OSError("org.apache.hadoop.fs.ChecksumException: Checksum error: file:/x at 0 exp: 1 got: 2"), "E602"),
        (FileNotFoundError(errno.ENOENT, "No such file", "/elsewhere"), ""),
        (ValueError("No space left on device"), ""),
    ],
)
def test_what_the_system_says_has_a_code(tmp_path: Path, error: Exception, code: str) -> None:
    found = foreseen(error, Lake(str(tmp_path), "little"))
    assert (found.code if found else "") == code


@pytest.mark.parametrize("root", ["/proc/nolake", "a file"])
def test_a_lake_that_cannot_be_made_is_said_so(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], root: str
) -> None:
    command = typed_at(world, monkeypatch, capsys)
    (tmp_path / "a file").write_text("")
    code, out, said = command("run", "--json", "--root", root if root.startswith("/") else str(tmp_path / root))
    assert (code, "E608" in said, "Traceback" in said) == (6, True, False), said
    found = json.loads(out)
    assert (found["schema_version"], found["error"]["code"]) == (1, "E608")


@pytest.mark.programs
def test_a_disk_that_is_full_while_a_delivery_is_read_fails_that_delivery_with_its_code(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.deliver("reg.things", "2025-01-01", csv_of([(1, 2013, 10)]))

    def full(*_: object, **__: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("jobs.bronze.write_bronze", full)
    night = world.run()
    assert [(p.code, p.where.dataset, p.where.stage, p.exit) for p in night.problems] == [
        ("E601", "reg.things", "bronze", 6)
    ]


def test_a_lost_ledger_file_is_damage_and_no_trace(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command = typed_at(world, monkeypatch, capsys)
    path = world.lake.table("audit", "ledger")
    delta.append_rows(path, pa.table({"n": [1]}), "ledger")
    for file in Path(path).glob("*.parquet"):
        file.unlink()
    code, _, said = command("status")
    assert (code, "E602" in said, "Traceback" in said) == (6, True, False), said


@pytest.mark.parametrize(
    "arguments",
    [
        ("sql", "-f", "nofile.sql"),
        ("sql", "SELECT 1", "--out", "/nonexistent/x.csv"),
        ("sql", "SELECT 1", "--out", "x.txt"),
        ("sql", "SELECT 1", "--format", "xml"),
        ("check", "nofile.csv", "--dataset", "reg.things"),
        ("check", "/", "--dataset", "reg.things"),
    ],
)
def test_a_wrong_file_name_is_the_commands_fault_at_once(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    command = typed_at(world, monkeypatch, capsys)
    monkeypatch.setattr("jobs.session.open_session", lambda *_, **__: pytest.fail("no session is needed to see that"))
    code, out, said = command(*arguments, "--json")
    assert (code, json.loads(out)["error"]["code"], "Traceback" in said) == (2, "E002", False), said
