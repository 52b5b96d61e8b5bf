"""Ask gold by name: views pinned to one release, and answers as a table, CSV, JSON or Parquet."""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import redirect_stdout
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.errors import AnalysisException, ParseException
from pyspark.sql import DataFrame, SparkSession

from jobs.contracts import Contract
from jobs.errors import LakeError
from jobs.failures import is_damage
from jobs.fsck import is_readable
from jobs.lake import Lake
from jobs.release import Release, Released

IMPOSSIBLE = (
    "DIVIDE_BY_ZERO",
    "CAST_",
    "ARITHMETIC_OVERFLOW",
    "NUMERIC_",
    "INVALID_",
    "CANNOT_PARSE",
    "SCALAR_SUBQUERY",
)
FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")


def open_views(
    spark: SparkSession, lake: Lake, contracts: Mapping[str, Contract], release: Release, database: str = "gold"
) -> list[str]:
    """Make `<database>.<table>` a view of each table's released version, with the contract's texts as comments.

    What an earlier release had and this one has not is gone from the database. Returns the names of damaged tables: they have no
    view, and the others are asked all the same.
    """
    spark.sql(f"CREATE DATABASE IF NOT EXISTS {database}")
    for view in spark.sql(f"SHOW VIEWS IN {database}").collect():
        if view["viewName"] not in {*release.tables, "release"} and not view["isTemporary"]:
            spark.sql(f"DROP VIEW IF EXISTS {database}.`{view['viewName']}`")
    lost = []
    for table in release.tables.values():
        if table.version < 0 or table.table not in contracts:  # held from the start, or no longer the city's
            continue
        path = lake.table("gold", table.table)
        if not is_readable(
            path, table.table_id, table.version
        ):  # Spark passes over an entry of the log that has no bytes
            spark.sql(f"DROP VIEW IF EXISTS {database}.{table.table}")
            lost.append(table.table)
            continue
        try:
            _open_view(spark, lake, contracts[table.table], table, f"{database}.{table.table}")
        except Exception as error:
            if not is_damage(error, lake):
                raise
            spark.sql(f"DROP VIEW IF EXISTS {database}.{table.table}")
            lost.append(table.table)
    spark.sql(f"CREATE OR REPLACE VIEW {database}.release AS SELECT * FROM delta.`{lake.table('audit', 'releases')}`")
    return lost


def _open_view(spark: SparkSession, lake: Lake, contract: Contract, table: Released, name: str) -> None:
    columns = ", ".join(f"`{c.name}` COMMENT {_text(c.description)}" for c in contract.columns)
    names = ", ".join(f"`{c.name}`" for c in contract.columns)
    spark.sql(
        f"CREATE OR REPLACE VIEW {name} ({columns}) COMMENT {_text(contract.title)} "
        f"AS SELECT {names} FROM delta.`{lake.table('gold', table.table)}` VERSION AS OF {table.version}"
    )


def _text(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def warnings_for(rows: DataFrame, releases: Mapping[str, Release]) -> list[str]:
    """One line for each held or stale table that a query reads, however it is spelled: Spark's analysed plan names them.

    `releases`: the release behind each database, `gold` and `gold_r<N>`.
    """
    with redirect_stdout(io.StringIO()) as plan:
        rows.explain(extended=True)
    read = sorted(set(re.findall(r"SubqueryAlias (?:spark_catalog\.)?(gold(?:_r\d+)?)\.(\w+)", plan.getvalue())))
    tables = [(database, releases[database].tables.get(name)) for database, name in read if database in releases]
    return [_warn(database, t) for database, t in tables if t is not None and t.status in ("held", "stale", "restored")]


def _warn(database: str, table: Released) -> str:
    return f"warning: {database}.{table.table} is {table.status}: {table.why}"


def ask(spark: SparkSession, text: str) -> DataFrame:
    """Let Spark analyse one query, and run nothing. Raises E002 for anything that is no query, E004 for an unknown table.

    A query is what may stand in brackets after FROM, and that is how it is run: a command that writes does not parse there.
    SHOW and DESCRIBE cannot stand there, and only tell.
    """
    query = _trim(text)
    tells = re.match(r"(SHOW|DESC|DESCRIBE)\s+[\w`]", query, re.IGNORECASE)
    try:
        rows = spark.sql(query if tells else f"SELECT * FROM (\n{query}\n)")
        rows.columns  # noqa: B018 - attached, only this asks the server
    except (AnalysisException, ParseException) as error:
        raise _wrong(error) from None
    return rows


_TOKEN = re.compile(
    r"""(?<!\w)[rR]'[^']*'|(?<!\w)[rR]"[^"]*"|'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|`[^`]*`"""
    r"""|(?P<blank>--[^\n]*|/\*.*?\*/|;|\s)|.""",
    re.DOTALL,
)


def _trim(text: str) -> str:
    """The text without blanks, comments and semicolons at its ends: within brackets they have no place."""
    solid = [m.span() for m in _TOKEN.finditer(text) if m["blank"] is None]
    return text[solid[0][0] : solid[-1][1]] if solid else ""


def _wrong(error: AnalysisException | ParseException) -> LakeError:
    first = str(error).strip().splitlines()[0]
    actual = re.sub(r"\(line (\d+)", lambda m: f"(line {int(m[1]) - 1}", first)[:300]
    if "TABLE_OR_VIEW_NOT_FOUND" in first:
        return LakeError("E004", place="sql", actual=actual, next_command="lake describe")
    expected = "one query (SELECT, WITH, FROM, VALUES, SHOW or DESCRIBE); `lake sql` changes nothing"
    return LakeError("E002", place="sql", expected=expected, actual=actual, next_command="lake sql --help")


def run_query(spark: SparkSession, text: str) -> pa.Table:
    """The answer as an Arrow table."""
    return answer(ask(spark, text))


def answer(rows: DataFrame) -> pa.Table:
    """Run an analysed query. E002 where a value makes it impossible (a division by zero, a cast): the condition, not the value."""
    try:
        return rows.toArrow()
    except Exception as error:
        found = re.search(r"\[([A-Z][A-Z0-9_.]+)\] ", str(error))
        if found is None or not found[1].startswith(IMPOSSIBLE):
            raise
        expected = "a query that holds for every row; try_divide, try_cast give null where it does not"
        raise LakeError(
            "E002", place="sql", expected=expected, actual=found[1], next_command="lake sql --help"
        ) from None


def refuse_namesakes(columns: Sequence[str], form: str) -> None:
    """JSON and Parquet keep a column by its name: E002 where two have one."""
    twice = [name for name, n in Counter(columns).items() if n > 1]
    if twice:
        raise LakeError(
            "E002", place="sql", expected=f"a name of its own for each column, for {form}: SELECT ... AS name",
            actual=f"more than one column {', '.join(twice)}", next_command="lake sql --format csv",
        )  # fmt: skip


def to_csv(rows: pa.Table) -> str:
    """CSV that no spreadsheet runs: a text that begins like a formula gets an apostrophe; numbers stay numbers."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([defuse(name) for name in rows.column_names])
    writer.writerows([defuse(v) for v in row] for row in values(rows))
    return out.getvalue()


def values(rows: pa.Table) -> Iterator[tuple[Any, ...]]:
    """Row by row, by position: two columns may have one name."""
    return zip(*[column.to_pylist() for column in rows.columns], strict=True)


def defuse(value: object) -> object:
    if isinstance(value, str) and value.startswith(FORMULA):
        return "'" + value
    return plain(value)


def plain(value: object) -> object:
    return f"{value:f}" if isinstance(value, Decimal) else value


def objects(rows: pa.Table) -> list[dict[str, object]]:
    """An object a row; decimals are strings, so that no digit is lost."""
    refuse_namesakes(rows.column_names, "JSON")
    return [dict(zip(rows.column_names, map(plain, row), strict=True)) for row in values(rows)]


def to_json(rows: pa.Table) -> str:
    """A JSON array of objects."""
    return json.dumps(objects(rows), ensure_ascii=False, default=str)


def check_out(path: Path) -> None:
    """Refuse a place that an answer cannot be written to, before the question is asked."""
    if path.suffix not in (".csv", ".parquet"):
        raise LakeError("E002", place="--out", expected="a name that ends in .csv or .parquet", actual=path.name)
    if path.is_dir() or not path.absolute().parent.is_dir():
        raise LakeError("E002", place="--out", expected="a file in a folder that exists", actual=str(path))


def write_out(rows: pa.Table, path: Path) -> None:
    """Write an answer to FILE.csv or FILE.parquet."""
    check_out(path)
    if path.suffix == ".parquet":
        refuse_namesakes(rows.column_names, "Parquet")
        pq.write_table(rows, path)
    else:
        path.write_text(to_csv(rows), "utf-8")


def cells(rows: pa.Table, most: int) -> Sequence[Sequence[str]]:
    """The first rows as texts for a terminal."""
    return [["" if v is None else str(plain(v)) for v in row] for row in values(rows.slice(0, most))]


def named_releases(query: str) -> set[int]:
    """Numbers of the releases that a query may name as `gold_r<N>`."""
    return {int(n) for n in re.findall(r"\bgold_r(\d+)\b", query, re.IGNORECASE)}
