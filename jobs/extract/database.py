"""Deliveries in an exchange schema of PostgreSQL: what a department puts where others may read.

The schema's table `delivery` has a row each: dataset (schema.table), business_date, revision, manifest (the statement of conf/README.md, "Manifests").
The dataset's table holds the records of all deliveries: business_date, revision, record, and the delivered columns as texts.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg2
from psycopg2 import sql

from jobs.contracts import Contract, Place
from jobs.errors import LakeError
from jobs.extract.place import Passing, again, host_and_port, secret
from jobs.landing import FOLDER

_OURS = ("business_date", "revision", "record")
_LATER = ("08", "40", "53", "57")  # classes of SQLSTATE: connection, rollback, resources, somebody stopped it
_WHICH = "business_date = %s AND revision = %s"


class Database:
    """The deliveries of one table; secrets: address (host:port/database), user, password."""

    def __init__(self, place: Place, contract: Contract) -> None:
        self.place, self.contract = place, contract
        self.schema, _, self.table = place.path.partition(".")

    def folders(self) -> list[str]:
        found: list[str] = []
        again(lambda: found.extend(self._list()), "E122")
        return sorted(found)

    def fetch(self, folder: str, into: Path) -> None:
        again(lambda: self._fetch(folder, into), "E122")

    def _list(self) -> list[str]:
        with self._snapshot() as cursor:
            cursor.execute(
                self._sql("SELECT business_date::text, revision FROM {delivery} WHERE dataset = %s"),
                [self.place.path],
            )
            return [f"{day}{f'.r{n}' if n > 1 else ''}" for day, n in cursor.fetchall()]

    def _fetch(self, folder: str, into: Path) -> None:
        """Copy the records as PostgreSQL itself writes CSV, in their order; manifest, count and records are of one snapshot."""
        match = FOLDER.fullmatch(folder)
        which = (match[1], int(match[2] or 1)) if match else ("", 0)
        target = into / f"{self.contract.name}.csv"
        with self._snapshot() as cursor:
            cursor.execute(self._sql(f"SELECT manifest FROM {{delivery}} WHERE dataset = %s AND {_WHICH}"), [self.place.path, *which])  # fmt: skip
            manifest = (cursor.fetchone() or [{}])[0]
            cursor.execute(self._sql(f"SELECT count(*) FROM {{records}} WHERE {_WHICH}"), which)
            stated = (cursor.fetchone() or [0])[0]
            chosen = cursor.mogrify(self._sql(f"SELECT {{columns}} FROM {{records}} WHERE {_WHICH} ORDER BY record", self._columns(cursor)), which)  # fmt: skip
            with target.open("wb") as out:
                cursor.copy_expert(f"COPY ({chosen.decode()}) TO STDOUT WITH (FORMAT csv, HEADER)", out)
            if cursor.rowcount != stated:
                raise Passing(f"{cursor.rowcount} of {stated} records")
        (into / "manifest.json").write_text(json.dumps(manifest, ensure_ascii=False), "utf-8")

    def _columns(self, cursor: Any) -> Sequence[str]:
        """The delivered columns: those of the contract in its order, then what else the table has."""
        cursor.execute(
            "SELECT column_name FROM information_schema.columns WHERE table_schema = %s AND table_name = %s ORDER BY ordinal_position",
            [self.schema, self.table],
        )
        there = [name for (name,) in cursor.fetchall() if name not in _OURS]
        return [*(c.header for c in self.contract.delivered if c.header in there), *(n for n in there if n not in {c.header for c in self.contract.delivered})]  # fmt: skip

    def _sql(self, text: str, columns: Sequence[str] = ()) -> sql.Composed:
        return sql.SQL(text).format(
            delivery=sql.Identifier(self.schema, "delivery"), records=sql.Identifier(self.schema, self.table),
            columns=sql.SQL(", ").join(map(sql.Identifier, columns)),
        )  # fmt: skip

    @contextmanager
    def _snapshot(self) -> Iterator[Any]:
        """A cursor that sees one moment of the database and changes nothing."""
        server, _, name = secret(self.place, "address").partition("/")
        host, port = host_and_port(server, 5432)
        try:
            with closing(
                psycopg2.connect(
                    host=host, port=port, dbname=name or "postgres", user=secret(self.place, "user"), password=secret(self.place, "password"),
                    connect_timeout=10, options="-c client_encoding=UTF8 -c DateStyle=ISO -c TimeZone=UTC -c statement_timeout=600000",
                    keepalives_idle=30,
                )
            ) as connection:  # fmt: skip
                connection.set_session(isolation_level="REPEATABLE READ", readonly=True)
                with connection.cursor() as cursor:
                    yield cursor
        except psycopg2.Error as error:
            if error.pgcode is None and "authentication" in str(error):
                raise LakeError(
                    "E802", place=server, expected="a user and password that it takes", actual="refused"
                ) from error
            if error.pgcode is None or error.pgcode[:2] in _LATER:
                raise Passing(f"{server}: the connection was lost") from error
            raise LakeError(
                "E121",
                place=self.place.path,
                expected="tables as conf/README.md says",
                actual=f"SQLSTATE {error.pgcode}",
            ) from error
