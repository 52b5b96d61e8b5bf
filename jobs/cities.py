"""Cities, and what the configuration roots hold of them: contracts, gold tables, Python files.

Safe for a DAG to import: the standard library, pydantic and yaml only.
"""

from __future__ import annotations

import functools
import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from jobs.contracts import Contract, check_name
from jobs.errors import LakeError
from jobs.odcs import load_contract, read_yaml, say_what_is_wrong

PROJECT = Path(__file__).resolve().parent.parent


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
    language: Literal["en", "zh"] = "en"
    gold: tuple[str, ...]
    publication: str = "06:00"
    districts: tuple[District, ...] = ()


def conf_roots() -> tuple[Path, ...]:
    """The folders that hold `conf/`, `expectations/` and `jobs/cleaning/`: the project, then those in `LAKE_CONF`."""
    more = [Path(p) for p in os.environ.get("LAKE_CONF", "").split(os.pathsep) if p]
    return (PROJECT, *more)


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
                raise LakeError("E003", place=path.name, actual=say_what_is_wrong(error)) from error
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
