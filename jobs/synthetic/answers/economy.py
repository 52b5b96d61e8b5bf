"""Macro-economy, enterprise services, industry."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction

from jobs.synthetic.answers.facts import Answer, Facts, this_month
from jobs.synthetic.answers.figures import MU, money, month_of, months_back, rounded
from jobs.synthetic.answers.registers import parcels

_NOTHING = Decimal(0)


def macro_economy_monthly(facts: Facts) -> Iterator[Answer]:
    last, low = this_month(facts), months_back(month_of(facts.first.isoformat()), 12)
    tax: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    new, closed, insured = Counter[tuple[str, str]](), Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    supplied: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    home = dict(facts.rows("market.enterprise", "统一社会信用代码", "行政区划代码"))
    entity = facts.linked("tax")
    for code, month, amount in facts.rows("tax.payment", "纳税人识别号", "税款所属期", "实缴金额"):
        tax[home.get(entity.get(code, ""), "unknown"), month_of(month)] += money(amount)
    enterprises = facts.rows("market.enterprise", "行政区划代码", "成立日期", "登记状态", "状态日期")
    for division, established, status, since in enterprises:
        new[division, month_of(established)] += 1
        if status == "注销":
            closed[division, month_of(since)] += 1
    for community, count in facts.counted("employment.insurance", "居住社区代码", 参保状态="参保").items():
        insured[community[:6], last] += count
    for p in parcels(facts):
        supplied[p.division, month_of(p.supplied)] += p.area
    for division, month in sorted(
        k for k in {*tax, *new, *closed, *insured, *supplied} if low <= k[1] <= last or k in tax
    ):
        here, before = (division, month), (division, months_back(month, 12))
        sources = (here in tax) + (here in insured) + (here in supplied)
        total, grown = Fraction(tax.get(here, 0)), Fraction(tax.get(before, 0))
        yield {
            "division_code": division, "month": month, "tax_total": rounded(total, 2),
            "tax_yoy": rounded((total - grown) / grown, 4) if grown else None,
            "insured_employees": str(insured[here]) if month == last else None, "new_ent": str(new[here]), "closed_ent": str(closed[here]),
            "land_supplied_m2": rounded(supplied.get(here, _NOTHING), 2), "data_coverage": rounded(Fraction(sources, 3), 4),
        }  # fmt: skip


def enterprise_360(facts: Facts) -> Iterator[Answer]:
    last = this_month(facts)
    low = months_back(last, 11)
    tax: dict[str, Decimal] = defaultdict(Decimal)
    arrears: dict[str, Decimal] = defaultdict(Decimal)
    held: dict[str, set[str]] = defaultdict(set)
    policies: Counter[str] = Counter()
    by = {source: facts.linked(source) for source in ("tax", "employment", "land", "services")}
    payments = facts.rows("tax.payment", "纳税人识别号", "税款所属期", "实缴金额", "欠缴金额")
    for code, month, amount, owed in payments:
        entity = by["tax"].get(code, "")
        arrears[entity] += money(owed)
        if low <= month_of(month) <= last:
            tax[entity] += money(amount)
    staff = _staff(facts, by["employment"])
    for code, parcel in facts.rows("land.parcel", "权利人代码", "宗地代码"):
        held[by["land"].get(code, "")].add(parcel)
    for code, decided in facts.rows("services.approval", "申请单位代码", "办结日期"):
        policies[by["services"].get(code, "")] += bool(decided)
    scores: dict[str, str] = {}
    present: dict[str, set[str]] = defaultdict(set)
    for (source, _), link in facts.links.items():
        if link.entity:
            scores[link.entity] = min(link.score, scores.get(link.entity, "1.0000"))
            present[link.entity].add(source)
    for code, status, industry in facts.rows("market.enterprise", "统一社会信用代码", "登记状态", "行业代码"):
        yield {
            "uscc": code, "snapshot_date": facts.last.isoformat(), "status": status, "industry_code": industry,
            "tax_12m": rounded(tax.get(code, _NOTHING), 2), "arrears": rounded(arrears.get(code, _NOTHING), 2), "employees": str(staff[code]),
            "parcels": str(len(held.get(code, ()))), "policies_received": str(policies[code]), "link_score": scores.get(code, "1.0000"),
            "sources_present": ",".join(sorted(present.get(code, ()))),
        }  # fmt: skip


def _staff(facts: Facts, employer: dict[str, str]) -> Counter[str]:
    """Insured persons by enterprise."""
    staff = Counter[str]()
    for code, count in facts.counted("employment.insurance", "单位信用代码", 参保状态="参保").items():
        staff[employer.get(code, "")] += count
    return staff


def enterprise_coverage(facts: Facts) -> Iterator[Answer]:
    """Of the living enterprises, those whom tax and employment name; and the codes that mean nobody known."""
    known = facts.rows("market.enterprise", "统一社会信用代码", "登记状态")
    living = {code for code, status in known if status == "存续"}
    taxed, insured = (living & set(facts.linked(source).values()) for source in ("tax", "employment"))
    unlinked = sum(link.entity is None for link in facts.links.values())
    yield {
        "snapshot_date": facts.last.isoformat(), "registered": str(len(living)), "with_tax": str(len(taxed)),
        "with_employment": str(len(insured)), "with_both": str(len(taxed & insured)),
        "coverage": rounded(Fraction(len(taxed & insured), len(living)), 4) if living else None, "unlinked_keys": str(unlinked),
    }  # fmt: skip


def industry_monthly(facts: Facts) -> Iterator[Answer]:
    last = this_month(facts)
    cell: dict[str, tuple[str, str]] = {}
    live, staff = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    known = facts.rows("market.enterprise", "统一社会信用代码", "行业代码", "行政区划代码", "登记状态")
    for code, industry, division, status in known:
        cell[code] = (industry[:3], division)
        live[cell[code]] += status == "存续"
    paid: dict[tuple[str, str, str], dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    entity = facts.linked("tax")
    for code, month, amount in facts.rows("tax.payment", "纳税人识别号", "税款所属期", "实缴金额"):
        payer = entity.get(code)
        if payer:
            paid[(*cell[payer], month_of(month))][payer] += money(amount)
    for employer, count in _staff(facts, facts.linked("employment")).items():
        if employer:
            staff[cell[employer]] += count
    holder = facts.linked("land")
    ground: dict[tuple[str, str], dict[str, Decimal]] = defaultdict(dict)
    for code, parcel, area in facts.rows("land.parcel", "权利人代码", "宗地代码", "面积"):
        owner = holder.get(code)
        if owner:
            ground[cell[owner]][parcel] = money(area)
    for industry, division, month in sorted({*paid, *((*c, last) for c, n in live.items() if n)}):
        by_payer = paid.get((industry, division, month), {})
        total = Fraction(sum(by_payer.values(), _NOTHING))
        land = Fraction(sum(ground[industry, division].values(), _NOTHING))
        top = Fraction(sum(sorted(by_payer.values())[-5:], _NOTHING))
        here = month == last
        yield {
            "industry_division": industry, "division_code": division, "month": month,
            "enterprises": str(live[industry, division]) if here else None, "employees": str(staff[industry, division]) if here else None,
            "tax": rounded(total, 2), "tax_per_mu": rounded(total / (land / MU), 2) if land else None,
            "top5_share": rounded(top / total, 4) if total else None,
        }  # fmt: skip
