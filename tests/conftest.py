"""Fixtures that every test may use: one warm Spark session, and a little city of four datasets, one a mode."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

os.environ.setdefault("LAKE_SPARK_TEST", "1")
os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")


@pytest.fixture(scope="session")
def spark() -> Iterator[object]:
    from jobs.session import open_session

    session = open_session("tests")
    yield session
    session.stop()


@pytest.fixture(scope="session")
def little_conf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.little import write_conf

    return write_conf(tmp_path_factory.mktemp("little"))


@pytest.fixture
def state_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Locks of a test stay in its own folder."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state"


@pytest.fixture
def person_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A key for persons, for nobody."""
    from tests.little import write_person_key

    key = write_person_key(tmp_path)
    monkeypatch.setenv("LAKE_PERSON_KEY_FILE", str(key))
    return key


@pytest.fixture
def world(
    tmp_path: Path, little_conf: Path, state_home: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> object:
    """A lake of the little city; its Spark session is the shared one, asked for when a stage needs it."""
    from tests.little import World

    monkeypatch.setenv("LAKE_CONF", str(little_conf))
    return World(tmp_path, lambda: request.getfixturevalue("spark"))


@pytest.fixture(scope="session")
def new_york(spark: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[object]:
    """Both shipped nights of New York, run once for every test that reads them; tests must not change this lake."""
    from jobs.cities import PROJECT
    from tests.little import World

    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("new_york")
        patch.setenv("XDG_STATE_HOME", str(folder / "state"))
        patch.delenv("LAKE_CONF", raising=False)
        world = World(folder, lambda: spark, "new_york")
        world.inbox = PROJECT / "tests" / "data" / "new_york"
        night = world.run(now="2026-01-01T12:00:00Z", release=True)
        assert night.problems == []
        yield world
