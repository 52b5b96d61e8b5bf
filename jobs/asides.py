"""Quarantine as people use it: lists by rule and place, and decisions on single records. Values stay on the raw side."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from pathlib import Path
from typing import Any

from jobs import delta, show
from jobs.cities import load_contracts
from jobs.errors import LakeError
from jobs.lake import Lake
from jobs.landing import list_receipts, object_path
from jobs.ledger import Decision
from jobs.night import Night, Selection
from jobs.settings import Settings

PLACES = ["_business_date", "_revision", "_stage", "_file", "_record", "_line", "_rules", "_detail"]


def read_asides(lake: Lake, table: str) -> list[dict[str, Any]]:
    """Places and rules of everything a dataset has set aside, without its values."""
    rows = delta.read_arrow(lake.table("quarantine", table), columns=PLACES)
    found = rows.to_pylist() if rows is not None else []
    return sorted(
        found, key=lambda r: (str(r["_business_date"]), r["_revision"], r["_stage"], r["_file"], r["_record"])
    )


def print_asides(settings: Settings, selection: Selection, action: str) -> None:
    """`list`: counts by dataset, date, revision and rule. `show`: each record's place and rules."""
    found = {
        c.dataset: [r for r in read_asides(settings.lake, c.table) if selection.has_date(str(r["_business_date"]))]
        for c in load_contracts(settings.city).values()
        if selection.has_dataset(c)
    }
    if action == "list":
        counts = Counter(
            (d, str(r["_business_date"]), r["_revision"], rule)
            for d, rows in found.items()
            for r in rows
            for rule in r["_rules"]
        )
        columns, lines = (
            ["dataset", "date", "revision", "rule", "records"],
            [[*k, n] for k, n in sorted(counts.items())],
        )
    else:
        columns = ["dataset", "date", "revision", "stage", "file", "record", "rules", "detail"]
        lines = [
            [d, str(r["_business_date"]), r["_revision"], r["_stage"], r["_file"], r["_record"], " ".join(r["_rules"]), r["_detail"] or ""]
            for d, rows in found.items() for r in rows
        ]  # fmt: skip
    if settings.json:
        show.print_json("quarantine", rows=[dict(zip(columns, line, strict=True)) for line in lines])
    elif lines:
        show.print_table("", columns, lines)
    else:
        show.out.print("Nothing is set aside.")


def decide_record(
    night: Night, dataset: str, date: str, revision: int, file: str, record: int, by: str, reason: str, values: str
) -> Decision:
    """Dismiss a set-aside record, or mend it with the values of a JSON file, which is landed."""
    if not (dataset and date and file and record and by and reason):
        raise LakeError(
            "E002",
            place="quarantine",
            expected="--dataset --date --file --record --by --reason",
            actual="one of them is missing",
        )
    contract = night.contracts[dataset]
    receipts = [r for r in list_receipts(night.lake, contract, date) if r.revision == revision]
    rows = [
        r
        for r in read_asides(night.lake, contract.table)
        if (str(r["_business_date"]), r["_revision"], r["_file"], r["_record"]) == (date, revision, file, record)
    ]
    where = (dataset, date, revision, receipts[0].sha256 if receipts else "")
    earlier = [x for x in night.ledger.decisions_on(*where) if (x.file, x.record) == (file, record)]
    if not receipts or not (rows or earlier):
        raise LakeError(
            "E004",
            dataset=dataset,
            business_date=date,
            revision=revision,
            place=f"{file} record {record}",
            expected="a set-aside record",
            actual="none there",
        )
    refused = "refused" if any(r["_stage"] == "bronze" for r in rows) else ""
    kind, landed = (
        ("mend", _land_values(night.lake, Path(values), [c.name for c in contract.delivered]))
        if values
        else ("dismiss", "")
    )
    return night.ledger.decide(
        Decision(kind, by, reason, dataset, date, revision, receipts[0].sha256, file, record, refused, landed)
    )


def _land_values(lake: Lake, path: Path, columns: list[str]) -> str:
    try:
        values = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise LakeError(
            "E002", place="--values", expected="a JSON file with one object", actual=type(error).__name__
        ) from error
    unknown = sorted(set(values) - set(columns)) if isinstance(values, dict) else ["not an object"]
    if unknown or not all(v is None or isinstance(v, str) for v in values.values()):
        raise LakeError(
            "E002",
            place="--values",
            expected=f"texts or null for {', '.join(columns)}",
            actual=f"{', '.join(unknown) or 'another type'}",
        )
    data = json.dumps(values, ensure_ascii=False, sort_keys=True).encode()
    sha = hashlib.sha256(data).hexdigest()
    lake.write_atomic(object_path(lake, sha), data)
    return sha
