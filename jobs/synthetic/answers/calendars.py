"""Days, workdays and departments."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta

from jobs.synthetic.answers.facts import Answer, Facts
from jobs.synthetic.calendars import holiday_of, is_workday
from jobs.synthetic.folded import KEYS, READINGS

DEPARTMENTS = {
    "tax": "税务局", "market": "市场监督管理局", "employment": "人力资源和社会保障局", "land": "自然资源和规划局", "traffic": "公安交通管理局",
    "services": "政务服务管理局", "education": "教育局", "health": "卫生健康委员会", "grid": "网格化管理中心",
}  # fmt: skip


def workdays(first: str, last: str) -> int:
    """Workdays after the first day, up to and with the last."""
    day, end = date.fromisoformat(first), date.fromisoformat(last)
    return sum(is_workday(day + timedelta(days=n)) for n in range(1, (end - day).days + 1))


def dim_department(_: Facts) -> Iterator[Answer]:
    datasets = Counter(name.split(".")[0] for name in (*KEYS, READINGS))
    for code, name in DEPARTMENTS.items():
        yield {"department_code": code, "department_name": name, "datasets": str(datasets[code])}


def dim_calendar_wd(facts: Facts) -> Iterator[Answer]:
    for year in range(facts.first.year - 1, facts.last.year + 1):
        count, day = 0, date(year, 1, 1)
        while day.year == year:
            count += is_workday(day)
            yield {"calendar_date": day.isoformat(), "is_workday": is_workday(day), "holiday_name": holiday_of(day), "workday_no": str(count)}  # fmt: skip
            day += timedelta(days=1)
