"""Macro-economy, enterprise services, industry."""

from __future__ import annotations

from collections import Counter, defaultdict
from fractions import Fraction

from jobs.synthetic.answers.facts import Answer, Facts, this_month
from jobs.synthetic.answers.figures import MU, money, month_of, months_back, rounded
from jobs.synthetic.answers.registers import parcels


def macro_economy_monthly(facts: Facts) -> list[Answer]:
    last, low = this_month(facts), months_back(month_of(facts.first.isoformat()), 12)
    tax: dict[tuple[str, str], Fraction] = defaultdict(Fraction)
    counts: dict[str, Counter[tuple[str, str]]] = defaultdict(Counter)
    supplied: dict[tuple[str, str], Fraction] = defaultdict(Fraction)
    home = {r["统一社会信用代码"]: r["行政区划代码"] for r in facts.rows("market.enterprise")}
    entity = facts.linked("tax")
    for row in facts.rows("tax.payment"):
        tax[home.get(entity.get(row["纳税人识别号"], ""), "unknown"), month_of(row["税款所属期"])] += money(
            row["实缴金额"]
        )
    for row in facts.rows("market.enterprise"):
        counts["new"][row["行政区划代码"], month_of(row["成立日期"])] += 1
        if row["登记状态"] == "注销":
            counts["closed"][row["行政区划代码"], month_of(row["状态日期"])] += 1
    for row in facts.rows("employment.insurance"):
        if row["参保状态"] == "参保":
            counts["insured"][row["居住社区代码"][:6], last] += 1
    for p in parcels(facts).values():
        supplied[p.row["行政区划代码"], month_of(p.row["供地日期"])] += p.area
    keys = {*tax, *counts["new"], *counts["closed"], *counts["insured"], *supplied}
    rows: list[Answer] = []
    for division, month in sorted(k for k in keys if low <= k[1] <= last or k in tax):
        here, before = (division, month), (division, months_back(month, 12))
        sources = (here in tax) + (here in counts["insured"]) + (here in supplied)
        grown = tax.get(before) or None
        rows.append({
            "division_code": division, "month": month, "tax_total": rounded(tax.get(here, Fraction(0)), 2),
            "tax_yoy": rounded((tax.get(here, Fraction(0)) - grown) / grown, 4) if grown else None,
            "insured_employees": str(counts["insured"][here]) if month == last else None, "new_ent": str(counts["new"][here]),
            "closed_ent": str(counts["closed"][here]), "land_supplied_m2": rounded(supplied.get(here, Fraction(0)), 2),
            "data_coverage": rounded(Fraction(sources, 3), 4),
        })  # fmt: skip
    return rows


def enterprise_360(facts: Facts) -> list[Answer]:
    last = this_month(facts)
    low = months_back(last, 11)
    tax: dict[str, Fraction] = defaultdict(Fraction)
    arrears: dict[str, Fraction] = defaultdict(Fraction)
    staff = Counter[str]()
    held: dict[str, set[str]] = defaultdict(set)
    policies: Counter[str] = Counter()
    by = {source: facts.linked(source) for source in ("tax", "employment", "land", "services")}
    for row in facts.rows("tax.payment"):
        entity = by["tax"].get(row["纳税人识别号"], "")
        arrears[entity] += money(row["欠缴金额"])
        if low <= month_of(row["税款所属期"]) <= last:
            tax[entity] += money(row["实缴金额"])
    for row in facts.rows("employment.insurance"):
        staff[by["employment"].get(row["单位信用代码"], "")] += row["参保状态"] == "参保"
    for row in facts.rows("land.parcel"):
        held[by["land"].get(row["权利人代码"], "")].add(row["宗地代码"])
    for row in facts.rows("services.approval"):
        policies[by["services"].get(row["申请单位代码"], "")] += bool(row["办结日期"])
    scores: dict[str, str] = {}
    present: dict[str, set[str]] = defaultdict(set)
    for (source, _), link in facts.links.items():
        if link.entity:
            scores[link.entity] = min(link.score, scores.get(link.entity, "1.0000"))
            present[link.entity].add(source)
    return [
        {
            "uscc": code, "snapshot_date": facts.last.isoformat(), "status": row["登记状态"], "industry_code": row["行业代码"],
            "tax_12m": rounded(tax[code], 2), "arrears": rounded(arrears[code], 2), "employees": str(staff[code]), "parcels": str(len(held[code])),
            "policies_received": str(policies[code]), "link_score": scores.get(code, "1.0000"), "sources_present": ",".join(sorted(present[code])),
        }
        for (code,), row in facts.registers["market.enterprise"].items()
    ]  # fmt: skip


def enterprise_coverage(facts: Facts) -> list[Answer]:
    """Of the living enterprises, those whom tax and employment name; and the codes that mean nobody known."""
    living = {r["统一社会信用代码"] for r in facts.rows("market.enterprise") if r["登记状态"] == "存续"}
    taxed, insured = (living & set(facts.linked(source).values()) for source in ("tax", "employment"))
    unlinked = sum(link.entity is None for link in facts.links.values())
    return [{
        "snapshot_date": facts.last.isoformat(), "registered": str(len(living)), "with_tax": str(len(taxed)),
        "with_employment": str(len(insured)), "with_both": str(len(taxed & insured)),
        "coverage": rounded(Fraction(len(taxed & insured), len(living)), 4) if living else None, "unlinked_keys": str(unlinked),
    }]  # fmt: skip


def industry_monthly(facts: Facts) -> list[Answer]:
    last = this_month(facts)
    known = {code: row for (code,), row in facts.registers["market.enterprise"].items()}
    cell = {code: (row["行业代码"][:3], row["行政区划代码"]) for code, row in known.items()}
    paid: dict[tuple[str, str, str], dict[str, Fraction]] = defaultdict(lambda: defaultdict(Fraction))
    entity = facts.linked("tax")
    for row in facts.rows("tax.payment"):
        code = entity.get(row["纳税人识别号"])
        if code:
            paid[(*cell[code], month_of(row["税款所属期"]))][code] += money(row["实缴金额"])
    live, staff = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    for code, row in known.items():
        live[cell[code]] += row["登记状态"] == "存续"
    employer = facts.linked("employment")
    for row in facts.rows("employment.insurance"):
        code = employer.get(row["单位信用代码"])
        if code and row["参保状态"] == "参保":
            staff[cell[code]] += 1
    holder = facts.linked("land")
    ground: dict[tuple[str, str], dict[str, Fraction]] = defaultdict(dict)
    for row in facts.rows("land.parcel"):
        code = holder.get(row["权利人代码"])
        if code:
            ground[cell[code]][row["宗地代码"]] = money(row["面积"])
    rows: list[Answer] = []
    for industry, division, month in sorted({*paid, *((*c, last) for c, n in live.items() if n)}):
        by_payer = paid.get((industry, division, month), {})
        total, area = sum(by_payer.values(), Fraction(0)), sum(ground[industry, division].values(), Fraction(0))
        top = sum(sorted(by_payer.values())[-5:], Fraction(0))
        here = month == last
        rows.append({
            "industry_division": industry, "division_code": division, "month": month,
            "enterprises": str(live[industry, division]) if here else None, "employees": str(staff[industry, division]) if here else None,
            "tax": rounded(total, 2), "tax_per_mu": rounded(total / (area / MU), 2) if area else None,
            "top5_share": rounded(top / total, 4) if total else None,
        })  # fmt: skip
    return rows
