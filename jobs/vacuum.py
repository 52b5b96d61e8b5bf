"""Delta calls of upkeep: join small files, remove old ones, shorten logs.

A commit of OPTIMIZE repeats what the table's newest commit of ours said, since the log forgets older ones.
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import unquote

from pyspark.sql import SparkSession

from jobs import delta

# By delta-rs: bronze and audit tables.


def compact(path: str) -> int:
    """Join the small files of a table; returns how many became fewer."""
    table = delta.open_table(path)
    if table is None or count_files(path) <= delta.FEW_FILES:
        return 0
    return delta.compact(table)


def remove_old_files(path: str, hours: int) -> int:
    """Remove files that left the table more than so many hours ago, and files of killed writes of that age."""
    table = delta.open_table(path)
    if table is None:
        return 0
    return len(table.vacuum(hours, dry_run=False, enforce_retention_duration=False, full=True))


def shorten_log(path: str) -> int:
    """Remove log entries that are older than the table keeps them, after a checkpoint that stands for them."""
    table = delta.open_table(path)
    if table is None:
        return 0
    before = _entries(path)
    if table.version() > 0:
        table.create_checkpoint()
        table.cleanup_metadata()
    return before - _entries(path)


def _entries(path: str) -> int:
    from jobs import store

    files, base = store.open_files(path)
    return sum(str(name).endswith(".json") for name in files.ls(f"{base}/_delta_log", detail=False))


# By Spark: silver, quarantine and gold.


def optimize(spark: SparkSession, path: str) -> int:
    """Join the small files of a table; returns how many became fewer."""
    before = count_files(path)
    with delta.repeating_metadata(spark, path):
        spark.sql(f"OPTIMIZE delta.`{path}`")
    return before - count_files(path)


def vacuum(spark: SparkSession, path: str, hours: int) -> None:
    """Remove files that left the table more than so many hours ago, and files of killed writes of that age."""
    for setting in ("retentionDurationCheck", "vacuum.retentionWindowIgnore", "vacuum.logging"):
        spark.conf.set(f"spark.databricks.delta.{setting}.enabled", "false")  # the hours hold, and no commit is made
    spark.sql(f"VACUUM delta.`{path}` RETAIN {hours} HOURS").collect()


def old_files(path: str, hours: int) -> set[str]:
    """Paths below the table of what `vacuum` would remove: delta-rs names all, Spark's own dry run the first thousand."""
    table = delta.open_table(path)
    found = table.vacuum(hours, dry_run=True, enforce_retention_duration=False, full=True) if table is not None else []
    return {unquote(name) for name in found if name.endswith(".parquet")}


def files_of(path: str, versions: Iterable[int]) -> set[str]:
    """Paths below the table of the files that some versions stand on."""
    tables = [delta.open_table(path, version) for version in versions]
    return {unquote(str(a["path"])) for table in tables if table is not None for a in delta.actions(table, {})}


def count_files(path: str) -> int:
    table = delta.open_table(path)
    return len(table.file_uris()) if table is not None else 0
