"""Find texts that were garbled before they were delivered: readable as bytes, and no longer what somebody wrote.

Only what no language writes counts, so that no good text is ever found:

| what is found | what happened to it |
|---|---|
| U+FFFD | a program could not decode a character and put this in its place |
| 锟斤拷 | two of them, written as UTF-8 and read as GBK |
| `cafÃ©` | UTF-8 read as Latin-1: a capital Ã between a small letter and a sign, or before a sign and a small letter |
| `\u00e4\u00b8\u00ad\u00e6\u2013\u2021` | UTF-8 read as Latin-1 or Windows-1252: two characters of Chinese, each a letter and two signs |

UTF-8 read as GBK gives rare characters, which is no proof: it is left to code lists and patterns.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from jobs.formats.layout import Layout, Reading
from jobs.formats.table import add_notes

NOTE = "#garbled"  # behind a header: a note of `_extra`
_REPLACEMENT, _REPLACED_TWICE = "\ufffd", "锟斤拷"
# The signs of Latin-1 from 80 to BF, and what Windows-1252 has in their places.
_SIGN = "[\u0080-\u00bf€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]"
_SIGN_IN_WORD = "[\u00a1-\u00aa\u00ac\u00ae-\u00b6\u00b8-\u00ba\u00bc-\u00bf]"  # none that parts words
_PATTERN = "|".join(
    (
        _REPLACEMENT, _REPLACED_TWICE, "[a-z]\u00c3[\u0080-\u00bf]", f"\u00c3{_SIGN_IN_WORD}[a-z]",
        f"(?:[\u00e3-\u00e9]{_SIGN}{_SIGN}){{2}}",
    )
)  # fmt: skip
_LATIN = b"\xc3"  # the first byte of every letter from U+00C0 to U+00FF in UTF-8
_TELLING = tuple(text.encode() for text in (_REPLACEMENT, _REPLACED_TWICE))


def note_garbled(reading: Reading, layout: Layout) -> Reading:
    """Note in `_extra` the cells of declared columns that hold a garbled text: "HEADER#garbled".

    Looks at the bytes of a column first: in almost every one nothing telling stands, and no cell of it is looked at.
    """
    notes: dict[int, dict[str, str]] = {}
    for field in layout.columns:
        for row in _find_rows(reading.table[field.name]):
            notes.setdefault(row, {})[f"{field.header}{NOTE}"] = "true"
    if not notes:
        return reading
    at = reading.table.schema.get_field_index("_extra")
    extra = add_notes(reading.table["_extra"], notes)
    return replace(reading, table=reading.table.set_column(at, "_extra", extra))


def _find_rows(column: pa.ChunkedArray) -> list[int]:
    found, first = [], 0
    for chunk in column.chunks:
        if _may_hold(chunk):
            garbled = pc.fill_null(pc.match_substring_regex(chunk, _PATTERN), False)
            found += (np.flatnonzero(garbled.to_numpy(zero_copy_only=False)) + first).tolist()
        first += len(chunk)
    return found


def _may_hold(texts: pa.Array) -> bool:
    buffer = texts.buffers()[2] if pa.types.is_string(texts.type) else None
    data = buffer.to_pybytes() if buffer is not None else b""
    return not data.isascii() and (_LATIN in data or any(telling in data for telling in _TELLING))
