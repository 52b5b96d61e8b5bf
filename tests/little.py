"""A little city for tests: four datasets with the same few columns, one a mode, and a lake to run them in.

`reg.things` snapshot, `tax.yearly` partition by `period`, `reg.moves` changes, `road.counts` events; `loose.*` are the same with
`mostly` 0, so that nothing is held for its share of bad rows. `gold.totals` sums `reg.things`.
A delivery with text in the optional column `hold` is held by its bronze suite.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession

from jobs import delta, landing
from jobs import night as nights
from jobs.errors import LakeError
from jobs.lake import Lake
from jobs.ledger import Decision, Ledger, Line, Run
from jobs.night import Night, Selection

CITY = "little"
DATASETS = {
    "reg.things": ("snapshot", 0.5), "tax.yearly": ("partition", 0.5), "reg.moves": ("changes", 0.5), "road.counts": ("events", 0.5),
    "loose.snapshot": ("snapshot", 0.0), "loose.partition": ("partition", 0.0), "loose.changes": ("changes", 0.0), "loose.events": ("events", 0.0),
}  # fmt: skip
CONTRACT = """\
apiVersion: v3.2.0
kind: DataContract
id: little.{dataset}
name: {dataset}
version: 1.0.0
status: active
domain: tests
description: {{purpose: Invented rows.}}
team: {{name: testers}}
servers:
  - {{server: inbox, type: local, path: "{source}/{name}/{{business_date}}/*.csv*", format: csv, encoding: utf-8}}
schema:
  - name: {name}
    logicalType: object
    dataGranularityDescription: one key
    customProperties:
      - {{property: mode, value: {mode}}}
      - {{property: mostly, value: {mostly}}}
      - {{property: maxUndecodable, value: 1.0}}
      - {{property: nullTokens, value: ["-"]}}
      - {{property: controlSums, value: [value]}}
{extra}
    properties:
      - {{name: key, logicalType: integer, required: true, primaryKey: true, primaryKeyPosition: 1, classification: public, description: The key.}}
      - {{name: period, logicalType: integer, required: true, classification: public, description: The year.}}
      - {{name: value, logicalType: integer, required: true, logicalTypeOptions: {{minimum: 0, maximum: 1000}}, classification: public, description: The value.}}
{columns}
slaProperties:
  - {{property: frequency, value: 1, unit: d, scheduler: cron, schedule: "0 2 * * *"}}
  - {{property: latency, value: 4, unit: h}}
  - {{property: retention, value: 5, unit: y}}
"""
CHANGES = """\
      - {name: sequence, logicalType: integer, required: true, classification: public, description: The order of changes.}
      - {name: operation, logicalType: string, required: true, enum: [{value: I}, {value: U}, {value: D}], classification: public, description: "I, U or D."}"""
SUITE = """\
bronze:
  - {{type: expect_column_values_to_be_null, kwargs: {{column: hold}}, severity: critical, meta: {{rule: {dataset}.b1, dimension: validity, reason: "Text in hold holds the delivery."}}}}
silver:
  - {{type: expect_column_values_to_be_between, kwargs: {{column: value, min_value: 0, max_value: 900}}, severity: warning, meta: {{rule: {dataset}.s1, dimension: validity, reason: "Values over 900 are rare."}}}}
"""
HOLD = "      - {name: hold, logicalType: string, classification: public, description: Holds the delivery.}"
GOLD = """\
apiVersion: v3.2.0
kind: DataContract
id: gold.totals
name: Totals
version: 1.0.0
status: active
description: {purpose: Sums of things by period.}
team: {name: testers}
schema:
  - name: totals
    logicalType: object
    dataGranularityDescription: one period
    customProperties: [{property: mart, value: totals}, {property: conserves, value: {total: reg.things.value}}]
    properties:
      - {name: period, logicalType: integer, required: true, primaryKey: true, primaryKeyPosition: 1, classification: public, description: Year., transformSourceObjects: [reg.things.period]}
      - {name: total, logicalType: integer, required: true, logicalTypeOptions: {minimum: 0}, classification: public, description: Sum of values., transformSourceObjects: [reg.things.value]}
"""
GOLD_SUITE = """\
gold:
  - {type: expect_table_row_count_to_be_between, kwargs: {min_value: 1, max_value: 2}, severity: critical, meta: {rule: gold.totals.g1, dimension: completeness, reason: "One or two years."}}
"""


def write_conf(root: Path, datasets: Collection[str] = tuple(DATASETS)) -> Path:
    """Write the little city's configuration, of some datasets only; returns the root to name in LAKE_CONF."""
    for dataset, (mode, mostly) in ((d, DATASETS[d]) for d in datasets):
        source, name = dataset.split(".")
        extra = {
            "partition": "      - {property: period, value: period}",
            "changes": "      - {property: sequence, value: sequence}\n      - {property: operation, value: operation}",
        }.get(mode, "")
        columns = "\n".join(x for x in (CHANGES if mode == "changes" else "", HOLD) if x)
        text = CONTRACT.format(
            dataset=dataset, source=source, name=name, mode=mode, mostly=mostly, extra=extra, columns=columns
        )
        _write(root / "conf" / "cities" / CITY / source / f"{name}.odcs.yaml", text)
        _write(root / "expectations" / CITY / source / f"{name}.yaml", SUITE.format(dataset=dataset))
    _write(
        root / "conf" / "cities" / CITY / "city.yaml",
        "name: little\ntitle: Little city\ntimezone: Asia/Shanghai\ngold: [totals]\n",
    )
    _write(root / "conf" / "gold" / "totals.odcs.yaml", GOLD)
    _write(root / "expectations" / "gold" / "totals.yaml", GOLD_SUITE)
    mart = 'from pyspark.sql import DataFrame\nfrom pyspark.sql import functions as F\n\n\ndef totals(reg_things: DataFrame) -> DataFrame:\n    return reg_things.groupBy("period").agg(F.sum("value").alias("total"))\n'
    _write(root / "jobs" / "marts" / "totals.py", mart)
    return root


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")


def write_person_key(folder: Path) -> Path:
    """A key for persons, for nobody; to be named in LAKE_PERSON_KEY_FILE."""
    key = folder / "key"
    key.write_text(f"k1 {'5a' * 32}", "ascii")
    key.chmod(0o600)
    return key


def no_session() -> Any:
    """For a test whose own process needs no Spark."""
    raise AssertionError("a Spark session was asked for")


class World:
    """A lake of the little city (or another), its inbox, and what a test wants to know of them."""

    def __init__(self, folder: Path, open_session: Callable[[], SparkSession], city: str = CITY) -> None:
        self.inbox, self.lake, self.open_session = folder / "inbox", Lake(str(folder / "lake"), city), open_session
        self.inbox.mkdir(parents=True, exist_ok=True)
        self.lake.check_format()
        self.events: list[tuple[str, Any]] = []

    def take(self, other: World) -> World:
        """Become a copy of another lake and its inbox."""
        shutil.copytree(other.lake.root, self.lake.root, dirs_exist_ok=True)
        shutil.copytree(other.inbox, self.inbox, dirs_exist_ok=True)
        return self

    def deliver(
        self,
        dataset: str,
        date: str,
        content: str | bytes,
        *,
        revision: int = 1,
        name: str = "data.csv",
        manifest: dict[str, Any] | None = None,
    ) -> Path:
        """Put one file (and a manifest) into a delivery folder of the inbox."""
        folder = self.inbox.joinpath(*dataset.split("."), date if revision == 1 else f"{date}.r{revision}")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
        if manifest is not None:
            (folder / "manifest.json").write_text(json.dumps(manifest))
        return folder

    def run(
        self,
        date: str = "",
        *,
        dataset: str = "",
        refold: bool = False,
        now: str = "2026-01-01T12:00:00Z",
        release: bool = False,
        deliveries: str = "inbox",
    ) -> Night:
        """Land and process what is owed; with `release` also gold and a release."""
        selection = Selection(dates=(date,) if date else (), dataset=dataset, refold=refold)
        night = Night(
            self.lake,
            self.inbox,
            Run("test", 1, datetime.fromisoformat(now)),
            self.open_session,
            lambda e, w: self.events.append((e, w)),
            selection,
            server=deliveries,
        )
        nights.extract(night)
        nights.process(night)
        if release and nights.is_release_owed(night):
            nights.run_release(night)
        return night

    def line(self, dataset: str, date: str, stage: str = "silver", revision: int = 1) -> Line:
        """The newest ledger line of a stage; fails where there is none."""
        found = Ledger(self.lake, Run("test", 1, datetime.now(UTC))).newest(stage, dataset, date, revision)
        assert found is not None, f"no {stage} line of {dataset} {date} r{revision}"
        return found

    def rows(self, dataset: str, zone: str = "silver") -> list[dict[str, Any]]:
        """Rows of a table, without a JVM, sorted."""
        table = delta.read_arrow(self.lake.table(zone, dataset.replace(".", "_") if zone != "gold" else dataset))
        found = table.to_pylist() if table is not None else []
        return sorted(found, key=lambda r: json.dumps(r, default=str))

    def history(self, dataset: str) -> list[tuple[Any, ...]]:
        """(key, period, value, valid_from, valid_to) of a history table, sorted."""
        rows = [
            (r["key"], r["period"], r["value"], str(r["valid_from"]), str(r["valid_to"]) if r["valid_to"] else None)
            for r in self.rows(dataset)
        ]
        return sorted(rows, key=str)

    def version(self, dataset: str, zone: str = "silver") -> int:
        state = delta.table_state(self.lake.table(zone, dataset.replace(".", "_")))
        return state.version if state else -1

    def versions(self) -> dict[str, int]:
        """Version of every Delta table of the lake."""
        found = Path(self.lake.base).glob("*/*/_delta_log")
        return {f"{p.parent.parent.name}.{p.parent.name}": delta.table_state(str(p.parent)).version for p in found}  # type: ignore[union-attr]

    def decide(
        self,
        kind: str,
        dataset: str,
        date: str,
        *,
        file: str = "",
        record: int = 0,
        values: dict[str, Any] | None = None,
        revision: int = 1,
    ) -> Decision:
        """Record a decision by content, as the command line does."""
        night = self.run_nothing()
        receipt = next(
            r for r in landing.list_receipts(self.lake, night.contracts[dataset], date) if r.revision == revision
        )
        if kind == "approve":
            return night.ledger.decide(
                Decision("approve", "tester", "checked", dataset, date, revision, receipt.sha256)
            )
        from jobs.asides import decide_record

        path = ""
        if values is not None:
            path = str(self.inbox.parent / "values.json")
            Path(path).write_text(json.dumps(values))
        return decide_record(night, dataset, date, revision, file, record, "tester", "checked", path)

    def run_nothing(self) -> Night:
        return Night(
            self.lake,
            self.inbox,
            Run("test", 1, datetime(2026, 1, 1, tzinfo=UTC)),
            self.open_session,
            lambda e, w: None,
        )

    def problem_codes(self, night: Night) -> list[str]:
        return [p.code for p in night.problems]


def csv_of(rows: Sequence[Sequence[object]], header: str = "key,period,value") -> str:
    """Rows as CSV text under a header."""
    return "\n".join([header, *[",".join(map(str, r)) for r in rows]]) + "\n"


def only_problem(night: Night) -> LakeError:
    assert len(night.problems) == 1, night.problems
    return night.problems[0]
