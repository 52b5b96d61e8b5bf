"""Ask gold by name: views pinned to one release, and answers as a table, CSV, JSON or Parquet."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.errors import AnalysisException, ParseException
from pyspark.sql import SparkSession

from jobs.contracts import Contract
from jobs.errors import LakeError
from jobs.lake import Lake
from jobs.release import Release, Released

FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")


def open_views(
    spark: SparkSession, lake: Lake, contracts: Mapping[str, Contract], release: Release, database: str = "gold"
) -> None:
    """Make `<database>.<table>` a view of each table's released version, with the contract's texts as comments."""
    spark.sql(f"CREATE DATABASE IF NOT EXISTS {database}")
    for table in release.tables.values():
        if table.version < 0:
            continue
        contract = contracts[table.table]
        columns = ", ".join(f"`{c.name}` COMMENT {_text(c.description)}" for c in contract.columns)
        names = ", ".join(f"`{c.name}`" for c in contract.columns)
        path = lake.table("gold", table.table)
        spark.sql(
            f"CREATE OR REPLACE VIEW {database}.{table.table} ({columns}) COMMENT {_text(contract.title)} "
            f"AS SELECT {names} FROM delta.`{path}` VERSION AS OF {table.version}"
        )
    spark.sql(f"CREATE OR REPLACE VIEW {database}.release AS SELECT * FROM delta.`{lake.table('audit', 'releases')}`")


def _text(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def warnings_for(query: str, release: Release) -> list[str]:
    """One line for each table in the query that is held or stale."""
    found = []
    for table in release.tables.values():
        if re.search(rf"\bgold(_r\d+)?\.`?{re.escape(table.table)}\b", query, re.IGNORECASE) and table.status in (
            "held",
            "stale",
        ):
            found.append(_warn(table))
    return found


def _warn(table: Released) -> str:
    return f"warning: gold.{table.table} is {table.status}: {table.why}"


def run_query(spark: SparkSession, query: str) -> pa.Table:
    """The answer as an Arrow table. Raises E002 with Spark's own sentence where the query is wrong, E004 for an unknown table."""
    try:
        return spark.sql(query).toArrow()
    except (AnalysisException, ParseException) as error:
        first = str(error).strip().splitlines()[0]
        code = "E004" if "TABLE_OR_VIEW_NOT_FOUND" in first else "E002"
        raise LakeError(
            code, place="sql", actual=first[:300], next_command="lake describe" if code == "E004" else "lake sql --help"
        ) from None


def to_csv(rows: pa.Table) -> str:
    """CSV that no spreadsheet runs: a text that begins like a formula gets an apostrophe; numbers stay numbers."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(rows.column_names)
    for row in rows.to_pylist():
        writer.writerow([defuse(v) for v in row.values()])
    return out.getvalue()


def defuse(value: object) -> object:
    if isinstance(value, str) and value.startswith(FORMULA):
        return "'" + value
    return plain(value)


def plain(value: object) -> object:
    return f"{value:f}" if isinstance(value, Decimal) else value


def to_json(rows: pa.Table) -> str:
    """A JSON array of objects; decimals are strings, so that no digit is lost."""
    return json.dumps(
        [{k: plain(v) for k, v in row.items()} for row in rows.to_pylist()], ensure_ascii=False, default=str
    )


def write_out(rows: pa.Table, path: Path) -> None:
    """Write an answer to FILE.csv or FILE.parquet."""
    if path.suffix == ".parquet":
        pq.write_table(rows, path)
    elif path.suffix == ".csv":
        path.write_text(to_csv(rows), "utf-8")
    else:
        raise LakeError("E002", place="--out", expected="a name that ends in .csv or .parquet", actual=path.name)


def cells(rows: pa.Table, most: int) -> Sequence[Sequence[str]]:
    """The first rows as texts for a terminal."""
    return [["" if v is None else str(plain(v)) for v in row.values()] for row in rows.slice(0, most).to_pylist()]


def named_releases(query: str) -> list[str]:
    """Numbers of the releases that a query names as `gold_r<N>`."""
    return re.findall(r"\bgold_r(\d+)\.", query, re.IGNORECASE)
