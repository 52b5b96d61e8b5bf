"""Rows that wait for their parent are named until it comes; nothing of them is set aside."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from jobs.cities import load_contracts
from jobs.lake import Lake
from jobs.pending import SHOWN, Pending, find_pending

CITY = "optics_valley"
STEPS, APPROVALS = "services.step", "services.approval"


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(str(tmp_path), CITY)


def write(lake: Lake, dataset: str, column: str, values: list[str | None], current: list[bool] | None = None) -> None:
    """A silver table of which one column has values, with history where `current` says which rows hold."""
    nothing = {c.name: pa.nulls(len(values), pa.string()) for c in load_contracts(CITY)[dataset].columns}
    rows = nothing | {column: pa.array(values, pa.string()), **({"is_current": current} if current else {})}
    write_deltalake(lake.table("silver", dataset.replace(".", "_")), pa.table(rows), mode="overwrite")


def waiting(lake: Lake, *datasets: str) -> list[Pending]:
    known = load_contracts(CITY)
    return [p for p in find_pending(lake, known) if p.column.rpartition(".")[0] in datasets]


def test_a_step_waits_for_its_case_until_that_comes(lake: Lake) -> None:
    write(lake, STEPS, "case_id", ["C1", "C1", "C2", "C3"])
    write(lake, APPROVALS, "case_id", ["C2"], [True])
    assert waiting(lake, STEPS) == [Pending("services.step.case_id", "services.approval.case_id", 3, 2, ("C1", "C3"))]
    write(lake, APPROVALS, "case_id", ["C1", "C2", "C3"], [True] * 3)
    assert waiting(lake, STEPS) == []


def test_a_case_that_has_ended_is_no_parent(lake: Lake) -> None:
    write(lake, STEPS, "case_id", ["C1"])
    write(lake, APPROVALS, "case_id", ["C1", "C2"], [False, True])
    assert [(p.rows, p.first) for p in waiting(lake, STEPS)] == [(1, ("C1",))]


def test_a_row_that_has_ended_and_one_that_names_nothing_do_not_wait(lake: Lake) -> None:
    write(lake, "land.parcel", "holder_uscc", ["A", None, "B"], [False, True, True])
    write(lake, "market.enterprise", "uscc", ["B"], [True])
    assert waiting(lake, "land.parcel") == []


def test_nothing_waits_for_a_department_that_never_delivered(lake: Lake) -> None:
    write(lake, STEPS, "case_id", ["C1"])
    assert waiting(lake, STEPS) == []


def test_of_many_keys_the_first_are_named(lake: Lake) -> None:
    write(lake, STEPS, "case_id", [f"C{n:03}" for n in range(50)])
    write(lake, APPROVALS, "case_id", ["X"], [True])
    (found,) = waiting(lake, STEPS)
    assert (found.rows, found.keys, len(found.first), found.first[-1]) == (50, 50, SHOWN, "C019")


def test_a_table_that_is_older_than_the_column_stops_no_release(lake: Lake) -> None:
    write_deltalake(lake.table("silver", "services_step"), pa.table({"step_no": [1]}))
    write(lake, APPROVALS, "case_id", ["C1"], [True])
    assert waiting(lake, STEPS) == []
