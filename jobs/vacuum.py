"""Delta calls of upkeep: join small files, remove old ones, shorten logs.

A commit of OPTIMIZE repeats what the table's newest commit of ours said, since the log forgets older ones.
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import unquote, urlsplit

from pyspark.sql import SparkSession

from jobs import delta

# By delta-rs: bronze and audit tables.


def compact(path: str) -> int:
    """Join the small files of a table; returns how many became fewer."""
    table = delta.open_table(path)
    if table is None or len(table.file_uris()) <= delta.FEW_FILES:
        return 0
    done = table.optimize.compact()
    return int(done["numFilesRemoved"]) - int(done["numFilesAdded"])


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
    before = _count(path)
    if before > delta.FEW_FILES:
        with delta.repeating_metadata(spark, path):
            spark.sql(f"OPTIMIZE delta.`{path}`")
    return before - _count(path)


def vacuum(spark: SparkSession, path: str, hours: int) -> int:
    """Remove files that left the table more than so many hours ago, and files of killed writes of that age."""
    found = old_files(spark, path, hours)
    if found:
        spark.sql(f"VACUUM delta.`{path}` RETAIN {hours} HOURS").collect()
    return len(found)


def old_files(spark: SparkSession, path: str, hours: int) -> set[str]:
    """Paths below the table of what `vacuum` would remove."""
    for setting in ("retentionDurationCheck", "vacuum.retentionWindowIgnore", "vacuum.logging"):
        spark.conf.set(
            f"spark.databricks.delta.{setting}.enabled", "false"
        )  # the given hours hold, and no commit is made
    rows = spark.sql(f"VACUUM delta.`{path}` RETAIN {hours} HOURS DRY RUN").collect()
    return {_below(path, str(row["path"])) for row in rows} - {""}


def files_of(path: str, versions: Iterable[int]) -> set[str]:
    """Paths below the table of the files that some versions stand on."""
    tables = [delta.open_table(path, version) for version in versions]
    return {unquote(_below(path, uri)) for table in tables if table is not None for uri in table.file_uris()}


def _below(path: str, uri: str) -> str:
    root, found = urlsplit(path).path, unquote(urlsplit(uri).path)
    return found.split(root.rstrip("/") + "/", 1)[-1] if root in found and found.rstrip("/") != root.rstrip("/") else ""


def _count(path: str) -> int:
    table = delta.open_table(path)
    return len(table.file_uris()) if table is not None else 0
