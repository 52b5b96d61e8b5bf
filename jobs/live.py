"""The command suppliers: the departments of an invented city as real servers, to fetch its nights from."""

from __future__ import annotations

import shlex
import signal
import tempfile
import threading
from pathlib import Path
from typing import Annotated

import typer

from jobs import show
from jobs.ask import app
from jobs.cities import load_contracts
from jobs.connect import write_private
from jobs.errors import LakeError
from jobs.settings import Settings, with_settings


@app.command()
@with_settings
def suppliers(
    settings: Settings, action: Annotated[str, typer.Argument(help="up: start them, until stopped")],
    source: Annotated[Path, typer.Option("--from", help="Folder that `lake generate` wrote.")],
) -> None:  # fmt: skip
    """The departments of a generated city as servers on this machine, for `--deliveries live`; their secrets go into a private file."""
    if action != "up":
        raise LakeError("E002", place="suppliers", expected="up", actual=action[:20])
    source = source.absolute()  # servers run in folders of their own
    inbox = source / "inbox"
    if not inbox.is_dir():
        raise LakeError(
            "E002", place="--from", expected="a folder with an inbox, from lake generate", actual=str(source)
        )
    try:
        from jobs.suppliers.up import serve_all
    except ModuleNotFoundError as error:
        raise LakeError("E002", place="suppliers", expected="the packages of make setup-dev", actual=f"no {error.name}", next_command="make setup-dev") from error  # fmt: skip
    contracts = load_contracts(settings.city)
    if not any("live" in c.places and (inbox / c.source / c.name).is_dir() for c in contracts.values()):
        raise LakeError("E002", place="--city", expected="the city of the deliveries, its contracts with live servers", actual=settings.city)  # fmt: skip
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    file = source / "suppliers.env"
    with (
        tempfile.TemporaryDirectory(prefix="suppliers-", dir=source) as folder,
        serve_all(contracts, inbox, Path(folder)) as variables,
    ):
        write_private(file, "".join(f"export {k}={shlex.quote(v)}\n" for k, v in sorted(variables.items())))
        show.out.print(f"Up, on loopback. In another terminal: . {file}; LAKE_CITY={settings.city} lake run --deliveries live", markup=False)  # fmt: skip
        stopped.wait()
    file.unlink(missing_ok=True)
