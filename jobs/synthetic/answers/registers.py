"""The registers themselves, and the links between what departments call an enterprise."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby

from jobs.synthetic.answers.facts import Answer, Facts
from jobs.synthetic.answers.figures import money, rounded
from jobs.synthetic.columns import rows_of

ENTERPRISE = {
    "uscc": "统一社会信用代码", "enterprise_name": "企业名称", "legal_form": "企业类型", "industry_code": "行业代码", "division_code": "行政区划代码",
    "established_date": "成立日期", "status": "登记状态", "status_date": "状态日期", "successor_uscc": "承继企业代码",
}  # fmt: skip


def dim_enterprise(facts: Facts) -> Iterator[Answer]:
    for cells in facts.rows("market.enterprise", *ENTERPRISE.values()):
        yield {column: cell or None for column, cell in zip(ENTERPRISE, cells, strict=True)}


@dataclass(frozen=True)
class Parcel:
    """A parcel with what its units say: those who hold them, how many they are, and whether all lie idle."""

    code: str
    division: str
    community: str
    use: str
    area: Decimal
    supplied: str
    holders: frozenset[str]
    units: int
    is_idle: bool


def parcels(facts: Facts) -> Iterator[Parcel]:
    ordered = facts.tables["land.parcel"].sort_by([("宗地代码", "ascending"), ("不动产单元号", "ascending")])
    rows = rows_of(
        ordered, "宗地代码", "行政区划代码", "社区代码", "用途", "面积", "供地日期", "权利人代码", "利用状态"
    )
    for code, found in groupby(rows, lambda row: row[0]):
        units = list(found)
        _, division, community, use, area, supplied, *_ = units[0]
        holders, is_idle = frozenset(u[6] for u in units) - {""}, all(u[7] == "闲置" for u in units)
        yield Parcel(code, division, community, use, money(area), supplied, holders, len(units), is_idle)


def dim_parcel(facts: Facts) -> Iterator[Answer]:
    for p in parcels(facts):
        yield {
            "parcel_code": p.code, "division_code": p.division, "community_code": p.community, "use_class": p.use,
            "area_m2": rounded(p.area, 2), "supplied_date": p.supplied, "units": str(p.units), "status": "闲置" if p.is_idle else "在用",
        }  # fmt: skip


def entity_link(facts: Facts) -> Iterator[Answer]:
    since = dict(facts.rows("market.enterprise", "统一社会信用代码", "成立日期"))
    for (source, code), link in facts.links.items():
        yield {
            "source_system": source, "source_key": code, "entity_id": link.entity, "proposed_id": link.proposed, "method": link.method,
            "score": link.score, "valid_from": since.get(link.entity) if link.entity else None, "valid_to": None, "reviewed_by": None,
        }  # fmt: skip
