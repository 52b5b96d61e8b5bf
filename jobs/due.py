"""When a dataset is due, from its contract's schedule."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from croniter import croniter

from jobs.cities import City
from jobs.contracts import Contract
from jobs.errors import LakeError


def parse_date(text: str, city: City, now: datetime) -> date:
    """A business date that exists and is not in the future of the city (E005)."""
    if not is_date(text):
        raise LakeError("E005", expected="YYYY-MM-DD", actual=repr(text)[:40])
    day, today = date.fromisoformat(text), today_in(city, now)
    if day > today:
        raise LakeError("E005", business_date=text, expected=f"at most {today} in {city.timezone}", actual=text)
    return day


def is_date(text: str) -> bool:
    """Whether a text is a day of the calendar, written YYYY-MM-DD."""
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def today_in(city: City, now: datetime) -> date:
    """The date that a city has; what is after it is in the future."""
    return now.astimezone(ZoneInfo(city.timezone)).date()


def due_at(contract: Contract, night: date, city: City) -> datetime:
    """The first instant of the schedule after the end of the business date, in the city's zone, plus latency; in UTC."""
    return (
        _next_instant(contract.due.schedule, night, city.timezone) + timedelta(hours=contract.due.latency_hours)
    ).astimezone(UTC)


def is_due(contract: Contract, night: date, city: City) -> bool:
    """Whether the schedule has an instant in the 24 hours after the end of the business date."""
    end = _end_of(night, city.timezone)
    return _next_instant(contract.due.schedule, night, city.timezone) <= end + timedelta(hours=24)


def _end_of(night: date, timezone: str) -> datetime:
    return datetime.combine(night + timedelta(days=1), time(), ZoneInfo(timezone))


@lru_cache(maxsize=10_000)
def _next_instant(schedule: str, night: date, timezone: str) -> datetime:
    found: datetime = croniter(schedule, _end_of(night, timezone) - timedelta(seconds=1)).get_next(datetime)
    return found


def published_at(city: City, business_date: str) -> datetime:
    """When a night's figures are published: the city's hour on the day after."""
    hour, minute = (int(x) for x in city.publication.split(":"))
    day = datetime.fromisoformat(business_date).replace(tzinfo=ZoneInfo(city.timezone))
    return (day + timedelta(days=1)).replace(hour=hour, minute=minute)
