"""The command `server`: a warm Spark for this lake's commands."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from jobs import connect, show
from jobs.ask import app
from jobs.errors import LakeError
from jobs.settings import Settings, with_settings

ACTIONS = ("start", "stop", "status", "run")


@app.command()
@with_settings
def server(settings: Settings, action: Annotated[str, typer.Argument(help="start, stop, status, or run in the foreground")]) -> None:  # fmt: skip
    """Keep Spark warm between commands: they attach to this lake's Connect server where one runs."""
    if action not in ACTIONS:
        raise LakeError("E002", place="server", expected=", ".join(ACTIONS), actual=action[:20])
    if action == "run":
        _run_here(settings.root)
    if action == "stop":
        _stop(settings)
        return
    known = connect.start(settings.lake) if action == "start" else connect.read_record(settings.lake)
    _tell(settings, known)


def _run_here(root: str) -> None:
    """Become the server; how a container runs it. Its token is SPARK_CONNECT_AUTHENTICATE_TOKEN, its port LAKE_SERVER_PORT or 15002."""
    port = int(os.environ.get("LAKE_SERVER_PORT") or 15002)
    words = connect.command(root, port, port + 1, os.environ.get("LAKE_SERVER_BIND") or "127.0.0.1")
    os.execve(words[0], words, connect.environment(os.environ.get(connect.TOKEN, "")))


def _stop(settings: Settings) -> None:
    from jobs.lock import hold_lake

    with hold_lake(settings.lake, settings.run, settings.wait):
        ran = connect.stop(settings.lake)
    if settings.json:
        show.print_json("server", stopped=ran)
    else:
        show.out.print("The server is stopped." if ran else "No server was running.")


def _tell(settings: Settings, known: connect.Server | None) -> None:
    """Say where the server is and what it does; exit code 1 where one should run and does not."""
    facts = _facts(known) if known and known.is_running else {}
    if settings.json:
        show.print_json("server", running=bool(facts), **facts)
    elif known is None:
        show.out.print("No server runs: each command starts its own Spark. `lake server start` keeps one warm.")
    elif not facts:
        show.out.print("The server died. The next command that needs it starts it again.")
        show.out.print(f"Its log: {connect.log_file(settings.lake)}")
    else:
        show.print_table("Spark Connect server", ["", ""], [[k, v] for k, v in facts.items()])
    raise typer.Exit(1 if known and not facts else 0)


def _facts(known: connect.Server) -> dict[str, Any]:
    pages = int(Path(f"/proc/{known.pid}/statm").read_text().split()[1])
    return {
        "address": f"sc://localhost:{known.port}",
        "page": f"http://127.0.0.1:{known.page}",
        "pid": known.pid,
        "memory_mb": pages * os.sysconf("SC_PAGE_SIZE") >> 20,
        "running_jobs": connect.running_jobs(known),
    }
