"""Great Expectations: take its conditions, validate, keep results, gate.

Measured here: a map expectation costs 0.1 to 0.2 s on Spark however small the batch, one on a one-row pandas frame 5 ms. So rules
about single rows are judged by GX's own Spark condition in the job's one counting pass, and their counts are validated in the
accounting row on pandas; rules about a batch as a whole are validated by GX on the batch itself.
"""

from __future__ import annotations

import json
import math
import operator
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache, reduce
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from threading import RLock
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.errors import LakeError
from jobs.suites import Rule

if TYPE_CHECKING:
    import pandas as pd

os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
# One thread at a time: the library registers its expectations while it is imported, and has one context whose sources go by name.
_turn = RLock()
ABOUT_NULLS = ("expect_column_values_to_not_be_null", "expect_column_values_to_be_null")


@dataclass(frozen=True)
class Result:
    """How one rule ended. Counts are rows; `allowed` is how many may break it."""

    rule: str
    type: str
    severity: str
    dimension: str
    reason: str
    success: bool
    evaluated: int
    broken: int
    allowed: int
    observed: str = ""

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@cache
def load() -> None:
    """Import the library: half of it, and in half of the time.

    What it draws pictures and compares distributions with comes when it asks for it; SQL tables, and data that it would fetch from
    elsewhere, it is not given.
    """
    later = [name for name in ("altair", "scipy.stats") if name not in sys.modules]
    left_out: dict[str, Any] = {name: _stand_in(name) for name in later}
    left_out |= {} if "sqlalchemy" in sys.modules else {"sqlalchemy": None}
    left_out |= {name: _empty(name) for name in _list_other_sources() if name not in sys.modules}
    sys.modules.update(left_out)
    try:
        import great_expectations  # noqa: F401
    finally:
        for name in left_out:
            del sys.modules[name]


def _stand_in(name: str) -> ModuleType:
    """A module that imports the one of its name when something of it is asked for."""
    module = ModuleType(name)
    module.__getattr__ = lambda wanted: getattr(import_module(name), wanted)  # type: ignore[method-assign]
    return module


def _list_other_sources() -> list[str]:
    """Modules of the library that fetch data from databases, clouds and folders; we hand it frames."""
    spec = find_spec("great_expectations")
    assert spec is not None and spec.origin is not None
    folder = Path(spec.origin).parent / "datasource" / "fluent"
    own = ("pandas_datasource", "spark_datasource", "invalid_datasource")
    return [
        f"great_expectations.datasource.fluent.{p.stem}" for p in folder.glob("*_datasource.py") if p.stem not in own
    ]


def _empty(name: str) -> ModuleType:
    """A module in which every name but Python's own is a class that nobody uses."""

    def find(wanted: str) -> type:
        if wanted.startswith("__"):
            raise AttributeError(wanted)
        return type(wanted, (), {})

    module = ModuleType(name)
    module.__getattr__ = find  # type: ignore[method-assign]
    return module


@cache
def _context() -> Any:
    load()
    import great_expectations as gx

    context: Any = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False, "metric_calculations": False}
    return context


def _batch(frame: Any, engine: str) -> Any:
    sources = _context().data_sources
    source = (
        sources.add_or_update_spark("spark", persist=False)
        if engine == "spark"
        else sources.add_or_update_pandas("pandas")
    )
    return (
        source.add_dataframe_asset("asset")
        .add_batch_definition_whole_dataframe("batch")
        .get_batch({"dataframe": frame})
    )


@dataclass(frozen=True)
class Condition:
    """A row rule as GX judges it: true for a row that breaks it, and true for a row that it is asked of (None: every row).

    Conditions of one `domain` are asked of the same rows.
    """

    broken: Column
    asked: Column | None = None
    domain: str = ""


def conditions(rows: DataFrame, rules: Sequence[Rule]) -> list[Condition]:
    """GX's own Spark condition of each row rule.

    GX keeps the domain apart, so `row_condition` and the null test of `ignore_row_if` are added; null values break no map expectation
    but those about nulls. Raises E703 where GX cannot make one.
    """
    empty = rows.sparkSession.createDataFrame([], rows.schema)
    with _turn:
        load()
        from great_expectations.validator.metrics_calculator import MetricsCalculator

        batch = _batch(empty, "spark")
        engine = batch.data.execution_engine
        engine.batch_manager.load_batch_list([batch])
        wanted = [_condition_metric(engine, rule) for rule in rules]
        found, _ = MetricsCalculator(engine).compute_metrics(
            wanted, runtime_configuration=None, min_graph_edges_pbar_enable=0
        )
    for metric, rule in zip(wanted, rules, strict=True):
        if metric.id not in found:
            raise LakeError(
                "E703", place=rule.id, expected="a condition", actual="an exception inside Great Expectations"
            )
    return [_in_domain(found[m.id][0], m.metric_domain_kwargs, rule) for m, rule in zip(wanted, rules, strict=True)]


def _condition_metric(engine: Any, rule: Rule) -> Any:
    from great_expectations.expectations.registry import get_expectation_impl
    from great_expectations.validator.metric_configuration import MetricConfiguration

    kwargs = {k: v for k, v in rule.kwargs.items() if k != "mostly"}
    expectation: Any = get_expectation_impl(rule.type)(**kwargs)
    found = expectation.get_validation_dependencies(
        execution_engine=engine, runtime_configuration={"result_format": "BOOLEAN_ONLY"}
    )
    counted = found.metric_configurations[f"{expectation.map_metric}.unexpected_count"]
    return MetricConfiguration(
        f"{expectation.map_metric}.condition", counted.metric_domain_kwargs, counted.metric_value_kwargs
    )


def _in_domain(condition: Column, domain: Mapping[str, Any], rule: Rule) -> Condition:
    where = rule.kwargs.get("row_condition")  # the domain's is GX's own object
    tests = [F.expr(str(where))] if where else []
    columns = domain.get("column_list") or [domain[k] for k in ("column_A", "column_B") if k in domain]
    ignore = domain.get("ignore_row_if", "never")
    nulls = [F.col(c).isNull() for c in columns]
    if ignore in ("both_values_are_missing", "all_values_are_missing"):
        tests.append(~reduce(operator.and_, nulls))
    elif ignore in ("either_value_is_missing", "any_value_is_missing"):
        tests.append(~reduce(operator.or_, nulls))
    if "column" in domain and rule.type not in ABOUT_NULLS:
        tests.append(F.col(domain["column"]).isNotNull())
    if not tests:
        return Condition(condition)
    asked = reduce(operator.and_, tests)
    about = [domain["column"]] if "column" in domain and rule.type not in ABOUT_NULLS else [ignore, *columns]
    return Condition(condition & asked, asked, json.dumps([where, about], default=str))


def validate_counts(rules: Sequence[Rule], broken: Mapping[str, int], evaluated: Mapping[str, int]) -> list[Result]:
    """Validate counts of broken rows, one column a rule, in one accounting row on GX's pandas engine.

    At most `(1 - mostly) x evaluated` rows, rounded down, may break a rule.
    """
    if not rules:
        return []
    import pandas as pd

    allowed = {r.id: allowed_rows(r, evaluated[r.id]) for r in rules}
    frame = pd.DataFrame([{r.id: int(broken.get(r.id, 0)) for r in rules}])
    checks = [
        {"type": "expect_column_values_to_be_between", "kwargs": {"column": r.id, "min_value": 0, "max_value": allowed[r.id]},
         "severity": r.severity, "meta": {"rule": r.id}}
        for r in rules
    ]  # fmt: skip
    outcomes = _validate(frame, "pandas", checks)
    return [
        Result(r.id, r.type, r.severity, r.dimension, r.reason, bool(o["success"]), evaluated[r.id], int(broken.get(r.id, 0)), allowed[r.id])
        for r, o in zip(rules, outcomes, strict=True)
    ]  # fmt: skip


def allowed_rows(rule: Rule, evaluated: int) -> int:
    return math.floor(round((1 - float(rule.kwargs.get("mostly", 1.0))) * evaluated, 9))


def validate(frame: Any, rules: Sequence[Rule], rows: int) -> list[Result]:
    """Validate a pandas or Spark frame that must hold `rows` rows.

    Raises E703 where nothing was evaluated, an expectation raised, or GX saw another number of rows. Booleans first; only what fails
    is counted, in a second call.
    """
    if not rules:
        raise LakeError("E703", expected="at least one expectation", actual="none")
    engine = "spark" if isinstance(frame, DataFrame) else "pandas"
    seen = {
        "type": "expect_table_row_count_to_equal",
        "kwargs": {"value": rows},
        "severity": "critical",
        "meta": {"rule": "rows"},
    }
    outcomes = _validate(frame, engine, [*[r.expectation() for r in rules], seen])
    if not outcomes[-1]["success"]:
        raise LakeError(
            "E703", expected=f"{rows} rows", actual=f"{outcomes[-1]['result'].get('observed_value')} rows evaluated"
        )
    failed = [r for r, o in zip(rules, outcomes, strict=False) if not o["success"]]
    details = (
        dict(
            zip(
                [r.id for r in failed],
                _validate(frame, engine, [r.expectation() for r in failed], "BASIC"),
                strict=True,
            )
        )
        if failed
        else {}
    )
    return [_result(r, bool(o["success"]), details.get(r.id, {}), rows) for r, o in zip(rules, outcomes, strict=False)]


def validate_row_count(rules: Sequence[Rule], rows: int) -> list[Result]:
    """Validate rules about the number of rows of a table that is not read: its log counts them."""
    import pandas as pd

    return validate(pd.DataFrame(index=pd.RangeIndex(rows)), rules, rows)


def to_batch(rows: pa.Table, rules: Sequence[Rule]) -> pd.DataFrame:
    """All rows as pandas, but only the columns that rules name, since GX hashes them all; an expectation costs 5 ms there, on Spark 0.2 s."""
    named = {str(v) for rule in rules for k, v in rule.kwargs.items() if k.startswith("column")}
    batch: pd.DataFrame = rows.select([c for c in rows.column_names if c in named]).to_pandas()
    return batch


def _result(rule: Rule, success: bool, detail: Mapping[str, Any], rows: int) -> Result:
    found = detail.get("result", {})
    observed = found.get("observed_value", "")
    return Result(
        rule.id, rule.type, rule.severity, rule.dimension, rule.reason, success, rows,
        int(found.get("unexpected_count", 0)), allowed_rows(rule, rows) if "mostly" in rule.kwargs else 0,
        str(observed) if isinstance(observed, (int, float)) else "",
    )  # fmt: skip


def _validate(
    frame: Any, engine: str, expectations: list[dict[str, Any]], form: str = "BOOLEAN_ONLY"
) -> list[Mapping[str, Any]]:
    with _turn:
        load()
        from great_expectations.core.expectation_suite import ExpectationSuite

        suite = ExpectationSuite(
            name="suite", expectations=[{**e, "meta": {**e["meta"], "n": n}} for n, e in enumerate(expectations)]
        )
        outcome = _batch(frame, engine).validate(suite, result_format={"result_format": form})
    found = sorted(outcome.results, key=lambda r: r.expectation_config.meta["n"])
    for result in found:
        if result.exception_info and _raised(result.exception_info):
            raise LakeError(
                "E703",
                place=str(result.expectation_config.meta["rule"]),
                expected="a result",
                actual="an exception inside Great Expectations",
            )
    if len(found) != len(expectations):
        raise LakeError("E703", expected=f"{len(expectations)} results", actual=f"{len(found)}")
    return [r.to_json_dict() for r in found]


def _raised(info: Mapping[str, Any]) -> bool:
    if "raised_exception" in info:
        return bool(info["raised_exception"])
    return any(bool(v.get("raised_exception")) for v in info.values() if isinstance(v, Mapping))


def failing(results: Sequence[Result], severity: str = "critical") -> list[Result]:
    return [r for r in results if not r.success and r.severity == severity]
