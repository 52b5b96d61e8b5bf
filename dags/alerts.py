"""Alerts: one function, and the ways that Airflow's connections name.

`lake_mail` (an SMTP connection; `from_email` and `to` in its extra) and `lake_webhook` (host, schema, port and path of an address that
takes JSON by POST; its password, if any, is the bearer token). Where neither is there, an alert is a line in the log. An alert holds
names, dates, codes and counts, never a value of the data.
"""

from __future__ import annotations

import html
import json
import logging
import urllib.request
from typing import Any

from airflow.sdk import Connection
from airflow.sdk.exceptions import AirflowNotFoundException

MAIL, WEBHOOK = "lake_mail", "lake_webhook"
KINDS = {
    "unpublished": "gold is not published by its hour",
    "late": "was not delivered by its cut-off",
    "held": "is held and waits for a decision",
    "refused": "is refused: a new delivery is needed",
    "failed": "failed",
}
log = logging.getLogger("lake")


def alert(kind: str, *, what: str, source: str, business_date: str, text: str) -> None:
    """Tell people by every way there is; a way that fails is said in the log and stops nothing."""
    subject = f"[lake] {source} {what} {business_date} {KINDS[kind]}".replace("  ", " ")
    facts = {"kind": kind, "source": source, "what": what, "business_date": business_date, "text": text}
    log.warning("%s: %s", subject, text)
    for name, send in ((MAIL, _mail), (WEBHOOK, _post)):
        try:
            connection = Connection.get(name)
        except AirflowNotFoundException:
            continue
        try:
            send(connection, subject, facts)
        except Exception:
            log.exception("the alert could not be sent by %s", name)


def _mail(connection: Connection, subject: str, facts: dict[str, str]) -> None:
    from airflow.providers.smtp.hooks.smtp import SmtpHook

    rows = "".join(f"<tr><th>{k}</th><td>{html.escape(v)}</td></tr>" for k, v in facts.items())
    with SmtpHook(smtp_conn_id=MAIL) as hook:
        hook.send_email_smtp(to=connection.extra_dejson["to"], subject=subject, html_content=f"<table>{rows}</table>")


def _post(connection: Connection, subject: str, facts: dict[str, str]) -> None:
    request = urllib.request.Request(
        _address(connection),
        data=json.dumps({"subject": subject, **facts}).encode(),
        headers={"Content-Type": "application/json", **_token(connection)},
    )
    with urllib.request.urlopen(request, timeout=30):
        pass


def _address(connection: Connection) -> str:
    port = f":{connection.port}" if connection.port else ""
    return f"{connection.schema or 'https'}://{connection.host}{port}/{connection.extra_dejson.get('path', '')}"


def _token(connection: Any) -> dict[str, str]:
    return {"Authorization": f"Bearer {connection.password}"} if connection.password else {}
