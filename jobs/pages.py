"""The command `lake pages`: the auditor's pages over HTTP, from wherever the lake is. It only reads, and has no log-in."""

from __future__ import annotations

import re
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Annotated
from urllib.parse import unquote, urlsplit

import typer

from jobs import show
from jobs.ask import app
from jobs.lake import Lake
from jobs.settings import Settings, with_settings

KINDS = {".html": "text/html; charset=utf-8", ".svg": "image/svg+xml"}
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
DELIVERY = re.compile(r"(/[a-z]{2})?/datasets/([a-z0-9_]+\.[a-z0-9_]+)/(\d{4}-\d{2}-\d{2})")
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'; script-src {}"


@app.command()
@with_settings
def pages(
    settings: Settings, host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8090,
) -> None:  # fmt: skip
    """Serve the report pages until stopped, for readers who cannot open the lake's folder."""
    with make_server(settings.lake, host, port) as server:
        show.out.print(f"Report pages: http://{host}:{server.server_port}/")
        server.serve_forever()


def make_server(lake: Lake, host: str, port: int) -> ThreadingHTTPServer:
    """A server of a lake's report pages; `/health` answers as soon as it listens."""
    from jobs.report.pages import script_hashes

    policy = POLICY.format(" ".join(f"'{h}'" for h in script_hashes()))
    return ThreadingHTTPServer((host, port), type("Pages", (_Pages,), {"lake": lake, "policy": policy}))


class _Pages(BaseHTTPRequestHandler):
    """What http.server asks for: one object a request."""

    lake: Lake
    policy: str  # the scripts that a page may run are those of the report, by their hashes
    server_version, sys_version = "lake", ""

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        if path == "/health":
            self._answer(200, b"ok\n", "text/plain")
            return
        page = read_page(self.lake, path)
        if page is None and (newest := find_newest(self.lake, path)):
            self.send_response(302)
            self.send_header("Location", newest)
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif page is None:
            self._answer(404, b"There is no such page yet. A release writes them, and lake report.\n", "text/plain")
        else:
            self._answer(200, *page)

    do_HEAD = do_GET  # noqa: N815

    def _answer(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        for name, value in {
            **HEADERS,
            "Content-Security-Policy": self.policy,
            "Content-Type": kind,
            "Content-Length": str(len(body)),
        }.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)


def find_newest(lake: Lake, path: str) -> str:
    """The page of a dataset and night asked for without a revision, `/datasets/D/DATE`: that of its newest; empty where none is."""
    found = DELIVERY.fullmatch(path)
    if not found:
        return ""
    language = [found[1].removeprefix("/")] if found[1] else []
    pages = lake.files.glob(lake.path("reports", *language, "datasets", found[2], f"{found[3]}.r*.html"))
    revisions = sorted(int(str(page).rsplit(".r", 1)[1].removesuffix(".html")) for page in pages)
    return f"{path}.r{revisions[-1]}.html" if revisions else ""


def read_page(lake: Lake, path: str) -> tuple[bytes, str] | None:
    """Bytes and kind of a report page; None for anything that is none, whatever its path says."""
    parts = (path.lstrip("/") or "index.html").split("/")
    kind = next((k for ending, k in KINDS.items() if parts[-1].endswith(ending)), "")
    if not kind or not all(NAME.fullmatch(part) for part in parts):
        return None
    try:
        return bytes(lake.files.cat_file(lake.path("reports", *parts))), kind
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        return None
