"""Spark with Great Expectations at its defaults: plain Spark's tables, each batch validated before it is written.

What a team writes with both tools' documentation open: the product's own suites as they stand, given to GX as a whole, which keeps the
batch (`persist`) and counts and samples what fails (`SUMMARY`). It finds out how many rows break each rule, and sets none aside.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.cities import load_contracts, load_gold
from jobs.suites import Rule, load_suite
from tests.bench import plain
from tests.bench.city import CITY
from tests.bench.generate import COLUMNS
from tests.bench.measure import Meter

# The contract's key, which the product looks at by itself; a fiftieth of the rows are copies, and each makes two that repeat.
KEY = Rule(
    "bench.sensor.key", "expect_compound_columns_to_be_unique", {"column_list": ["sensor_id", "measured_at"], "mostly": 0.95},
    "critical", "uniqueness", "A sensor measures once in five minutes.",
)  # fmt: skip
start = plain.start


def run(spark: Any, inbox: Path, root: Path, meter: Meter) -> dict[str, Any]:
    """The night of `plain.py` with three validations; returns of each the rows that break its rules, and stops where one may not."""
    contract = load_contracts(CITY)["bench.sensor"]
    suite, gold_suite = load_suite(contract), load_suite(load_gold(CITY)["sensor_daily"])
    context, broken = _open_context(), {}
    tables = {zone: str(root / zone) for zone in ("bronze", "silver", "gold")}
    with meter.stage("bronze"):
        raw = plain.read_files(spark, inbox)
        broken["bronze"] = _validate(context, "bronze", raw, suite.bronze)
        plain.write(raw, tables["bronze"])
    with meter.stage("silver"):
        typed = _typed(spark.read.format("delta").load(tables["bronze"]))
        broken["silver"] = _validate(context, "silver", typed, [*suite.silver, KEY])
        plain.write(typed.select(*COLUMNS, "_file", "_business_date"), tables["silver"])
    with meter.stage("gold and release"):
        made = plain.count_by_day(spark.read.format("delta").load(tables["silver"])).coalesce(1)
        broken["gold"] = _validate(context, "gold", made, gold_suite.gold)
        made.write.format("delta").save(tables["gold"])
    spark.catalog.clearCache()
    return {"broken": broken}


def _typed(bronze: DataFrame) -> DataFrame:
    """Values by their types, and beside each whether it was there and did not convert, as the contract's rules want it."""
    texts = bronze.withColumns({c: F.nullif(F.col(c), F.lit("")) for c in COLUMNS})
    cast = {c: F.col(c).try_cast(kind) for c, kind in plain.TYPES.items()}
    marks = [(F.col(c).isNotNull() & value.isNull()).alias(f"_unconverted_{c}") for c, value in cast.items()]
    return texts.select(*[cast.get(c, F.col(c)).alias(c) for c in COLUMNS], *marks, "_file", "_business_date")


def _open_context() -> Any:
    import great_expectations as gx

    context: Any = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False, "metric_calculations": False}  # stderr is for the costs
    return context


def _validate(context: Any, name: str, rows: DataFrame, rules: Sequence[Rule]) -> dict[str, int]:
    """Rows that break each rule, where some do."""
    from great_expectations.core.expectation_suite import ExpectationSuite

    asset = context.data_sources.add_spark(name).add_dataframe_asset(name)
    batch = asset.add_batch_definition_whole_dataframe(name).get_batch({"dataframe": rows})
    outcome = batch.validate(ExpectationSuite(name=name, expectations=[r.expectation() for r in rules]))
    found = {r.expectation_config.meta["rule"]: r for r in outcome.results}
    failed = [r.id for r in rules if not found[r.id].success and r.severity == "critical"]
    if len(found) != len(rules) or failed:
        raise SystemExit(f"Great Expectations stopped the bench night at {name}: {failed}")
    return {rule: n for rule, r in found.items() if (n := int(r.result.get("unexpected_count", 0)))}
