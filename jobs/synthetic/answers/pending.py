"""Records that wait for their parent: they name a key that its register does not have at the end of the last night."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow.compute as pc

from jobs.synthetic.answers.facts import Facts
from jobs.synthetic.folded import KEYS

# By column of silver: dataset and header of the child, dataset of the parent, and the parent's column.
REFERENCES = {
    "services.step.case_id": ("services.step", "办件编号", "services.approval", "case_id"),
    "services.approval.applicant_uscc": ("services.approval", "申请单位代码", "market.enterprise", "uscc"),
    "tax.payment.uscc": ("tax.payment", "纳税人识别号", "market.enterprise", "uscc"),
    "employment.insurance.uscc": ("employment.insurance", "单位信用代码", "market.enterprise", "uscc"),
    "employment.insurance.community_code": ("employment.insurance", "居住社区代码", "grid.community", "community_code"),
    "land.parcel.holder_uscc": ("land.parcel", "权利人代码", "market.enterprise", "uscc"),
    "land.parcel.community_code": ("land.parcel", "社区代码", "grid.community", "community_code"),
    "education.school.community_code": ("education.school", "社区代码", "grid.community", "community_code"),
    "health.facility.community_code": ("health.facility", "社区代码", "grid.community", "community_code"),
}


def pending(facts: Facts) -> Iterator[dict[str, Any]]:
    """One row a column with records that wait: how many, and of which keys."""
    for column, (child, header, parent, key) in REFERENCES.items():
        (parent_key,) = KEYS[parent][1]
        named = facts.tables[child][header]
        is_there = pc.or_(pc.equal(named, ""), pc.is_in(named, facts.tables[parent][parent_key]))
        waiting = named.filter(pc.invert(is_there)).to_pylist()
        if waiting:
            yield {"column": column, "parent": f"{parent}.{key}", "rows": len(waiting), "keys": sorted(set(waiting))}
