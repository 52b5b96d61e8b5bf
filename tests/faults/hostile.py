"""Cases of the groups F, G and H: the system fails, a record breaks its reader, a delivery means harm."""

from __future__ import annotations

import errno
import io
import pickle
import tarfile
import zipfile
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from openpyxl import Workbook
from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from stdnum.cn import ric

from tests.faults.case import GOOD, HEADER, KEY, TEXT, Case, Deliver, file, packed, rows, standing, text_of
from tests.little import World

POISON = "arsenic"
FORMULAS = ("=1+1", "+1", "-1", "@SUM(A1)", "＝1", "＋1", "－1", "＠1")
TEMPLATES = ("{{ 7 * 7 }}", "{% raw %}", "${HOME}", "$(touch seen)", "'; DROP TABLE gold.totals --")
WORKBOOK = "      - {property: formats, value: {.xlsx: xlsx}}"
CODES = """\
      - {name: code, logicalType: string, logicalTypeOptions: {format: uscc}, classification: public, description: A firm.}
      - {name: person, logicalType: string, logicalTypeOptions: {format: resident_id}, classification: public, description: A person of no place.}
"""
FIRM, PERSON = "91099901MA0TERT08Q", "099901198102280012"
ENTITIES = b'<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY c SYSTEM "file:///etc/hostname">]>'


def _unborn() -> str:
    """The number of somebody who is born the day after the delivery."""
    body = "09990120250103001"
    return body + str(ric.calc_check_digit(body + "0"))


def _many() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for n in range(1000):
            archive.writestr(f"{n}.csv", GOOD)
    return made.getvalue()


def _linked(world: World, dataset: str, date: str) -> None:
    """A delivery with a link to a file of this machine."""
    target = world.inbox.parent / "elsewhere.csv"
    target.write_text(GOOD + "# a secret\n")
    (world.deliver(dataset, date, GOOD) / "more.csv").symlink_to(target)


def _tar() -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        info = tarfile.TarInfo("../data.csv")
        info.size = len(GOOD)
        archive.addfile(info, io.BytesIO(GOOD.encode()))
    return made.getvalue()


def _workbook(change: Callable[[dict[str, bytes]], object] = lambda parts: None) -> bytes:
    """A good night as a workbook, after a change of its parts."""
    book, made, changed = Workbook(), io.BytesIO(), io.BytesIO()
    for line in GOOD.splitlines():
        book.active.append(line.split(","))  # type: ignore[union-attr]
    book.save(made)
    with zipfile.ZipFile(made) as source:
        parts = {name: source.read(name) for name in source.namelist()}
    change(parts)
    with zipfile.ZipFile(changed, "w", zipfile.ZIP_DEFLATED) as target:
        for name, data in parts.items():
            target.writestr(name, data)
    return changed.getvalue()


def _with_entities(parts: dict[str, bytes]) -> None:
    name = "xl/workbook.xml"
    start = parts[name].index(b"<workbook")
    parts[name] = parts[name][:start] + ENTITIES + parts[name][start:]


def _parquet() -> bytes:
    made = io.BytesIO()
    pq.write_table(pa.table({"key": [KEY], "text": [TEXT]}), made)
    return made.getvalue()


def _without_memory(session: Any) -> BaseException:
    """What the driver's JVM really raises where it has no memory; it goes on."""
    try:
        session._jvm.java.util.ArrayList(2_147_483_647)
    except Py4JJavaError as error:
        return error
    raise AssertionError("there was memory")


def _in_a_step(session: Any) -> BaseException:
    """What Spark really raises where an expression of a step does not hold for a value."""
    try:
        session.sql("SELECT CAST('x' AS INT)").collect()
    except PySparkException as error:
        return error
    raise AssertionError("it was cast")


def _without_handles(_session: Any) -> BaseException:
    return OSError(errno.EMFILE, "Too many open files", "data.csv")


def _book(id: str, title: str, content: bytes, code: str, **more: Any) -> Case:
    return Case(id, title, file(content, "data.xlsx"), "refused", code, "bronze", extra=WORKBOOK, **more)


def _named(name: str) -> Deliver:
    return file(GOOD, name)


HOSTILE = (
    Case("F4", "the driver has no memory left", file(GOOD), "failed", "E606", fails=_without_memory, says="OutOfMemoryError"),
    Case("F8", "no file can be opened any more", file(GOOD), "failed", "E608", "bronze", fails=_without_handles, says="Too many open files"),
    Case("G1", "a record at which its reader fails", file(f'{HEADER}\n{KEY},2013,10,{TEXT},,\n2,2013,20,"{POISON}\r",,\n3,2013,30,,,\n'), "accepted",
         counts={"judged": 2, "good": 2}, silver=((3, 30), (KEY, 10)), aside={2: ("Q900",)}),
    Case("G1_step", "a value at which a step fails", file(GOOD), "failed", "E001", fails=_in_a_step, says="NumberFormatException"),
    Case("G5", "wrong check characters, somebody not born yet, a value below zero",
         rows((1, 2013, 10, "", "", "", FIRM[:-1] + "R", PERSON), (2, 2013, 20, "", "", "", FIRM, PERSON[:-1] + "3"), (3, 2013, 30, "", "", "", FIRM, _unborn()),
              (4, 2013, -5), (KEY, 2013, 50, TEXT, "", "", FIRM, PERSON), header=HEADER + ",code,person"),
         "accepted", columns=CODES, mostly=0.0, counts={"judged": 5, "good": 1, "set_aside": 4}, silver=((KEY, 50),),
         aside={1: ("code.format",), 2: ("person.format",), 3: ("person.format",), 4: ("value.minimum",)}),
    Case("G7", "a record that a person mends twice", rows((1, 2013, 10), (2, 2013, TEXT), (KEY, 2013, 30)), "accepted",
         counts={"judged": 3, "good": 2, "set_aside": 1}, silver=((1, 10), (KEY, 30)), aside={2: ("value.type", "value.required")}),
    _book("H1_workbook", "a workbook that would fill the disk", _workbook(lambda parts: parts.update({"xl/media/a.bin": b"\0" * 8_000_000})), "E810", says="bytes of the workbook"),
    standing("H1_nested", "a zip file in a zip file", file(packed("data.zip", packed("data.csv", GOOD)), "data.csv.zip"), "refused", "E315", 18, stage="bronze"),
    standing("H1_entries", "a zip file of a thousand files", file(_many(), "data.csv.zip"), "refused", "E316", 19, stage="bronze", says="1000 files"),
    standing("H2_up", "a zip file whose file leads upwards", file(packed("../data.csv", GOOD), "data.csv.zip"), "refused", "E811", 20, stage="bronze", says="../data.csv"),
    standing("H2_root", "a zip file whose file leads to the root", file(packed("/tmp/data.csv", GOOD), "data.csv.zip"), "refused", "E811", 21, stage="bronze"),
    standing("H2_drive", "a zip file whose file leads to a drive", file(packed("C:/data.csv", GOOD), "data.csv.zip"), "refused", "E811", 22, stage="bronze"),
    standing("H2_packed_link", "a zip file with a link", file(packed("data.csv", "/etc/hostname", 0o120777), "data.csv.zip"), "refused", "E811", 23, stage="bronze"),
    standing("H2_link", "a link to a file of this machine", _linked, "", "E811", 24, says="more.csv"),
    standing("H2_tar", "a tar archive, which no contract declares", file(_tar(), "data.csv"), "refused", "E316", 25, stage="bronze", says="tar"),
    standing("H2_newline", "a name with a line break", _named("da\nE001 ta.csv"), "refused", "E812", 26, stage="bronze", says="da\\nE001 ta.csv"),
    standing("H2_semicolon", "a name that a shell would act upon", _named("data;touch seen.csv"), "refused", "E812", 27, stage="bronze"),
    standing("H2_substitution", "a name that a shell would run", _named("$(touch seen).csv"), "refused", "E812", 28, stage="bronze"),
    standing("H2_long", "a zip file whose file has a name of 300 bytes", file(packed("x" * 296 + ".csv", GOOD), "data.csv.zip"), "refused", "E812", 29, stage="bronze"),
    Case("H2_good", "a name as people give it", file(GOOD, "企业名单 (2024年) A&B_1.csv"), "accepted", counts={"good": 2}, silver=((2, 20), (KEY, 10))),
    Case("H3", "cells that a spreadsheet would run", file(text_of(*[(n, 2013, n, f'"{text}"') for n, text in enumerate(FORMULAS, 1)], (KEY, 2013, 10, '"\t1"'))),
         "accepted", counts={"good": 9}, silver=(*[(n, n) for n in range(1, 9)], (KEY, 10))),
    Case("H5", "cells that a template or a shell would act upon", file(text_of(*[(n, 2013, n, f'"{text}"') for n, text in enumerate(TEMPLATES, 1)], (KEY, 2013, 10))),
         "accepted", counts={"good": 6}, silver=(*[(n, n) for n in range(1, 6)], (KEY, 10))),
    standing("H6_pickle", "a pickle under the name of a table", file(pickle.dumps({"key": KEY, "text": TEXT})), "refused", "E814", 30, stage="bronze", says="pickle"),
    standing("H6_xml", "XML with entities under the name of a table", file(b'<?xml version="1.0"?>' + ENTITIES + b"<x>&b;</x>"), "refused", "E814", 31, stage="bronze", says="XML"),
    standing("H6_office", "a document that may hold macros", file(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + GOOD.encode()), "refused", "E814", 32, stage="bronze"),
    standing("H6_parquet", "Parquet under the name of a table", file(_parquet()), "refused", "E814", 33, stage="bronze", says="Parquet"),
    _book("H6_macros", "a workbook with macros", _workbook(lambda parts: parts.update({"xl/vbaProject.bin": b"Sub Auto_Open"})), "E814", says="macros"),
    _book("H6_entities", "a workbook that declares entities", _workbook(_with_entities), "E814", says="entities"),
    Case("H6_workbook", "a workbook as it should be", file(_workbook(), "data.xlsx"), "accepted", extra=WORKBOOK, counts={"good": 2}, silver=((2, 20), (KEY, 10))),
)  # fmt: skip
