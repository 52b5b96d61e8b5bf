"""Report pages over HTTP: what is a page is served, and nothing else of the lake."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest

from jobs.lake import Lake
from jobs.pages import make_server


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    lake = Lake(str(tmp_path / "lake"), "little")
    lake.write_atomic(lake.path("reports", "index.html"), b"<p>index</p>")
    lake.write_atomic(lake.path("reports", "releases", "1.html"), b"<p>one</p>")
    lake.write_atomic(lake.path("reports", "zh", "datasets", "reg.things", "2025-01-01.r3.html"), b"<p>night</p>")
    for revision in (1, 2, 10):
        lake.write_atomic(
            lake.path("reports", "datasets", "reg.things", f"2025-01-01.r{revision}.html"), b"<p>night</p>"
        )
    lake.write_atomic(lake.path("audit", "secret.html"), b"<p>not a page</p>")
    lake.write_atomic(lake.path("reports", ".hidden.html"), b"<p>hidden</p>")
    with make_server(lake, "127.0.0.1", 0) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def ask(port: int, path: str, method: str = "GET") -> tuple[int, bytes, dict[str, str]]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request(method, path)
    answer = connection.getresponse()
    found = answer.status, answer.read(), {k.lower(): v for k, v in answer.getheaders()}
    connection.close()
    return found


@pytest.mark.parametrize(
    ("path", "body"),
    [("/", b"<p>index</p>"), ("/index.html?x=1", b"<p>index</p>"), ("/releases/1.html", b"<p>one</p>")],
)
def test_a_page_is_served_as_it_was_written(port: int, path: str, body: bytes) -> None:
    status, found, headers = ask(port, path)
    assert (status, found, headers["content-type"]) == (200, body, "text/html; charset=utf-8")
    assert headers["content-security-policy"].startswith("default-src 'none'")


def test_a_night_without_a_revision_is_its_newest(port: int) -> None:
    status, _, headers = ask(port, "/datasets/reg.things/2025-01-01")
    assert (status, headers["location"]) == (302, "/datasets/reg.things/2025-01-01.r10.html")
    assert ask(port, headers["location"])[:2] == (200, b"<p>night</p>")


def test_a_night_in_another_language_is_its_newest_there(port: int) -> None:
    status, _, headers = ask(port, "/zh/datasets/reg.things/2025-01-01")
    assert (status, headers["location"]) == (302, "/zh/datasets/reg.things/2025-01-01.r3.html")


@pytest.mark.parametrize(
    "path",
    [
        "/datasets/reg.things/2025-01-02", "/en/datasets/reg.things/2025-01-01", "/datasets/reg.*/2025-01-01", "/datasets/../2025-01-01", "/../audit/secret.html", "/%2e%2e/audit/secret.html", "/releases/../../audit/secret.html", "//audit/secret.html", "/releases",
        "/none.html", "/.hidden.html", "/lake.json", "/index.html/x.html", "/a%00.html",
    ],
)  # fmt: skip
def test_nothing_but_pages_is_served(port: int, path: str) -> None:
    assert ask(port, path)[0] == 404


def test_only_reading_is_possible(port: int) -> None:
    assert ask(port, "/", "HEAD")[:2] == (200, b"")
    assert [ask(port, "/index.html", method)[0] for method in ("POST", "PUT", "DELETE")] == [501, 501, 501]


def test_health_is_told_before_there_is_a_page(port: int) -> None:
    assert ask(port, "/health")[:2] == (200, b"ok\n")
