"""Land use and communities."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction

from jobs.synthetic.answers.facts import Answer, Facts, this_month
from jobs.synthetic.answers.figures import MU, money, month_of, months_back, rounded
from jobs.synthetic.answers.registers import parcels


def parcel_use(facts: Facts) -> Iterator[Answer]:
    last = this_month(facts)
    low = months_back(last, 11)
    paid: dict[str, Decimal] = defaultdict(Decimal)
    for tax, unit, month, amount in facts.rows("tax.payment", "税种", "不动产单元号", "税款所属期", "实缴金额"):
        if tax == "城镇土地使用税" and unit and low <= month_of(month) <= last:
            paid[unit[:19]] += money(amount)
    for p in parcels(facts):
        yield {
            "parcel_code": p.code, "snapshot_date": facts.last.isoformat(), "use_class": p.use, "area_m2": rounded(p.area, 2),
            "occupiers": str(len(p.holders)),
            "tax_per_mu": rounded(Fraction(paid[p.code]) / (Fraction(p.area) / MU), 2) if p.area else None, "idle_flag": p.is_idle,
        }  # fmt: skip


def community_monthly(facts: Facts) -> Iterator[Answer]:
    insured = facts.counted("employment.insurance", "居住社区代码", 参保状态="参保")
    places, beds = Counter[str](), Counter[str]()
    for code, count in facts.rows("education.school", "社区代码", "学位数"):
        places[code] += int(count)
    for code, count in facts.rows("health.facility", "社区代码", "床位数"):
        beds[code] += int(count)
    for code, *counts in facts.rows("grid.community", "社区代码", "常住人口", "劳动年龄人口", "未结案件"):
        residents, workers, cases = map(int, counts)
        yield {
            "community_code": code, "month": this_month(facts), "residents": str(residents),
            "employed_rate": rounded(Fraction(insured.get(code, 0), workers), 4) if workers else None,
            "school_places_per_1k": rounded(Fraction(places[code] * 1000, residents), 2) if residents else None,
            "beds_per_1k": rounded(Fraction(beds[code] * 1000, residents), 2) if residents else None, "cases_open": str(cases),
        }  # fmt: skip
