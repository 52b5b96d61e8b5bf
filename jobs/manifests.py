"""Manifests: what a supplier states of a delivery, in the form that its contract declares, as one mapping of our names."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from jobs.contracts import Contract
from jobs.errors import LakeError

NAMES = ("manifest.json", "manifest.csv")
SUMS, HASH_TOTALS = "sums", "hash_totals"
TOTALS = (SUMS, HASH_TOTALS)  # of amounts, and of numbers whose sum means nothing but that none is missing or changed
OF_FILE = ("name", "records", "sha256")
OF_WHOLE = ("dataset", "business_date", "delivered_at", "revision", "full", "records", "files", *TOTALS)
YES = ("true", "1", "是")


def find_manifest(contract: Contract, names: Sequence[str]) -> str:
    """The name of the manifest among a delivery's files: the one that the contract declares, else one of ours; empty where there is none."""
    wanted = (str(contract.manifest["name"]),) if contract.manifest else NAMES
    return next((n for n in wanted if n in names), "")


def read_manifest(contract: Contract, name: str, data: bytes) -> Mapping[str, Any]:
    """What a manifest states: files (name, records, sha256), dataset, business_date, records, sums, hash_totals, revision, full, delivered_at; all but files' names may be absent.

    Raises E106 where it cannot be read, or a field is not what it should be.
    """
    declared = contract.manifest
    try:
        text = data.decode(str(declared.get("encoding", "utf-8-sig")))
        found = _from_json(text, declared) if name.endswith(".json") else _from_csv(text, declared)
        return _check_fields(found)
    except (ValueError, KeyError, TypeError, AttributeError, InvalidOperation, csv.Error) as error:
        expected = "files with a name, whole numbers for records and revision, numbers for sums, a zone in delivered_at"
        raise LakeError("E106", place=name, expected=expected, actual=type(error).__name__) from error


def _from_json(text: str, declared: Mapping[str, Any]) -> dict[str, Any]:
    """An object whose fields may have other names: `fields` maps ours, those of a file as `files.<name>`."""
    theirs, raw = declared.get("fields", {}), json.loads(text)
    if not isinstance(raw, dict):
        raise TypeError("no object")
    if not theirs:
        return raw
    found = {name: raw[theirs[name]] for name in OF_WHOLE if theirs.get(name) in raw}
    of_file = {name: theirs.get(f"files.{name}", name) for name in OF_FILE}
    found["files"] = [{n: e[t] for n, t in of_file.items() if t in e} for e in found.get("files", ())]
    return found


def _from_csv(text: str, declared: Mapping[str, Any]) -> dict[str, Any]:
    """A row a file: `fields` maps our names to headers, `sums` and `hash_totals` map delivered headers to those of their totals, which add up."""
    rows = list(csv.DictReader(io.StringIO(text)))
    theirs = {name: name for name in OF_FILE} | dict(declared.get("fields", {}))
    found: dict[str, Any] = {"files": [_file(row, theirs) for row in rows]}
    for kind in TOTALS:
        totals = {header: str(sum(Decimal(row[t]) for row in rows)) for header, t in declared.get(kind, {}).items()}
        found |= {kind: totals} if totals else {}
    for name in ("dataset", "business_date", "delivered_at", "revision", "full"):
        values = {row[theirs[name]] for row in rows} if name in theirs else set()
        if len(values) > 1:
            raise ValueError(name)
        for value in filter(None, values):
            found[name] = value.lower() in YES if name == "full" else value
    return found


def _file(row: Mapping[str, str], theirs: Mapping[str, str]) -> dict[str, Any]:
    found = {name: row[theirs[name]] for name in OF_FILE if row.get(theirs[name])}
    return {name: int(value) if name == "records" else value for name, value in found.items()}


def _check_fields(manifest: Mapping[str, Any]) -> Mapping[str, Any]:
    """Raise ValueError, KeyError, TypeError, AttributeError or InvalidOperation where a field is not what later steps take it for."""
    for entry in [*manifest.get("files", ()), {"name": "the whole", "records": manifest.get("records")}]:
        if not isinstance(entry["name"], str) or int(entry.get("records") or 0) < 0:
            raise ValueError("files")
    for total in (t for kind in TOTALS for t in manifest.get(kind, {}).values()):
        Decimal(str(total))
    if int(manifest.get("revision", 1)) < 1:
        raise ValueError("revision")
    stated = manifest.get("delivered_at")
    if stated and datetime.fromisoformat(stated).tzinfo is None:
        raise ValueError("delivered_at")
    return dict(manifest)
