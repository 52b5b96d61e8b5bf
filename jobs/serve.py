"""The command `lake serve`: gold for analysts' own tools, by Thrift (JDBC) and Spark Connect. It reads, and follows each new release."""

from __future__ import annotations

import secrets
import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from jobs import show
from jobs.ask import app
from jobs.cities import load_gold
from jobs.connect import write_private
from jobs.errors import LakeError
from jobs.lake import Lake
from jobs.release import Release, read_releases
from jobs.settings import Settings, with_settings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

LOOKS_EVERY = 5.0  # seconds


@app.command()
@with_settings
def serve(
    settings: Settings, host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    thrift_port: Annotated[int, typer.Option(help="Port of Thrift, for JDBC.")] = 10000,
    connect_port: Annotated[int, typer.Option(help="Port of Spark Connect.")] = 15003,
    token_file: Annotated[str, typer.Option(help="File that holds the token of Connect [default: a new one].")] = "",
    trusted: Annotated[bool, typer.Option(help="Serve also as a user who can read more than gold: whoever asks can too.")] = False,
) -> None:  # fmt: skip
    """Serve gold until stopped: `gold` is the newest release, `gold_r<N>` release N."""
    from jobs.read_only import is_alive, listen, open_service

    lake = settings.lake
    if not trusted and (opened := lake.open_zones()):
        raise LakeError(
            "E504", place=lake.base, expected="gold, audit.releases and audit.restatements", actual=", ".join(opened)
        )
    token, told = _token(lake, token_file)
    spark = open_service(settings.root, host, thrift_port, connect_port, token)
    views = _Views(settings, spark)
    views.follow()
    listen(spark, host, thrift_port)
    name = "localhost" if host == "127.0.0.1" else host  # by a number, with a token, a Connect client insists on TLS
    show.out.print(f"JDBC: jdbc:hive2://{host}:{thrift_port}/gold\nConnect: sc://{name}:{connect_port} (token: {told})", markup=False)  # fmt: skip
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    while not stopped.wait(LOOKS_EVERY):
        if not is_alive():
            raise LakeError("E502", place="lake serve", expected="Spark of this process", actual="it ended", next_command="lake serve")  # fmt: skip
        views.follow()
    spark.stop()


def _token(lake: Lake, file: str) -> tuple[str, str]:
    """What a Connect client must say, and where people find it."""
    if file:
        try:
            given = Path(file).read_text().strip()
        except OSError as error:
            given, why = "", error.strerror or "cannot be read"
        else:
            why = "an empty file"
        if not given:
            raise LakeError("E002", place="--token-file", expected="a file with the token", actual=f"{file}: {why}")
        return given, file
    path = lake.state() / "serve.token"
    made = secrets.token_urlsafe(32)
    write_private(path, made)
    return made, str(path)


class _Views:
    """The databases that readers see, one a release and `gold` for the newest."""

    def __init__(self, settings: Settings, spark: SparkSession) -> None:
        self.settings, self.spark, self.version = settings, spark, -1
        self.known: set[int] = set()

    def follow(self) -> None:
        """Show what was released since the last look; the newest first, so that nobody waits for the history."""
        from jobs import delta

        state = delta.table_state(self.settings.lake.table("audit", "releases"))
        if state is None or state.version == self.version:
            return
        self._show_audit()
        releases = [r for r in read_releases(self.settings.lake) if r.number not in self.known]
        for release in reversed(releases):
            self._show(release, is_newest=release is releases[-1])
        self.version = state.version

    def _show(self, release: Release, *, is_newest: bool) -> None:
        from jobs.query import open_views

        contracts = load_gold(self.settings.city)
        for database in (f"gold_r{release.number}", *(["gold"] if is_newest else [])):
            lost = open_views(self.spark, self.settings.lake, contracts, release, database)
            if lost:
                show.err.print(f"{database} has damaged tables: {', '.join(lost)}. lake fsck says what to type.", markup=False)  # fmt: skip
        self.known.add(release.number)
        show.out.print(f"release {release.number} of {release.released_at}", markup=False)

    def _show_audit(self) -> None:
        from jobs import delta

        self.spark.sql("CREATE DATABASE IF NOT EXISTS audit")
        for name in ("releases", "restatements"):
            path = self.settings.lake.table("audit", name)
            if delta.table_state(path) is not None:
                self.spark.sql(f"CREATE OR REPLACE VIEW audit.{name} AS SELECT * FROM delta.`{path}`")
