"""Which code of a department means which enterprise, as a clerk would find it who has codes, names, legal forms and addresses.

By the code where the registry has it. Else among those of the same trade name by points of twenty: the same name 16, a name that is
the same only without city, 原 or branch 12, the same legal form 2, the same address 2 (1 where the department has none). Eighteen
are enough, from thirteen on somebody is asked, and two that are equally good are none.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from jobs.synthetic.answers.figures import rounded
from jobs.synthetic.folded import Row

SOURCES = {
    "tax": ("tax.payment", "纳税人识别号", "纳税人名称", ""), "employment": ("employment.insurance", "单位信用代码", "单位名称", ""),
    "land": ("land.parcel", "权利人代码", "权利人名称", "权利人地址"), "services": ("services.approval", "申请单位代码", "", ""),
}  # fmt: skip
ENOUGH, ASKED = 18, 13
_FORMS = {
    "有限责任公司": ("有限责任公司", "有限公司"), "股份有限公司": ("股份有限公司", "股份公司"), "个人独资企业": ("厂个人独资企业", "厂个人独资"),
    "合伙企业": ("普通合伙", "合伙企业"), "": ("公司", "厂"),
}  # fmt: skip


@dataclass(frozen=True)
class Link:
    """The enterprise of a code, or the one to ask about; by which method, and how sure."""

    entity: str | None = None
    proposed: str | None = None
    method: str = "none"
    score: str = "0.0000"


@dataclass(frozen=True)
class _Name:
    bare: str
    form: str
    is_plain: bool  # no city missing, no former name, no branch

    @property
    def trade(self) -> str:
        return self.bare.removeprefix("光谷")


def find_links(rows: Mapping[str, Iterable[Row]]) -> dict[tuple[str, str], Link]:
    """By department and the code it uses. `rows` by dataset."""
    registered = {r["统一社会信用代码"]: r for r in rows["market.enterprise"]}
    by_trade: dict[str, list[Row]] = defaultdict(list)
    for r in registered.values():
        by_trade[_read(r["企业名称"]).trade].append(r)
    found: dict[tuple[str, str], Link] = {}
    for source, (dataset, code, name, address) in SOURCES.items():
        for key, (called, lives) in _known(rows[dataset], code, name, address).items():
            by_code = Link(key, None, "code", "1.0000")
            found[source, key] = by_code if key in registered else _find(_read(called), lives, by_trade)
    return found


def _known(rows: Iterable[Row], code: str, name: str, address: str) -> dict[str, tuple[str, str]]:
    """The codes that a department uses, each with the greatest name and the greatest address it gives to it."""
    found: dict[str, tuple[str, str]] = {}
    for row in rows:
        if row[code]:
            before = found.get(row[code], ("", ""))
            found[row[code]] = (max(before[0], row.get(name, "")), max(before[1], row.get(address, "")))
    return found


def _read(text: str) -> _Name:
    plain = "".join(c for c in unicodedata.normalize("NFKC", text) if not c.isspace() and c not in "()")
    whole = re.fullmatch("(?P<former>原?)(?P<name>.*?)(?P<branch>(锦川)?分公司)?", plain)
    assert whole is not None
    name, form = whole["name"], ""
    ends = [(end, form) for form, words in _FORMS.items() for end in words if name.endswith(end)]
    if ends:
        end, form = max(ends, key=lambda found: len(found[0]))
        name = name.removesuffix(end)
    return _Name(name, form, not whole["former"] and not whole["branch"])


def _find(called: _Name, lives: str, by_trade: Mapping[str, list[Row]]) -> Link:
    scored = sorted((_score(called, lives, r), r["统一社会信用代码"]) for r in by_trade.get(called.trade, ()))
    if not scored or scored[-1][0] < ASKED or [points for points, _ in scored].count(scored[-1][0]) > 1:
        return Link()
    points, code = scored[-1]
    score = rounded(Fraction(points, 20), 4) or ""
    return Link(code, None, "name", score) if points >= ENOUGH else Link(None, code, "review", score)


def _score(called: _Name, lives: str, row: Row) -> int:
    own = _read(row["企业名称"])
    name = 16 if called.is_plain and called.bare == own.bare else 12
    address = 1 if not lives else 2 if lives == row["住所"] else 0
    return name + 2 * (called.form == row["企业类型"]) + address
