"""Names of delivered files: nothing of them is ever run or followed, and one that could be is refused before it is kept under it."""

from __future__ import annotations

import re
import unicodedata
from pathlib import PurePosixPath, PureWindowsPath

from jobs.errors import LakeError

LONGEST = 255  # bytes: no file system has longer ones
# What a shell, a page or a terminal would act upon. Brackets and blanks are in the names of real files.
_ACTS = re.compile(r"[;|<>`\\\"]|\$[({]")
_UNSEEN = ("Cc", "Cf", "Cs", "Zl", "Zp")


def check_file_name(name: str) -> None:
    """Refuse a name that leads elsewhere (E811), or that a program could act upon or nobody could read (E812)."""
    check_inside(name)
    if len(PurePosixPath(name).name.encode("utf-8", "surrogateescape")) > LONGEST:
        raise LakeError("E812", place=show_name(name), expected=f"at most {LONGEST} bytes", actual="a longer name")
    if _ACTS.search(name) or _has_unseen(name):
        expected = "a name of letters, digits, blanks and ordinary signs"
        raise LakeError("E812", place=show_name(name), expected=expected, actual="a sign of programs, or one unseen")


def check_inside(name: str) -> None:
    """Refuse a name that leads out of its folder (E811), as this system or another reads it."""
    path, other = PurePosixPath(name), PureWindowsPath(name)
    if path.is_absolute() or other.drive or other.root or ".." in (*path.parts, *other.parts):
        raise LakeError("E811", place=show_name(name), expected="a name inside the delivery", actual="a way out of it")


def show_name(name: str) -> str:
    """A delivered name as it may be printed: on one line, and not too long."""
    return (ascii(name)[1:-1] if _has_unseen(name) else name)[:80]


def _has_unseen(name: str) -> bool:
    return any(unicodedata.category(c) in _UNSEEN for c in name)
