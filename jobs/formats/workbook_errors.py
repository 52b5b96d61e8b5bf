"""Find the error cells (#N/A, #REF!) of an XLSX sheet, which calamine gives as empty cells."""

from __future__ import annotations

import io
import posixpath
import re
import zipfile
from collections.abc import Iterator
from xml.etree import ElementTree

_ERROR = re.compile(rb"""\st\s*=\s*["']e["']""")


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
