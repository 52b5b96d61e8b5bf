"""Bronze: every readable record as strings, with its file and record number; what cannot be read goes to quarantine.

Reading is pure and needs no Spark; the finished files of a delivery are committed once, as an overwrite of its partition, so that a
repeat replaces itself.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from jobs import delta, quality
from jobs.contracts import Contract, fingerprint
from jobs.errors import LakeError, Notice
from jobs.formats import Field, Layout, Reading, Refused, read
from jobs.lake import Lake
from jobs.landing import LandedFile, Receipt, local_object
from jobs.manifests import SUMS, TOTALS
from jobs.suites import Suite

READER_VERSION = 1


@dataclass(frozen=True)
class Bronze:
    """What reading a delivery gave. `problem` refuses it whole, `held` awaits a decision."""

    fingerprint: str
    files: tuple[tuple[LandedFile, Reading], ...] = ()
    results: tuple[quality.Result, ...] = ()
    notices: tuple[Notice, ...] = ()
    problem: LakeError | None = None
    held: LakeError | None = None

    @property
    def refused(self) -> list[tuple[str, Refused]]:
        return [(f.name, r) for f, reading in self.files for r in reading.refused]

    def counts(self) -> dict[str, int]:
        """Landed records = bronze + refused: the first identity."""
        landed = sum(r.records for _, r in self.files)
        rows = sum(r.table.num_rows for _, r in self.files)
        return {"landed": landed, "bronze": rows, "refused": len(self.refused), "files": len(self.files)}


def layout_of(contract: Contract, file: str = "") -> Layout:
    """What a reader must know of a dataset's files, or of the one of that name."""
    place, properties = contract.inbox(), contract.properties
    aliases = {str(a): header for header, found in properties.get("headerAliases", {}).items() for a in found}
    return Layout(
        format=next((f for end, f in contract.formats.items() if file.lower().endswith(end)), place.format),
        columns=tuple(Field(c.name, c.header, c.required, c.logical_type) for c in contract.delivered),
        aliases=aliases,
        delimiter=place.delimiter.replace("\\t", "\t"),
        encoding=place.encoding,
        header_row=int(properties.get("headerRow", 1)),
        sheet=str(properties.get("sheet", "")),
        max_undecodable=float(properties.get("maxUndecodable", 0.001)),
    )


def bronze_fingerprint(contract: Contract, receipt: Receipt, suite: Suite) -> str:
    """Identity of the input of this stage: the delivery, the layout, the suite."""
    return identity_of(receipt, reading_of(contract, suite))


def reading_of(contract: Contract, suite: Suite) -> list[object]:
    """What decides, beside its bytes, how a delivery of a dataset is read: the layout, the suite."""
    rules = [asdict(r) for r in suite.bronze]
    return [asdict(layout_of(contract)), *contract.formats.items(), contract.min_rows, rules]


def identity_of(receipt: Receipt, reading: Sequence[object]) -> str:
    return fingerprint([READER_VERSION, receipt.sha256, receipt.revision, *reading])


def read_delivery(lake: Lake, contract: Contract, receipt: Receipt, suite: Suite) -> Bronze:
    """Read and check every file of a delivery; writes nothing."""
    identity = bronze_fingerprint(contract, receipt, suite)
    if receipt.problem:
        parts = receipt.problem
        problem = LakeError(
            str(parts["code"]), place=str(parts["place"]), expected=str(parts["expected"]), actual=str(parts["actual"])
        )
        return Bronze(identity, problem=problem)
    try:
        files = _read_files(lake, contract, receipt)
        _check_counts(files, receipt)
        _check_sums(contract, files, receipt)
    except LakeError as error:
        return Bronze(identity, problem=error)
    notices = tuple(Notice(n.code, f"{f.name}: {n.text}") for f, reading in files for n in reading.notices)
    rows = sum(reading.table.num_rows for _, reading in files)
    if rows == 0 and contract.min_rows == 0:
        return Bronze(identity, files, notices=(*notices, Notice("W402", "no rows")))
    results = tuple(validate_readings([reading for _, reading in files], suite))
    return Bronze(identity, files, results, notices, held=_hold(contract, rows, results))


def _read_files(lake: Lake, contract: Contract, receipt: Receipt) -> tuple[tuple[LandedFile, Reading], ...]:
    if not receipt.files:
        raise LakeError("E105", place=receipt.folder, expected="a file", actual="a folder without one")
    with tempfile.TemporaryDirectory() as folder:
        return tuple(
            (f, _read_one(local_object(lake, f.sha256, Path(folder)), f, layout_of(contract, f.name)))
            for f in receipt.files
        )


def _read_one(path: Path, landed: LandedFile, layout: Layout) -> Reading:
    try:
        return read(path, layout)
    except LakeError as error:
        parts = error.parts()
        place = f"{landed.name} {parts['place']}".strip()
        evidence = error.evidence or f"landing sha256 {landed.sha256}"
        raise LakeError(
            error.code, expected=error.expected, actual=error.actual, evidence=evidence, place=place
        ) from error


def _check_counts(files: tuple[tuple[LandedFile, Reading], ...], receipt: Receipt) -> None:
    stated = {str(e["name"]): e.get("records") for e in receipt.manifest.get("files", ())}
    for landed, reading in files:
        records = stated.get(landed.name, stated.get(landed.name.removesuffix(".gz")))
        if records is not None and int(records) != reading.records:
            raise LakeError(
                "E401", place=landed.name, expected=f"{records} records", actual=f"{reading.records} records"
            )
    total = receipt.manifest.get("records")
    if total is not None and int(total) != sum(r.records for _, r in files):
        raise LakeError(
            "E401", place="manifest", expected=f"{total} records", actual=f"{sum(r.records for _, r in files)} records"
        )


def _check_sums(contract: Contract, files: Sequence[tuple[LandedFile, Reading]], receipt: Receipt) -> None:
    """Compare the manifest's control totals and hash totals with the delivered cells that are plain numbers (E401).

    Where a record could not be read its cells are not known, so nothing is compared; such a record is reported by itself.
    """
    by_header = {c.header: c.name for c in contract.delivered}
    if any(reading.refused for _, reading in files):
        return
    totals = [(kind, *total) for kind in TOTALS for total in receipt.manifest.get(kind, {}).items()]
    for kind, header, stated in totals:
        if header not in by_header:
            raise LakeError("E401", place="manifest", expected=f"a column {header}", actual="none of that name")
        cells = [reading.table[by_header[header]] for _, reading in files]
        found = sum((_sum_numbers(c) for c in cells), Decimal(0))
        if found != Decimal(str(stated)):
            what = "sum" if kind == SUMS else "hash total"
            raise LakeError(
                "E401", place=header, expected=f"a {what} of {stated}", actual=f"a {what} of {found.normalize():f}"
            )


def _sum_numbers(cells: pa.ChunkedArray) -> Decimal:
    plain = cells.filter(pc.match_substring_regex(cells, r"^-?[0-9]{1,20}(\.[0-9]{1,6})?$"))
    return Decimal(pc.sum(plain.cast(pa.decimal128(38, 6))).as_py() or 0)


def validate_readings(readings: Sequence[Reading], suite: Suite) -> list[quality.Result]:
    """Validate what was read of a delivery's files by the bronze suite, as one batch."""
    import pandas as pd

    batch = pd.concat([quality.to_batch(r.table, suite.bronze) for r in readings], ignore_index=True)
    return quality.validate(batch, suite.bronze, sum(r.table.num_rows for r in readings))


def _hold(contract: Contract, rows: int, results: Sequence[quality.Result]) -> LakeError | None:
    if rows < contract.min_rows:
        return LakeError("E402", place="minRows", expected=f"at least {contract.min_rows} rows", actual=f"{rows} rows")
    failed = quality.failing(results)
    if failed:
        return LakeError(
            "E701",
            place=failed[0].rule,
            expected=failed[0].reason,
            actual=f"{failed[0].broken} rows, {failed[0].observed}".rstrip(", "),
        )
    return None


def bronze_keys(receipt: Receipt) -> dict[str, str]:
    return {"_business_date": receipt.business_date, "_revision": str(receipt.revision)}


def write_bronze(lake: Lake, contract: Contract, receipt: Receipt, bronze: Bronze) -> int:
    """Commit the delivery's readable records; returns the version of the table.

    Grain: a delivered record. Columns: the delivered ones as strings, `_extra` (JSON), `_file`, `_record`, `_business_date`,
    `_revision`.
    """
    tables = {}
    for n, (landed, reading) in enumerate(bronze.files):
        name = hashlib.sha256(f"{bronze.fingerprint}/{n}/{landed.sha256}".encode()).hexdigest()[:20]
        tables[f"part-{n:05}-{name}.parquet"] = with_file(reading.table, landed.name)
    metadata = {
        "stage": "bronze",
        "delivery": [receipt.business_date, receipt.revision, receipt.sha256],
        "fingerprint": bronze.fingerprint,
    }
    return delta.replace_partition(lake.table("bronze", contract.table), tables, bronze_keys(receipt), metadata)


def with_file(table: pa.Table, name: str) -> pa.Table:
    column = pa.DictionaryArray.from_arrays(np.zeros(table.num_rows, np.int32), pa.array([name]))
    return table.append_column("_file", column)


def refused_rows(bronze: Bronze) -> list[dict[str, Any]]:
    """Records that could not be read, as rows of quarantine."""
    return [
        {"_file": name, "_record": r.record, "_line": r.line, "_rules": [r.code], "_detail": r.detail, "_raw": r.raw}
        for name, r in bronze.refused
    ]
