"""A department's HTTP service: pages of JSON for who has the token; busy now and then."""

from __future__ import annotations

import hashlib
import hmac
import json
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from jobs.suppliers.deliveries import Delivered, list_delivered

PAGE = 5_000  # records
BUSY_EVERY = 7  # requests


class Answering(BaseHTTPRequestHandler):
    """Answers of the service; `folders` are deliveries by the path of the service."""

    token = ""
    folders: Mapping[str, Path] = {}
    requests = count(1)
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        given = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if not hmac.compare_digest(given.encode(), self.token.encode()):
            self.answer(HTTPStatus.UNAUTHORIZED, {"error": "no such token"})
        elif next(self.requests) % BUSY_EVERY == 0:
            self.answer(HTTPStatus.SERVICE_UNAVAILABLE, {"error": "busy"}, {"Retry-After": "1"})
        else:
            self.answer(*self.find(urlsplit(path).path, dict(parse_qsl(query))))

    def find(self, path: str, query: Mapping[str, str]) -> tuple[HTTPStatus, object]:
        """The list of deliveries, or a page of one."""
        for base, folder in self.folders.items():
            if path == f"{base}/deliveries":
                return HTTPStatus.OK, {
                    "deliveries": [
                        {"business_date": d.business_date, "revision": d.revision} for d in list_delivered(folder)
                    ]
                }
            if path == base:
                wanted = (query.get("date"), query.get("revision", "1"))
                found = [d for d in list_delivered(folder) if (d.business_date, str(d.revision)) == wanted]
                number = int(query["page"]) if query.get("page", "").isdecimal() else 1
                page = self.page(found[0], number) if found else {}
                return (HTTPStatus.OK, page) if page else (HTTPStatus.NOT_FOUND, {"error": "no such page"})
        return HTTPStatus.NOT_FOUND, {"error": "no such path"}

    def page(self, delivery: Delivered, number: int) -> dict[str, Any]:
        snapshot, columns, rows = _read(delivery.files[0])
        pages = max(1, -(-len(rows) // PAGE))
        start = (number - 1) * PAGE
        if not 1 <= number <= pages:
            return {}
        return {
            "snapshot": snapshot, "page": number, "pages": pages, "total": len(rows), "first": start + 1, "columns": columns,
            "rows": rows[start : start + PAGE], "manifest": delivery.statement,
        }  # fmt: skip

    def answer(self, status: HTTPStatus, body: object, headers: Mapping[str, str] = {}) -> None:
        data = json.dumps(body, ensure_ascii=False).encode()
        self.send_response(status)
        for name, value in {
            "Content-Type": "application/json; charset=utf-8",
            "Content-Length": str(len(data)),
            **headers,
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Say nothing: a query names no person, but nobody reads it either."""


class _Server(ThreadingHTTPServer):
    """A client may hang up when it likes."""

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


@cache
def _read(path: Path) -> tuple[str, list[str], list[list[str]]]:
    data = path.read_bytes()
    columns, *rows = json.loads(data)
    return hashlib.sha256(data).hexdigest(), columns, rows


@contextmanager
def serve_pages(folders: Mapping[str, Path], token: str, answering: type[Answering] = Answering) -> Iterator[str]:
    """Serve the deliveries below some folders; yields the address."""
    here = type("Here", (answering,), {"token": token, "folders": folders, "requests": count(1)})
    with _Server(("127.0.0.1", 0), here) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join(10)
