"""What the parts of silver hand to each other: a delivery as the fold sees it, its judged rows, and how rows are kept."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession

from jobs import delta
from jobs.contracts import Contract, fingerprint
from jobs.lake import Lake
from jobs.ledger import Decision
from jobs.places import Places, part_records
from jobs.suites import Rule, Suite
from jobs.tally import Tally

SMALL = 1_000_000


def is_small(rows: int) -> bool:
    """Whether so few rows are better kept than made again, and a table of them better rewritten than merged into."""
    return rows <= SMALL


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
    def mended(self) -> int:
        """Records that bronze could not read, and that a person mended."""
        return sum(d.kind == "mend" and d.rule == "refused" for d in self.decisions)

    @property
    def identity(self) -> str:
        decided = sorted(d.id for d in self.decisions if d.kind != "approve")
        return fingerprint([self.business_date, self.revision, self.sha256, decided])


def chain(entries: Sequence[Entry]) -> str:
    """Identity of a list of deliveries in order of date: equal lists fold to equal rows."""
    return reduce(lambda done, e: hashlib.sha256(f"{done}{e.identity}".encode()).hexdigest(), entries, "")


@dataclass(frozen=True)
class Stage:
    """A dataset of an open lake: what every function of silver needs. `failing`: places of records at which judging fails."""

    spark: SparkSession
    lake: Lake
    contract: Contract
    suite: Suite
    failing: pa.Table = field(default_factory=lambda: pa.table({}), compare=False)

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
        return is_small(delta.count_records(self.path, {}))


@dataclass(frozen=True)
class Judged:
    """Judged rows of some deliveries, the bronze records below them, and their counts by delivery number.

    `odd`: places of the records to look at closely. `judge` makes rows of records: where they are many, that is cheaper than to keep
    them, and records are parted before they are judged. Plain records broke no rule, so all their values convert.
    """

    rows: DataFrame
    bronze: DataFrame
    judge: Callable[..., DataFrame]
    is_small: bool
    rules: tuple[Rule, ...]
    tallies: Mapping[int, Tally]
    odd: Places

    def part(self) -> tuple[DataFrame, DataFrame, DataFrame]:
        """Rows of plain records, rows of odd ones, and records among which those of the odd rows are."""
        if self.is_small:
            return *part_records(self.rows, self.odd), self.bronze
        plain, odd = part_records(self.bronze, self.odd)
        odd = odd.localCheckpoint()
        return self.judge(plain, proven=True), self.judge(odd), odd

    def tally(self, number: int) -> Tally:
        empty = Tally(0, 0, {}, {r.id: 0 for r in self.rules}, {}, frozenset(), 0)
        return self.tallies.get(number, empty)


def keep(rows: DataFrame, *, small: bool) -> DataFrame:
    """Compute rows once. A small frame loses its plan too: every later query would be planned with all of it again."""
    return rows.coalesce(1).localCheckpoint() if small else rows.persist()
