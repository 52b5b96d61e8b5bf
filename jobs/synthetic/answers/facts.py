"""What is true at the end of the last night: the registers, counts of readings, and which code means which enterprise."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from jobs.synthetic.answers.figures import month_of
from jobs.synthetic.answers.links import Link, find_links
from jobs.synthetic.columns import rows_of

Answer = dict[str, str | bool | None]


@dataclass(frozen=True)
class Facts:
    """Registers by dataset, with the counts of readings, at the end of the last night.

    `readings`: per sensor and hour how many, their volume, and volume times speed in tenths.
    """

    tables: Mapping[str, pa.Table]
    readings: pa.Table
    first: date
    last: date

    def rows(self, dataset: str, *headers: str) -> Iterator[Any]:
        """The cells under some headers, of each current row of a dataset."""
        return rows_of(self.tables[dataset], *headers)

    def counted(self, dataset: str, header: str, **only: str) -> dict[str, int]:
        """How many current rows of a dataset say what under a header; `only` those that say this under other headers."""
        table = self.tables[dataset]
        for other, text in only.items():
            table = table.filter(pc.equal(table[other], text))
        found = table[header].value_counts()
        return dict(zip(found.field(0).to_pylist(), found.field(1).to_pylist(), strict=True))

    @cached_property
    def links(self) -> Mapping[tuple[str, str], Link]:
        """By department and the code it uses."""
        return find_links(self.tables)

    def linked(self, source: str) -> dict[str, str]:
        """The enterprise of each code of a department, where there is one."""
        return {code: link.entity for (s, code), link in self.links.items() if s == source and link.entity}


def this_month(facts: Facts) -> str:
    return month_of(facts.last.isoformat())
