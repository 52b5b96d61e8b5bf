"""Audit tables whose past cannot be rewritten unnoticed: each entry carries the root of the tree over all entries so far.

The tree is the one of RFC 6962, section 2.1, with SHA-256, as Certificate Transparency's logs have it: no format of our own, and any
program that knows it comes to the same root. Roots beside the entries tell which one was touched. Who can write in the lake could
make them all anew; a root that was handed to somebody else (a checkpoint) tells that too.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import reduce
from hashlib import sha256
from typing import Any

import pyarrow as pa

ENTRY, ROOT = "_entry", "_root"
OWN = pa.schema([(ENTRY, pa.int64()), (ROOT, pa.string())])
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Tree:
    """So many entries, and the hashes of the full subtrees that they make, the largest first: all that the next entry needs."""

    size: int = 0
    nodes: tuple[bytes, ...] = ()

    def add(self, entry: bytes) -> Tree:
        nodes, node, size = [*self.nodes], sha256(b"\0" + entry).digest(), self.size
        while size & 1:
            node, size = _join(nodes.pop(), node), size >> 1
        return Tree(self.size + 1, (*nodes, node))

    @property
    def root(self) -> str:
        if not self.nodes:
            return sha256().hexdigest()
        return reduce(lambda right, left: _join(left, right), reversed(self.nodes)).hex()

    def to_json(self) -> dict[str, Any]:
        return {"size": self.size, "nodes": [node.hex() for node in self.nodes]}

    @staticmethod
    def from_json(found: Mapping[str, Any]) -> Tree:
        return Tree(int(found["size"]), tuple(map(bytes.fromhex, found["nodes"])))


@dataclass(frozen=True)
class Checkpoint:
    """How many entries a table had, and their root: what is handed to somebody who cannot write in the lake."""

    table: str
    size: int
    root: str
    at: str = ""


@dataclass(frozen=True)
class Fault:
    """The first entry that is not as it was written, counted from 1; `last` is another where it lies among several.

    `row` is what stands there now; nothing where nothing does.
    """

    entry: int
    last: int
    expected: str
    actual: str
    row: Row


def _join(left: bytes, right: bytes) -> bytes:
    return sha256(b"\1" + left + right).digest()


def canonical(row: Row) -> bytes:
    """One entry's bytes: a JSON object of its columns, sorted, in UTF-8, without blanks, nulls and the columns of the chain.

    Instants are ISO in UTC with six digits. Without nulls, a column that the table got later changes no older entry.
    """
    kept = {name: value for name, value in row.items() if value is not None and name not in OWN.names}
    text = json.dumps(kept, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=_text)
    return text.encode("utf-8", "surrogatepass")


def _text(value: object) -> str:
    if isinstance(value, datetime):
        return (value.astimezone(UTC) if value.tzinfo else value).isoformat(timespec="microseconds")
    assert isinstance(value, date), type(value)
    return value.isoformat()


def without_chain(row: Row) -> dict[str, Any]:
    """A row as it was given to the table."""
    return {name: value for name, value in row.items() if name not in OWN.names}


def link(rows: pa.Table, tree: Tree) -> tuple[pa.Table, Tree]:
    """Number new rows from the tree's size on, each with the root of all entries up to itself."""
    numbers, roots = [], []
    for row in rows.to_pylist():
        tree = tree.add(canonical(row))
        numbers.append(tree.size)
        roots.append(tree.root)
    own = zip(OWN, (numbers, roots), strict=True)
    return reduce(
        lambda found, column: found.append_column(column[0], pa.array(column[1], column[0].type)), own, rows
    ), tree


def grow(rows: Iterable[Row]) -> Tree:
    """The tree over the rows of a table that does not say it."""
    older, chained = _arrange(rows)
    return reduce(lambda tree, row: tree.add(canonical(row)), [*older, *chained], Tree())


def _arrange(rows: Iterable[Row]) -> tuple[list[Row], list[Row]]:
    """Rows written before tables had chains, in the order of their bytes, and all others by their number."""
    found = list(rows)
    older = sorted((row for row in found if row.get(ENTRY) is None), key=canonical)
    return older, sorted((row for row in found if row.get(ENTRY) is not None), key=lambda row: int(row[ENTRY]))


def verify_entries(rows: Iterable[Row], checkpoints: Sequence[Checkpoint] = ()) -> tuple[Tree, Fault | None]:
    """Find the first entry of a table that is not as it was written, given checkpoints taken earlier.

    Returns the tree as far as it is sound. What is found by itself: an entry that was changed, is missing, was put in, or took
    another's place. What only a checkpoint tells: entries cut off at the end, and a past written anew with all its roots; the first
    bad one then lies behind the last checkpoint that still agrees.
    """
    older, chained = _arrange(rows)
    roots = [Tree().root]
    tree, fault = Tree(), _check_begin(older, chained)
    for row in [*older, *chained] if fault is None else ():
        fault = _check_number(row, tree.size + 1)
        grown = tree.add(canonical(row))
        if fault is None and row.get(ENTRY) is not None and row[ROOT] != grown.root:
            first = 1 if len(older) == tree.size else grown.size  # under the first root are all older rows too
            fault = Fault(
                first, grown.size, f"root {row[ROOT]}", f"root {grown.root}", row if first == grown.size else {}
            )
        if fault:
            break
        tree = grown
        roots.append(tree.root)
    return tree, _earlier(fault, _compare(roots, checkpoints, cut=fault is None))


def _check_begin(older: Sequence[Row], chained: Sequence[Row]) -> Fault | None:
    """The rows without a number are those before the first that has one."""
    before = int(chained[0][ENTRY]) - 1 if chained else len(older)
    if before == len(older):
        return None
    if before > len(older):
        return Fault(1, before, f"{before} entries before entry {before + 1}", f"{len(older)}", {})
    numbers = [int(row[ENTRY]) for row in chained]
    gap = next((n for n, found in enumerate(numbers, before + 1) if n != found), numbers[-1] + 1)
    return Fault(gap, gap, f"entry {gap}", f"{len(older) - before} rows without a number", older[0])


def _check_number(row: Row, number: int) -> Fault | None:
    found = row.get(ENTRY)
    if found in (None, number):
        return None
    if found > number:
        return Fault(number, number, f"entry {number}", f"entry {found} comes next", {})
    return Fault(int(found), int(found), f"entry {found} once", f"entry {found} again", row)


def _compare(roots: Sequence[str], checkpoints: Sequence[Checkpoint], cut: bool) -> Fault | None:
    agreed, size = 0, len(roots) - 1
    for mark in sorted(checkpoints, key=lambda mark: mark.size):
        if mark.size > size:
            expected = f"{mark.size} entries, says the checkpoint of {mark.at}"
            return Fault(size + 1, mark.size, expected, f"{size} entries", {}) if cut else None
        if roots[mark.size] != mark.root:
            expected = f"root {mark.root} of {mark.size} entries, says the checkpoint of {mark.at}"
            return Fault(agreed + 1, mark.size, expected, f"root {roots[mark.size]}", {})
        agreed = mark.size
    return None


def _earlier(first: Fault | None, second: Fault | None) -> Fault | None:
    return min((fault for fault in (first, second) if fault), key=lambda fault: fault.entry, default=None)


def read_tree(metadata: Mapping[str, Any], read_rows: Iterator[Row]) -> Tree:
    """The tree of a table from what its newest commit says; where that is silent, from its rows."""
    return Tree.from_json(metadata["tree"]) if "tree" in metadata else grow(read_rows)
