"""Every Delta call.

Two writers, never on the same table: bronze and audit tables are committed by delta-rs (finished files, small appends, no JVM);
quarantine, silver and gold by the Spark driver. Only SQL and DataFrame calls, so that an embedded session and an attached one are
one code path.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import timedelta
from threading import Lock
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import CommitProperties, DeltaTable, write_deltalake
from deltalake.exceptions import DeltaError, TableNotFoundError
from deltalake.transaction import AddAction, RemoveAction

from jobs import chain, delta_log, log_files, store, sums
from jobs.errors import LakeError

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

COMMIT_POINTS = (
    "quarantine_bronze", "bronze_table", "bronze_columns", "bronze", "quarantine_silver", "silver", "gold_restore", "gold", "decision",
    "restatement", "release", "ledger", "checkpoint",
)  # fmt: skip
FEW_FILES = 32
MOST_OPENED = 64
PLAIN_FEATURES = {"timestampNtz"}
_turn = Lock()
_counting, _taking_any = Lock(), list[Any]()
_opened: dict[tuple[str, int | None], tuple[Any, DeltaTable]] = {}  # what was read of a log, and when
observers: list[Callable[[str], None]] = []
DAYS_KEPT = {"bronze": 7, "silver": 7, "quarantine": 7}
ALWAYS_KEPT = 1826


@dataclass(frozen=True)
class TableState:
    """Identity and version of a table, and what its newest commit of ours says about itself."""

    id: str
    version: int
    metadata: Mapping[str, Any]


@contextmanager
def _commit(point: str, own: str = "") -> Any:
    """Tell observers before and after a commit; crash tests stop the process there.

    What delta-rs commits to the table `own` gets check sums, as Spark gives them to what it writes.
    """
    assert point in COMMIT_POINTS, point
    for observe in observers:
        observe(f"before {point}")
    with sealing(own) if own else nullcontext():
        yield
    for observe in observers:
        observe(f"after {point}")


@contextmanager
def sealing(path: str) -> Iterator[None]:
    """Write check sums beside what delta-rs commits to a table in the meantime."""
    if store.is_object_store(path):
        yield
        return
    before = log_files.newest_entry(path)
    yield
    log_files.seal_since(path, before)


def properties(zone: str, statistics: Iterable[str] = ()) -> dict[str, str]:
    """Table properties, set when a table is made: retention of the zone, and the columns worth statistics."""
    columns = ",".join(statistics)
    return {
        "delta.logRetentionDuration": "interval 1826 days" if zone in ("gold", "audit") else "interval 30 days",
        "delta.deletedFileRetentionDuration": f"interval {retention(zone).days} days",
        **({"delta.dataSkippingStatsColumns": columns} if columns else {}),
    }


def retention(zone: str) -> timedelta:
    """How long a zone keeps a file that left its table."""
    return timedelta(days=DAYS_KEPT.get(zone, ALWAYS_KEPT))


def open_table(path: str, version: int | None = None) -> DeltaTable | None:
    """The table as delta-rs sees it, to read; None where there is none.

    A log that has not changed since is not read again. Raises E602 where an entry of it has no bytes: every reader of Delta takes
    that for a commit that changed nothing.
    """
    log = _list_whole_log(path)
    seen = (log.sizes, log.written) if log else None
    known = _opened.get((path, version))
    if known and known[0] == seen:
        return known[1]
    table = _open(path, version)
    if table is not None and seen:
        if len(_opened) >= MOST_OPENED:
            _opened.clear()
        _opened[path, version] = seen, table
    return table


def open_to_write(path: str) -> DeltaTable | None:
    """The table as delta-rs sees it, for one writer alone: what is written changes it. None where there is none; raises E602."""
    _list_whole_log(path)
    return _open(path)


def _open(path: str, version: int | None = None) -> DeltaTable | None:
    try:
        return DeltaTable(store.for_arrow(path), version=version, storage_options=store.table_options(path))
    except TableNotFoundError:
        return None


def _list_whole_log(path: str) -> delta_log.Log | None:
    log = delta_log.list_log(path)
    empty = [v for v in log.named(delta_log.ENTRY) if log.sizes.get(delta_log.entry(v)) == 0] if log else []
    if log and empty:
        raise LakeError(
            "E602", place=f"{'.'.join(path.rsplit('/', 2)[-2:])} version {empty[0]}", expected="an entry of the log",
            actual="0 bytes", evidence=f"_delta_log/{delta_log.entry(empty[0])}",
        )  # fmt: skip
    return log


def _must_open(path: str, version: int | None = None) -> DeltaTable:
    table = open_table(path, version)
    assert table is not None, path
    return table


def find_head(path: str) -> tuple[str, int] | None:
    """Id and newest version of a table; None where there is none."""
    table = open_table(path)
    return (str(table.metadata().id), table.version()) if table is not None else None


def table_state(path: str) -> TableState | None:
    """Id, version and the newest `userMetadata` that is ours, without a JVM."""
    table = open_table(path)
    if table is None:
        return None
    return TableState(str(table.metadata().id), table.version(), _last_metadata(table))


def metadata_of(path: str, version: int) -> Mapping[str, Any]:
    """What the commit of a version said of itself; nothing where the log does not tell.

    delta-rs numbers the history of a table from its head, whatever version was opened.
    """
    table = open_table(path)
    if table is None or table.version() < version:
        return {}
    text = str(table.history(table.version() - version + 1)[-1].get("userMetadata", ""))
    return dict(json.loads(text)) if text.startswith("{") else {}


def read_schema(path: str, version: int) -> pa.Schema:
    """The columns of a version, as Arrow has them."""
    return _must_open(path, version).to_pyarrow_dataset(filesystem=store.table_files(path)).schema


def list_files(path: str, version: int) -> list[dict[str, Any]] | None:
    """Each file of a version with its rows, and the least and greatest values of its columns; None where the log no longer tells."""
    try:
        table = open_table(path, version)
    except DeltaError:
        return None
    return actions(table, {}) if table is not None else None


def holds(path: str, table_id: str, version: int) -> bool:
    """Whether a version of a table is still there: the same table, not older, and every file of the version as long as its log says."""
    try:
        head, table = open_table(path), open_table(path, version)
    except DeltaError:
        return False
    if head is None or table is None or str(head.metadata().id) != table_id or head.version() < version:
        return False
    files, base = store.open_files(path)
    try:
        return all(files.size(f"{base}/{unquote(str(a['path']))}") == a["size_bytes"] for a in actions(table, {}))
    except FileNotFoundError:
        return False


def _last_metadata(table: DeltaTable) -> Mapping[str, Any]:
    for limit in (1, None):
        for commit in table.history(limit):
            text = commit.get("userMetadata")
            if text and str(text).startswith("{"):
                return dict(json.loads(text))
    return {}


def read_arrow(
    path: str, version: int | None = None, columns: list[str] | None = None, where: Any = None
) -> pa.Table | None:
    """Rows of a table without a JVM; None where there is no table."""
    table = open_table(path, version)
    if table is None:
        return None
    return table.to_pyarrow_table(columns=columns, filters=where, filesystem=store.table_files(path))


def append_rows(path: str, rows: pa.Table, point: str) -> None:
    """Append a few rows to an audit table, and chain them to those before; a column that it does not have yet is null in the older ones.

    The newest commit says what the next one needs, so that no row is read again.
    """
    table = open_to_write(path)
    newest = next(iter(table.history(1)), {}) if table is not None else {}
    said = json.loads(str(newest.get("userMetadata") or "{}"))
    linked, tree = chain.link(rows, chain.read_tree(said, _rows_of(path)))
    new: Any = (
        {"configuration": properties("audit"), "storage_options": store.table_options(path)} if table is None else {}
    )
    with _commit(point, path):
        store.make_folder(path.rsplit("/", 1)[0])
        write_deltalake(
            table or store.for_arrow(path), linked, mode="append", schema_mode="merge",
            commit_properties=_saying({"tree": tree.to_json()}), **new,
        )  # fmt: skip


def _rows_of(path: str) -> Iterator[Mapping[str, Any]]:
    rows = read_arrow(path)
    yield from rows.to_pylist() if rows is not None else ()


def _saying(metadata: Mapping[str, Any]) -> CommitProperties:
    return CommitProperties(custom_metadata={"userMetadata": json.dumps(metadata)})


def compact(table: DeltaTable) -> int:
    """Join the small files of a table of delta-rs; returns how many became fewer."""
    done = table.optimize.compact(commit_properties=_saying(_last_metadata(table)))
    return int(done["numFilesRemoved"]) - int(done["numFilesAdded"])


def replace_partition(
    path: str, files: Mapping[str, pa.Table], keys: Mapping[str, str], metadata: Mapping[str, Any]
) -> int:
    """Write Parquet files into one partition of a bronze table and commit them once; returns the table's version.

    File names say what is in them, so a repeat finds its files live and commits nothing.
    """
    folder = "/".join(f"{k}={v}" for k, v in keys.items())
    schema = _with_keys(next(iter(files.values())).schema)
    table = _ensure_table(path, schema, list(keys))
    names = {f"{folder}/{name}": rows for name, rows in files.items()}
    if set(partition_files(path, keys)) == set(files):
        return int(table.version())
    adds: list[AddAction | RemoveAction] = [_write_parquet(path, name, rows, keys) for name, rows in names.items()]
    with _commit("bronze", path):
        table.create_write_transaction(
            adds,
            "overwrite",
            schema,
            partition_by=list(keys),
            partition_filters=[(k, "=", v) for k, v in keys.items()],
            commit_properties=_saying(metadata),
        )
    return _must_open(path).version()


def _with_keys(schema: pa.Schema) -> Any:
    import deltalake

    fields = [*schema, pa.field("_business_date", pa.date32()), pa.field("_revision", pa.int32())]
    plain = [pa.field(f.name, pa.string() if pa.types.is_dictionary(f.type) else f.type) for f in fields]
    return deltalake.Schema.from_arrow(pa.schema(plain))


def _ensure_table(path: str, schema: Any, partition_by: list[str]) -> DeltaTable:
    table = open_to_write(path)
    if table is None:
        store.make_folder(path)
        with _commit("bronze_table", path):
            return DeltaTable.create(
                store.for_arrow(path), schema, partition_by=partition_by, configuration=properties("bronze"),
                storage_options=store.table_options(path),
            )  # fmt: skip
    known = {f.name for f in table.schema().fields}
    added = [f for f in schema.fields if f.name not in known]
    if added:
        with _commit("bronze_columns", path):
            table.alter.add_columns(added)
        table = open_to_write(path)
        assert table is not None, path
    return table


def _write_parquet(path: str, name: str, rows: pa.Table, keys: Mapping[str, str]) -> AddAction:
    files, base = store.open_files(path)
    store.make_folder(f"{path}/{name.rsplit('/', 1)[0]}")
    part = f"{base}/{name}"
    with files.open(part, "wb") as handle:
        pq.write_table(
            rows, handle, compression="zstd", use_dictionary=["_file"], column_encoding={"_record": "DELTA_BINARY_PACKED"},
            row_group_size=1 << 19, write_page_checksum=True, write_statistics=["_file", "_record"],
        )  # fmt: skip
    if not store.is_object_store(path):
        sums.seal(files, part)
    for observe in observers:
        observe("written bronze")
    stats = json.dumps({"numRecords": rows.num_rows})
    return AddAction(
        name,
        files.size(part),
        dict(keys),
        int(files.modified(part).timestamp() * 1000),
        True,
        stats,
    )


def partition_files(path: str, keys: Mapping[str, str]) -> list[str]:
    """Names of the live files of a partition."""
    return [str(a["path"]).rsplit("/", 1)[-1] for a in actions(open_table(path), keys)]


def count_records(path: str, keys: Mapping[str, str]) -> int:
    """Rows of a partition, from the log's statistics."""
    return sum(int(a["num_records"] or 0) for a in actions(open_table(path), keys))


def actions(table: DeltaTable | None, keys: Mapping[str, str]) -> list[dict[str, Any]]:
    found = pa.table(table.get_add_actions(flatten=True)).to_pylist() if table is not None else []
    return [a for a in found if all(str(a[f"partition.{k}"]) == v for k, v in keys.items())]


# Spark


def exists(path: str) -> bool:
    return open_table(path) is not None


def read(
    spark: SparkSession, path: str, version: int | None = None, keys: Mapping[str, str] | None = None, where: str = ""
) -> DataFrame:
    """Rows of a table at one version; `keys` keep to one partition, or `where`, in SQL, to what holds for rows.

    Files of which the log says that they have no such row are not read.

    Spark's Delta source replays the log in jobs of its own, about a second a table and version. Where a table has few files and
    nothing that Parquet cannot say, the files are taken from the log here (10 ms), and Spark reads just these.
    """
    table = open_table(path, version)
    wanted = [(k, "=", v) for k, v in (keys or {}).items()] or None
    files = table.file_uris(file_pruning_predicate=where or wanted) if table else []
    where = where or " AND ".join(f"{k} = '{v}'" for k, v in (keys or {}).items())
    if table is None or len(files) > FEW_FILES or not set(table.protocol().reader_features or ()) <= PLAIN_FEATURES:
        reader = spark.read.format("delta")
        rows = (reader if version is None else reader.option("versionAsOf", version)).load(path)
        return rows.where(where) if where else rows
    from pyspark.sql.types import StructType

    schema = StructType.fromJson(json.loads(table.schema().to_json()))
    if not files:
        return spark.createDataFrame([], schema)
    named = [store.for_spark(file) for file in files]
    rows = spark.read.schema(schema).option("basePath", path).parquet(*named).select(*schema.names)
    return rows if keys or not where else rows.where(where)


def overwrite(
    rows: DataFrame, path: str, zone: str, point: str, metadata: Mapping[str, Any], *, where: str = "",
    partition_by: tuple[str, ...] = (), statistics: tuple[str, ...] = (),
) -> None:  # fmt: skip
    """Replace a table, or with `where` the rows for which it holds, in one commit."""
    writer = rows.write.format("delta").mode("overwrite").option("userMetadata", json.dumps(metadata))
    if not exists(path):
        _clear_lost_log(path)
        writer = writer.options(**properties(zone, statistics))
        writer = writer.partitionBy(*partition_by) if partition_by else writer
    elif where:
        writer = writer.option("replaceWhere", where)
    else:
        writer = writer.option("overwriteSchema", "true")
        writer = writer.partitionBy(*partition_by) if partition_by else writer
    with _commit(point):
        writer.save(path)


@contextmanager
def taking_any_rows(spark: SparkSession) -> Iterator[None]:
    """Let `overwrite` with a condition add rows for which it does not hold: they are new, and stand beside those that stay.

    A setting of the session, held as long as any of several writers at once needs it.
    """
    setting = "spark.databricks.delta.replaceWhere.constraintCheck.enabled"
    with _counting:
        _taking_any.append(spark)
        spark.conf.set(setting, "false")
    try:
        yield
    finally:
        with _counting:
            _taking_any.remove(spark)
            if spark not in _taking_any:
                spark.conf.unset(setting)


def _clear_lost_log(path: str) -> None:
    """What is left of a log without a commit, checksums above all, would stand in the way of a new one."""
    files, base = store.open_files(path)
    if files.exists(f"{base}/_delta_log"):
        files.rm(f"{base}/_delta_log", recursive=True)


def merge(
    spark: SparkSession, path: str, source: DataFrame, clauses: str, point: str, metadata: Mapping[str, Any]
) -> None:
    """Run `MERGE INTO path AS t USING source AS s` with the given ON and WHEN clauses, in one commit."""
    with _noting(spark, metadata):
        source.createOrReplaceTempView("merge_source")
        with _commit(point):
            spark.sql(f"MERGE INTO delta.`{path}` AS t USING merge_source AS s {clauses}")
        spark.catalog.dropTempView("merge_source")


def restore(spark: SparkSession, path: str, version: int) -> None:
    """Make an earlier version the newest, in one commit that says what that version said of itself."""
    with _noting(spark, metadata_of(path, version)), _commit("gold_restore"):
        spark.sql(f"RESTORE TABLE delta.`{path}` TO VERSION AS OF {version}")


def note(spark: SparkSession, path: str, point: str, metadata: Mapping[str, Any]) -> None:
    """Commit metadata alone: a delivery that changes no row is folded all the same."""
    with _noting(spark, metadata), _commit(point):
        spark.sql(f"ALTER TABLE delta.`{path}` SET TBLPROPERTIES ('lake.note' = '{metadata.get('chain', '')}')")


@contextmanager
def repeating_metadata(spark: SparkSession, path: str) -> Iterator[None]:
    """Let SQL commands on a table say again what its newest commit of ours said."""
    state = table_state(path)
    with _noting(spark, state.metadata if state else {}):
        yield


@contextmanager
def _noting(spark: SparkSession, metadata: Mapping[str, Any]) -> Iterator[None]:
    """For SQL commands the commit's `userMetadata` is a setting of the session: one command at a time."""
    setting = "spark.databricks.delta.commitInfo.userMetadata"
    with _turn:
        spark.conf.set(setting, json.dumps(metadata))
        try:
            yield
        finally:
            spark.conf.unset(setting)
