"""Delta calls of upkeep: join small files, remove old ones, shorten logs.

A commit of OPTIMIZE repeats what the table's newest commit of ours said, since the log forgets older ones.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING
from urllib.parse import unquote

from jobs import delta, delta_log, log_files, store, sums

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# By delta-rs: bronze and audit tables.


def compact(path: str) -> int:
    """Join the small files of a table; returns how many became fewer."""
    table = delta.open_to_write(path)
    if table is None or count_files(path) <= delta.FEW_FILES:
        return 0
    with delta.sealing(path):
        return delta.compact(table)


def remove_old_files(path: str, hours: int) -> int:
    """Remove files that left the table more than so many hours ago, and files of killed writes of that age.

    delta-rs names the check sums of live files too, since no log knows them: they stay.
    """
    old, (files, base) = old_files(path, hours), store.open_files(path)
    for name in old:
        for file in (f"{base}/{name}", sums.sidecar(f"{base}/{name}")):
            if files.exists(file):
                files.rm_file(file)
    return len(old)


def shorten_log(path: str) -> int:
    """Remove log entries that are older than the table keeps them, after a checkpoint that stands for them."""
    table = delta.open_to_write(path)
    if table is None:
        return 0
    before = _entries(path)
    if table.version() > 0:
        table.create_checkpoint()
        table.cleanup_metadata()
        _seal_checkpoint(path)
    return before - _entries(path)


def _seal_checkpoint(path: str) -> None:
    """Check sums for the new checkpoint; those of entries that are gone go too."""
    log = None if store.is_object_store(path) else delta_log.list_log(path)
    if log is not None:
        log_files.seal_checkpoint(log, log.head)
        for name in log.sizes:
            if (m := delta_log.SIDECAR.fullmatch(name)) and m[1] not in log.sizes:
                log.files.rm_file(f"{log.base}/{name}")


def _entries(path: str) -> int:
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
    """Remove files that left the table more than so many hours ago, and files of killed writes of that age.

    Only here may the hours be fewer than the table keeps its files: to whoever types VACUUM in this session, Delta refuses that.
    """
    settings = [
        f"spark.databricks.delta.{name}.enabled"
        for name in ("retentionDurationCheck", "vacuum.retentionWindowIgnore", "vacuum.logging")
    ]
    for setting in settings:
        spark.conf.set(setting, "false")  # the hours hold, and no commit is made
    try:
        spark.sql(f"VACUUM delta.`{path}` RETAIN {hours} HOURS").collect()
    finally:
        for setting in settings:
            spark.conf.unset(setting)


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
