"""What every DAG of the city has: when it may begin, how often a crash is tried again, who is told."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from dags.typed import city_name, tell_failure
from jobs.cities import load_city

CITY = load_city(city_name())
TASKS: dict[str, Any] = {
    "owner": "data_bureau",
    "retries": 3,
    "retry_delay": timedelta(minutes=2),
    "retry_exponential_backoff": True,
    "max_retry_delay": timedelta(minutes=30),
    "on_failure_callback": tell_failure,
}
DEFAULTS: dict[str, Any] = {
    "start_date": datetime(2024, 1, 1, tzinfo=ZoneInfo(CITY.timezone)),
    "catchup": False,
    "default_args": TASKS,
}
