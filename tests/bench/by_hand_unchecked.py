"""DuckDB and delta-rs by hand, without the checks: what `by_hand` costs beside it is what checking costs there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.bench.by_hand import GOLD, PATTERNS, connect, lineage, table_of, write, write_bronze
from tests.bench.generate import COLUMNS
from tests.bench.measure import Meter


def run(_spark: Any, inbox: Path, root: Path, meter: Meter) -> dict[str, Any]:
    """The same tables of every record: cast, no pattern or rule asked, no quarantine, no duplicates found."""
    con = connect(root)
    with meter.stage("bronze"):
        write_bronze(con, inbox, str(root / "bronze"))
    with meter.stage("silver"):
        kinds = {column: kind for column, (kind, _pattern) in PATTERNS.items()}
        cast = [f"TRY_CAST({c} AS {kinds[c]}) AS {c}" if c in kinds else c for c in COLUMNS]
        write(con, f"SELECT {', '.join(cast)}, {lineage()} FROM {table_of(str(root / 'bronze'))}", str(root / "silver"))
    with meter.stage("gold and release"):
        con.execute(f"CREATE VIEW silver AS SELECT * FROM {table_of(str(root / 'silver'))}")
        write(con, GOLD, str(root / "gold"))
    con.close()
    return {}
