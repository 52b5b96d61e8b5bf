"""Facets of a dataset in OpenLineage's words: its columns, where each comes from, and what was expected of it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from openlineage.client import facet_v2 as facets

from jobs.column_lineage import bronze_origins, headers, silver_origins
from jobs.contracts import Contract
from jobs.ledger import Line
from jobs.suites import MARKS, derive_rules, load_suite

SEVERITY = {"critical": "error", "warning": "warn"}
NOT_NULL = "expect_column_values_to_not_be_null"
_lineage = facets.column_lineage_dataset
_AS_IT_IS = _lineage.Transformation("DIRECT", "IDENTITY", masking=False)
_Origin = tuple[
    str, str, _lineage.Transformation | None
]  # table, column and what is done with it, where that is declared


def schema(contract: Contract, stage: str) -> facets.schema_dataset.SchemaDatasetFacet:
    """The columns of what a stage writes: headers as delivered, texts in bronze, types from silver on."""
    field = facets.schema_dataset.SchemaDatasetFacetFields
    if stage == "landing":
        return facets.schema_dataset.SchemaDatasetFacet(
            [field(c.header, "string", fields=None) for c in contract.delivered]
        )
    if stage == "bronze":
        return facets.schema_dataset.SchemaDatasetFacet(
            [field(c.name, "string", fields=None) for c in contract.delivered]
        )
    typed = [field(c.name, c.spark_type, c.description or None, fields=None) for c in contract.columns]
    return facets.schema_dataset.SchemaDatasetFacet(typed)


def column_lineage(contract: Contract, stage: str, namespace: str) -> _lineage.ColumnLineageDatasetFacet:
    """From which columns each column of what a stage writes is made."""
    fields = {
        column: _lineage.Fields([_input(namespace, *origin) for origin in origins])
        for column, origins in _origins(contract, stage)
    }
    return _lineage.ColumnLineageDatasetFacet(fields)


def _origins(contract: Contract, stage: str) -> Iterator[tuple[str, list[_Origin]]]:
    if stage == "landing":
        for header in headers(contract).values():
            yield header, [(f"inbox.{contract.table}", header, _AS_IT_IS)]
    elif stage == "bronze":
        for column, header in headers(contract).items():
            yield column, [(f"landing.{contract.table}", header, _AS_IT_IS)]
    elif stage == "silver":
        masked = {c.name for c in contract.columns if c.classification == "person"}
        for column, names in bronze_origins(contract).items():
            how = _lineage.Transformation("DIRECT", "TRANSFORMATION", masking=column in masked)
            yield column, [(f"bronze.{contract.table}", n, how) for n in names]
    else:
        for column, pairs in silver_origins(contract).items():
            yield column, [(f"silver.{dataset.replace('.', '_')}", name, None) for dataset, name in pairs]


def _input(namespace: str, table: str, column: str, how: _lineage.Transformation | None) -> _lineage.InputField:
    return _lineage.InputField(namespace, table, column, [how] if how else None)


def assertions(
    line: Line, columns: Mapping[str, str]
) -> facets.data_quality_assertions_dataset.DataQualityAssertionsDatasetFacet:  # fmt: skip
    """Every expectation and how it ended, as the ledger line keeps it: counts of rows, never a value."""
    made = facets.data_quality_assertions_dataset
    return made.DataQualityAssertionsDatasetFacet(
        [
            made.Assertion(
                r["type"], r["success"], columns.get(r["rule"]), SEVERITY.get(r["severity"], r["severity"]), r["rule"], r["reason"],
                f"at most {r['allowed']} rows", f"{r['broken']} of {r['evaluated']} rows", params=None,
            )
            for r in line.results
        ]
    )  # fmt: skip


def metrics(
    line: Line, columns: Mapping[str, str]
) -> facets.data_quality_metrics_input_dataset.DataQualityMetricsInputDatasetFacet:
    """How many rows were judged, and how many of them have no value in a column that should."""
    made = facets.data_quality_metrics_input_dataset
    missing = {
        columns[r["rule"]]: made.ColumnMetrics(nullCount=r["broken"], quantiles=None)
        for r in line.results
        if r["type"] == NOT_NULL and columns.get(r["rule"])
    }
    rows = max(int(r["evaluated"]) for r in line.results)
    return made.DataQualityMetricsInputDatasetFacet(missing, rowCount=rows)


def rule_columns(contract: Contract) -> Mapping[str, str]:
    """The column that a rule is about, by the rule's id; rules about several columns or the whole table are left out."""
    suite = load_suite(contract)
    rules = (*suite.bronze, *suite.silver, *suite.gold, *(derive_rules(contract) if contract.source == "gold" else ()))
    marks = f"^({'|'.join(MARKS)})"
    return {r.id: re.sub(marks, "", str(r.kwargs["column"])) for r in rules if "column" in r.kwargs}
