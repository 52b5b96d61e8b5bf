"""Land use and communities."""

from __future__ import annotations

from collections import Counter, defaultdict
from fractions import Fraction

from jobs.synthetic.answers.facts import Answer, Facts, this_month
from jobs.synthetic.answers.figures import MU, money, month_of, months_back, rounded
from jobs.synthetic.answers.registers import parcels


def parcel_use(facts: Facts) -> list[Answer]:
    last = this_month(facts)
    low = months_back(last, 11)
    paid: dict[str, Fraction] = defaultdict(Fraction)
    for row in facts.rows("tax.payment"):
        if row["税种"] == "城镇土地使用税" and row["不动产单元号"] and low <= month_of(row["税款所属期"]) <= last:
            paid[row["不动产单元号"][:19]] += money(row["实缴金额"])
    return [
        {
            "parcel_code": code, "snapshot_date": facts.last.isoformat(), "use_class": p.row["用途"], "area_m2": rounded(p.area, 2),
            "occupiers": str(len({u["权利人代码"] for u in p.units} - {""})),
            "tax_per_mu": rounded(paid[code] / (p.area / MU), 2) if p.area else None, "idle_flag": p.is_idle,
        }
        for code, p in parcels(facts).items()
    ]  # fmt: skip


def community_monthly(facts: Facts) -> list[Answer]:
    insured, places, beds = Counter[str](), Counter[str](), Counter[str]()
    for row in facts.rows("employment.insurance"):
        insured[row["居住社区代码"]] += row["参保状态"] == "参保"
    for row in facts.rows("education.school"):
        places[row["社区代码"]] += int(row["学位数"])
    for row in facts.rows("health.facility"):
        beds[row["社区代码"]] += int(row["床位数"])
    rows: list[Answer] = []
    for (code,), row in facts.registers["grid.community"].items():
        residents, workers = int(row["常住人口"]), int(row["劳动年龄人口"])
        rows.append({
            "community_code": code, "month": this_month(facts), "residents": str(residents),
            "employed_rate": rounded(Fraction(insured[code], workers), 4) if workers else None,
            "school_places_per_1k": rounded(Fraction(places[code] * 1000, residents), 2) if residents else None,
            "beds_per_1k": rounded(Fraction(beds[code] * 1000, residents), 2) if residents else None, "cases_open": str(int(row["未结案件"])),
        })  # fmt: skip
    return rows
