"""DuckDB and delta-rs by hand: the same files, the same checks, the same outputs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
from deltalake import DeltaTable, write_deltalake

from tests.bench.generate import BUSINESS_DATE, COLUMNS
from tests.bench.measure import Meter

RULES = {
    "bench.sensor.sensor_id.required": "sensor_id IS NULL",
    "bench.sensor.sensor_id.pattern": "NOT regexp_matches(sensor_id, '^S[0-9]{6}$')",
    "bench.sensor.measured_at.type": "bad_measured_at",
    "bench.sensor.measured_at.required": "measured_at IS NULL",
    "bench.sensor.direction.required": "direction IS NULL",
    "bench.sensor.direction.enum": "direction NOT IN ('N', 'E', 'S', 'W')",
    "bench.sensor.volume.type": "bad_volume",
    "bench.sensor.volume.required": "volume IS NULL",
    "bench.sensor.volume.minimum": "volume < 0",
    "bench.sensor.volume.maximum": "volume > 10000",
    "bench.sensor.speed.type": "bad_speed",
    "bench.sensor.speed.required": "speed IS NULL",
    "bench.sensor.speed.minimum": "speed < 0",
    "bench.sensor.speed.maximum": "speed > 250",
    "bench.sensor.occupancy.type": "bad_occupancy",
    "bench.sensor.occupancy.minimum": "occupancy < 0",
    "bench.sensor.occupancy.maximum": "occupancy > 100",
    "bench.sensor.status.required": "status IS NULL",
    "bench.sensor.s2": "length(status) < 2",
}
MOSTLY = {"bench.sensor.s2": 1.0}
PATTERNS = {
    "measured_at": ("timestamp", r"^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?$"),
    "volume": ("integer", r"^-?\d+(\.0*)?$"),
    "speed": ("decimal(5,1)", r"^-?\d+(\.\d{0,1}0*)?$"),
    "occupancy": ("decimal(5,2)", r"^-?\d+(\.\d{0,2}0*)?$"),
}
GOLD = (
    "SELECT sensor_id, measured_at::date AS day, count(*) AS readings, sum(volume)::bigint AS volume, "
    "sum(speed)::decimal(18,1) AS speeds FROM silver GROUP BY ALL"
)


def run(_spark: Any, inbox: Path, root: Path, meter: Meter) -> dict[str, Any]:
    """The whole night in one DuckDB connection of two threads."""
    con = connect(root)
    with meter.stage("bronze"):
        write_bronze(con, inbox, str(root / "bronze"))
    with meter.stage("silver"):
        con.execute(f"CREATE VIEW bronze_rows AS SELECT * FROM {table_of(str(root / 'bronze'))}")
        _judge(con)
        _settle(con)
        _check(con)
        write(con, _quarantine(), str(root / "quarantine"))
        columns = ", ".join(COLUMNS)
        write(con, f"SELECT {columns}, {lineage()} FROM judged ANTI JOIN exceptions USING (id)", str(root / "silver"))
    with meter.stage("gold and release"):
        con.execute(f"CREATE VIEW silver AS SELECT * FROM {table_of(str(root / 'silver'))}")
        write(con, GOLD, str(root / "gold"))
        keys = "SELECT count(*), count(DISTINCT (sensor_id, day)), count_if(readings NOT BETWEEN 1 AND 288 OR volume < 0 OR speeds < 0) FROM"
        rows, distinct, broken = con.execute(f"{keys} {table_of(str(root / 'gold'))}").fetchall()[0]
        assert rows and rows == distinct and not broken
    con.close()
    return {}


def connect(root: Path) -> Any:
    """DuckDB with as many threads as the machine that the bench is for has cores."""
    return duckdb.connect(config={"threads": 2, "temp_directory": str(root / "spill")})


def lineage() -> str:
    """Where a row comes from, as silver has it."""
    return f"DATE '{BUSINESS_DATE}' AS _business_date, 1 AS _revision, _file, _record"


def write(con: Any, query: str, path: str) -> None:
    """A new Delta table of what a query gives."""
    write_deltalake(path, con.sql(query).to_arrow_reader(200_000))


def table_of(path: str) -> str:
    """The files of a Delta table, as DuckDB reads them."""
    return f"read_parquet({DeltaTable(path).file_uris()})"


def write_bronze(con: Any, inbox: Path, path: str) -> None:
    """Strings with file and record number; a file that cannot be read whole stops the night."""
    names = ", ".join(f"'{c}': 'VARCHAR'" for c in COLUMNS)
    options = f"header = true, columns = {{{names}}}, strict_mode = true, null_padding = false, quote = '\"'"
    parts = [
        f"SELECT *, '{f.name}' AS _file, row_number() OVER () AS _record, DATE '{BUSINESS_DATE}' AS _business_date, 1 AS _revision "
        f"FROM read_csv('{f}', {options})"
        for f in sorted((inbox / "bench" / "sensor" / BUSINESS_DATE).glob("*.csv"))
    ]
    write(con, " UNION ALL ".join(parts), path)


def _judge(con: Any) -> None:
    """Every row once: cast, one mask of broken rules, one number."""
    cast = [
        f"CASE WHEN regexp_matches(n_{c}, '{pattern}') THEN TRY_CAST(n_{c} AS {kind}) END AS {c}, "
        f"n_{c} IS NOT NULL AND {c} IS NULL AS bad_{c}"
        if c in PATTERNS
        else f"n_{c} AS {c}"
        for c in COLUMNS
        for kind, pattern in [PATTERNS.get(c, ("", ""))]
    ]
    nulls = ", ".join(f"nullif({c}, '') AS n_{c}" for c in COLUMNS)
    mask = " | ".join(f"coalesce(({rule})::bigint << {n}, 0)" for n, rule in enumerate(RULES.values()))
    con.execute(
        f"CREATE TEMP TABLE judged AS SELECT {', '.join(COLUMNS)}, _file, _record, id, {mask} AS mask, "
        "CASE WHEN sensor_id IS NOT NULL AND measured_at IS NOT NULL THEN hash(sensor_id, measured_at) END AS h "
        f"FROM (SELECT *, {', '.join(cast)} FROM (SELECT {nulls}, _file, _record, row_number() OVER () AS id "
        "FROM bronze_rows))"
    )


def _settle(con: Any) -> None:
    """The rows that are not good, with what they are: few, so everything else is an anti-join."""
    con.execute(
        "CREATE TEMP TABLE several AS SELECT j.* FROM judged j SEMI JOIN "
        "(SELECT h FROM judged WHERE h IS NOT NULL GROUP BY h HAVING count(*) > 1) USING (h)"
    )
    con.execute(
        f"""CREATE TEMP TABLE exceptions AS
        WITH copies AS (SELECT *, row_number() OVER (PARTITION BY {", ".join(COLUMNS)} ORDER BY _file, _record) AS nth
                        FROM several WHERE mask = 0),
        kinds AS (SELECT sensor_id, measured_at, count(*) AS n FROM copies WHERE nth = 1 GROUP BY ALL),
        spoiled AS (SELECT DISTINCT sensor_id, measured_at FROM several WHERE mask != 0)
        SELECT id, CASE WHEN nth > 1 THEN 'duplicate' WHEN n > 1 THEN 'Q801' ELSE 'Q802' END AS verdict
        FROM copies LEFT JOIN kinds USING (sensor_id, measured_at) LEFT JOIN spoiled s USING (sensor_id, measured_at)
        WHERE nth > 1 OR n > 1 OR s.sensor_id IS NOT NULL
        UNION ALL SELECT id, 'aside' FROM judged WHERE mask != 0"""
    )


def _check(con: Any) -> None:
    """Shares of broken rules against what is allowed, and the identity of the counts."""
    counts = ", ".join(f"count_if(mask & {1 << n} != 0)" for n in range(len(RULES)))
    sums = "count(*), sum(volume), sum(speed), count(occupancy)"
    judged, *found = con.execute(f"SELECT {sums}, {counts} FROM judged").fetchall()[0]
    allowed = [(1 - MOSTLY.get(rule, 0.99)) * judged for rule in RULES]
    assert all(n <= most for n, most in zip(found[3:], allowed, strict=True)), found
    assert found[2] >= 0.8 * judged
    verdicts = dict(con.execute("SELECT verdict, count(*) FROM exceptions GROUP BY ALL").fetchall())
    assert verdicts.get("Q801", 0) <= 0.01 * judged


def _quarantine() -> str:
    """Set-aside rows with their rules and the record as it was delivered."""
    ids = ", ".join(f"CASE WHEN mask & {1 << n} != 0 THEN '{rule}' END" for n, rule in enumerate(RULES))
    delivered = ", ".join(f"'{c}', b.{c}" for c in COLUMNS)
    key = "json_object('sensor_id', j.sensor_id, 'measured_at', j.measured_at)::varchar AS _key"
    return (
        f"SELECT j._file, j._record, list_filter([{ids}, CASE WHEN verdict != 'aside' THEN verdict END], lambda x: x IS NOT NULL) AS _rules, "
        f"{key}, json_object({delivered})::varchar AS _delivered FROM judged j JOIN exceptions e USING (id) "
        "JOIN bronze_rows b USING (_file, _record) WHERE verdict != 'duplicate'"
    )
