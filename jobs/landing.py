"""Landing: keep the delivered bytes, unchanged, with our own receipt.

Objects are addressed by the SHA-256 of their bytes. A receipt is a small JSON file that names them, with the supplier's manifest and
the time of delivery; receipts are the only source of times in tables. Nothing here is ever rewritten.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import unicodedata
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from jobs.contracts import Contract, fingerprint
from jobs.due import is_date
from jobs.errors import LakeError
from jobs.file_names import check_file_name, show_name
from jobs.lake import Lake
from jobs.manifests import find_manifest, read_manifest

RAW = "raw"  # a folder in a fetched delivery: the supplier's answers as they came
FOLDER = re.compile(r"(\d{4}-\d{2}-\d{2})(?:\.r([1-9]\d*))?")


@dataclass(frozen=True)
class LandedFile:
    """One delivered file: its name, its bytes, and the hash of what is inside where it is compressed."""

    name: str
    sha256: str
    size: int
    content_sha256: str


@dataclass(frozen=True)
class Receipt:
    """What arrived of one dataset for one business date, or that nothing did.

    `status` is delivered, not_due or not_delivered. `problem` holds the parts of the error that refuses the delivery. `raw` are the
    answers of a service from which `files` were made.
    """

    dataset: str
    business_date: str
    revision: int
    status: str
    delivered_at: str
    folder: str = ""
    sha256: str = ""
    files: tuple[LandedFile, ...] = ()
    manifest: Mapping[str, Any] = field(default_factory=dict)
    problem: Mapping[str, Any] = field(default_factory=dict)
    raw: tuple[LandedFile, ...] = ()

    @property
    def night(self) -> date:
        return date.fromisoformat(self.business_date)


@dataclass(frozen=True)
class Arrival:
    """A delivery folder as it stands in the inbox."""

    dataset: str
    business_date: str
    revision: int
    path: Path

    @property
    def folder(self) -> str:
        return self.path.name


def find_arrivals(inbox: Path, contract: Contract) -> list[Arrival]:
    """Delivery folders of a dataset, oldest date and lowest revision first."""
    folder = inbox / contract.source / contract.name
    found = []
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        match = FOLDER.fullmatch(path.name)
        if match and is_date(match[1]) and path.is_dir():
            found.append(Arrival(contract.dataset, match[1], int(match[2] or 1), path))
    return sorted(found, key=lambda a: (a.business_date, a.revision))


def is_still_arriving(arrival: Arrival) -> bool:
    names = [p.name for p in arrival.path.iterdir()]
    return not names or any(n.startswith(".") or n.endswith(".part") for n in names)


def land(
    lake: Lake, contract: Contract, arrival: Arrival, now: datetime, note: Callable[[Receipt], object] = lambda _: None
) -> tuple[Receipt, bool]:
    """Keep a delivery folder's bytes and write its receipt; the flag is false where the bytes were already landed (N106).

    `note` is told of the receipt before it is written: once it is there, nobody lands these bytes again.

    Raises E101 while a file of it is still arriving, E109 where one changes while it is copied, E811 where one is a link to a place
    elsewhere. What is wrong with the delivery itself is kept in the receipt: its bytes are
    evidence.
    """
    if is_still_arriving(arrival):
        raise LakeError(
            "E101", dataset=arrival.dataset, business_date=arrival.business_date, revision=arrival.revision, stage="extract",
            place=arrival.folder, expected="whole files", actual="a name that begins with . or ends in .part, or no file", evidence=str(arrival.path),
        )  # fmt: skip
    _refuse_links(arrival)
    files, raw = (tuple(_keep(lake, p, name) for name, p in some) for some in _list_files(arrival.path))
    identity = fingerprint([[f.name, f.sha256] for f in files])
    earlier = list_receipts(lake, contract, arrival.business_date)
    same_folder = [r for r in earlier if r.folder == arrival.folder]
    if same_folder and same_folder[-1].sha256 == identity:
        return same_folder[-1], False
    receipt = replace(_receipt(arrival, files, identity, [r.revision for r in earlier], now, lake, contract), raw=raw)
    note(receipt)
    keep_receipt(lake, receipt)
    return receipt, True


def _refuse_links(arrival: Arrival) -> None:
    """A link would land a file of this machine as if the department had sent it."""
    for path in sorted(arrival.path.rglob("*")):
        if path.is_symlink() and not _leads_inside(path, arrival.path):
            raise LakeError(
                "E811", dataset=arrival.dataset, business_date=arrival.business_date, revision=arrival.revision, stage="extract",
                place=show_name(f"{arrival.folder}/{path.relative_to(arrival.path).as_posix()}"), expected="a file in the delivery",
                actual="a link to a place outside it", evidence=str(arrival.path),
            )  # fmt: skip


def _leads_inside(link: Path, folder: Path) -> bool:
    try:
        return link.resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError):  # it leads to itself
        return False


def is_landed(lake: Lake, contract: Contract, arrival: Arrival) -> bool:
    """Whether the folder's bytes are those last landed from it; writes nothing."""
    same_folder = [r for r in list_receipts(lake, contract, arrival.business_date) if r.folder == arrival.folder]
    if not same_folder:
        return False
    files, _ = _list_files(arrival.path)
    named = [[name, hashlib.sha256(p.read_bytes()).hexdigest()] for name, p in files]
    return same_folder[-1].sha256 == fingerprint(named)


def _list_files(folder: Path) -> tuple[list[tuple[str, Path]], list[tuple[str, Path]]]:
    """Data and manifest of a delivery, by which it is the same as another; and, apart, the supplier's answers as they came."""
    paths = sorted(p for p in folder.rglob("*") if p.is_file())
    named = [(p.relative_to(folder).as_posix(), p) for p in paths]
    return [x for x in named if not x[0].startswith(f"{RAW}/")], [x for x in named if x[0].startswith(f"{RAW}/")]


def _receipt(
    arrival: Arrival,
    files: tuple[LandedFile, ...],
    identity: str,
    taken: list[int],
    now: datetime,
    lake: Lake,
    contract: Contract,
) -> Receipt:
    manifest: Mapping[str, Any] = {}
    problem: Mapping[str, Any] = {}
    stated = find_manifest(contract, [f.name for f in files])
    data = tuple(f for f in files if f.name != stated)
    try:
        manifest = _read_manifest(lake, contract, files)
        _check_names(data, contract)
        _check_subject(arrival, manifest)
        _check_manifest(data, manifest)
    except LakeError as error:
        problem = error.parts()
    revision = int(manifest.get("revision", arrival.revision))
    if revision in taken:
        revision = max(taken) + 1
    return Receipt(
        dataset=arrival.dataset,
        business_date=arrival.business_date,
        revision=revision,
        status="delivered",
        delivered_at=_delivered_at(manifest, now),
        folder=arrival.folder,
        sha256=identity,
        files=data,
        manifest=manifest,
        problem=problem,
    )


def _keep(lake: Lake, path: Path, name: str) -> LandedFile:
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as handle:
        while block := handle.read(1 << 20):
            digest.update(block)
            size += len(block)
    target = object_path(lake, digest.hexdigest())
    if not lake.files.exists(target):
        lake.copy_atomic(path, target, digest.hexdigest())
    return LandedFile(name, digest.hexdigest(), size, _content_hash(path) or digest.hexdigest())


def _content_hash(path: Path) -> str:
    with path.open("rb") as handle:
        if handle.read(2) != b"\x1f\x8b":
            return ""
    digest = hashlib.sha256()
    try:
        with gzip.open(path, "rb") as inside:
            while block := inside.read(1 << 20):
                digest.update(block)
    except (OSError, EOFError, zlib.error):
        return ""
    return digest.hexdigest()


def object_path(lake: Lake, sha256: str) -> str:
    return lake.path("landing", "objects", sha256[:2], sha256)


def local_object(lake: Lake, sha256: str, folder: Path) -> Path:
    """A landed object as a file on this machine; an object store's is copied into `folder`."""
    if lake.is_local:
        return Path(object_path(lake, sha256))
    target = folder / sha256
    lake.files.get_file(object_path(lake, sha256), str(target))
    return target


def _read_manifest(lake: Lake, contract: Contract, files: tuple[LandedFile, ...]) -> Mapping[str, Any]:
    name = find_manifest(contract, [f.name for f in files])
    found = next((f for f in files if f.name == name), None)
    return read_manifest(contract, name, lake.files.cat_file(object_path(lake, found.sha256))) if found else {}


def _check_names(files: tuple[LandedFile, ...], contract: Contract) -> None:
    """Refuse names that cannot be told apart (E110), lead elsewhere or could be acted upon (E811, E812), or tell no period (E108)."""
    folded: dict[str, str] = {}
    for f in files:
        check_file_name(f.name)
        key = unicodedata.normalize("NFC", f.name).casefold()
        if key in folded:
            raise LakeError(
                "E110", place=f"{folded[key]}, {f.name}", expected="names that differ", actual="equal names"
            )
        folded[key] = f.name
        if contract.period_from_file and not period_of(contract, f.name):
            raise LakeError("E108", place=f.name, expected=contract.period_from_file, actual="no match")


def period_of(contract: Contract, name: str) -> str:
    """The period that a delivered file's name tells, or an empty string."""
    match = re.search(contract.period_from_file, name.rsplit("/", 1)[-1])
    return match["period"] if match else ""


def _check_subject(arrival: Arrival, manifest: Mapping[str, Any]) -> None:
    """Refuse a delivery that says it is another one: laid into the wrong folder, it would be read as this one (E108)."""
    folder = {"dataset": arrival.dataset, "business_date": arrival.business_date}
    for name, expected in folder.items():
        if str(manifest.get(name, expected)) != expected:
            raise LakeError("E108", place=f"manifest {name}", expected=expected, actual=str(manifest[name])[:60])


def _check_manifest(files: tuple[LandedFile, ...], manifest: Mapping[str, Any]) -> None:
    """Compare names and hashes with the supplier's statement (E106, E102). A compressed file may be stated by its content."""
    stated = {str(e["name"]): e for e in manifest.get("files", ())}
    by_name = {f.name: f for f in files} | {f.name.removesuffix(".gz"): f for f in files}
    for name, entry in stated.items():
        if name not in by_name:
            raise LakeError("E106", place=name, expected="a file of that name", actual="none")
        found, sha = by_name[name], str(entry.get("sha256", "")).lower()
        if sha and sha not in (found.sha256, found.content_sha256):
            raise LakeError(
                "E102",
                place=name,
                expected=f"sha256 {sha[:16]}",
                actual=f"sha256 {found.sha256[:16]}, {found.size} bytes",
            )
    for f in files if stated else ():
        if f.name not in stated and f.name.removesuffix(".gz") not in stated:
            raise LakeError("E106", place=f.name, expected="a line in the manifest", actual="none")


def _delivered_at(manifest: Mapping[str, Any], now: datetime) -> str:
    stated = manifest.get("delivered_at")
    return _instant(datetime.fromisoformat(str(stated)) if stated else now)


def _instant(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def record_absence(lake: Lake, contract: Contract, business_date: str, status: str, now: datetime) -> Receipt | None:
    """Write down that nothing was due, or that nothing came; None where that, or a delivery, is already known."""
    known = list_receipts(lake, contract, business_date, absent=True)
    if any(r.status in (status, "delivered") for r in known):
        return None
    receipt = Receipt(contract.dataset, business_date, 0, status, _instant(now))
    keep_receipt(lake, receipt)
    return receipt


def keep_receipt(lake: Lake, receipt: Receipt) -> None:
    """Write a receipt where those of its dataset and date are."""
    name = f"r{receipt.revision}" if receipt.files or receipt.folder else receipt.status
    source, dataset = receipt.dataset.split(".")
    path = lake.path("landing", "receipts", source, dataset, receipt.business_date, f"{name}.json")
    lake.write_atomic(path, json.dumps(asdict(receipt), indent=1, ensure_ascii=False, sort_keys=True).encode())


def list_receipts(lake: Lake, contract: Contract, business_date: str = "*", *, absent: bool = False) -> list[Receipt]:
    """Receipts of a dataset by business date and revision; with `absent` also those that say nothing came.

    Version 0.1.0 landed folders whose date no calendar has. They are no deliveries.
    """
    folder = lake.path("landing", "receipts", contract.source, contract.name)
    pattern = "*.json" if absent else "r*.json"
    found = [_load(lake, path) for path in lake.files.glob(f"{folder}/{business_date}/{pattern}")]
    return sorted((r for r in found if is_date(r.business_date)), key=lambda r: (r.business_date, r.revision))


def _load(lake: Lake, path: str) -> Receipt:
    raw = json.loads(lake.files.cat_file(path))
    files = {k: tuple(LandedFile(**f) for f in raw.get(k, ())) for k in ("files", "raw")}
    return Receipt(**{**raw, **files})


def all_receipts(lake: Lake, contracts: Mapping[str, Contract]) -> Iterator[Receipt]:
    for contract in contracts.values():
        yield from list_receipts(lake, contract, absent=True)
