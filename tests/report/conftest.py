"""The invented lake and its pages, made once for each file of tests."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from jobs.lake import Lake
from tests.report import invented


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    return invented.make_lake(tmp_path_factory.mktemp("lake"))


@pytest.fixture(scope="module")
def pages(lake: Lake) -> Path:
    return invented.write_pages(lake)


@pytest.fixture
def own_lake(lake: Lake, pages: Path, tmp_path: Path) -> Lake:
    """A copy with its pages, for a test that changes it."""
    return Lake(str(shutil.copytree(lake.root, tmp_path / "own")), invented.CITY)
