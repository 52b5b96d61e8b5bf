"""What is true at the end of the last night: the registers, counts of readings, and which code means which enterprise."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property

from jobs.synthetic.answers.figures import month_of
from jobs.synthetic.answers.links import Link, find_links
from jobs.synthetic.folded import Row

Answer = dict[str, str | bool | None]


@dataclass(frozen=True)
class Facts:
    """Registers by dataset, with the counts of readings, at the end of the last night."""

    registers: Mapping[str, Mapping[tuple[str, ...], Row]]
    readings: Mapping[tuple[str, str], tuple[int, int, int]]  # sensor, hour: readings, volume, volume x speed in tenths
    first: date
    last: date

    def rows(self, dataset: str) -> Iterable[Row]:
        return self.registers[dataset].values()

    @cached_property
    def links(self) -> Mapping[tuple[str, str], Link]:
        """By department and the code it uses."""
        return find_links({dataset: self.rows(dataset) for dataset in self.registers})

    def linked(self, source: str) -> dict[str, str]:
        """The enterprise of each code of a department, where there is one."""
        return {code: link.entity for (s, code), link in self.links.items() if s == source and link.entity}


def this_month(facts: Facts) -> str:
    return month_of(facts.last.isoformat())
