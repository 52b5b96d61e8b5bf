"""The shipped nights of New York under a real Airflow: from the files as published to a release a night, by themselves."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from jobs.cities import PROJECT, load_contracts, load_gold
from tests.airflow.client import Airflow, until
from tests.figures.compare import assert_all_figures_equal

pytestmark = [pytest.mark.slow, pytest.mark.spark]
CITY = "new_york"
NIGHTS = ("2024-09-16", "2025-02-12")
SOURCES = sorted({c.source for c in load_contracts(CITY).values()})


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Airflow]:
    inbox = Path(PROJECT, "tests", "data", CITY)
    made = Airflow(tmp_path_factory.mktemp("airflow"), PROJECT, city=CITY, LAKE_INBOX=str(inbox))
    try:
        made.local("start")
        made.sign_in()
        made.unpause(*SOURCES, "gold")
        yield made
    finally:
        made.local("stop")


def test_two_nights_are_published_with_every_figure_right(airflow: Airflow) -> None:
    for night in NIGHTS:
        runs = {dag: airflow.trigger(dag, night) for dag in SOURCES}
        assert {dag: airflow.end(dag, run, 1200) for dag, run in runs.items()} == dict.fromkeys(SOURCES, "success")
        until(lambda night=night: is_published(airflow, night), f"gold of {night}", 900)
    assert [r["state"] for night in NIGHTS for r in airflow.runs("gold", night) if r["state"] != "success"] == []
    for table in load_gold(CITY):
        assert_all_figures_equal(airflow.world.lake, table)


def is_published(airflow: Airflow, night: str) -> bool:
    """Whether gold of a night has run and nothing is left to publish; a past night has a run after each department."""
    states = [r["state"] for r in airflow.runs("gold", night)]
    if not states or not set(states) <= {"success", "failed"}:
        return False
    return not json.loads(airflow.lake("plan", "--json")[1])["release_owed"]
