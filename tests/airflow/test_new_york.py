"""The shipped nights of New York under a real Airflow: from the files as published to a release a night, by themselves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from jobs.cities import PROJECT, load_contracts, load_gold
from tests.airflow.client import QUICK, Airflow
from tests.figures.compare import assert_all_figures_equal

pytestmark = [pytest.mark.slow, pytest.mark.spark]
CITY = "new_york"
NIGHTS = ("2024-09-16", "2025-02-12")
SOURCES = sorted({c.source for c in load_contracts(CITY).values()})


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Airflow]:
    inbox = Path(PROJECT, "tests", "data", CITY)
    made = Airflow(tmp_path_factory.mktemp("airflow"), PROJECT, city=CITY, LAKE_INBOX=str(inbox), **QUICK)
    try:
        made.local("start")
        made.sign_in()
        made.unpause("gold")
        made.unpause_without_tonight(*SOURCES)
        yield made
    finally:
        made.local("stop")


def test_two_nights_are_published_with_every_figure_right(airflow: Airflow) -> None:
    runs = {(dag, night): airflow.trigger(dag, night) for night in NIGHTS for dag in SOURCES}
    assert set(airflow.ends(runs, 1200).values()) == {"success"}
    airflow.publish()
    published = {night: {r["state"] for r in airflow.runs("gold", night)} for night in NIGHTS}
    assert published == {night: {"success"} for night in NIGHTS}
    for table in load_gold(CITY):
        assert_all_figures_equal(airflow.world.lake, table)
