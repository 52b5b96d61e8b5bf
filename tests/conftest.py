"""Fixtures that every test may use: one warm Spark session, and a little city of four datasets, one a mode."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("fast", settings.get_profile("ci"), max_examples=20)  # instead of 100: make test-fast
os.environ.setdefault("LAKE_SPARK_TEST", "1")
os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave a file of which `-m "not ... and not ..."` leaves out every test, without importing it."""
    wanted = str(config.option.markexpr)
    if not wanted or " or " in wanted or not collection_path.name.startswith("test_"):
        return None
    marks = re.search(r"^pytestmark = (.*)$", collection_path.read_text("utf-8"), re.M)
    return bool(marks and {*re.findall(r"not (\w+)", wanted)} & {*re.findall(r"mark\.(\w+)", marks[1])}) or None


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


@pytest.fixture(scope="module")
def shared_world(
    tmp_path_factory: pytest.TempPathFactory, little_conf: Path, request: pytest.FixtureRequest
) -> Iterator[object]:
    """A lake of the little city for a file of tests: one fixture fills it, and each test has a copy (`World.take`)."""
    from tests.little import World

    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("shared")
        patch.setenv("XDG_STATE_HOME", str(folder / "state"))
        patch.setenv("LAKE_CONF", str(little_conf))
        yield World(folder, lambda: request.getfixturevalue("spark"))


@contextmanager
def once_for_all_workers(base: Path, name: str) -> Iterator[Path]:
    """A folder of this run of the tests, which the worker that comes first makes while the others wait."""
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    with (shared / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield shared / f"{name}-made"


@pytest.fixture(scope="session")
def new_york(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[object]:
    """Both shipped nights of New York, run once for every test that reads them; tests must not change this lake."""
    from jobs.cities import PROJECT
    from tests.little import World

    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("new_york")
        patch.setenv("XDG_STATE_HOME", str(folder / "state"))
        patch.delenv("LAKE_CONF", raising=False)
        world = World(folder, lambda: request.getfixturevalue("spark"), "new_york")
        world.inbox = PROJECT / "tests" / "data" / "new_york"
        with once_for_all_workers(tmp_path_factory.getbasetemp(), "new_york") as made:
            if made.exists():
                shutil.copytree(made, world.lake.root, dirs_exist_ok=True)
            else:
                night = world.run(now="2026-01-01T12:00:00Z", release=True)
                assert night.problems == []
                shutil.copytree(world.lake.root, made)
        yield world
