"""Days, workdays and departments."""

from __future__ import annotations

from datetime import date, timedelta

from jobs.synthetic.answers.facts import Answer, Facts

DEPARTMENTS = {
    "tax": "税务局", "market": "市场监督管理局", "employment": "人力资源和社会保障局", "land": "自然资源和规划局", "traffic": "公安交通管理局",
    "services": "政务服务管理局", "education": "教育局", "health": "卫生健康委员会", "grid": "网格化管理中心",
}  # fmt: skip
DATASETS = {
    "tax": 1,
    "market": 1,
    "employment": 1,
    "land": 1,
    "traffic": 3,
    "services": 2,
    "education": 1,
    "health": 1,
    "grid": 1,
}
_HOLIDAYS = (("元旦", 1, 1, 3), ("春节", 2, 15, 21), ("清明节", 4, 4, 6), ("劳动节", 5, 1, 5), ("国庆节", 10, 1, 7))


def holiday_of(day: date) -> str | None:
    return next((name for name, m, low, high in _HOLIDAYS if day.month == m and low <= day.day <= high), None)


def is_workday(day: date) -> bool:
    return day.weekday() < 5 and holiday_of(day) is None


def workdays(first: str, last: str) -> int:
    """Workdays after the first day, up to and with the last."""
    day, end = date.fromisoformat(first), date.fromisoformat(last)
    return sum(is_workday(day + timedelta(days=n)) for n in range(1, (end - day).days + 1))


def dim_department(_: Facts) -> list[Answer]:
    return [{"department_code": c, "department_name": n, "datasets": str(DATASETS[c])} for c, n in DEPARTMENTS.items()]


def dim_calendar_wd(facts: Facts) -> list[Answer]:
    rows: list[Answer] = []
    for year in range(facts.first.year - 1, facts.last.year + 1):
        count, day = 0, date(year, 1, 1)
        while day.year == year:
            count += is_workday(day)
            rows.append({"calendar_date": day.isoformat(), "is_workday": is_workday(day), "holiday_name": holiday_of(day), "workday_no": str(count)})  # fmt: skip
            day += timedelta(days=1)
    return rows
