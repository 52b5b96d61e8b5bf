"""Build the table of a reading from its delivered columns."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from jobs.formats.header import Match
from jobs.formats.layout import Layout

_ESCAPED = r'["\\\x00-\x1f\x7f]'


def build_table(
    columns: Sequence[pa.ChunkedArray],
    numbers: pa.Array,
    match: Match,
    layout: Layout,
    notes: Mapping[int, dict[str, str]] | None = None,
) -> pa.Table:
    """Put delivered columns into contract order, with `_extra` and `_record` behind them.

    `notes` are further entries of `_extra`, by row.
    """
    nothing = pa.chunked_array([pa.nulls(len(numbers), pa.string())])
    chosen = [nothing if at is None else columns[at] for at in match.places]
    extra = _write_extra({text: columns[at] for text, at in match.undeclared}, len(numbers))
    names = [field.name for field in layout.columns] + ["_extra", "_record"]
    return pa.table([*chosen, add_notes(extra, notes or {}), numbers], names=names)


def _write_extra(columns: Mapping[str, pa.ChunkedArray], rows: int) -> pa.ChunkedArray:
    """Write undeclared columns as one JSON object a row, as `json.dumps(..., ensure_ascii=False)` does."""
    if not columns:
        return pa.chunked_array([pa.nulls(rows, pa.string())])
    parts: list[pa.ChunkedArray | pa.Scalar] = []
    for i, (name, column) in enumerate(columns.items()):
        key = json.dumps(name, ensure_ascii=False)
        parts += [pa.scalar(("{" if i == 0 else ", ") + key + ": "), _write_literals(column)]
    joined = pc.binary_join_element_wise(*parts, pa.scalar("}"), pa.scalar(""))
    return joined if isinstance(joined, pa.ChunkedArray) else pa.chunked_array([joined])


def _write_literals(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if pc.any(pc.match_substring_regex(column, _ESCAPED)).as_py():
        texts = [json.dumps(value, ensure_ascii=False) for value in column.to_pylist()]
        return pa.chunked_array([pa.array(texts, pa.string())])
    quote = pa.scalar('"')
    return pc.fill_null(pc.binary_join_element_wise(quote, column, quote, pa.scalar("")), "null")


def add_notes(extra: pa.ChunkedArray, notes: Mapping[int, dict[str, str]]) -> pa.ChunkedArray:
    """Add entries to `_extra`, by row."""
    if not notes:
        return extra
    texts = extra.to_pylist()
    for row, entries in notes.items():
        texts[row] = json.dumps(json.loads(texts[row] or "{}") | entries, ensure_ascii=False, sort_keys=True)
    return pa.chunked_array([pa.array(texts, pa.string())])
