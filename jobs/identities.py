"""The four identities: nothing that was delivered may vanish on the way. The night, `reconcile` and the pages ask here."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jobs.contracts import Contract
from jobs.errors import LakeError


@dataclass(frozen=True)
class Identity:
    """One equation with its numbers: the left side, and the parts of the right side joined by a sign."""

    name: str
    left: tuple[str, int]
    right: tuple[tuple[str, int], ...]
    sign: str = "+"

    @property
    def total(self) -> int:
        values = [value for _, value in self.right]
        return math.prod(values) if self.sign == "×" else sum(values)

    @property
    def holds(self) -> bool:
        return self.left[1] == self.total

    def __str__(self) -> str:
        return f"{self.left[0]} = {f' {self.sign} '.join(name for name, _ in self.right)}"


def list_identities(contract: Contract, bronze: Mapping[str, Any], silver: Mapping[str, Any]) -> list[Identity]:
    """The equations that a delivery has reached, of the counts of its bronze and silver lines; empty counts reach none.

    `mended` of silver's counts are records that bronze could not read, and that a person mended: they are judged too.
    """
    found = []
    if "landed" in bronze:
        found.append(_sum("landed", "landed", bronze, ("bronze", "refused")))
    if "judged" in silver and "bronze" in bronze:
        mended = int(silver.get("mended", 0))
        records = ("bronze and mended" if mended else "bronze", int(bronze["bronze"]) + mended)
        rows = ("rows_per_record", contract.rows_per_record)
        found.append(Identity("judged", ("judged", int(silver["judged"])), (records, rows), "×"))
    if "judged" in silver:
        found.append(_sum("verdict", "judged", silver, ("good", "set_aside", "duplicates")))
    if "inserted" in silver:
        found.append(_sum("fold", "good", silver, ("inserted", "changed", "ended", "unchanged", "outranked")))
    return found


def _sum(name: str, left: str, counts: Mapping[str, Any], parts: Sequence[str]) -> Identity:
    return Identity(name, (left, int(counts[left])), tuple((p, int(counts.get(p, 0))) for p in parts))


def check_identities(contract: Contract, bronze: Mapping[str, Any], silver: Mapping[str, Any]) -> None:
    """Raise E704 with both numbers where an identity does not hold."""
    for x in list_identities(contract, bronze, silver):
        if not x.holds:
            raise LakeError("E704", place=str(x), expected=str(x.left[1]), actual=str(x.total))
