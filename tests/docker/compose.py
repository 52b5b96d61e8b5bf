"""docker/compose.yaml and docker/Dockerfile, as far as tests need to understand them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

import yaml

from jobs.cities import PROJECT

FOLDER = PROJECT / "docker"
INBOX = PROJECT / "tests" / "data" / "new_york"
VARIABLE = re.compile(r"\$(?:\$|\{(\w+)(?:(:[-?])([^}]*))?\})")


@cache
def source() -> dict[str, Any]:
    """The file with its anchors and merges resolved and its variables as they are written."""
    found: dict[str, Any] = yaml.safe_load((FOLDER / "compose.yaml").read_text("utf-8"))
    return found


def services(variables: Mapping[str, str] | None = None) -> dict[str, dict[str, Any]]:
    """Every service, with variables filled in; KeyError where a required one is not given."""
    found: dict[str, dict[str, Any]] = _fill(
        source()["services"], {"LAKE_INBOX": str(INBOX)} if variables is None else variables
    )
    return found


def _fill(value: Any, variables: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {k: _fill(v, variables) for k, v in value.items()}
    if isinstance(value, list):
        return [_fill(v, variables) for v in value]
    return VARIABLE.sub(lambda m: _variable(m, variables), value) if isinstance(value, str) else value


def _variable(match: re.Match[str], variables: Mapping[str, str]) -> str:
    if match[0] == "$$":
        return "$"
    if match[2] == ":-":
        return variables.get(match[1]) or match[3]
    return variables[match[1]]


def one_shots() -> set[str]:
    """Services that do one thing and end; others wait for that."""
    waits = [x for service in services().values() for x in service.get("depends_on", {}).items()]
    return {name for name, how in waits if how["condition"] == "service_completed_successfully"}


def image_env(target: str) -> dict[str, str]:
    """What the Dockerfile's ENV lines say in a stage and in those it is built from, less PATH."""
    text = (FOLDER / "Dockerfile").read_text("utf-8")
    stages = {m[2]: (m[1], m[3]) for m in re.finditer(r"^FROM (\S+) AS (\S+)\n(.*?)(?=^FROM |\Z)", text, re.M | re.S)}
    found: dict[str, str] = {}
    while target in stages:
        target, lines = stages[target]
        pairs = re.findall(r"(\w+)=(\S+)", " ".join(re.findall(r"^ENV (.*)$", lines, re.M)))
        found = dict(pairs) | found
    return {k: v for k, v in found.items() if k != "PATH"}
