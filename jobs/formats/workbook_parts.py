"""Look into the parts of an XLSX workbook: what may not be in one, and the error cells (#N/A, #REF!), which calamine gives as empty cells."""

from __future__ import annotations

import io
import posixpath
import re
import zipfile
from collections.abc import Iterator
from xml.etree import ElementTree

from jobs.errors import LakeError
from jobs.formats.content import MOST_UNPACKED

_XML = (".xml", ".rels", ".vml")
_PROLOG = 1 << 20  # bytes: a document type stands before the first element
_ERROR = re.compile(rb"""\st\s*=\s*["']e["']""")


def check_parts(raw: bytes) -> None:
    """Refuse a workbook that holds macros or declares XML entities (E814), or would unpack to far more than it is (E810)."""
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        parts = archive.infolist()
        size = sum(part.file_size for part in parts)
        if size > MOST_UNPACKED * max(len(raw), 1 << 16):
            expected = f"at most {MOST_UNPACKED} times the {len(raw)} bytes of the workbook"
            raise LakeError("E810", expected=expected, actual=f"{size} bytes")
        for part in parts:
            if part.filename.lower().endswith("vbaproject.bin"):
                raise LakeError("E814", expected="a workbook without macros", actual="macros")
            if part.filename.lower().endswith(_XML):
                with archive.open(part) as content:
                    prolog = content.read(_PROLOG).replace(b"\0", b"")  # also of UTF-16
                if b"<!DOCTYPE" in prolog or b"<!ENTITY" in prolog:
                    raise LakeError(
                        "E814",
                        expected="XML without a document type",
                        actual="a document type, which can declare entities",
                    )


def find_error_cells(raw: bytes, sheet: str) -> dict[tuple[int, int], str]:
    """Give the text of each error cell of a sheet by row and column, counted from 0.

    A formula that failed is not an empty cell: where it were taken for one, a missing value would look intended.
    """
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        part = _find_part(archive, sheet)
        content = archive.read(part) if part else b""
    return dict(_walk(content)) if _ERROR.search(content) else {}


def _find_part(archive: zipfile.ZipFile, sheet: str) -> str:
    workbook = ElementTree.fromstring(archive.read("xl/workbook.xml"))
    links = ElementTree.fromstring(archive.read("xl/_rels/workbook.xml.rels"))
    targets = {link.get("Id"): link.get("Target", "") for link in links}
    for element in workbook.iter():
        if _name(element) == "sheet" and element.get("name") == sheet:
            link = next((value for key, value in element.items() if key.endswith("}id")), None)
            return posixpath.normpath(posixpath.join("/xl", targets.get(link, ""))).lstrip("/")
    return ""


def _walk(content: bytes) -> Iterator[tuple[tuple[int, int], str]]:
    row = -1
    for line in ElementTree.fromstring(content).iter():
        if _name(line) != "row":
            continue
        row = int(line.get("r", row + 2)) - 1
        column = -1
        for cell in line:
            column = _column(cell.get("r", "")) if cell.get("r") else column + 1
            if cell.get("t") == "e":
                yield (row, column), next((value.text or "" for value in cell if _name(value) == "v"), "")


def _name(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]


def _column(reference: str) -> int:
    number = 0
    for letter in reference.rstrip("0123456789"):
        number = number * 26 + ord(letter) - ord("A") + 1
    return number - 1
