"""What makes a mart's rows decides whether it is built again."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from jobs import gold
from jobs.cities import load_gold
from jobs.marts import exact, nights
from jobs.suites import load_suite


@pytest.mark.parametrize("changed", [exact, nights])
def test_a_change_in_a_module_that_a_mart_imports_is_another_input(
    changed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    contract = load_gold("optics_valley")["enterprise_360"]
    mart = gold.find_mart(contract, load_suite(contract))
    before = gold.mart_fingerprint(mart, [], "")
    assert gold.mart_fingerprint(mart, [], "") == before
    read = inspect.getsource
    monkeypatch.setattr(inspect, "getsource", lambda thing: read(thing) + "# changed" * (thing is changed))
    assert gold.mart_fingerprint(mart, [], "") != before
