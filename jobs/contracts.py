"""Contracts and cities: Open Data Contract Standard files to frozen dataclasses.

Safe for a DAG to import: the standard library, pydantic and yaml only.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import json
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Any

import yaml
from open_data_contract_standard.model import (
    CustomProperty,
    OpenDataContractStandard,
    SchemaObject,
    SchemaProperty,
    Server,
)
from pydantic import BaseModel, ConfigDict, ValidationError

from jobs.errors import LakeError

PROJECT = Path(__file__).resolve().parent.parent
MODES = ("snapshot", "partition", "changes", "events")
SERVERS = ("inbox", "live")
NAME = re.compile(r"[a-z][a-z0-9_]*")
DATASET_PROPERTIES = frozenset(
    [
        "mode",
        "period",
        "periodFromFile",
        "incremental",
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


@dataclass(frozen=True)
class Column:
    """One column: what arrives (`header`) and what the table holds (`name`, `spark_type`)."""

    name: str
    header: str
    logical_type: str
    spark_type: str
    required: bool = False
    key_position: int | None = None
    enum: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    classification: str = ""
    description: str = ""
    sources: tuple[str, ...] = ()
    parent: str = ""  # the key of another dataset that the column names
    unit: str = ""

    @property
    def format(self) -> str:
        return str(self.options.get("format", ""))

    @property
    def scale(self) -> int:
        found = re.fullmatch(r"decimal\(\d+,\s*(\d+)\)", self.spark_type)
        return int(found[1]) if found else 0


@dataclass(frozen=True)
class Due:
    """When a dataset is due and how long it is kept."""

    schedule: str
    latency_hours: int
    retention_years: int


@dataclass(frozen=True)
class RowDate:
    """The column that dates a row, which lies at most `before` days before the business date and `after` days after it."""

    column: str
    before: int = 0
    after: int = 0


@dataclass(frozen=True)
class Place:
    """A server of the contract: how and where a delivery is fetched. Secrets come from the environment by name."""

    name: str
    type: str
    path: str
    format: str
    delimiter: str
    encoding: str
    secrets: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Contract:
    """One dataset of a source, or one gold table."""

    city: str
    source: str
    name: str
    title: str
    description: Mapping[str, str]
    owner: str
    grain: str
    columns: tuple[Column, ...]
    delivered: tuple[Column, ...]
    properties: Mapping[str, Any]
    places: Mapping[str, Place]
    due: Due
    path: Path

    @property
    def dataset(self) -> str:
        return f"{self.source}.{self.name}"

    @property
    def table(self) -> str:
        return f"{self.source}_{self.name}"

    @property
    def mode(self) -> str:
        return str(self.properties["mode"])

    @property
    def keeps_history(self) -> bool:
        return self.mode != "events"

    @property
    def whole_row_key(self) -> bool:
        return bool(self.properties.get("wholeRowKey", False))

    @property
    def key(self) -> tuple[str, ...]:
        """Names of the key columns; every column where nature gives no key."""
        if self.whole_row_key:
            return tuple(c.name for c in self.columns)
        keyed = [c for c in self.columns if c.key_position is not None]
        return tuple(c.name for c in sorted(keyed, key=lambda c: c.key_position or 0))

    @property
    def period(self) -> str:
        return str(self.properties.get("period", ""))

    @property
    def incremental(self) -> Mapping[str, str]:
        """Of a gold table that is built by days: the tables of which it reads these days only, each with the column that dates a row."""
        return dict(self.properties.get("incremental", {}))

    @property
    def steps(self) -> tuple[str, ...]:
        return tuple(self.properties.get("steps", ()))

    @property
    def rows_per_record(self) -> int:
        return int(self.properties.get("rowsPerRecord", 1))

    @property
    def mostly(self) -> float:
        return float(self.properties.get("mostly", 0.99))

    @property
    def min_rows(self) -> int:
        return int(self.properties.get("minRows", 0))

    @property
    def row_date(self) -> RowDate | None:
        """Which column dates a row, and how many days round the business date it may say."""
        declared = self.properties.get("rowDate")
        return RowDate(**declared) if declared else None

    @property
    def volume_band(self) -> Decimal:
        """Share by which a delivery's rows may differ from the median of the nights before; 0 where nothing is compared."""
        return Decimal(str(self.properties.get("volumeBand", "0.5" if self.mode == "snapshot" else 0)))

    @property
    def shift_factor(self) -> Mapping[str, Decimal]:
        """By control sum the factor by which its mean a row may differ from the median of the nights before."""
        return {c: Decimal(str(f)) for c, f in self.properties.get("shiftFactor", {}).items()}

    @property
    def control_sums(self) -> tuple[str, ...]:
        return tuple(self.properties.get("controlSums", ()))

    @property
    def null_tokens(self) -> tuple[str, ...]:
        return ("", *self.properties.get("nullTokens", ()))

    @property
    def formats(self) -> Mapping[str, str]:
        """Formats by the end of a file's name, where not all files have that of the server."""
        return dict(self.properties.get("formats", {}))

    @property
    def manifest(self) -> Mapping[str, Any]:
        """The form of the supplier's manifest, where it is not ours: `name`, `encoding`, `fields`, `sums`, `hash_totals`."""
        return dict(self.properties.get("manifest", {}))

    @property
    def conserves(self) -> Mapping[str, str]:
        """Of a gold table: columns whose sum is that of a silver column, `<source>.<dataset>.<column>`."""
        return dict(self.properties.get("conserves", {}))

    @property
    def sequence(self) -> str:
        return str(self.properties.get("sequence", ""))

    @property
    def operation(self) -> str:
        return str(self.properties.get("operation", ""))

    @property
    def period_from_file(self) -> str:
        return str(self.properties.get("periodFromFile", ""))

    def column(self, name: str) -> Column:
        return next(c for c in self.columns if c.name == name)

    def inbox(self) -> Place:
        return self.places["inbox"]


class District(BaseModel):
    """A part of the city."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    code: str
    name: str
    properties: dict[str, str] = {}


class City(BaseModel):
    """`city.yaml`: what is true of the whole city."""

    model_config = ConfigDict(extra="allow", frozen=True)
    name: str
    title: str
    timezone: str
    gold: tuple[str, ...]
    publication: str = "06:00"
    districts: tuple[District, ...] = ()


def conf_roots() -> tuple[Path, ...]:
    """The folders that hold `conf/`, `expectations/` and `jobs/cleaning/`: the project, then those in `LAKE_CONF`."""
    more = [Path(p) for p in os.environ.get("LAKE_CONF", "").split(os.pathsep) if p]
    return (PROJECT, *more)


def check_name(name: str) -> str:
    """Return the name, or refuse it (E813): it becomes part of paths and SQL."""
    if not all(NAME.fullmatch(part) for part in name.split(".")):
        raise LakeError("E813", place="name", expected="small letters, digits and _", actual=repr(name)[:60])
    return name


def load_city(name: str) -> City:
    """Read `city.yaml` of a city; E004 where there is none."""
    return _load_city(check_name(name), conf_roots())


@functools.cache
def _load_city(name: str, roots: tuple[Path, ...]) -> City:
    for root in roots:
        path = root / "conf" / "cities" / name / "city.yaml"
        if path.is_file():
            try:
                return City.model_validate(read_yaml(path))
            except ValidationError as error:
                raise LakeError("E003", place=path.name, actual=_say(error)) from error
    raise LakeError("E004", place="city", actual=name, expected=", ".join(city_names()))


def city_names() -> list[str]:
    return sorted({p.parent.name for root in conf_roots() for p in root.glob("conf/cities/*/city.yaml")})


@functools.cache
def _load_contracts(city: str, roots: tuple[Path, ...]) -> dict[str, Contract]:
    paths = [p for root in roots for p in sorted(root.glob(f"conf/cities/{check_name(city)}/*/*.odcs.yaml"))]
    contracts = [load_contract(p, city) for p in paths]
    return {c.dataset: c for c in sorted(contracts, key=lambda c: c.dataset)}


def load_contracts(city: str) -> dict[str, Contract]:
    """All datasets of a city by name, from every configuration root."""
    return _load_contracts(city, conf_roots())


@functools.cache
def _load_gold(city: str, roots: tuple[Path, ...]) -> dict[str, Contract]:
    found = {p.name.removesuffix(".odcs.yaml"): p for root in roots for p in root.glob("conf/gold/*.odcs.yaml")}
    missing = [t for t in load_city(city).gold if t not in found]
    if missing:
        raise LakeError(
            "E003", place="city.yaml", expected="a contract for every gold table", actual=", ".join(missing)
        )
    return {t: load_contract(found[t], city) for t in load_city(city).gold}


def load_gold(city: str) -> dict[str, Contract]:
    """The gold tables of a city by name, in the order in which the city lists them."""
    return _load_gold(city, conf_roots())


def read_yaml(path: Path) -> Any:
    """Read a file of ours; the parser in C, where the package has it, needs a tenth of the time."""
    return yaml.load(path.read_text("utf-8"), getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def load_contract(path: Path, city: str) -> Contract:
    """Read one contract file.

    Raises E003 with the file, the field and what is wrong with it.
    """
    try:
        model = OpenDataContractStandard.model_validate(read_yaml(path))
        return _build(model, path, city)
    except (ValidationError, yaml.YAMLError, KeyError, ValueError, TypeError, StopIteration) as error:
        raise LakeError("E003", place=path.name, actual=_say(error)) from error


def _say(error: Exception) -> str:
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


@functools.cache
def load_module(path: Path) -> ModuleType:
    """Import a Python file of a configuration root."""
    spec = importlib.util.spec_from_file_location(f"{path.parent.name}_{path.stem}", path)
    if spec is None or spec.loader is None or not path.is_file():
        raise LakeError("E003", place=path.name, expected="a Python file", actual="none")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def fingerprint(value: object) -> str:
    """SHA-256 of a value written as canonical JSON: the identity of a declaration."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode()).hexdigest()
