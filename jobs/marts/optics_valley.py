"""What is fixed in Optics Valley: its districts, its departments and its holidays. The city is invented.

`conf/cities/optics_valley/city.yaml` lists the same districts for people and reports; a test holds the two together.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce

from pyspark.sql import Column
from pyspark.sql import functions as F


@dataclass(frozen=True)
class Division:
    """A district of the city."""

    code: str
    name: str


@dataclass(frozen=True)
class Department:
    """A department that delivers; its code is that of the source."""

    code: str
    name: str


@dataclass(frozen=True)
class Holiday:
    """Days of one month, both ends included, that are free in every year."""

    name: str
    month: int
    first_day: int
    last_day: int


CITY_NAME = "光谷"
DIVISIONS = (
    Division("099901", "云岭区"),
    Division("099902", "锦川区"),
    Division("099903", "望湖区"),
    Division("099904", "松原区"),
    Division("099905", "明台区"),
    Division("099906", "青溪区"),
)
DEPARTMENTS = (
    Department("tax", "税务局"),
    Department("market", "市场监督管理局"),
    Department("employment", "人力资源和社会保障局"),
    Department("land", "自然资源和规划局"),
    Department("traffic", "公安交通管理局"),
    Department("services", "政务服务管理局"),
    Department("education", "教育局"),
    Department("health", "卫生健康委员会"),
    Department("grid", "网格化管理中心"),
)
HOLIDAYS = (
    Holiday("元旦", 1, 1, 3),
    Holiday("春节", 2, 15, 21),
    Holiday("清明节", 4, 4, 6),
    Holiday("劳动节", 5, 1, 5),
    Holiday("国庆节", 10, 1, 7),
)


def division_codes() -> Column:
    """Give the codes of the districts as an array."""
    return F.array(*[F.lit(d.code) for d in DIVISIONS])


def departments() -> Column:
    """Give the departments as an array of structs: department_code, department_name."""
    return F.array(
        *[F.struct(F.lit(d.code).alias("department_code"), F.lit(d.name).alias("department_name")) for d in DEPARTMENTS]
    )


def holiday_name(day: Column) -> Column:
    """Give the name of the holiday that a day belongs to; null for other days."""
    return reduce(
        lambda names, h: F.when(
            (F.month(day) == h.month) & F.dayofmonth(day).between(h.first_day, h.last_day), h.name
        ).otherwise(names),
        HOLIDAYS,
        F.lit(None).cast("string"),
    )
