"""Judge OpenLineage events by the published schemas, and read those that a lake holds."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker
from referencing import Registry, Resource

from jobs.lake import Lake

SCHEMAS = Path(__file__).parent / "data" / "openlineage"
Event = dict[str, Any]


def read_events(lake: Lake) -> list[Event]:
    """Every event of a lake, by job and business date; START before what became of it."""
    files = sorted(Path(lake.path("audit", "lineage")).rglob("*.jsonl"))
    found = [[json.loads(line) for line in f.read_text("utf-8").splitlines()] for f in files]
    return [e for pair in sorted(found, key=lambda p: (p[0]["job"]["name"], str(p[0]["run"]))) for e in pair]


def faults(event: Event) -> list[str]:
    """What is wrong with an event or one of its facets; a facet of a schema that is not here is wrong too."""
    found = [e.message for e in _validator(event["schemaURL"]).iter_errors(event)]
    datetime.fromisoformat(event["eventTime"])
    for facet in _facets(event):
        found += [f"{facet['_schemaURL']}: {e.message}" for e in _validator(facet["_schemaURL"]).iter_errors(facet)]
    return found


def _facets(event: Event) -> Iterator[Mapping[str, Any]]:
    for part in (event["run"], event["job"], *event["inputs"], *event["outputs"]):
        for kind in ("facets", "inputFacets", "outputFacets"):
            yield from part.get(kind, {}).values()


@cache
def _validator(reference: str) -> Any:
    return Draft202012Validator({"$ref": reference}, registry=_registry(), format_checker=FormatChecker(["uuid"]))


@cache
def _registry() -> Any:
    found = [json.loads(p.read_text("utf-8")) for p in SCHEMAS.glob("*.json")]
    return Registry().with_resources([(schema["$id"], Resource.from_contents(schema)) for schema in found])
