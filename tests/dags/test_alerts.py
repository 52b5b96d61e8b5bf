"""Alerts reach people by e-mail and by a webhook, here local sinks, and hold no value of the data."""

from __future__ import annotations

import json
import os
import socketserver
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_string, policy
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.util import find_spec
from pathlib import Path

import pytest

pytestmark = [pytest.mark.programs, pytest.mark.skipif(find_spec("airflow") is None, reason="Airflow is not there")]
PROJECT = Path(__file__).resolve().parents[2]
ALERT = """
from dags.alerts import alert
alert("held", what="silver", source="traffic", business_date="2025-02-12", text="E701 Too many rows break a rule | traffic.crashes.s1")
"""


class Mails(socketserver.StreamRequestHandler):
    """As much of SMTP as a client needs to hand in one message."""

    def handle(self) -> None:
        self.say("220 sink")
        for line in iter(self.rfile.readline, b""):
            word = line.decode().strip().upper()
            if word == "DATA":
                self.say("354 go on")
                lines = [text.decode() for text in iter(self.rfile.readline, b".\r\n")]
                self.server.got.append("".join(lines))  # type: ignore[attr-defined]
            self.say("221 bye" if word == "QUIT" else "250 ok")

    def say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())


class Posts(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((self.path, self.headers.get("Authorization"), json.loads(body)))  # type: ignore[attr-defined]
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Nothing on the terminal."""


@contextmanager
def sink(server: socketserver.TCPServer) -> Iterator[list[object]]:
    server.got = []  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.got  # type: ignore[attr-defined]
    finally:
        server.shutdown()
        server.server_close()


def send(home: Path, **connections: dict[str, object]) -> str:
    """Let a process of Airflow send one alert with these connections; returns what it logged."""
    named = {f"AIRFLOW_CONN_{name.upper()}": json.dumps(value) for name, value in connections.items()}
    environment = {**os.environ, "AIRFLOW_HOME": str(home), **named}
    done = subprocess.run(
        [sys.executable, "-c", ALERT], cwd=PROJECT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout + done.stderr


def test_an_alert_is_an_e_mail_and_a_message_to_a_webhook(tmp_path: Path) -> None:
    mails = socketserver.TCPServer(("127.0.0.1", 0), Mails)
    posts = HTTPServer(("127.0.0.1", 0), Posts)
    with sink(mails) as mailed, sink(posts) as posted:
        send(
            tmp_path,
            lake_mail={
                "conn_type": "smtp", "host": "127.0.0.1", "port": mails.server_address[1],
                "extra": {"from_email": "lake@example.org", "to": "night@example.org", "disable_ssl": True, "disable_tls": True},
            },
            lake_webhook={
                "conn_type": "http", "schema": "http", "host": "127.0.0.1", "port": posts.server_address[1], "password": "invented",
                "extra": {"path": "alerts"},
            },
        )  # fmt: skip
    mail = message_from_string(str(mailed[0]), policy=policy.default)
    subject = "[lake] traffic silver 2025-02-12 is held and waits for a decision"
    body = mail.get_body(("html",))
    assert body is not None
    assert (mail["Subject"], mail["To"], mail["From"]) == (subject, "night@example.org", "lake@example.org")
    assert "E701 Too many rows break a rule | traffic.crashes.s1" in body.get_content()
    path, authorization, said = posted[0]  # type: ignore[misc]
    assert (path, authorization) == ("/alerts", "Bearer invented")
    assert said == {
        "subject": subject, "kind": "held", "source": "traffic", "what": "silver", "business_date": "2025-02-12",
        "text": "E701 Too many rows break a rule | traffic.crashes.s1",
    }  # fmt: skip


def test_a_way_that_fails_stops_nothing_and_is_said_in_the_log(tmp_path: Path) -> None:
    posts = HTTPServer(("127.0.0.1", 0), Posts)
    closed = socketserver.TCPServer(("127.0.0.1", 0), Mails)
    port = closed.server_address[1]
    closed.server_close()
    with sink(posts) as posted:
        extra = {
            "from_email": "a@example.org",
            "to": "b@example.org",
            "disable_ssl": True,
            "disable_tls": True,
            "retry_limit": 1,
        }
        said = send(
            tmp_path,
            lake_mail={"conn_type": "smtp", "host": "127.0.0.1", "port": port, "extra": extra},
            lake_webhook={"conn_type": "http", "schema": "http", "host": "127.0.0.1", "port": posts.server_address[1]},
        )
    assert len(posted) == 1
    assert "could not be sent by lake_mail" in said


def test_without_any_way_an_alert_is_a_line_in_the_log(tmp_path: Path) -> None:
    assert "traffic silver 2025-02-12 is held" in send(tmp_path)
