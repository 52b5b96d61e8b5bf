"""Match delivered headers to declared columns: by name, never by position."""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from jobs.errors import LakeError, Notice
from jobs.formats.layout import Field, Layout


@dataclass(frozen=True)
class Match:
    """Where each declared column stands in the delivered record (None: it does not), and what else stands there.

    `headers` are all of them as delivered, in their order.
    """

    headers: tuple[str, ...]
    places: tuple[int | None, ...]
    undeclared: tuple[tuple[str, int], ...]  # sorted by name
    notices: tuple[Notice, ...]

    @property
    def width(self) -> int:
        return len(self.headers)


def clean_header(text: str) -> str:
    """Strip a header and make each run of blanks and line breaks inside it one blank, as workbooks need it."""
    return " ".join(text.split())


def _key(text: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", clean_header(text)).casefold())


def match_header(delivered: Sequence[str], layout: Layout, place: str) -> Match:
    """Find the declared columns in a header row.

    A column without a header is undeclared, under the name "(column N)". Raises E207, E301, E311, E313 and E315.
    """
    if len(delivered) > layout.max_columns:
        raise LakeError(
            "E207", place=place, expected=f"at most {layout.max_columns} columns", actual=str(len(delivered))
        )
    headers = [clean_header(text) or f"(column {i})" for i, text in enumerate(delivered, 1)]
    own = {_key(field.header): _key(field.header) for field in layout.columns}
    known = {_key(other): _key(header) for other, header in layout.aliases.items()} | own
    found = _find_places(headers, known, place)
    places = tuple(found.get(_key(field.header)) for field in layout.columns)
    if layout.columns and all(x is None for x in places):
        raise LakeError("E315", place=place, expected="a header row", actual="no declared column name stands in it")
    declared = set(places)
    undeclared = tuple(sorted((text, i) for i, text in enumerate(headers) if i not in declared))
    missing = [field for field, at in zip(layout.columns, places, strict=True) if at is None]
    names = [text for text, _ in undeclared]
    _check_required([field for field in missing if field.required], names, place)
    notices = [Notice("N310", f'undeclared column "{text}", kept in _extra') for text in names]
    notices += [Notice("W312", f'optional column "{f.header}" is missing{_hint(f, names)}') for f in missing]
    return Match(tuple(headers), places, undeclared, tuple(notices))


def _find_places(headers: Sequence[str], known: dict[str, str], place: str) -> dict[str, int]:
    found: dict[str, int] = {}
    for i, text in enumerate(headers):
        key = known.get(_key(text), _key(text))
        if key in found:
            both = f'columns {found[key] + 1} and {i + 1}, "{headers[found[key]]}" and "{text}"'
            raise LakeError("E301", place=place, expected="each column once", actual=both)
        found[key] = i
    return found


def _check_required(missing: Sequence[Field], undeclared: Sequence[str], place: str) -> None:
    if not missing:
        return
    names = ", ".join(f'"{field.header}"' for field in missing)
    hints = "".join(_hint(field, undeclared) for field in missing)
    raise LakeError(
        "E313" if hints else "E311", place=place, expected=f"the required columns {names}", actual=f"missing{hints}"
    )


def _hint(field: Field, undeclared: Sequence[str]) -> str:
    near = difflib.get_close_matches(_key(field.header), [_key(text) for text in undeclared], 1)
    return "".join(f'; "{text}" is near "{field.header}"' for text in undeclared if near and _key(text) == near[0])
