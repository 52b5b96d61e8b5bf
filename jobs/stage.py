"""What the parts of silver hand to each other: a delivery as the fold sees it, its judged rows, and how rows are kept."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
from pyspark.sql import DataFrame, SparkSession

from jobs import delta
from jobs.contracts import Contract, fingerprint
from jobs.lake import Lake
from jobs.ledger import Decision
from jobs.suites import Rule, Suite
from jobs.tally import Tally

SMALL = 1_000_000


@dataclass(frozen=True)
class Entry:
    """One delivery as the fold sees it: content, decisions, and whether its manifest calls it full."""

    business_date: str
    revision: int
    sha256: str
    full: bool = False
    decisions: tuple[Decision, ...] = ()

    @property
    def name(self) -> str:
        return f"{self.business_date}/{self.revision}"

    @property
    def identity(self) -> str:
        decided = sorted(d.id for d in self.decisions if d.kind != "approve")
        return fingerprint([self.business_date, self.revision, self.sha256, decided])


def chain(entries: Sequence[Entry]) -> str:
    """Identity of a list of deliveries in order of date: equal lists fold to equal rows."""
    return reduce(lambda done, e: hashlib.sha256(f"{done}{e.identity}".encode()).hexdigest(), entries, "")


@dataclass(frozen=True)
class Stage:
    """A dataset of an open lake: what every function of silver needs."""

    spark: SparkSession
    lake: Lake
    contract: Contract
    suite: Suite

    @property
    def bronze(self) -> str:
        return self.lake.table("bronze", self.contract.table)

    @property
    def path(self) -> str:
        return self.lake.table("silver", self.contract.table)

    @property
    def quarantine(self) -> str:
        return self.lake.table("quarantine", self.contract.table)

    def is_small(self) -> bool:
        """Whether silver is so small that rewriting it is cheaper than a MERGE, which costs seconds whatever the size."""
        return delta.count_records(self.path, {}) <= SMALL


@dataclass(frozen=True)
class Judged:
    """Judged rows of some deliveries, the bronze records below them, and their counts by delivery number.

    `repeated`: hashes of the keys that stand in a delivery more than once.
    """

    rows: DataFrame
    bronze: DataFrame
    rules: tuple[Rule, ...]
    tallies: Mapping[int, Tally]
    repeated: np.ndarray[Any, Any]

    def tally(self, number: int) -> Tally:
        empty = Tally(0, 0, {}, {r.id: 0 for r in self.rules}, {}, frozenset(), 0)
        return self.tallies.get(number, empty)


def keep(rows: DataFrame, *, small: bool) -> DataFrame:
    """Compute rows once. A small frame loses its plan too: every later query would be planned with all of it again."""
    return rows.coalesce(1).localCheckpoint() if small else rows.persist()
