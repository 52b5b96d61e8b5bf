"""The command line `lake`: every command, and what a failure prints."""

from __future__ import annotations

import gc
import sys
import traceback
from functools import cache
from typing import Any

import typer
import typer.main

from jobs import (  # noqa: F401 - they add their commands
    audit,
    decide,
    diff,
    docs,
    examine,
    generate,
    links,
    live,
    maintain,
    mend,
    new,
    pages,
    rebuild,
    run,
    serve,
    server,
    show,
    sql,
    status,
    steps,
    trace,
    verify,
)
from jobs.ask import app
from jobs.errors import LakeError

USAGE = (
    "UsageError", "BadParameter", "NoSuchOption", "NoSuchCommand", "MissingParameter", "NoArgsIsHelpError", "BadOptionUsage",
    "BadArgumentUsage", "FileError",
)  # fmt: skip


def main() -> None:
    """Run a command; a foreseen failure prints its message and gives its exit code."""
    # A command makes many objects, keeps most of them and ends: looking for garbage among them slows its start.
    gc.set_threshold(100_000, 20, 50)
    sys.exit(_run_command(sys.argv[1:]))


def _run_command(arguments: list[str]) -> int:
    try:
        return (
            _commands()(arguments, standalone_mode=False) or 0
        )  # what typer.Exit carried; None where a command just returned
    except (typer.Abort, KeyboardInterrupt):
        show.err.print("Stopped. The same command finishes the night.")
        return 1
    except Exception as error:
        failure = _name_failure(error)
        show.print_failure(failure, "--json" in arguments)
        return failure.exit


@cache
def _commands() -> Any:
    """Every command with its options, made once a process."""
    return typer.main.get_command(app)


def _name_failure(error: Exception) -> LakeError:
    """The code of what stopped a command. Only what no code foresees leaves a trace on the terminal."""
    if isinstance(error, LakeError):
        return error
    if type(error).__name__ in USAGE:
        return LakeError("E002", place="command line", actual=str(error))
    show.err.print(traceback.format_exc())
    return LakeError("E001", actual=type(error).__name__)
