"""The registers themselves, and the links between what departments call an enterprise."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from fractions import Fraction

from jobs.synthetic.answers.facts import Answer, Facts
from jobs.synthetic.answers.figures import money, rounded
from jobs.synthetic.folded import Row

ENTERPRISE = {
    "uscc": "统一社会信用代码", "enterprise_name": "企业名称", "legal_form": "企业类型", "industry_code": "行业代码", "division_code": "行政区划代码",
    "established_date": "成立日期", "status": "登记状态", "status_date": "状态日期", "successor_uscc": "承继企业代码",
}  # fmt: skip


def dim_enterprise(facts: Facts) -> list[Answer]:
    return [{c: row[h] or None for c, h in ENTERPRISE.items()} for row in facts.rows("market.enterprise")]


@dataclass(frozen=True)
class Parcel:
    """A parcel with the units on it."""

    row: Row
    units: list[Row]

    @property
    def is_idle(self) -> bool:
        return all(u["利用状态"] == "闲置" for u in self.units)

    @property
    def area(self) -> Fraction:
        return money(self.row["面积"])


def parcels(facts: Facts) -> dict[str, Parcel]:
    found: dict[str, list[Row]] = defaultdict(list)
    for row in facts.rows("land.parcel"):
        found[row["宗地代码"]].append(row)
    return {code: Parcel(units[0], units) for code, units in found.items()}


def dim_parcel(facts: Facts) -> list[Answer]:
    return [
        {
            "parcel_code": code, "division_code": p.row["行政区划代码"], "community_code": p.row["社区代码"], "use_class": p.row["用途"],
            "area_m2": rounded(p.area, 2), "supplied_date": p.row["供地日期"], "units": str(len(p.units)),
            "status": "闲置" if p.is_idle else "在用",
        }
        for code, p in parcels(facts).items()
    ]  # fmt: skip


def entity_link(facts: Facts) -> list[Answer]:
    since = {r["统一社会信用代码"]: r["成立日期"] for r in facts.rows("market.enterprise")}
    return [
        {
            "source_system": source, "source_key": code, "entity_id": link.entity, "proposed_id": link.proposed, "method": link.method,
            "score": link.score, "valid_from": since.get(link.entity) if link.entity else None, "valid_to": None, "reviewed_by": None,
        }
        for (source, code), link in facts.links.items()
    ]  # fmt: skip
