"""LakeBench's ELTBench with this project's session as one of its engines, beside Polars: `python -m tests.bench.eltbench`.

LakeBench pins versions that this project does not have, so it is installed beside, without what it depends on; README.md says how.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from deltalake import DeltaTable, write_deltalake
from lakebench.benchmarks import ELTBench
from lakebench.benchmarks.elt_bench.engine_impl.spark import SparkELTBench
from lakebench.datagen.tpcds import TPCDSDataGenerator
from lakebench.engines import DuckDB, Polars, Spark
from pyarrow.dataset import dataset

from tests.bench.measure import Cost, Meter
from tests.bench.say import judge, median_stages, out, print_costs

TABLES = ("store_sales", "date_dim", "store", "item", "customer")
FACT = "total_sales_fact"
TARGET = 3.5
TITLES = {"lakehouse": "City Lakehouse's session", "polars": "Polars", "duckdb": "DuckDB"}


class CityLakehouse(Spark):
    """Spark with this project's settings, and files loaded as bronze loads them; all else is LakeBench's own."""

    runtime = "city_lakehouse"  # else LakeBench would add settings of its own, and fetch an older Delta

    def __init__(self, folder: str) -> None:
        from jobs.session import open_session

        open_session("eltbench")
        super().__init__(schema_name="eltbench", schema_uri=folder)

    def load_parquet_to_delta(
        self,
        parquet_folder_uri: str,
        table_name: str,
        table_is_precreated: bool = False,
        context_decorator: str | None = None,
        column_name_mapping: Mapping[str, str] | None = None,
    ) -> None:
        """What comes as files becomes a table without Spark, as bronze does it: read by Arrow, one commit by delta-rs."""
        rows = dataset(parquet_folder_uri, format="parquet").to_table()
        named = self._resolve_column_name_mapping(table_name, rows.column_names, column_name_mapping)
        rows = rows.rename_columns([named.get(name, name) for name in rows.column_names])
        table = DeltaTable(f"{self.schema_uri}/{table_name}")
        schema = pa.schema(table.schema().to_arrow())
        write_deltalake(table, rows.select(schema.names).cast(schema), mode="append")


ELTBench.register_engine(CityLakehouse, SparkELTBench)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.eltbench", description=__doc__)
    parser.add_argument("--scale", type=float, default=1, help="scale factor of TPC-DS's generator")
    parser.add_argument("--runs", type=int, default=5, help="runs in one process; medians are of the third and later")
    parser.add_argument("--engines", default="lakehouse,polars", help="with commas, of " + ", ".join(TITLES))
    parser.add_argument("--work", help="folder for inputs and tables [default: the temporary folder]")
    parser.add_argument("--run", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    work = Path(options.work or tempfile.gettempdir()) / "lake-eltbench"
    data = work / f"data-{options.scale:g}"
    if options.run:
        _run_engine(options.run, data, work / options.run, options.runs)
        return
    if not (data / "done").exists():
        TPCDSDataGenerator(options.scale, str(data), table_list=list(TABLES)).run()
        (data / "done").touch()
    found = {name: _in_own_process(name, work, options) for name in options.engines.split(",")}
    _compare({name: runs[-1]["rows"] for name, runs in found.items()})
    _print(found)


def _in_own_process(name: str, work: Path, options: argparse.Namespace) -> list[dict[str, Any]]:
    command = [sys.executable, "-m", "tests.bench.eltbench", "--run", name, "--work", str(work.parent)]
    command += ["--scale", str(options.scale), "--runs", str(options.runs)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    runs: list[dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    return runs


def _run_engine(name: str, data: Path, folder: Path, runs: int) -> None:
    """Print costs, seconds by phase and rows by table of each run, as JSON on the last line."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    engine: Any = {"lakehouse": CityLakehouse, "polars": Polars, "duckdb": DuckDB}[name](str(folder))
    found = []
    for _ in range(runs):
        if name == "lakehouse":
            engine.create_schema_if_not_exists(drop_before_create=True)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        np.random.seed(7)
        bench = ELTBench(engine, "sales", input_folder_uri=str(data))
        meter = Meter(os.getpid(), folder)
        with meter.stage("ELTBench light"):
            bench.run("light")
        if failed := [r["error_message"] for r in bench.results if not r["success"]]:
            raise SystemExit(f"{name} failed: {failed}")
        phases: dict[str, float] = {}
        for r in bench.results:
            phases[r["phase"]] = phases.get(r["phase"], 0.0) + r["duration_ms"] / 1000
        rows = {t: _count(folder / t) for t in TABLES} | {FACT: _count(folder / FACT, 0)}
        found.append({"stages": [c.as_dict() for c in meter.costs], "phases": phases, "rows": rows})
        print(name, [f"{c.name} {c.cpu:.1f}" for c in meter.costs], file=sys.stderr, flush=True)
    print(json.dumps(found))


def _count(table: Path, version: int | None = None) -> int:
    """Rows of a version, by the table's log."""
    from jobs import delta

    opened = delta.open_table(str(table), version)
    assert opened is not None, table
    return sum(a["num_records"] for a in delta.actions(opened, {}))


def _compare(rows: dict[str, dict[str, int]]) -> None:
    """Tables as loaded and the fact table as it was made: the merges after that take rows at random."""
    first, *others = rows.items()
    for name, found in others:
        if found != first[1]:
            raise SystemExit(f"tables differ: {first[0]} {first[1]}, {name} {found}")
    out.print("equal in all: " + ", ".join(f"{t} {n:,} rows" for t, n in first[1].items()))


def _print(found: dict[str, list[dict[str, Any]]]) -> None:
    medians: dict[str, Cost] = {name: median_stages(runs)[0] for name, runs in found.items()}
    for name, cost in medians.items():
        print_costs(f"{TITLES[name]}: median of warm runs", [cost])
        phases = found[name][-1]["phases"]
        out.print("wall seconds by phase, last run: " + ", ".join(f"{p} {s:.1f}" for p, s in phases.items()))
    if {"lakehouse", "polars"} <= medians.keys():
        judge("CPU against Polars", medians["lakehouse"].cpu / medians["polars"].cpu, TARGET)


if __name__ == "__main__":
    main()
