"""Type commands at a lake in this process, as a person would."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout

import pytest

from jobs import cli
from tests.little import CITY, World

Command = Callable[..., tuple[int, str, str]]


def typed_at(world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """A function that runs `lake ARGUMENTS`; it gives the exit code and what was printed on stdout and stderr."""
    for name, value in {"LAKE_ROOT": world.lake.root, "LAKE_INBOX": str(world.inbox), "LAKE_CITY": CITY}.items():
        monkeypatch.setenv(name, value)

    def call(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["lake", *arguments])
        monkeypatch.setattr("jobs.show._printed", [])
        with pytest.raises(SystemExit) as left:
            cli.main()
        said = capsys.readouterr()
        return int(left.value.code or 0), said.out, said.err

    return call


def type_at(world: World, *arguments: str) -> tuple[int, str]:
    """Run `lake ARGUMENTS` where no test's fixtures are; gives the exit code and what was printed on stderr."""
    places = ("--root", world.lake.root, "--inbox", str(world.inbox), "--city", world.lake.city)
    told = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(io.StringIO()), redirect_stderr(told):
        patch.setattr(sys, "argv", ["lake", *arguments, *places])
        with pytest.raises(SystemExit) as left:
            cli.main()
    return int(left.value.code or 0), told.getvalue()
