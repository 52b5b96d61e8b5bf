"""Deliveries of an inbox, as the servers of the departments are loaded with them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jobs.landing import FOLDER


@dataclass(frozen=True)
class Delivered:
    """A delivery folder: its data files, and what its manifest says of the whole (not of files, which a server has none of)."""

    business_date: str
    revision: int
    files: tuple[Path, ...]
    statement: dict[str, Any]


def list_delivered(folder: Path) -> list[Delivered]:
    """The deliveries below a folder of the inbox, oldest first."""
    found = []
    for path in sorted(folder.iterdir()):
        match = FOLDER.fullmatch(path.name)
        if match:
            manifest = json.loads((path / "manifest.json").read_text("utf-8"))
            files = tuple(sorted(p for p in path.iterdir() if p.name != "manifest.json"))
            statement = {k: v for k, v in manifest.items() if k != "files"}
            found.append(Delivered(match[1], int(match[2] or 1), files, statement))
    return found
