"""Names and addresses of enterprises as offices write them, made comparable. Expressions of Spark only.

Offices write one enterprise in many ways: full-width digits and brackets or half-width ones, blanks, 有限公司 for
有限责任公司, the city left out, 原 (formerly) before it, a branch (分公司) behind it.
"""

from __future__ import annotations

from pyspark.sql import Column
from pyspark.sql import functions as F

from jobs.marts.optics_valley import CITY_NAME, DIVISIONS

_WIDE = "".join(map(chr, range(0xFF01, 0xFF5F)))  # what NFKC writes as ASCII
_NARROW = "".join(map(chr, range(0x21, 0x7F)))
_BLANKS_AND_BRACKETS = r"[\s\p{Z}\p{Ps}\p{Pe}]"
# Words of the register's four legal forms, longest first; the company in 分公司 is a branch, and stays.
_FORM_WORDS = (
    r"有限责任公司|股份有限公司|有限公司|股份公司|厂?个人独资(企业)?|(特殊普通|普通|有限)?合伙(企业)?|(?<!分)公司|厂$"
)
_FORMS = {"个人独资": "个人独资企业", "合伙": "合伙企业", "股份": "股份有限公司", "有限": "有限责任公司"}
_DISTRICTS = "|".join(d.name.removesuffix("区") for d in DIVISIONS)


def written(text: Column) -> Column:
    """Give a text in half-width capitals, without blanks and brackets.

    | text                  |     | written           |
    |-----------------------|     |-------------------|
    | 光谷云岭７ 商贸厂（个人独资） | ->  | 光谷云岭7商贸厂个人独资 |
    """
    return F.regexp_replace(F.upper(F.translate(text, _WIDE, _NARROW)), _BLANKS_AND_BRACKETS, "")


def without_form(name: Column) -> Column:
    """Give a written name without the words of its legal form: 光谷云岭7商贸."""
    return F.regexp_replace(name, _FORM_WORDS, "")


def trade_name(name: Column) -> Column:
    """Give a written name without legal form, city, 原 before and branch behind: 云岭7商贸. Null where nothing is left."""
    bare = F.regexp_replace(without_form(name), rf"^原?({CITY_NAME}市?)?", "")
    return F.nullif(F.regexp_replace(bare, rf"({_DISTRICTS})?区?分公司$", ""), F.lit(""))


def legal_form(name: Column) -> Column:
    """Give the legal form that a written name tells, in the words of the register; null where it tells none."""
    found = F.lit(None).cast("string")
    for word, form in reversed(_FORMS.items()):
        found = F.when(F.contains(name, F.lit(word)), form).otherwise(found)
    return found
