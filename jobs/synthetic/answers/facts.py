"""What is true at the end of the last night: the registers, counts of readings, and which code means which enterprise."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property

from jobs.synthetic.answers.figures import month_of
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
    def links(self) -> Mapping[tuple[str, str], tuple[str | None, str, str]]:
        """By department and the code it uses: the enterprise, by which method it was found, and the score."""
        return find_links(self)

    def linked(self, source: str) -> dict[str, str]:
        """The enterprise of each code of a department, where there is one."""
        return {code: entity for (s, code), (entity, _, _) in self.links.items() if s == source and entity}


def this_month(facts: Facts) -> str:
    return month_of(facts.last.isoformat())


def named_sources(facts: Facts) -> dict[str, dict[str, str]]:
    """By department the codes that it names enterprises with, each with the greatest name it gives to that code."""
    fields = {
        "tax": ("tax.payment", "纳税人识别号", "纳税人名称"), "employment": ("employment.insurance", "单位信用代码", "单位名称"),
        "land": ("land.parcel", "权利人代码", "权利人名称"), "services": ("services.approval", "申请单位代码", ""),
    }  # fmt: skip
    found: dict[str, dict[str, str]] = {}
    for source, (dataset, code, name) in fields.items():
        names: dict[str, str] = {}
        for row in facts.rows(dataset):
            if row[code]:
                names[row[code]] = max(names.get(row[code], ""), row[name] if name else "")
        found[source] = names
    return found


def find_links(facts: Facts) -> dict[tuple[str, str], tuple[str | None, str, str]]:
    """By the code where the registry has it, else by a name that only one enterprise has."""
    known = {r["统一社会信用代码"] for r in facts.rows("market.enterprise")}
    by_name: dict[str, list[str]] = defaultdict(list)
    for r in facts.rows("market.enterprise"):
        by_name[r["企业名称"]].append(r["统一社会信用代码"])
    found: dict[tuple[str, str], tuple[str | None, str, str]] = {}
    for source, names in named_sources(facts).items():
        for code, name in names.items():
            alike = by_name.get(name, []) if name else []
            if code in known:
                found[source, code] = (code, "code", "1.0000")
            elif len(alike) == 1:
                found[source, code] = (alike[0], "name", "0.9000")
            else:
                found[source, code] = (None, "none", "0.0000")
    return found
