"""Real extracts, cut short and damaged ten thousand times: a reader says what it makes of them, in codes, and invents nothing."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
import zipfile
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import openpyxl
import pytest
from python_calamine import CalamineWorkbook

from jobs import landing
from jobs.cities import PROJECT, load_contracts
from jobs.errors import LakeError
from jobs.formats import Field, Layout, Reading, read
from jobs.lake import Lake

EXTRACTS = PROJECT / "tests" / "data" / "new_york"
MUTATIONS = 10_000
# Codes by which a file is refused; anything else that a reader raises is a fault of the reader.
REFUSALS = {"E102", "E103", "E105", "E201", "E202", "E203", "E207", "E301", "E311", "E313", "E315", "E316", "E810"}
ENCODINGS = {
    "utf-8": "Ünder 街道", "utf-16": "Ünder 街道", "utf-32": "Ünder 𠮷", "gb18030": "街道 㐂𠮷", "big5": "街道", "shift_jis": "街道ｱ",
    "latin-1": "Ünder", "cp1252": "Ünder €",
}  # fmt: skip
NASTY = (
    b'"', b'""', b"\0", b"\r", b"\n", b"\r\n", b",", b"\t", b"[", b"]", b"{", b"\\", b"\xff", b"\xfe\xff", b"\xef\xbb\xbf", b"\xed\xa0\x80",
    b"\x81", b"\xe8\xa1", b"PK\x03\x04", b"\x1f\x8b", b"1e999", b"NaN", b"null", b"\\ud800",
)  # fmt: skip


@dataclass(frozen=True)
class Base:
    """The first records of a real extract, as text; a workbook as bytes."""

    format: str
    text: str = ""
    book: bytes = b""
    delimiter: str = ","


def cut(path: str, size: int) -> str:
    """The whole first lines of an extract."""
    text = gzip.decompress((EXTRACTS / path).read_bytes())[:size].decode("latin-1")
    return text[: text.rindex("\n") + 1]


def cut_book(rows: int) -> bytes:
    source = CalamineWorkbook.from_path(EXTRACTS / "land/sales/2024-09-16/rollingsales_bronx.xlsx").get_sheet_by_index(
        0
    )
    book = openpyxl.Workbook()
    for row in source.to_python(skip_empty_area=False)[4 : 5 + rows]:
        book.worksheets[0].append([str(cell).strip() or None for cell in row])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


@pytest.fixture(scope="module")
def bases() -> list[Base]:
    array = gzip.decompress((EXTRACTS / "employment/zip_business/2024-09-16/emp_data_2016.json.gz").read_bytes())
    return [
        Base("csv", cut("traffic/crashes/2024-09-16/nyccrashes_2024w0630_by20240916.csv.gz", 2600)),
        Base("csv", cut("employment/county_industry/2024-09-16/qcew_annual_2012.txt.gz", 1500)),
        Base("csv", cut("traffic/link_speed/2024-09-16/LinkSpeedQuery_2015-04-05.txt.gz", 2500), delimiter="\t"),
        Base("csv", cut("tax/county_income/2024-09-16/12cyallnoagi.csv.gz", 3000)),
        Base("json", array[: array.index(b"]", 900) + 1].decode() + "]"),
        Base("xlsx", book=cut_book(6)),
    ]


def layout_of(base: Base, encoding: str = "utf-8") -> Layout:
    return Layout(base.format, (), delimiter=base.delimiter, encoding=encoding, max_undecodable=1.0)


def foreign(base: Base, encoding: str, random: Random) -> bytes:
    """The text in an encoding, with some of its letters in a few cells."""
    places = random.sample([i for i, c in enumerate(base.text) if c.isalpha()], 3)
    return "".join(ENCODINGS[encoding] if i in places else c for i, c in enumerate(base.text)).encode(encoding)


def mutate(data: bytes, random: Random) -> bytes:
    """One to three faults: a bit, a span gone, twice or elsewhere, something nasty put in, the end cut off."""
    for _ in range(random.choice((1, 1, 2, 3))):
        a, b = sorted(random.randrange(len(data) + 1) for _ in range(2))
        b = min(b, a + random.choice((1, 2, 8, 200)))
        kind = random.randrange(6)
        if kind == 0 and a < len(data):
            data = data[:a] + bytes([data[a] ^ 1 << random.randrange(8)]) + data[a + 1 :]
        elif kind == 1:
            data = data[:a] + random.choice(NASTY) * random.choice((1, 1, 3)) + data[a:]
        elif kind == 2:
            data = data[:a] + data[b:]
        elif kind == 3:
            data = data[:b] + data[a:b] + data[b:]
        elif kind == 4:
            data = data[:a] + random.choice(NASTY) + data[b:]
        else:
            data = data[: max(a, 1)]
        data = data or b"\n"
    return data


def pack(data: bytes, random: Random) -> bytes:
    """As it is, or in gzip or zip."""
    kind = random.randrange(8)
    if kind == 0:
        return gzip.compress(data, 1, mtime=0)
    return zipped({"data": data}) if kind == 1 else data


def zipped(parts: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    return out.getvalue()


def damaged(base: Base, encoding: str, random: Random) -> bytes:
    """A damaged file; of a workbook every second time a sound archive with a damaged part."""
    if not base.book:
        return mutate(pack(foreign(base, encoding, random), random), random)
    if random.randrange(2):
        return mutate(base.book, random)
    with zipfile.ZipFile(io.BytesIO(base.book)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    name = random.choice(sorted(name for name in parts if name.startswith("xl/w") or "shared" in name))
    return zipped({**parts, name: mutate(parts[name], random)})


def assert_sound(reading: Reading, data: bytes, layout: Layout) -> None:
    """Every record is a row or set aside, once; nothing replaces what could not be decoded; raw bytes are delivered ones."""
    numbers = [*reading.table["_record"].to_pylist(), *[x.record for x in reading.refused]]
    assert sorted(numbers) == list(range(1, reading.records + 1))
    assert "�" not in str(reading.table["_extra"].to_pylist()) or "�" in data.decode(layout.encoding, "ignore")
    if not data.startswith((b"PK", b"\x1f\x8b")):
        assert all(x.raw in data for x in reading.refused)
    if (
        layout.format == "csv"
        and {x.code for x in reading.refused} <= {"Q204"}
        and not data.startswith((b"PK", b"\x1f\x8b"))
    ):
        assert_read_by_another(reading, data, layout)


def assert_read_by_another(reading: Reading, data: bytes, layout: Layout) -> None:
    text = data.decode(layout.encoding).removeprefix("\ufeff")
    _, *rows = csv.reader(io.StringIO(text, newline=""), delimiter=layout.delimiter)
    told = {x.record for x in reading.refused}
    width = len(reading.header)
    expected = {n: row or [""] * (width == 1) for n, row in enumerate(rows, 1) if n not in told}
    values = [{**row, **json.loads(row["_extra"] or "{}")} for row in reading.table.to_pylist()]
    assert len(rows) == reading.records
    assert {row["_record"]: [row[name] for name in reading.header] for row in values} == expected


@pytest.mark.slow
def test_ten_thousand_damaged_extracts_are_read_or_refused_with_a_code(bases: list[Base], tmp_path: Path) -> None:
    outcomes: Counter[str] = Counter()
    path = tmp_path / "file"
    for seed in range(MUTATIONS):
        random = Random(seed)
        base, encoding = bases[seed % len(bases)], list(ENCODINGS)[seed // len(bases) % len(ENCODINGS)]
        data, layout = damaged(base, encoding, random), layout_of(base, encoding)
        path.write_bytes(data)
        try:
            reading = read(path, layout)
            assert_sound(reading, data, layout)
        except LakeError as error:
            assert error.code in REFUSALS, (seed, error)
            outcomes[error.code] += 1
        except Exception as error:
            raise AssertionError(f"seed {seed}: {base.format} in {encoding}") from error
        else:
            outcomes["set aside" if reading.refused else "read"] += 1
    assert min(outcomes[x] for x in ("read", "set aside", "E103", "E201", "E203", "E301", "E316")) > 20, outcomes


@pytest.fixture(scope="module")
def crashes() -> str:
    """Four kilobytes of a real extract, in whole lines."""
    return cut("traffic/crashes/2024-09-16/nyccrashes_2024w0630_by20240916.csv.gz", 4096)


def outcome_of(path: Path, data: bytes, layout: Layout) -> str | int:
    """The code by which a file is refused, or the number of its records."""
    path.write_bytes(data)
    try:
        return read(path, layout).records
    except LakeError as error:
        return error.code


def declared(text: str) -> Layout:
    """The layout of a contract that asks for every column."""
    header = text[: text.index("\n")].split(",")
    return Layout("csv", tuple(Field(name, name, True) for name in header))


@pytest.mark.slow
def test_every_beginning_of_a_text_is_refused_unless_its_last_line_has_all_cells(crashes: str, tmp_path: Path) -> None:
    """Half of the last cell is what only a manifest can tell."""
    layout, head = declared(crashes), crashes.index("\n")
    found = [outcome_of(tmp_path / "file.csv", crashes[:n].encode(), layout) for n in range(len(crashes))]
    assert set(found[:head]) <= {"E105", "E311", "E313", "E315"}
    for n in range(head, len(crashes)):
        tail = crashes[:n].rpartition("\n")[2] if n > head else ""
        lines = crashes[:n].count("\n") - (n > head)
        cells = next(csv.reader([tail]), [])
        expected = (
            lines
            if not tail
            else "E203"
            if tail.count('"') % 2
            else "E102"
            if len(cells) < len(layout.columns)
            else lines + 1
        )
        assert (n, found[n]) == (n, expected)


@pytest.mark.slow
def test_every_beginning_of_a_delivery_is_refused_by_the_hash_of_its_manifest(crashes: str, tmp_path: Path) -> None:
    contract, data = load_contracts("new_york")["traffic.crashes"], crashes.encode()
    folder = tmp_path / "traffic" / "crashes" / "2024-09-16"
    folder.mkdir(parents=True)
    manifest = {"files": [{"name": "crashes.csv", "sha256": hashlib.sha256(data).hexdigest()}]}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    [arrival] = landing.find_arrivals(tmp_path, contract)
    codes = Counter[str]()
    for n in range(len(data) + 1):
        (folder / "crashes.csv").write_bytes(data[:n])
        lake = Lake(f"memory://beginnings/{n}", "new_york")
        receipt, _ = landing.land(lake, contract, arrival, datetime(2024, 9, 17, tzinfo=UTC))
        codes[str(receipt.problem.get("code", "whole"))] += 1
        lake.files.rm(lake.base, recursive=True)
    assert codes == {"E102": len(data), "whole": 1}


@pytest.mark.slow
def test_every_beginning_of_what_has_an_end_of_its_own_is_refused(
    crashes: str, bases: list[Base], tmp_path: Path
) -> None:
    """A gzip file ends in a check sum, a zip file and a workbook in a list of what they hold, an array in its bracket."""
    array = gzip.decompress((EXTRACTS / "employment/zip_business/2024-09-16/emp_data_2016.json.gz").read_bytes())[:4000]
    text, csv_layout = crashes.encode(), declared(crashes)
    ends: list[tuple[str, bytes, Layout, set[str]]] = [
        ("f.csv.gz", gzip.compress(text, mtime=0), csv_layout, {"E103"}),
        ("f.csv", zipped({"f.csv": text}), csv_layout, {"E103", "E315"}),  # its first three bytes are no archive yet
        ("f.xlsx", bases[-1].book, layout_of(bases[-1]), {"E316"}),
        ("f.json", array[: array.rindex(b"]") + 1] + b"]", layout_of(bases[-2]), {"E316"}),
    ]
    for name, data, layout, codes in ends:
        found = [outcome_of(tmp_path / name, data[:n], layout) for n in range(len(data) + 1)]
        assert (name, found[0], set(found[1:-1]), type(found[-1])) == (name, "E105", codes, int)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_a_record_of_wide_characters_is_set_aside_with_its_delivered_bytes(tmp_path: Path, encoding: str) -> None:
    """The mark at the beginning of a file says in which order its bytes are; no record repeats it."""
    path = tmp_path / "data.csv"
    path.write_bytes("\ufeffa,b\n1,2\n街,3,4\n".encode(encoding))
    reading = read(path, Layout("csv", (), encoding=encoding[:6]))
    assert [x.raw for x in reading.refused] == ["街,3,4".encode(encoding)]
    assert reading.header == ("a", "b")


def test_a_zip_file_whose_places_are_off_is_refused_as_damaged(tmp_path: Path) -> None:
    whole = zipped({"data.csv": b"a,b\n1,2\n"})
    for gone in (1, 6, 20):
        assert outcome_of(tmp_path / "data.csv.zip", whole[:10] + whole[10 + gone :], Layout("csv", ())) == "E103"
