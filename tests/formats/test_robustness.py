"""Files that other projects collected because they break readers: what becomes of each stands in `robustness.csv`.

`as` is the format that a contract would declare; `record` is a JSON text read as the first record of an array, so that the suite's
own word on it (y_ is JSON, n_ is not) can be held against the reader, whose file is an array of arrays. A file that is no format of
ours is refused under each of them. `code` counts the records that are set aside, or says why the file is refused.
"""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from jobs.errors import LakeError
from jobs.formats import Field, Layout, Reading, read

CORPUS = Path(__file__).parents[2].parent / "shared" / "data" / "robustness"
TABLE = list(csv.DictReader((Path(__file__).parent / "robustness.csv").read_text("utf-8").splitlines()))
READ = [row for row in TABLE if row["as"]]
FOREIGN = [row for row in TABLE if not row["as"]]
POLLUTED = ["DATE", "TIME", "Qty", "PRODUCTID", "Price", "ProductType", "ProductDescription", "URL", "Comments"]
Row = dict[str, str]
pytestmark = pytest.mark.skipif(not CORPUS.is_dir(), reason=f"the corpus is not in {CORPUS}")


def named(row: Row) -> str:
    return f"{row['file']} {row['options']}".strip()


def read_row(row: Row, folder: Path) -> Reading:
    path, form = CORPUS / row["file"], row["as"]
    if form == "record":
        whole = b'[["a"],' + path.read_bytes() + b"]"
        path, form = folder / "records.json", "json"
        path.write_bytes(whole)
    declared = POLLUTED if row["file"].startswith("pollock_polluted/csv/") else []
    columns = tuple(Field(name, name, True) for name in declared)
    return read(path, Layout(form, columns, max_undecodable=1.0, **json.loads(row["options"] or "{}")))


def cells(reading: Reading) -> dict[int, list[str]]:
    """The delivered cells of each good record, by its number, in the order of the file."""
    found = {}
    for row in reading.table.to_pylist():
        values = {**row, **json.loads(row["_extra"] or "{}")}
        found[row["_record"]] = [values[name] for name in reading.header]
    return found


def test_every_file_of_the_corpus_has_its_expected_outcome() -> None:
    there = {path.relative_to(CORPUS).as_posix() for path in CORPUS.rglob("*") if path.is_file()}
    assert {row["file"] for row in TABLE} == there
    assert {row["outcome"] for row in READ} == {"accepted", "refused"}
    assert all(row["why"] for row in TABLE if row["code"] or not row["as"]), (
        "what is not simply accepted has its reason"
    )


@pytest.mark.parametrize("row", READ, ids=named)
def test_a_file_is_accepted_with_its_records_or_refused_with_its_code(row: Row, tmp_path: Path) -> None:
    try:
        reading = read_row(row, tmp_path)
    except LakeError as error:
        assert ("refused", error.code) == (row["outcome"], row["code"])
        return
    aside = Counter(x.code for x in reading.refused)
    told = " ".join(f"{code}:{n}" for code, n in sorted(aside.items()))
    assert (row["outcome"], row["records"], row["code"]) == ("accepted", str(reading.records), told)
    assert reading.records == reading.table.num_rows + len(reading.refused)


@pytest.mark.parametrize("form", ["csv", "xlsx", "json"])
@pytest.mark.parametrize("row", FOREIGN, ids=named)
def test_what_is_no_format_of_ours_is_refused_with_a_code(row: Row, form: str) -> None:
    with pytest.raises(LakeError) as caught:
        read(CORPUS / row["file"], Layout(form, (Field("enterprise", "enterprise", True),)))
    assert caught.value.code in {"E105", "E201", "E203", "E207", "E315", "E316", "E814"}


def test_what_the_suite_calls_json_is_read_and_what_it_does_not_is_refused() -> None:
    said = {row["file"].split("/")[1][0]: set[str]() for row in TABLE if row["as"] == "record"}
    for row in TABLE:
        if row["as"] == "record":
            said[row["file"].split("/")[1][0]].add(row["outcome"])
    assert (said["y"], said["n"]) == ({"accepted"}, {"refused"})


CSV = [row for row in READ if (row["as"], row["outcome"]) == ("csv", "accepted")]


@pytest.mark.parametrize("row", CSV, ids=named)
def test_a_second_reader_finds_the_same_cells_and_the_same_records_of_another_width(row: Row, tmp_path: Path) -> None:
    """Python's own: a record is right where it has as many cells as the header."""
    options: dict[str, Any] = json.loads(row["options"] or "{}")
    reading = read_row(row, tmp_path)
    text = (CORPUS / row["file"]).read_bytes().decode(options.get("encoding", "utf-8"), "surrogateescape")
    dialect = {"delimiter": options.get("delimiter", ","), "quotechar": options.get("quote", '"')}
    rows = list(csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), **dialect))[
        options.get("header_row", 1) :
    ]
    told = {x.record: x.code for x in reading.refused}
    judged = {n: cells for n, cells in enumerate(rows, 1) if told.get(n) in (None, "Q204")}
    width = len(reading.header)
    assert len(rows) == reading.records
    assert {n for n, found in judged.items() if len(found) != width} == {
        n for n, code in told.items() if code == "Q204"
    }
    assert cells(reading) == {n: found for n, found in judged.items() if n not in told}


BOOKS = [row for row in READ if (row["as"], row["outcome"]) == ("xlsx", "accepted")]


@pytest.mark.filterwarnings("ignore::UserWarning:openpyxl")
@pytest.mark.parametrize("row", BOOKS, ids=named)
def test_a_second_reader_of_workbooks_finds_the_same_texts(row: Row, tmp_path: Path) -> None:
    book = openpyxl.load_workbook(CORPUS / row["file"], data_only=True)
    rows = [list(found) for found in book.worksheets[0].iter_rows(min_row=2, values_only=True)]
    while rows and not any(value not in (None, "") for value in rows[-1]):
        rows.pop()
    ours = cells(read_row(row, tmp_path))
    assert len(rows) == len(ours)
    for n, found in enumerate(rows, 1):
        texts = {at: value for at, value in enumerate(found) if isinstance(value, str)}
        assert {at: ours[n][at] for at in texts} == texts


# Two tables have no one twin; the file with apostrophes for quotes has doubled quotes where its twin has single ones.
NO_TWIN = ("multitable", "quotation_char")
POLLUTED_FILES = [row for row in CSV if row["file"].startswith("pollock_polluted/csv/")]
TWINS = [row for row in POLLUTED_FILES if not any(word in row["file"] for word in NO_TWIN)]


@pytest.mark.parametrize("row", TWINS, ids=named)
def test_what_is_accepted_of_a_polluted_file_is_what_its_clean_twin_says(row: Row, tmp_path: Path) -> None:
    twin = read(CORPUS / row["file"].replace("/csv/", "/clean/"), Layout("csv", ()))
    clean = {n: [" ".join(cell.split()) for cell in found] for n, found in cells(twin).items()}
    found = {n: [" ".join(cell.split()) for cell in record] for n, record in cells(read_row(row, tmp_path)).items()}
    assert found == {n: clean[n] for n in found}
