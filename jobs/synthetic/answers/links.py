"""Which code of a department means which enterprise, as a clerk would find it who has codes, names, legal forms and addresses.

By the code where the registry has it. Else among those of the same trade name by points of twenty: the same name 16, a name that is
the same only without city, 原 or branch 12, the same legal form 2, the same address 2 (1 where the department has none). Eighteen
are enough, from thirteen on somebody is asked, and two that are equally good are none.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction

import pyarrow as pa

from jobs.synthetic.answers.figures import rounded
from jobs.synthetic.columns import rows_of

SOURCES = {
    "tax": ("tax.payment", "纳税人识别号", "纳税人名称", ""), "employment": ("employment.insurance", "单位信用代码", "单位名称", ""),
    "land": ("land.parcel", "权利人代码", "权利人名称", "权利人地址"), "services": ("services.approval", "申请单位代码", "", ""),
}  # fmt: skip
ENOUGH, ASKED = 18, 13
_FORMS = {
    "有限责任公司": ("有限责任公司", "有限公司"), "股份有限公司": ("股份有限公司", "股份公司"), "个人独资企业": ("厂个人独资企业", "厂个人独资"),
    "合伙企业": ("普通合伙", "合伙企业"), "": ("公司", "厂"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
class _Registered:
    code: str
    bare: str
    form: str
    address: str


def find_links(tables: Mapping[str, pa.Table]) -> dict[tuple[str, str], Link]:
    """By department and the code it uses. `tables` by dataset, of texts under the delivered headers."""
    registered: set[str] = set()
    by_trade: dict[str, list[_Registered]] = defaultdict(list)
    for code, name, form, address in rows_of(
        tables["market.enterprise"], "统一社会信用代码", "企业名称", "企业类型", "住所"
    ):
        registered.add(code)
        own = _read(name)
        by_trade[own.trade].append(_Registered(code, own.bare, form, address))
    found: dict[tuple[str, str], Link] = {}
    for source, (dataset, code, name, address) in SOURCES.items():
        for key, called, lives in _known(tables[dataset], code, name, address):
            by_code = Link(key, None, "code", "1.0000")
            found[source, key] = by_code if key in registered else _find(_read(called), lives, by_trade)
    return found


def _known(table: pa.Table, code: str, *others: str) -> Iterator[tuple[str, str, str]]:
    """The codes that a department uses, each with the greatest name and the greatest address it gives to it; empty where none."""
    greatest = [(header, "max") for header in others if header]
    found = table.group_by(code, use_threads=False).aggregate(greatest)
    rows = rows_of(found, code, *[f"{header}_max" for header, _ in greatest])
    return ((key, *cells, *[""] * (2 - len(cells))) for key, *cells in rows if key)


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


def _find(called: _Name, lives: str, by_trade: Mapping[str, list[_Registered]]) -> Link:
    scored = sorted((_score(called, lives, r), r.code) for r in by_trade.get(called.trade, ()))
    if not scored or scored[-1][0] < ASKED or [points for points, _ in scored].count(scored[-1][0]) > 1:
        return Link()
    points, code = scored[-1]
    score = rounded(Fraction(points, 20), 4) or ""
    return Link(code, None, "name", score) if points >= ENOUGH else Link(None, code, "review", score)


def _score(called: _Name, lives: str, own: _Registered) -> int:
    name = 16 if called.is_plain and called.bare == own.bare else 12
    address = 1 if not lives else 2 if lives == own.address else 0
    return name + 2 * (called.form == own.form) + address
