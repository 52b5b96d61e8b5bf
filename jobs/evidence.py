"""Evidence of a figure: a folder that holds what it was made of, and can be checked without a lake.

manifest.json                  what is said of the figure; the SHA-256 of every other file
index.html, zh/index.html      the same as a page, in each language
rows/<table>.jsonl             the silver rows
landed/<sha256>                the files as they were delivered; of datasets that name persons only the hashes stand in the manifest
receipts/<dataset>/<date>.r<N>.json, contracts/<source>/<dataset>.odcs.yaml
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from jobs.bronze import layout_of
from jobs.cities import City
from jobs.contracts import Contract
from jobs.errors import LakeError
from jobs.formats import read
from jobs.lake import Lake
from jobs.landing import LandedFile, local_object
from jobs.odcs import load_contract
from jobs.origins import Delivered, Figure, Source, hash_records
from jobs.persons import persons
from jobs.report import languages, pages

MANIFEST, PAGE = "manifest.json", "index.html"
SCHEMA_VERSION = 1
SHOWN = 200
RECEIPT = ("dataset", "business_date", "revision", "status", "delivered_at", "sha256")


@dataclass(frozen=True)
class Verified:
    """What was found in a folder of evidence, all of it right. `unread` records are known by place only."""

    table: str
    release: int
    files: int
    records: int
    unread: int
    sha256: str


def need_new(folder: Path) -> None:
    """Refuse (E002) a folder that holds something already."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise LakeError("E002", place="--out", expected="a new or empty folder", actual=str(folder))


def describe(figure: Figure) -> dict[str, Any]:
    """What is said of a figure, rows left out, as JSON can hold it."""
    sources = [_describe_source(s) for s in figure.sources]
    deliveries = [_describe_delivery(d) for d in figure.deliveries]
    named = ("table", "title", "release", "released_at", "version", "digest")
    said = {name: getattr(figure, name) for name in named}
    receipts = [{n: getattr(r, n) for n in RECEIPT} for r in figure.receipts]
    return {**said, "receipts": receipts, "key": dict(figure.key), "values": dict(figure.values), "given": list(figure.given), "sources": sources, "deliveries": deliveries}  # fmt: skip


def _describe_source(s: Source) -> dict[str, Any]:
    rows = s.total if s.rows is None else s.rows.num_rows
    return {"table": s.name, "dataset": s.contract.dataset, "table_id": s.table_id, "version": s.version, "rows": rows, "of": s.total, "narrowed": s.rows is not None}  # fmt: skip


def _describe_delivery(d: Delivered) -> dict[str, Any]:
    r = d.receipt
    return {
        "dataset": r.dataset, "business_date": r.business_date, "revision": r.revision, "sha256": r.sha256, "delivered_at": r.delivered_at,
        "department": d.contract.owner, "folder": r.folder, "manifest": bool(r.manifest), "mended": d.mended,
        "names_persons": bool(persons(d.contract)), "whole": not d.records,
        "files": [{"name": f.name, "sha256": f.sha256, "size": f.size, "records": list(d.records.get(f.name, ())),
                   "record_sha256": list(d.hashes.get(f.name, ()))} for f in _files(d)],
    }  # fmt: skip


def _files(d: Delivered) -> list[LandedFile]:
    return [f for f in d.receipt.files if f.name in d.records or not d.records]


def write_evidence(figure: Figure, lake: Lake, city: City, folder: Path) -> None:
    """Write the folder; the manifest last."""
    folder.mkdir(parents=True, exist_ok=True)
    said = describe(figure)
    for source in figure.sources:
        lines = "".join(f"{json.dumps(line, ensure_ascii=False)}\n" for line in source.lines())
        _write(folder / "rows" / f"{source.contract.table}.jsonl", lines)
    for d in figure.deliveries:
        _write_delivery(d, lake, folder)
    view = {"said": said, "sources": [(s, s.leading(), s.lines()[:SHOWN]) for s in figure.sources], "shown": SHOWN}
    for language in languages.LANGUAGES:
        page = pages.render(pages.Edition(city, language), "trace.html", PAGE, view)
        _write(folder / languages.place_of(language, city.language, PAGE), page)
    files = {name: _hash(folder / name) for name in _list(folder)}
    said = {"schema_version": SCHEMA_VERSION, "kind": "evidence", "city": lake.city, **said, "files": files}
    _write(folder / MANIFEST, json.dumps(said, indent=1, ensure_ascii=False) + "\n")


def _write_delivery(d: Delivered, lake: Lake, folder: Path) -> None:
    r, c = d.receipt, d.contract
    _write(folder / "receipts" / r.dataset / f"{r.business_date}.r{r.revision}.json", json.dumps(asdict(r), indent=1, ensure_ascii=False))  # fmt: skip
    _write(folder / "contracts" / c.source / f"{c.name}.odcs.yaml", c.path.read_text("utf-8"))
    if persons(c):
        return
    (folder / "landed").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as spool:
        for file in _files(d):
            shutil.copyfile(local_object(lake, file.sha256, Path(spool)), folder / "landed" / file.sha256)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")


def _list(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file() and p.name != MANIFEST)


def _hash(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def seal(folder: Path) -> str:
    """The SHA-256 of the manifest, by which the whole folder is known."""
    return _hash(folder / MANIFEST)


def verify_evidence(folder: Path) -> Verified:
    """Check that every file is as it was written, that the records stand in the landed files, and that page and manifest agree.

    Raises E622 for the first thing that does not hold. Needs no lake and no network.
    """
    said = _read_manifest(folder)
    _check_files(folder, said["files"])
    _check_page(folder, said)
    records = [_check_records(folder, said, d) for d in said["deliveries"]]
    read_again, unread = (sum(r[n] for r in records) for n in (0, 1))
    return Verified(f"gold.{said['table']}", said["release"], len(said["files"]), read_again, unread, seal(folder))


def _wrong(place: str, expected: str, actual: str, **more: Any) -> LakeError:
    return LakeError("E622", place=place, expected=expected, actual=actual, **more)


def _read_manifest(folder: Path) -> dict[str, Any]:
    try:
        said: dict[str, Any] = json.loads((folder / MANIFEST).read_text("utf-8"))
        if (said["kind"], said["schema_version"]) != ("evidence", SCHEMA_VERSION):
            raise _wrong(
                MANIFEST, f"evidence, version {SCHEMA_VERSION}", f"{said['kind']}, version {said['schema_version']}"
            )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _wrong(MANIFEST, "a manifest of evidence", type(error).__name__) from error
    return said


def _check_files(folder: Path, stated: Mapping[str, str]) -> None:
    there = set(_list(folder))
    for name in sorted(there ^ set(stated)):
        raise _wrong(
            name, *(("no such file", "one that the manifest does not name") if name in there else ("the file", "none"))
        )
    for name, sha256 in stated.items():
        if (found := _hash(folder / name)) != sha256:
            raise _wrong(name, f"sha256 {sha256[:16]}", f"sha256 {found[:16]}")


class _Figures(HTMLParser):
    """The figures of a page, by column: what stands in the cell, and nothing that is only carried beside it."""

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, str] = {}
        self.language = "en"
        self._column = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "html" and dict(attrs).get("lang") in languages.LANGUAGES:
            self.language = str(dict(attrs)["lang"])
        self._column = dict(attrs).get("data-figure") or ""
        if self._column:
            self.found[self._column] = ""

    def handle_data(self, data: str) -> None:
        if self._column:
            self.found[self._column] += data

    def handle_endtag(self, _: str) -> None:
        self._column = ""


def _check_page(folder: Path, said: Mapping[str, Any]) -> None:
    for place in sorted({folder / PAGE, *folder.glob(f"*/{PAGE}")}):
        page = _Figures()
        page.feed(place.read_text("utf-8"))
        none = languages.say(page.language, "none")
        stated = {name: none if value is None else value for name, value in said["values"].items()}
        for name in sorted(stated.keys() | page.found.keys()):
            if stated.get(name) != page.found.get(name):
                raise _wrong(f"{place.relative_to(folder)} {name}", "the figure of the manifest", "another")


def _check_records(folder: Path, said: Mapping[str, Any], d: Mapping[str, Any]) -> tuple[int, int]:
    """How many records of a delivery stand in its landed files, and how many are known by place only."""
    listed = sum(len(f["records"]) for f in d["files"])
    if d["names_persons"]:
        return 0, listed
    source, name = d["dataset"].split(".")
    contract = load_contract(folder / "contracts" / source / f"{name}.odcs.yaml", said["city"])
    return sum(_check_file(folder, contract, d, f) for f in d["files"]), 0


def _check_file(folder: Path, contract: Contract, d: Mapping[str, Any], file: Mapping[str, Any]) -> int:
    path = folder / "landed" / file["sha256"]
    where = {"dataset": d["dataset"], "business_date": d["business_date"], "revision": d["revision"]}
    if not path.is_file() or _hash(path) != file["sha256"]:
        raise _wrong(file["name"], f"sha256 {file['sha256'][:16]}", "other bytes, or none", **where)
    there = hash_records(read(path, layout_of(contract, file["name"])).table, contract)
    for number, sha256 in _stated(file):
        if sha256 and there.get(number) != sha256:
            actual = "another" if number in there else "none"
            raise _wrong(f"{file['name']} record {number}", "the record behind the figure", actual, **where)
    return len(file["records"])


def _stated(file: Mapping[str, Any]) -> Iterator[tuple[int, str]]:
    yield from zip(file["records"], file["record_sha256"], strict=True)
