"""Two generated nights, every department as a real server, and a lake that fetches from them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
import tenacity
from tenacity import wait_none

from jobs.cities import load_contracts
from jobs.extract import place
from jobs.synthetic.nights import write_nights
from jobs.synthetic.world import World as City
from tests.commands import typed_at
from tests.little import World, no_session

CITY = "optics_valley"
Lake = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="session")
def city_inbox(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("city")
    write_nights(City(7, Decimal("0.02"), date(2026, 1, 1), 2), "all", folder, lambda: None)
    return folder / "inbox"


@pytest.fixture(scope="session")
def served(city_inbox: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The variables of all suppliers."""
    from jobs.suppliers.up import serve_all

    with serve_all(load_contracts(CITY), city_inbox, tmp_path_factory.mktemp("suppliers")) as variables:
        yield variables


@pytest.fixture
def suppliers(served: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The suppliers are up, and this process knows the way to each."""
    for name, value in served.items():
        monkeypatch.setenv(name, value)
    return served


@pytest.fixture
def valley(tmp_path: Path, state_home: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.delenv("LAKE_CONF", raising=False)
    return World(tmp_path, no_session, CITY)


@pytest.fixture
def lake(valley: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Lake:
    """Type `lake ARGUMENTS --city optics_valley`."""
    call = typed_at(valley, monkeypatch, capsys)
    return lambda *words: call(*words, "--city", CITY)


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """No test waits; the pauses that would have been are kept."""
    kept: list[float] = []
    monkeypatch.setattr(place, "PAUSE", wait_none())
    monkeypatch.setattr(place, "Retrying", lambda **policy: tenacity.Retrying(**policy, sleep=kept.append))
    return kept
