"""Strict readers: one file in, a table of strings out, with everything that did not fit named by its place.

A reader is a pure function of the file's bytes and its layout. It guesses nothing: a record that cannot be placed in
its columns is refused with its raw bytes, and a file that cannot be trusted is refused whole.
"""

from __future__ import annotations

from pathlib import Path

from jobs.errors import LakeError
from jobs.formats import content, delimited, json_array, workbook
from jobs.formats.garbled import note_garbled
from jobs.formats.layout import Field, Layout, Reading, Refused

__all__ = ["Field", "Layout", "Reading", "Refused", "read"]

_READERS = {"csv": delimited.read, "xlsx": workbook.read, "json": json_array.read}


def read(path: Path, layout: Layout) -> Reading:
    """Read one landed file as its contract declares it.

    Raises LakeError where the file as a whole cannot be trusted: E102, E103, E105, E201, E202, E203, E207, E301, E311,
    E313, E315, E316, E810. `place` says where in the file; the caller knows the name it was delivered under.
    """
    if layout.format not in _READERS:
        raise LakeError("E003", expected=f"a format of {sorted(_READERS)}", actual=layout.format)
    reading = _READERS[layout.format](content.load(path, is_zip=layout.format == "xlsx"), layout)
    return note_garbled(reading, layout)
