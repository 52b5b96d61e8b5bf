"""Whether the contestants made the same tables: every row of silver, quarantine and gold, and the sums that unchecked rows share."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb
from deltalake import DeltaTable

from tests.bench.generate import COLUMNS

FILE = "regexp_extract(_file, '[^/]*$')"
SILVER = [*(f"{c}::varchar" for c in COLUMNS), FILE, "_record"]
GOLD = ["sensor_id", "day::date", "readings::bigint", "volume::bigint", "speeds::varchar"]
QUARANTINE = [FILE, "_record", "list_sort(_rules)"]


def compare_checked(product: Path, other: Path) -> list[str]:
    """Row by row; returns what was found equal, raises SystemExit where it is not."""
    tables = {
        "silver": ("silver/bench_sensor", SILVER),
        "quarantine": ("quarantine/bench_sensor", QUARANTINE),
        "gold": ("gold/sensor_daily", GOLD),
    }
    return [_compare(name, product / "bench" / own, other / name, columns) for name, (own, columns) in tables.items()]


def _compare(name: str, left: Path, right: Path, columns: list[str]) -> str:
    con = duckdb.connect()
    sides = [f"SELECT hash({', '.join(columns)}) AS h FROM {_files(path)}" for path in (left, right)]
    digests = [
        con.execute(f"SELECT count(*), sum(h::hugeint), bit_xor(h) FROM ({side})").fetchall()[0] for side in sides
    ]
    if digests[0] != digests[1] or not digests[0][0]:
        raise SystemExit(f"{name} differs: the product {digests[0]}, {right.parent.name} {digests[1]}")
    return f"{name}: {digests[0][0]:,} rows, digest {digests[0][2]:016x}"


def compare_unchecked(product: Mapping[str, Any], other: Path) -> str:
    """Rows and control sums of all judged rows, which who sets none aside keeps, bad ones and copies included."""
    counts = product["silver"]["counts"]
    rows, volume, speed = duckdb.execute(
        f"SELECT count(*), sum(volume), sum(speed) FROM {_files(other / 'silver')}"
    ).fetchall()[0]
    own = (counts["judged"], int(counts["sums"]["volume"]), str(counts["sums"]["speed"]))
    if own != (rows, int(volume), str(speed)):
        raise SystemExit(f"silver differs: the product judged {own}, {other.name} {(rows, volume, speed)}")
    return f"{rows:,} rows, volume {int(volume):,}, speed {speed}"


def compare_broken(product: Mapping[str, Any], other: Mapping[str, Any]) -> str:
    """How many rows break each of silver's rules; of the key, the product's own look finds less, since copies are no conflict to it."""
    own = product["silver"]["counts"]["rules"]
    found = {rule: n for rule, n in other["broken"]["silver"].items() if rule in own or not rule.endswith(".key")}
    if found != own or not found:
        raise SystemExit(f"rules differ: the product {own}, Great Expectations {found}")
    return f"{sum(found.values()):,} breaches of {len(found)} rules"


def _files(path: Path) -> str:
    return f"read_parquet({[str(u) for u in DeltaTable(str(path)).file_uris()]})"
