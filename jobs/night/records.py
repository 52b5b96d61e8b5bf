"""Delivered records behind rows of silver: which delivery they came with, that bronze has them, and what they were."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from jobs import delta, landing
from jobs.contracts import Contract
from jobs.errors import LakeError
from jobs.landing import Receipt
from jobs.night.opened import Night
from jobs.origins import PLACE, Delivered, Source, hash_records
from jobs.persons import persons
from jobs.release import Released

Records = dict[str, list[int]]  # record numbers by file


def list_deliveries(night: Night, released: Released, sources: Sequence[Source]) -> Iterator[Delivered]:
    """The deliveries behind the rows of some silver tables; of a table that stands behind a figure as a whole, all those in it.

    Raises E602 where landing or bronze does not have what silver was made of.
    """
    for source in sources:
        contract = source.contract
        receipts = {(r.business_date, r.revision): r for r in landing.list_receipts(night.lake, contract)}
        if source.rows is None:
            standing = [d for d in released.stands_on if d[0] == contract.dataset]
            places: dict[tuple[str, int], Records] = {(str(d[1]), int(d[2])): {} for d in standing}
        else:
            places = _places(source.rows)
        for (day, revision), records in sorted(places.items()):
            if (day, revision) not in receipts:
                raise LakeError("E602", dataset=contract.dataset, business_date=day, revision=revision, place="landing", expected="a receipt", actual="none")  # fmt: skip
            yield _delivered(night, contract, receipts[day, revision], records)


def list_receipts(night: Night, until: str) -> list[Receipt]:
    """What came, and what did not, up to an instant; empty means now."""
    found = landing.all_receipts(night.lake, night.contracts)
    return sorted(
        (r for r in found if not until or r.delivered_at <= until),
        key=lambda r: (r.dataset, r.business_date, r.revision),
    )


def _places(rows: pa.Table) -> dict[tuple[str, int], Records]:
    found: dict[tuple[str, int], dict[str, set[int]]] = {}
    for day, revision, file, record in zip(*[rows[name].to_pylist() for name in PLACE], strict=True):
        found.setdefault((str(day), revision), {}).setdefault(file, set()).add(record)
    return {place: {file: sorted(numbers) for file, numbers in sorted(files.items())} for place, files in found.items()}


def _delivered(night: Night, contract: Contract, receipt: Receipt, records: Records) -> Delivered:
    """One delivery with its records, each of which is in bronze or was mended by a person."""
    decided = night.ledger.decisions_on(contract.dataset, receipt.business_date, receipt.revision, receipt.sha256)
    mends = {(d.file, d.record) for d in decided if d.kind == "mend"}
    hashes: dict[str, list[str]] = {}
    for file, numbers in records.items():
        known = _read_hashes(night, contract, receipt, file)
        lost = [n for n in numbers if n not in known and (file, n) not in mends]
        if lost:
            raise LakeError(
                "E602", dataset=contract.dataset, business_date=receipt.business_date, revision=receipt.revision,
                place=f"bronze {file} record {lost[0]}", expected="the record", actual=f"{len(lost)} records are not there",
            )  # fmt: skip
        hashes[file] = [] if persons(contract) else [known.get(n, "") for n in numbers]
    mended = sum((file, n) in mends for file, numbers in records.items() for n in numbers)
    return Delivered(contract, receipt, records, hashes, mended)


def _read_hashes(night: Night, contract: Contract, receipt: Receipt, file: str) -> dict[int, str]:
    """The records of a file in bronze, by number; of a dataset that names persons without a hash."""
    night_of = pa.scalar(receipt.business_date).cast(pa.date32())
    where = (
        (pc.field("_business_date") == night_of)
        & (pc.field("_revision") == receipt.revision)
        & (pc.field("_file") == file)
    )
    columns = [] if persons(contract) else [c.name for c in contract.delivered]
    rows = delta.read_arrow(night.lake.table("bronze", contract.table), columns=[*columns, "_record"], where=where)
    if rows is None:
        return {}
    return hash_records(rows, contract) if columns else dict.fromkeys(rows["_record"].to_pylist(), "")
