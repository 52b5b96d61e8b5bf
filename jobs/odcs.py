"""Contracts from files of the Open Data Contract Standard.

Safe for a DAG to import: the standard library, pydantic and yaml only.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from open_data_contract_standard.model import (
    CustomProperty,
    OpenDataContractStandard,
    SchemaObject,
    SchemaProperty,
    Server,
)
from pydantic import ValidationError

from jobs.contracts import Column, Contract, Due, Place, check_name
from jobs.errors import LakeError

DATASET_PROPERTIES = frozenset(
    [
        "mode",
        "period",
        "periodFromFile",
        "incremental",
        "everyDayOf",
        "sequence",
        "operation",
        "rowsPerRecord",
        "controlSums",
        "headerRow",
        "headerAliases",
        "nullTokens",
        "rowDate",
        "mostly",
        "minRows",
        "volumeBand",
        "shiftFactor",
        "maxUndecodable",
        "steps",
        "wholeRowKey",
        "shareClass",
        "openClass",
        "mart",
        "statement",
        "conserves",
        "sheet",
        "formats",
        "manifest",
    ]
)
SPARK_TYPES = {
    "string": "string",
    "integer": "bigint",
    "date": "date",
    "boolean": "boolean",
    "timestamp": "timestamp",
}


def load_contract(path: Path, city: str) -> Contract:
    """Read one contract file.

    Raises E003 with the file, the field and what is wrong with it.
    """
    try:
        model = OpenDataContractStandard.model_validate(read_yaml(path))
        return _build(model, path, city)
    except (ValidationError, yaml.YAMLError, KeyError, ValueError, TypeError, StopIteration) as error:
        raise LakeError("E003", place=path.name, actual=say_what_is_wrong(error)) from error


def read_yaml(path: Path) -> Any:
    """Read a file of ours; the parser in C, where the package has it, needs a tenth of the time."""
    return yaml.load(path.read_text("utf-8"), getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def say_what_is_wrong(error: Exception) -> str:
    if isinstance(error, ValidationError):
        return "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()[:3])
    return f"{type(error).__name__}: {error}"


def _build(model: OpenDataContractStandard, path: Path, city: str) -> Contract:
    gold = path.parent.name == "gold"
    name = path.name.removesuffix(".odcs.yaml")
    objects = {o.name: o for o in model.schema_ or []}
    table = objects[name]
    delivered = objects.get("delivered", table)
    properties = {**_custom(delivered.customProperties), **_custom(table.customProperties)}
    unknown = set(properties) - DATASET_PROPERTIES
    if unknown:
        raise ValueError(f"properties that conf/README.md does not know: {', '.join(sorted(unknown))}")
    return Contract(
        city=city,
        source="gold" if gold else path.parent.name,
        name=name,
        title=model.name or name,
        description={k: v for k, v in (model.description.model_dump() if model.description else {}).items() if v},
        owner=(model.team.name or "") if model.team and not isinstance(model.team, list) else "",
        grain=table.dataGranularityDescription or "",
        columns=_columns(table),
        delivered=() if gold else _delivered(delivered, properties),
        properties=properties,
        places={s.server or "": _place(s) for s in model.servers or []},
        due=_due(model),
        path=path,
    )


def _custom(properties: list[CustomProperty] | None) -> dict[str, Any]:
    return {str(p.property): p.value for p in properties or []}


def _columns(table: SchemaObject) -> tuple[Column, ...]:
    return tuple(_column(p) for p in table.properties or [])


def _delivered(table: SchemaObject, properties: Mapping[str, Any]) -> tuple[Column, ...]:
    """Columns that stand in the file: all but the period taken from its name and those that a step makes."""
    made = {properties.get("period")} if properties.get("periodFromFile") else set()
    columns = [p for p in table.properties or [] if p.name not in made and not p.transformLogic]
    return tuple(_column(p) for p in columns)


def _column(p: SchemaProperty) -> Column:
    logical = p.logicalType or "string"
    return Column(
        name=check_name(p.name or ""),
        header=p.physicalName or p.name or "",
        logical_type=logical,
        spark_type=(p.physicalType or SPARK_TYPES.get(logical) or _no_type(p)).replace(" ", ""),
        required=bool(p.required),
        key_position=p.primaryKeyPosition if p.primaryKey else None,
        enum=tuple(str(e["value"] if isinstance(e, dict) else getattr(e, "value", e)) for e in p.enum or ()),
        options=dict(p.logicalTypeOptions or {}),
        classification=p.classification or "",
        description=p.description or "",
        sources=tuple(p.transformSourceObjects or ()),
        parent=next((str(r.to) for r in p.relationships or () if r.to), ""),
        unit=str(_custom(p.customProperties).get("unit", "")),
    )


def _no_type(p: SchemaProperty) -> str:
    raise ValueError(f"{p.name}: a {p.logicalType} needs a physicalType such as decimal(12,2)")


def _place(s: Server) -> Place:
    custom = _custom(s.customProperties)
    return Place(
        name=s.server or "",
        type=s.type or "",
        path=s.path or s.location or "",
        format=s.format or "csv",
        delimiter=s.delimiter or ",",
        encoding=s.encoding if hasattr(s, "encoding") and s.encoding else "utf-8",
        secrets=custom.get("secrets", {}),
    )


def _due(model: OpenDataContractStandard) -> Due:
    sla = {p.property: p for p in model.slaProperties or []}
    frequency, latency, retention = sla.get("frequency"), sla.get("latency"), sla.get("retention")
    return Due(
        schedule=(frequency.schedule or "0 2 * * *") if frequency else "0 2 * * *",
        latency_hours=int(str(latency.value)) if latency else 0,
        retention_years=int(str(retention.value)) if retention else 5,
    )
