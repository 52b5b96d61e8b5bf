"""Write deliveries as departments send them: their encodings, workbooks and JSON, with the manifest of each."""

from __future__ import annotations

import codecs
import hashlib
import io
import json
import re
import zipfile
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, time, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
from openpyxl import Workbook

from jobs.synthetic.columns import BATCH, rows_of
from jobs.synthetic.draws import between, draw
from jobs.synthetic.world import Delivery, World

ENCODINGS = {"tax.payment": "gb18030", "education.school": "utf-8-sig", "health.facility": "utf-8-sig", "grid.community": "utf-8-sig"}  # fmt: skip
_CHINA = timezone(timedelta(hours=8))
_NUMBER = re.compile(r"-?[0-9]{1,20}(\.[0-9]+)?")
_SAVED_AT = re.compile(rb"(<dcterms:modified[^>]*>)[^<]*")  # openpyxl writes the clock there whatever it is told
_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


def write_delivery(world: World, delivery: Delivery, out: Path) -> int:
    """Write the folder of one delivery below `out`; returns its number of records."""
    revision = f".r{delivery.revision}" if delivery.revision > 1 else ""
    folder = out.joinpath(*delivery.dataset.split("."), f"{delivery.night}{revision}")
    folder.mkdir(parents=True, exist_ok=True)
    stated = []
    for name, table in delivery.files.items():
        digest = hashlib.sha256()
        with (folder / name).open("wb") as file:
            for data in encode(delivery.dataset, name, table):
                file.write(data)
                digest.update(data)
        stated.append({"name": name, "records": table.num_rows, "sha256": digest.hexdigest()})
    records = sum(int(str(f["records"])) for f in stated)
    manifest = {
        "delivered_at": _delivered_at(world, delivery), "revision": delivery.revision, "full": delivery.full, "records": records,
        "files": stated,
        "sums": {header: _sum(delivery, header) for header in delivery.sums},
        **({"hash_totals": {header: _sum(delivery, header) for header in delivery.hash_totals}} if delivery.hash_totals else {}),
    }  # fmt: skip
    name, data = MANIFESTS.get(delivery.dataset, _own_manifest)(manifest)
    (folder / name).write_bytes(data)
    return records


def _own_manifest(stated: Mapping[str, Any]) -> tuple[str, bytes]:
    return "manifest.json", (json.dumps(stated, ensure_ascii=False, indent=1) + "\n").encode()


def _statement_of_accounts(stated: Mapping[str, Any]) -> tuple[str, bytes]:
    """The tax office's 对账清单: a row a file, with the totals of its amounts, in its own encoding."""
    (file,) = stated["files"]
    row = {
        "文件名": file["name"], "笔数": file["records"], "校验值": file["sha256"], "交付时间": stated["delivered_at"], "版次": stated["revision"],
        **{f"{header}合计": total for kind in ("sums", "hash_totals") for header, total in stated[kind].items()},
    }  # fmt: skip
    text = "".join(f"{','.join(map(str, line))}\r\n" for line in (row.keys(), row.values()))
    return "对账清单.csv", text.encode("gb18030")


def _handover_note(stated: Mapping[str, Any]) -> tuple[str, bytes]:
    """The land registry's 交接单: ours in its words."""
    files = [{"名称": f["name"], "记录数": f["records"], "摘要": f["sha256"]} for f in stated["files"]]
    note = {
        "移交时间": stated["delivered_at"], "版次": stated["revision"], "是否全量": stated["full"], "记录总数": stated["records"], "文件": files
    }  # fmt: skip
    return "交接单.json", json.dumps(note, ensure_ascii=False, indent=2).encode()


MANIFESTS = {"tax.payment": _statement_of_accounts, "land.parcel": _handover_note}


def _delivered_at(world: World, delivery: Delivery) -> str:
    """Between half past midnight and a quarter past five of the night after, or of a later one."""
    minute = int(between(draw(world.seed, f"delivered {delivery.dataset}", delivery.night.toordinal()), 30, 315)[0])
    midnight = datetime.combine(delivery.night, time(), _CHINA) + timedelta(days=1 + delivery.late_nights)
    return (midnight + timedelta(minutes=minute)).isoformat()


def _sum(delivery: Delivery, header: str) -> str:
    """The control total of a column: of every cell that is a plain number."""
    cells = (c for table in delivery.files.values() for (c,) in rows_of(table, header))
    return str(sum((Decimal(c) for c in cells if _NUMBER.fullmatch(c)), Decimal(0)))


def encode(dataset: str, name: str, table: pa.Table) -> Iterator[bytes]:
    """The bytes of one file, in the form its name says; of a large one some at a time."""
    if name.endswith(".xlsx"):
        yield _workbook(table)
    elif name.endswith(".zip"):
        packed = name.removesuffix(".zip")
        yield _archive({packed: b"".join(encode(dataset, packed, table))})
    elif name.endswith(".json"):
        yield from _lists(table)
    else:
        yield from _lines(table, ENCODINGS.get(dataset, "utf-8"))


def _lists(table: pa.Table) -> Iterator[bytes]:
    """JSON: a list of the headers and a list a row."""
    spell = json.JSONEncoder(ensure_ascii=False).encode
    yield f"[\n{json.dumps(table.column_names, ensure_ascii=False)}".encode()
    for row in rows_of(table, *table.column_names):
        yield f",\n{spell(row)}".encode()
    yield b"\n]\n"


def _lines(table: pa.Table, encoding: str) -> Iterator[bytes]:
    encoder = codecs.getincrementalencoder(encoding)()
    yield encoder.encode(",".join(table.column_names) + "\n")
    options = pyarrow.csv.WriteOptions(include_header=False, quoting_style="needed")
    for batch in table.to_batches(max_chunksize=BATCH):
        lines = io.BytesIO()
        pyarrow.csv.write_csv(batch, lines, options)
        yield lines.getvalue() if encoding == "utf-8" else encoder.encode(lines.getvalue().decode())


def _workbook(table: pa.Table) -> bytes:
    """A workbook of one sheet of texts, stored with fixed times: equal cells are equal bytes."""
    book = Workbook(write_only=True)
    book.properties.created = _LONG_AGO.replace(tzinfo=None)
    sheet = book.create_sheet("宗地")
    sheet.append(table.column_names)
    for row in rows_of(table, *table.column_names):
        sheet.append([cell or None for cell in row])
    made = io.BytesIO()
    book.save(made)
    with zipfile.ZipFile(made) as source:
        parts = {info.filename: source.read(info) for info in source.infolist()}
    return _archive({name: _SAVED_AT.sub(rb"\g<1>2000-01-01T00:00:00Z", data) for name, data in parts.items()})


def _archive(parts: Mapping[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as target:
        for name, data in parts.items():
            target.writestr(zipfile.ZipInfo(name, _LONG_AGO.timetuple()[:6]), data)
    return packed.getvalue()
