"""The command `audit`: take a checkpoint of the audit tables, and verify that nothing of their past was rewritten."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from jobs import show
from jobs.ask import app
from jobs.chain import Checkpoint
from jobs.checkpoints import TABLES, Verified, bad_entry, read_marks, take_checkpoint, verify_tables
from jobs.errors import LakeError
from jobs.lock import hold_lake
from jobs.settings import Settings, with_settings


@app.command()
@with_settings
def audit(
    settings: Settings, action: Annotated[str, typer.Argument(help="checkpoint or verify")],
    out: Annotated[Path | None, typer.Option(help="File to write the checkpoint to.")] = None,
    checkpoint: Annotated[list[Path] | None, typer.Option(help="Checkpoint from outside the lake; several, if there are.")] = None,
) -> None:  # fmt: skip
    """Take a checkpoint of ledger, decisions, releases and restatements, or verify them and name the first bad entry."""
    if action == "checkpoint":
        _take(settings, out)
    elif action == "verify":
        _verify(settings, [mark for file in checkpoint or () for mark in _read(settings, file)])
    else:
        raise LakeError("E002", place="action", expected="checkpoint or verify", actual=action[:20])


def _take(settings: Settings, out: Path | None) -> None:
    settings.lake.check_format()
    with hold_lake(settings.lake, settings.run, settings.wait):
        taken = take_checkpoint(settings.lake, settings.run.now)
    if out:
        found = show.as_json("checkpoint", city=settings.city, tables=taken)
        out.write_text(found, "utf-8")
    if settings.json:
        show.print_json("checkpoint", city=settings.city, tables=taken)
    else:
        show.print_table(f"Checkpoint of {settings.city}", ["table", "entries", "root", "at"], [[f"audit.{c.table}", c.size, c.root, c.at] for c in taken])  # fmt: skip


def _verify(settings: Settings, checkpoints: Sequence[Checkpoint]) -> None:
    verified = verify_tables(settings.lake, checkpoints)
    faults = [bad_entry(v.table, v.fault) for v in verified if v.fault]
    if settings.json:
        show.print_json("audit", tables=[_as_row(v) for v in verified], problems=[fault.parts() for fault in faults])
    else:
        rows = [[f"audit.{v.table}", v.size, v.root, "bad" if v.fault else "sound"] for v in verified]
        show.print_table("", ["table", "sound entries", "root", ""], rows)
    for fault in faults[1:]:
        show.print_error(fault)
    if faults:
        raise faults[0]


def _as_row(found: Verified) -> dict[str, object]:
    first = found.fault.entry if found.fault else None
    return {
        "table": found.table,
        "size": found.size,
        "root": found.root,
        "older": found.older,
        "first_bad_entry": first,
    }


def _read(settings: Settings, file: Path) -> list[Checkpoint]:
    """A checkpoint of this city from a file; E002 where it is none."""
    try:
        found = json.loads(file.read_text("utf-8"))
        marks, city = read_marks(found), found["city"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _no_checkpoint(file, type(error).__name__) from None
    if city != settings.city or {mark.table for mark in marks} - set(TABLES):
        raise _no_checkpoint(file, f"one of {str(city)[:40]}")
    return marks


def _no_checkpoint(file: Path, actual: str) -> LakeError:
    return LakeError("E002", place=f"--checkpoint {file.name}", expected="a file of `lake audit checkpoint --out` of this city", actual=actual)  # fmt: skip
