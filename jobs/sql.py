"""The command `sql`: a question in Spark's SQL, and the answer as people and programs want it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from jobs import show
from jobs.ask import ReleaseOption, app, published
from jobs.cities import load_gold
from jobs.errors import LakeError
from jobs.failures import is_damage
from jobs.release import Release
from jobs.settings import Settings, with_settings

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import SparkSession

FORMS = ("table", "csv", "json")


@app.command()
@with_settings
def sql(
    settings: Settings, query: Annotated[str, typer.Argument(help="Spark SQL; tables are gold.<name>, or gold_r<N>.<name>.")] = "",
    file: Annotated[Path | None, typer.Option("-f", "--file", help="Read the query from a file.")] = None,
    form: Annotated[str, typer.Option("--format", help="table, csv or json")] = "table",
    out: Annotated[Path | None, typer.Option("--out", help="Write to FILE.csv or FILE.parquet.")] = None,
    number: ReleaseOption = None, limit: Annotated[int, typer.Option(help="Rows to show as a table.")] = 100,
) -> None:  # fmt: skip
    """Ask gold by name, as one release published it. Without a query: a prompt, or what stands on the standard input."""
    from jobs import query as queries
    from jobs.connect import open_driver
    from jobs.session import detach

    text = _read(file) if file else query
    if form not in FORMS:
        raise LakeError("E002", place="sql", expected=f"--format {', '.join(FORMS)}", actual=form[:20])
    if out:
        queries.check_out(out)
    found = published(settings, number)
    spark = open_driver(settings.lake, small=True)
    answer = partial(_answer, settings, spark, found, form=form, out=out, limit=limit)
    try:
        if text.strip():
            answer(text)
        else:
            _prompt(settings, found, answer)
    finally:
        detach(spark)


def _answer(
    settings: Settings, spark: SparkSession, found: Release, text: str, *, form: str, out: Path | None, limit: int
) -> None:
    """Ask one question and print its answer, or write it."""
    from jobs import query as queries

    releases, lost = _open(settings, spark, found, text)
    with _naming_damage(settings, lost):
        rows = queries.ask(spark, text)
        if settings.json or form == "json" or (out and out.suffix == ".parquet"):
            queries.refuse_namesakes(rows.columns, "JSON and Parquet")
        warnings = queries.warnings_for(rows, releases)
        for line in warnings:
            show.err.print(line)
        answer = queries.answer(rows)
    if out:
        queries.write_out(answer, out)
    _print(settings, answer, found, warnings, form, out, limit)


def _prompt(settings: Settings, found: Release, answer: Callable[[str], None]) -> None:
    """Ask one question after another. A person reads what is wrong with one and goes on; a script ends there."""
    typed = sys.stdin.isatty()
    if typed:
        import readline  # noqa: F401 - arrow keys and what was typed before

        show.err.print(f"Release {found.number} of {found.released_at}. A question ends with ; and Ctrl-D leaves.")
    for text in _questions(typed=typed):
        try:
            answer(text)
        except LakeError as error:
            if not typed:
                raise
            show.print_failure(error, settings.json)


def _questions(*, typed: bool) -> Iterator[str]:
    """Texts up to a semicolon at the end of a line; the last needs none."""
    lines: list[str] = []
    while True:
        try:
            lines.append(input(("lake> ", "   -> ")[bool(lines)] if typed else ""))
        except EOFError:
            break
        except KeyboardInterrupt:
            lines = []
            show.err.print()
            continue
        if lines[-1].rstrip().endswith(";"):
            yield "\n".join(lines)
            lines = []
    if any(line.strip() for line in lines):
        yield "\n".join(lines)


def _read(file: Path) -> str:
    try:
        return file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise LakeError(
            "E002", place="--file", expected="a readable file in UTF-8", actual=type(error).__name__
        ) from error


def _open(
    settings: Settings, spark: SparkSession, found: Release, text: str
) -> tuple[Mapping[str, Release], dict[str, str]]:
    """The release behind each database of views, and which tables of them are damaged."""
    from jobs import query as queries
    from jobs.release import read_releases

    named = queries.named_releases(text)
    others = {f"gold_r{r.number}": r for r in read_releases(settings.lake) if r.number in named} if named else {}
    gold, releases = load_gold(settings.city), {"gold": found, **others}
    lost = {}
    for database, release in releases.items():
        for table in queries.open_views(spark, settings.lake, gold, release, database):
            lost[f"{database}.{table}"] = table
    return releases, lost


@contextmanager
def _naming_damage(settings: Settings, lost: Mapping[str, str]) -> Iterator[None]:
    """Say E602 and what to type where a table that is asked for cannot be read."""
    try:
        yield
    except LakeError as error:
        plain = error.actual.replace("`", "").lower()
        asked = [name for name in lost if name in plain]
        if error.code != "E004" or not asked:
            raise
        raise _damaged(asked[0]) from error
    except Exception as error:
        if not is_damage(error, settings.lake):
            raise
        raise _damaged("gold") from error


def _damaged(place: str) -> LakeError:
    return LakeError(
        "E602", place=place, expected="the table as released", actual="its log or a file of it cannot be read",
        next_command="lake fsck says what is damaged and what to type; a table that is gone altogether is built again by lake run",
    )  # fmt: skip


def _print(
    settings: Settings, answer: pa.Table, found: Release, warnings: list[str], form: str, out: Path | None, limit: int
) -> None:
    from jobs import query as queries

    if settings.json:
        columns = [{"name": f.name, "type": str(f.type)} for f in answer.schema]
        rows = {"out": str(out), "count": answer.num_rows} if out else {"rows": queries.objects(answer)}
        show.print_json("sql", release=found.number, warnings=warnings, columns=columns, **rows)
    elif out:
        show.err.print(f"{answer.num_rows} rows of release {found.number} in {out}")
    elif form == "json":
        sys.stdout.write(queries.to_json(answer) + "\n")
    elif form == "csv":
        sys.stdout.write(queries.to_csv(answer))
    else:
        show.print_table("", answer.column_names, queries.cells(answer, limit))
        shown = f"; showing {limit}" if answer.num_rows > limit else ""
        show.err.print(f"{answer.num_rows} rows, release {found.number} of {found.released_at}{shown}")
