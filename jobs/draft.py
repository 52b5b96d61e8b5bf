"""Draft a contract, a suite and a sample folder from a file as a department sends it.

A draft holds what the file shows: its form, headers, types and a key. What no file can say (owner, purpose, what a column means, who
may see it) is left empty, and `lake lint` asks for it.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import yaml

from jobs.errors import LakeError
from jobs.formats import Field, Layout, Reading, content, read

ENCODINGS = ("utf-8", "gb18030")
DELIMITERS = ",;\t|"
# First that fits all values of a column. A number that begins with 0 is a code, and stays a text.
_PATTERNS = {
    "boolean": r"^(true|false)$",
    "integer": r"^-?(0|[1-9]\d{0,17})$",
    "number": r"^-?(0|[1-9]\d{0,17})(\.\d{1,18})?$",
    "date": r"^\d{4}-\d{2}-\d{2}$",
    "timestamp_ntz": r"^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?$",
    "timestamp": r"^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|[+-]\d{2}:\d{2})$",
}
_DAY_FORMATS = {"MM/dd/yyyy": r"^(0[1-9]|1[0-2])/\d{2}/\d{4}$", "dd/MM/yyyy": r"^\d{2}/(0[1-9]|1[0-2])/\d{4}$"}
_KEYS_TRIED = 8
_RULES = 8  # of a suite: a hundred columns need no hundred rules before anybody looked
_PATHS = {"csv": "*.csv*", "xlsx": "*.xlsx*", "json": "*.json*"}


@dataclass(frozen=True)
class Sample:
    """A file, how it is written, its rows as texts, and what the contract would say of its columns."""

    path: Path
    layout: Layout
    reading: Reading
    columns: tuple[dict[str, Any], ...]
    key: tuple[str, ...]

    def __str__(self) -> str:
        form = [
            self.layout.format,
            *([self.layout.encoding, repr(self.layout.delimiter)] if self.layout.format == "csv" else []),
        ]
        key = ", ".join(self.key) or "every column, for none tells the rows apart"
        return f"{' '.join(form)}: {self.reading.records} records, {len(self.columns)} columns, key {key}"


def read_sample(path: Path, header_row: int) -> Sample:
    """Read a file of which nothing is declared. Raises what the readers raise where it is no table they can trust."""
    layout = find_layout(path, header_row)
    headers = read(path, layout).header
    layout = replace(layout, columns=tuple(Field(n, h, False) for n, h in zip(_names(headers), headers, strict=True)))
    reading = read(path, layout)
    columns = [_column(field, reading.table[field.name]) for field in layout.columns]
    key = find_key(reading.table.select([c["name"] for c in columns if c["logicalType"] not in ("number", "boolean")]))
    return Sample(path, layout, reading, tuple(_with_key(c, key) for c in columns), tuple(key))


def draft(sample: Sample, city: str, dataset: str, business_date: str, now: datetime) -> dict[str, bytes]:
    """The files of a new dataset: content by path below a configuration root."""
    source, name = dataset.split(".")
    folder = f"tests/data/{city}/{source}/{name}/{business_date}"
    return {
        f"conf/cities/{city}/{source}/{name}.odcs.yaml": _yaml(_contract(sample, city, source, name)),
        f"expectations/{city}/{source}/{name}.yaml": _yaml(_suite(sample, dataset)),
        f"{folder}/{sample.path.name}": sample.path.read_bytes(),
        f"{folder}/manifest.json": _manifest(sample, now),
    }


def find_layout(sample: Path, header_row: int) -> Layout:
    """Form, encoding and delimiter of a file, without its columns."""
    data = content.load(sample, is_zip=sample.suffix.lower() != ".zip")  # a workbook is a zip file too
    if data.startswith(b"PK"):
        return Layout("xlsx", (), header_row=header_row)
    encoding = next((e for e in ENCODINGS if _decodes(data, e)), None)
    if encoding is None:
        raise LakeError("E201", place=sample.name, expected=" or ".join(ENCODINGS), actual="bytes that are neither")
    if data.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"["):
        return Layout("json", (), encoding=encoding)
    lines = data.splitlines()[header_row - 1 :] or [b""]
    delimiter = max(DELIMITERS, key=lines[0].decode(encoding).count)
    return Layout("csv", (), delimiter=delimiter, encoding=encoding, header_row=header_row)


def _decodes(data: bytes, encoding: str) -> bool:
    try:
        data.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _names(headers: Sequence[str]) -> list[str]:
    """A name of small letters, digits and _ for each header; by its place where nothing of it is left, as with Chinese ones."""
    found: list[str] = []
    for n, header in enumerate(headers, 1):
        name = re.sub(r"[^a-z0-9]+", "_", header.lower()).strip("_")
        name = name if re.match("[a-z]", name) else f"column_{n}"
        found.append(name if name not in found else f"{name}_{n}")
    return found


def _column(field: Field, values: pa.ChunkedArray) -> dict[str, Any]:
    kind, more = find_type(values)
    header = {"physicalName": field.header} if field.header != field.name else {}
    return {"name": field.name, **header, "logicalType": kind, **more}


def find_type(values: pa.ChunkedArray) -> tuple[str, dict[str, Any]]:
    """The logical type that fits every value, and what else the contract must say of it; a text where none does."""
    filled = values.filter(pc.not_equal(values, ""))
    if not len(filled):
        return "string", {}
    fits = [kind for kind, pattern in _PATTERNS.items() if _all_match(filled, pattern)]
    formats = [f for f, pattern in _DAY_FORMATS.items() if _all_match(filled, pattern)]
    if not fits:
        return ("date", {"logicalTypeOptions": {"format": formats[0]}}) if len(formats) == 1 else ("string", {})
    if fits[0] == "number":
        parts = pc.extract_regex(filled, r"^-?(?P<whole>\d+)\.?(?P<part>\d*)$")
        whole, scale = (pc.max(pc.utf8_length(pc.struct_field(parts, f))).as_py() for f in ("whole", "part"))
        return "number", {"physicalType": f"decimal({whole + scale + 2},{scale})"}
    if fits[0] == "timestamp_ntz":
        return "timestamp", {"physicalType": "timestamp_ntz"}
    return fits[0], {}


def _all_match(values: pa.ChunkedArray, pattern: str) -> bool:
    return bool(pc.all(pc.match_substring_regex(values, pattern)).as_py())


def find_key(columns: pa.Table) -> list[str]:
    """The first column, else the first pair of the leading ones, that is filled and different in every row; empty where there is none."""
    filled = [n for n in columns.column_names if pc.all(pc.fill_null(pc.not_equal(columns[n], ""), False)).as_py()]
    tried = [[n] for n in filled] + [list(p) for p in itertools.combinations(filled[:_KEYS_TRIED], 2)]
    return next((k for k in tried if columns.select(k).group_by(k).aggregate([]).num_rows == columns.num_rows), [])


def _with_key(column: Mapping[str, Any], key: Sequence[str]) -> dict[str, Any]:
    """A column with its place in the key, and last what a person fills in."""
    place = (
        {"required": True, "primaryKey": True, "primaryKeyPosition": key.index(column["name"]) + 1}
        if column["name"] in key
        else {}
    )
    return {**column, **place, "classification": "", "description": ""}


def _contract(sample: Sample, city: str, source: str, name: str) -> dict[str, Any]:
    layout, sums = sample.layout, [c["name"] for c in sample.columns if c["logicalType"] == "number"]
    form = (
        {"delimiter": layout.delimiter.replace("\t", "\\t"), "encoding": layout.encoding}
        if layout.format == "csv"
        else {}
    )
    properties = {
        "headerRow": layout.header_row if layout.header_row != 1 else None, "mode": "snapshot", "wholeRowKey": None if sample.key else True,
        "controlSums": sums or None, "minRows": 1, "shareClass": "none", "openClass": "none",
    }  # fmt: skip
    return {
        "apiVersion": "v3.2.0", "kind": "DataContract", "id": f"{city}.{source}.{name}", "name": name.replace("_", " ").capitalize(),
        "version": "0.1.0", "status": "draft", "domain": source, "tenant": city,
        "description": {"purpose": "", "usage": "", "limitations": ""}, "team": {"name": ""},
        "servers": [{
            "server": "inbox", "type": "local", "path": f"{source}/{name}/{{business_date}}/{_PATHS[layout.format]}",
            "format": layout.format, **form,
        }],
        "schema": [{
            "name": name, "logicalType": "object", "description": "", "dataGranularityDescription": "",
            "customProperties": [{"property": k, "value": v} for k, v in properties.items() if v is not None],
            "properties": list(sample.columns),
        }],
        "slaProperties": [
            {"property": "frequency", "value": 1, "unit": "d", "scheduler": "cron", "schedule": "0 2 * * *"},
            {"property": "latency", "value": 4, "unit": "h"}, {"property": "retention", "value": 5, "unit": "y"},
        ],
    }  # fmt: skip


def _suite(sample: Sample, dataset: str) -> dict[str, Any]:
    """What the sample lets one expect: half as many rows, and the shares of filled cells less a tenth."""
    table = sample.reading.table
    shares = {c["name"]: _share(table[c["name"]]) for c in sample.columns if c["name"] not in sample.key}
    filled = [(n, share) for n, share in shares.items() if share > 0.1][:_RULES]
    rows = (
        {"min_value": max(table.num_rows // 2, 1)},
        f"The sample has {table.num_rows} rows; far fewer is a cut extract.",
    )
    silver = [
        _rule(
            f"{dataset}.s{n}", "expect_column_values_to_not_be_null", "warning", {"column": column, "mostly": round(share - 0.1, 2)},
            f"In the sample {share:.0%} of the rows have a value.",
        )
        for n, (column, share) in enumerate(filled, 1)
    ]  # fmt: skip
    count = "expect_table_row_count_to_be_between"
    return {
        "bronze": [_rule(f"{dataset}.b1", count, "critical", *rows)],
        "silver": silver or [_rule(f"{dataset}.s1", count, "critical", *rows)],
    }


def _share(values: pa.ChunkedArray) -> float:
    filled = pc.sum(pc.fill_null(pc.not_equal(values, ""), False)).as_py() or 0
    return float(filled) / max(len(values), 1)


def _rule(rule: str, kind: str, severity: str, kwargs: dict[str, Any], reason: str) -> dict[str, Any]:
    meta = {"rule": rule, "dimension": "completeness", "reason": reason}
    return {"type": kind, "kwargs": kwargs, "severity": severity, "meta": meta}


def _manifest(sample: Sample, now: datetime) -> bytes:
    """A manifest as a department would send it; the hash is of what a gzip holds, else of the file."""
    sha256 = hashlib.sha256(content.load(sample.path, is_zip=True)).hexdigest()
    file = {"name": sample.path.name.removesuffix(".gz"), "sha256": sha256, "records": sample.reading.records}
    return json.dumps({"delivered_at": now.isoformat(), "files": [file]}, indent=2, ensure_ascii=False).encode() + b"\n"


def _yaml(document: Mapping[str, Any]) -> bytes:
    text: str = yaml.safe_dump(dict(document), sort_keys=False, allow_unicode=True, width=1000, default_flow_style=None)
    return text.encode()
