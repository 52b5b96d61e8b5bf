"""Look at everything a night stands on, and say what to type where something is missing."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from jobs import store
from jobs.contracts import Contract, Place
from jobs.errors import LakeError
from jobs.extract import only_deliveries, open_supplier, secret
from jobs.failures import STORE_SAYS
from jobs.setup import DELTA_PINS, PROJECT, S3_PINS, find_java, jars_folder, java_version, read_pins, unfit_jars

FREE_BYTES = 2 * 1024**3  # the shipped nights need 0.2 GB; Spark spills beside them


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    name: str
    ok: bool
    detail: str
    remedy: str = ""


def examine(root: Path | str) -> list[Finding]:
    """Look at Java, jars, packages, the lake's disk and rights, and time zones; nothing is changed.

    `root` is LAKE_ROOT; in object storage an object is written and taken away again.
    """
    findings = [_java(), _jars(), _packages(), _time_zones()]
    if store.is_object_store(str(root)):
        return [*findings, _jars(S3_PINS, "jars for s3a", "python -m jobs.setup --s3"), _object_store(str(root))]
    return [*findings, _disk(Path(root)), _rights(Path(root))]


def examine_suppliers(contracts: Mapping[str, Contract]) -> list[Finding]:
    """Ask each department's own system what it has; nothing is fetched."""
    return [_supplier(c, c.places["live"]) for c in contracts.values() if "live" in c.places]


def _supplier(contract: Contract, place: Place) -> Finding:
    name = f"{contract.dataset} ({place.type})"
    try:
        if place.type == "local":
            folder = Path(secret(place, "folder"), contract.source, contract.name)
            found = only_deliveries([p.name for p in folder.iterdir()] if folder.is_dir() else [])
        else:
            found = open_supplier(contract, place).folders()
    except LakeError as error:
        return Finding(name, False, f"{error.code} {error.where.place}: {error.actual}", str(error.parts()["next"]))
    return Finding(name, True, f"{len(found)} deliveries{f', the newest {max(found)}' if found else ''}")


def _java() -> Finding:
    try:
        java = find_java()
    except LakeError as error:
        return Finding("java", False, error.actual, error.next_command)
    return Finding("java", True, f"Java {java_version(java)}: {java}")


def _jars(pins: Path = DELTA_PINS, name: str = "jars", remedy: str = "make setup") -> Finding:
    unfit = [jar.file for jar in unfit_jars(pins)]
    if unfit:
        return Finding(name, False, f"missing or damaged: {', '.join(unfit)}", remedy)
    return Finding(name, True, f"{len(read_pins(pins))} as pinned: {jars_folder()}")


def _packages() -> Finding:
    pins = read_locked_versions(PROJECT / "requirements.lock")
    wrong = [
        f"{name} {found or 'missing'}, not {pin}" for name, pin in pins.items() if (found := _version(name)) != pin
    ]
    if wrong:
        return Finding("packages", False, "; ".join(wrong), "rm .venv/packages, then make setup")
    return Finding("packages", True, f"{len(pins)} as pinned")


def read_locked_versions(lock: Path) -> dict[str, str]:
    """Read the names and versions that this machine needs; lines for other systems or Pythons are left out."""
    pins = re.findall(r"^([\w.\-]+)(?:\[[^]]*\])?==([^\s;\\]+)[ ]*(;[^\\\n]*)?", lock.read_text(), re.MULTILINE)
    return {name: version for name, version, marker in pins if not marker}


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _time_zones() -> Finding:
    try:
        ZoneInfo("America/New_York")
    except ZoneInfoNotFoundError:
        return Finding("time zones", False, "no time zone data", "make setup")
    return Finding("time zones", True, "present")


def _disk(root: Path) -> Finding:
    free = shutil.disk_usage(_nearest(root)).free
    detail = f"{free / 1024**3:.1f} GB free"
    return Finding(
        "disk", free >= FREE_BYTES, detail, "" if free >= FREE_BYTES else "Free space on the disk of LAKE_ROOT."
    )


def _rights(root: Path) -> Finding:
    """Write a file and take it away again: the only answer that read-only mounts and quotas cannot deceive."""
    folder = _nearest(root)
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        owner = f"{folder} cannot be written: {error.strerror}"
        return Finding("rights", False, owner, f"Let user {os.getuid()} write there, or set LAKE_ROOT.")
    return Finding("rights", True, f"{folder} can be written")


def _object_store(root: str) -> Finding:
    """Write an object and take it away again."""
    files, base = store.open_files(root)
    trial = f"{base}/trial-{uuid.uuid4().hex}"
    try:
        files.pipe_file(trial, b"lake doctor")
        files.rm_file(trial)
    except OSError as error:
        said = STORE_SAYS.search(str(error))
        remedy = "Look at AWS_ENDPOINT_URL, the credentials, and whether the bucket is there."
        return Finding("object store", False, f"{root}: {said[0] if said else type(error).__name__}", remedy)
    return Finding("object store", True, f"{root} can be written")


def _nearest(path: Path) -> Path:
    """Return the path itself, or the closest folder above it that is there."""
    path = path.absolute()
    return next(folder for folder in (path, *path.parents) if folder.is_dir())
