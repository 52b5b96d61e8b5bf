"""Judge one file by a dataset's contract and rules without a lake."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from jobs import quality
from jobs.bronze import layout_of, validate_readings, with_file
from jobs.contracts import Contract
from jobs.errors import LakeError
from jobs.formats import read
from jobs.garbled import MARK, REASON, RULE, noted
from jobs.judge import judge_rows, rule_conditions, type_rows
from jobs.marked import mark_places, with_rule
from jobs.persons import PersonKey
from jobs.repeats import ASIDE, CONFLICT, Settled, settle
from jobs.rules import spell_rules
from jobs.stage import Judged, keep
from jobs.suites import load_suite
from jobs.tally import tally

MOST_PLACES = 20


def check_file(
    open_session: Callable[[], SparkSession], contract: Contract, file: Path, business_date: date
) -> dict[str, Any]:
    """Counts, results and the first places of what would be refused or set aside."""
    try:
        reading = read(file, layout_of(contract, file.name))
    except LakeError as error:
        raise error.at(dataset=contract.dataset, stage="check", place=file.name) from None
    suite = load_suite(contract)
    results = validate_readings([reading], suite) if reading.table.num_rows else []
    garbled = _garbled(reading.table, file.name, business_date)
    rules = with_rule(suite.row_rules(), garbled, RULE, MARK, REASON, contract.mostly)
    table = with_file(reading.table, file.name)
    table = table.set_column(table.schema.get_field_index("_file"), "_file", table["_file"].cast(pa.string()))
    bronze = open_session().createDataFrame(table.to_pandas(), _schema(table)).withColumns(
        {"_business_date": F.lit(business_date), "_revision": F.lit(1)}
    )  # fmt: skip
    typed = mark_places(type_rows(bronze, contract), garbled, MARK)
    conditions = rule_conditions(typed, rules, quality.conditions)
    key = PersonKey("check", os.urandom(32))  # nothing of it is kept
    rows = keep(judge_rows(typed, contract, conditions, sum(r.quarantine for r in rules), F.lit(0), key), small=True)
    tallies, odd = tally(rows, contract, rules, conditions)
    judged = Judged(rows, bronze, lambda records, **_: records, True, tuple(rules), tallies, odd)
    settled = settle(judged, contract)
    counted, verdicts = judged.tally(0), settled.verdicts.get(0, {})
    if counted.judged:
        results += quality.validate_counts(rules, counted.broken, counted.evaluated)
        whole = suite.batch_rules()
        results += quality.validate(rows.select("_row.*"), whole, counted.judged) if whole else []
    places = [f"record {r.record}: {r.code} {r.detail}" for r in reading.refused[:MOST_PLACES]]
    counts = {
        "landed": reading.records, "bronze": reading.table.num_rows, "refused": len(reading.refused), "judged": counted.judged,
        "set aside": sum(verdicts.get(v, 0) for v in ASIDE), "duplicates": verdicts.get("duplicate", 0),
        "conflicts": verdicts.get(CONFLICT, 0),
    }  # fmt: skip
    return {
        "counts": counts,
        "results": [r.as_dict() for r in results],
        "places": places + _places(settled, [r.id for r in rules if r.quarantine]),
        "notices": [f"{n.code} {n.text}" for n in reading.notices],
        "held": [r.rule for r in quality.failing(results)],
    }


def _places(settled: Settled, rules: Sequence[str]) -> list[str]:
    """The first records that would be set aside, with their rules."""
    if settled.aside is None:
        return []
    own = F.when(F.col("_verdict") == "aside", F.array()).otherwise(F.array("_verdict"))
    named = settled.aside.select("_record", F.concat(spell_rules(rules), own).alias("_rules"))
    found = named.orderBy("_record").limit(MOST_PLACES).collect()
    return [f"record {row['_record']}: {', '.join(row['_rules'])}" for row in found]


def _garbled(table: pa.Table, name: str, business_date: date) -> pa.Table:
    """Places of the records in which the reader noted a garbled text."""
    records = table.filter(noted(pc.field("_extra")))["_record"]
    return pa.table(
        {
            "_business_date": [business_date] * len(records),
            "_revision": pa.array([1] * len(records), pa.int32()),
            "_file": [name] * len(records),
            "_record": records,
        }
    )


def _schema(table: pa.Table) -> str:
    return ", ".join(f"`{f.name}` {'bigint' if f.name == '_record' else 'string'}" for f in table.schema)
