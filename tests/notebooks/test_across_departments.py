"""Notebooks are run by the tests and committed without outputs."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from jobs.cities import PROJECT
from tests.little import World

NOTEBOOKS = sorted((PROJECT / "notebooks").rglob("*.ipynb"))


def outputs_of(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [output for cell in notebook.cells for output in cell.get("outputs", [])]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_a_notebook_is_committed_without_outputs(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    assert outputs_of(notebook) == []
    assert [c.execution_count for c in notebook.cells if c.get("execution_count")] == []


@pytest.mark.spark
def test_the_question_across_departments_is_answered_and_drawn(
    new_york: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAKE_ROOT", new_york.lake.root)
    monkeypatch.setenv("LAKE_SPARK_TEST", "1")
    monkeypatch.delenv("LAKE_CONF", raising=False)
    notebook = nbformat.read(PROJECT / "notebooks" / "across_departments.ipynb", as_version=4)
    resources = {"metadata": {"path": str(PROJECT)}}
    NotebookClient(notebook, timeout=300, kernel_name="python3", resources=resources).execute()
    shown = [output.get("data", {}) for output in outputs_of(notebook)]
    drawn = [data["image/svg+xml"] for data in shown if "image/svg+xml" in data]
    assert len(drawn) == 1
    assert [b for b in ("Manhattan", "Bronx", "Brooklyn", "Queens", "Staten Island") if b not in drawn[0]] == []
