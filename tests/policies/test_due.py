"""Business dates and due times, in the city's zone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from jobs.cities import City, load_contracts
from jobs.contracts import Contract, Due
from jobs.due import due_at, is_due, parse_date
from jobs.errors import LakeError
from tests.little import CITY

NEW_YORK = City(name="new_york", title="New York", timezone="America/New_York", gold=())
SHANGHAI = City(name="shanghai", title="Shanghai", timezone="Asia/Shanghai", gold=())


@pytest.fixture
def contract(little_conf: Path, monkeypatch: pytest.MonkeyPatch) -> Contract:
    monkeypatch.setenv("LAKE_CONF", str(little_conf))
    return load_contracts(CITY)["reg.things"]


def every(contract: Contract, schedule: str, latency: int = 4) -> Contract:
    return replace(contract, due=Due(schedule, latency, 5))


@pytest.mark.parametrize(
    ("city", "schedule", "night", "due"),
    [
        (SHANGHAI, "0 2 * * *", date(2025, 2, 12), "2025-02-12T22:00"),  # 02:00 on the 13th in Shanghai, and four hours
        (NEW_YORK, "0 2 * * *", date(2025, 2, 12), "2025-02-13T11:00"),
        (NEW_YORK, "0 0 * * *", date(2025, 2, 12), "2025-02-13T09:00"),  # midnight itself is after the end of the date
        (NEW_YORK, "0 6 * * *", date(2024, 7, 4), "2024-07-05T14:00"),  # summer time
        (NEW_YORK, "0 6 * * *", date(2025, 3, 8), "2025-03-09T14:00"),  # clocks went forward in that night
        (NEW_YORK, "0 6 * * *", date(2024, 11, 2), "2024-11-03T15:00"),  # and back in this one
        (NEW_YORK, "0 6 1 * *", date(2025, 2, 12), "2025-03-01T15:00"),
    ],
)  # fmt: skip
def test_a_night_is_due_at_the_first_instant_after_its_end_plus_latency(
    contract: Contract, city: City, schedule: str, night: date, due: str
) -> None:
    assert due_at(every(contract, schedule), night, city).strftime("%Y-%m-%dT%H:%M") == due


@pytest.mark.parametrize(
    ("schedule", "night", "expected"),
    [("0 2 * * *", date(2025, 2, 12), True), ("0 2 1 * *", date(2025, 2, 12), False), ("0 2 1 * *", date(2025, 2, 28), True), ("0 2 * * 6", date(2025, 2, 14), True), ("0 2 * * 6", date(2025, 2, 13), False)],
)  # fmt: skip
def test_a_night_is_due_when_its_schedule_has_an_instant_in_the_day_after(
    contract: Contract, schedule: str, night: date, expected: bool
) -> None:
    assert is_due(every(contract, schedule), night, NEW_YORK) is expected


def test_the_city_says_which_day_it_is() -> None:
    now = datetime(2025, 2, 12, 16, 10, tzinfo=UTC)  # ten past midnight of the 13th in Shanghai
    assert parse_date("2025-02-13", SHANGHAI, now) == date(2025, 2, 13)
    with pytest.raises(LakeError, match="E005"):
        parse_date("2025-02-13", NEW_YORK, now)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "None",
        "2024-13-01",
        "2025-02-29",
        "20250212",
        "2025-2-1",
        "2025-02-12T00:00",
        "２０２５-02-12",
        " 2025-02-12",
    ],
)
def test_what_is_no_date_is_refused(text: str) -> None:
    with pytest.raises(LakeError, match="E005"):
        parse_date(text, SHANGHAI, datetime(2026, 1, 1, tzinfo=UTC))
