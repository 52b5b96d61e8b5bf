"""DAG files, read as the DAG processor reads them: no scheduler, no database."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from openlineage.client.uuid import generate_static_uuid

from jobs.cities import load_contracts
from jobs.lake import Lake
from tests.open_lineage import read_events

pytestmark = [pytest.mark.programs, pytest.mark.skipif(find_spec("airflow") is None, reason="Airflow is not there")]
PROJECT = Path(__file__).resolve().parents[2]


def read_dags(home: Path, **environment: str) -> dict[str, Any]:
    """What `facts.py` prints. The database it could reach does not exist."""
    own = {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "sqlite:////nowhere/airflow.db",
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "ERROR",
    }
    done = subprocess.run(
        [sys.executable, "-m", "tests.dags.facts"],
        cwd=PROJECT,
        env=os.environ | own | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return read_dags(tmp_path_factory.mktemp("airflow"))


@pytest.fixture(scope="module")
def dags(found: dict[str, Any]) -> dict[str, Any]:
    assert found["errors"] == {}
    own: dict[str, Any] = found["dags"]
    return own


def tasks(dags: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [(d, t, task) for d, dag in dags.items() for t, task in dag["tasks"].items()]


def test_a_scheduler_reads_the_files_without_loading_what_only_the_jobs_need(found: dict[str, Any]) -> None:
    assert found["heavy"] == []


def test_there_is_a_dag_a_department_and_the_same_tasks_a_dataset(dags: dict[str, Any]) -> None:
    for contract in load_contracts("new_york").values():
        stages = [t for t in dags[contract.source]["tasks"] if t.startswith(f"{contract.name}.")]
        assert stages == [f"{contract.name}.{stage}" for stage in ("extract", "bronze", "silver", "held")]


def test_a_dataset_goes_from_extract_to_bronze_to_silver(dags: dict[str, Any]) -> None:
    crashes = dags["traffic"]["tasks"]
    assert crashes["crashes.bronze"]["upstream"] == ["crashes.extract"]
    assert crashes["crashes.silver"]["upstream"] == ["crashes.bronze", "crashes.extract"]


def test_a_waiting_extract_holds_no_worker(dags: dict[str, Any]) -> None:
    assert all(task["reschedule"] for _, name, task in tasks(dags) if name.endswith(".extract"))


def test_one_task_at_a_time_writes_with_spark(dags: dict[str, Any]) -> None:
    wanted = ("bronze", "silver", "gold", "release", "checkpoint", "maintain")
    writers = [task for _, name, task in tasks(dags) if name.split(".")[-1] in wanted]
    assert {task["pool"] for task in writers} == {"lake"}


def test_upkeep_looks_for_damage_while_nothing_else_writes(dags: dict[str, Any]) -> None:
    """Only files are removed after the audit tables were sealed; that damage was found stops nothing else, and is a failure by itself."""
    upkeep = dags["maintenance"]["tasks"]
    assert {name: (task["pool"], task["upstream"]) for name, task in upkeep.items()} == {
        "checkpoint": ("lake", []),
        "maintain": ("lake", ["checkpoint"]),
        "fsck": ("lake", []),
    }


def test_a_crash_is_tried_again(dags: dict[str, Any]) -> None:
    assert [name for _, name, task in tasks(dags) if task["retries"] < 1] == [
        "question.decide"
    ]  # a person is asked once


def test_each_silver_asset_comes_from_one_task(dags: dict[str, Any]) -> None:
    outlets = Counter(o for _, _, task in tasks(dags) for o in task["outlets"] if o.startswith("silver."))
    assert set(outlets) == {f"silver.{dataset}" for dataset in load_contracts("new_york")}
    assert set(outlets.values()) == {1}


def test_gold_waits_for_every_dataset_of_the_city_or_for_the_gate(dags: dict[str, Any]) -> None:
    silver = {f"silver.{dataset}" for dataset in load_contracts("new_york")}
    assert set(dags["gold"]["waits_for"]) == silver | {"gate"}
    assert dags["gold"]["max_active_runs"] == 1


def test_a_night_with_a_failed_task_has_failed(dags: dict[str, Any]) -> None:
    """Whatever runs after a failure: the last task of each night does not."""
    for name in ("traffic", "gold"):
        assert dags[name]["tasks"]["complete"]["trigger_rule"] == "none_failed"
        ends = [t for t in dags[name]["tasks"] if not any(t in x["upstream"] for x in dags[name]["tasks"].values())]
        assert [t for t in ends if not t.endswith("held")] == ["complete"]


def test_what_is_held_asks_for_a_decision_and_blocks_no_night(dags: dict[str, Any]) -> None:
    assert dags["approvals"]["waits_for"] == ["held"]
    assert dags["traffic"]["tasks"]["crashes.held"]["upstream"] == ["crashes.bronze", "crashes.silver"]
    assert dags["traffic"]["tasks"]["crashes.held"]["trigger_rule"] == "one_failed"
    assert not any("held" in t for t in dags["traffic"]["tasks"]["complete"]["upstream"])


def test_a_held_gold_table_keeps_no_other_from_being_released(dags: dict[str, Any]) -> None:
    assert dags["gold"]["tasks"]["release"]["trigger_rule"] == "all_done"


def test_a_late_delivery_publishes_its_night_again_after_it_is_in_silver(dags: dict[str, Any]) -> None:
    upstream = dags["traffic"]["tasks"]["reopen_gold"]["upstream"]
    assert {"crashes.silver", "link_speed.silver", "volume.silver"} <= set(upstream)


def test_a_broken_dataset_does_not_keep_a_late_delivery_from_gold(dags: dict[str, Any]) -> None:
    assert dags["traffic"]["tasks"]["reopen_gold"]["trigger_rule"] == "all_done"


def test_audit_tables_are_sealed_before_upkeep_touches_them(dags: dict[str, Any]) -> None:
    assert dags["maintenance"]["tasks"]["maintain"]["upstream"] == ["checkpoint"]
    assert dags["maintenance"]["tasks"]["maintain"]["trigger_rule"] == "all_success"


def test_a_task_of_a_dataset_leads_to_its_report_page(dags: dict[str, Any]) -> None:
    linked = {f"{d}.{t}" for d, t, task in tasks(dags) if task["links"] == ["Report"]}
    steps = {f"{name}.{step}" for name in load_contracts("new_york") for step in ("extract", "bronze", "silver")}
    assert linked == steps | {"gold.report"}


def test_every_dag_says_whose_it_is_and_what_to_do_at_night(dags: dict[str, Any]) -> None:
    for name, dag in dags.items():
        assert dag["tags"] and dag["doc"], name
        assert all(task["owner"] not in ("", "airflow") for task in dag["tasks"].values()), name
    assert all("Triage at two in the morning" in dags[d]["doc"] for d in dags if d != "gold_cutoff")


def test_every_dag_can_be_stored_by_the_scheduler(dags: dict[str, Any]) -> None:
    assert all(dag["serialized"] for dag in dags.values())


def test_seventy_departments_need_no_new_file_and_little_time(tmp_path: Path) -> None:
    contract = (PROJECT / "conf/cities/new_york/land/sales.odcs.yaml").read_text("utf-8")
    for n in range(70):
        path = tmp_path / f"conf/cities/new_york/dept{n:02}/register.odcs.yaml"
        path.parent.mkdir(parents=True)
        path.write_text(contract.replace("land", f"dept{n:02}").replace("sales", "register"), "utf-8")
    found = read_dags(tmp_path, LAKE_CONF=str(tmp_path))
    assert found["errors"] == {}
    assert {f"dept{n:02}" for n in range(70)} <= set(found["dags"])
    assert len(found["dags"]["gold"]["waits_for"]) == len(load_contracts("new_york")) + 71


def test_a_question_that_fails_says_the_lakes_own_code(tmp_path: Path) -> None:
    """A task that asks for JSON fails as one that types a command does, also where nothing was printed."""
    code = """
from unittest.mock import patch, MagicMock
from dags import typed
from datetime import UTC, datetime
run = MagicMock(logical_date=None, run_after=datetime(2025, 2, 13, tzinfo=UTC), clear_number=0)
context = {"dag": MagicMock(dag_id="late"), "run_id": "r", "dag_run": run, "ti": MagicMock(task_id="t", try_number=1, map_index=-1)}
with patch.object(typed, "get_current_context", lambda: context):
    try:
        typed.ask("status", "--dataset", "no.such")
    except typed.CannotHelp as error:
        print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT, env={**os.environ, "AIRFLOW_HOME": str(tmp_path), "LAKE_ROOT": str(tmp_path / "lake")},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "lake status ended with exit code 2: E004" in done.stdout, done.stderr[-1500:]
    assert "next" in done.stdout


def test_a_tasks_lineage_names_the_task_and_its_run_as_parents(tmp_path: Path) -> None:
    """With the ids that Airflow's OpenLineage provider gives them: a UUID of the run's time, DAG, task, try and map index."""
    code = """
from datetime import UTC, datetime
from unittest.mock import patch, MagicMock
from dags import typed
run = MagicMock(logical_date=None, run_after=datetime(2025, 2, 13, 6, tzinfo=UTC), clear_number=0)
ti = MagicMock(task_id="link_speed.extract", try_number=2, map_index=-1)
context = {"dag": MagicMock(dag_id="traffic"), "run_id": "r", "dag_run": run, "ti": ti}
with patch.object(typed, "get_current_context", lambda: context):
    typed.ask("extract", "--date", "2025-02-12", "--dataset", "traffic.link_speed")
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT, env={**os.environ, "AIRFLOW_HOME": str(tmp_path), "LAKE_ROOT": str(tmp_path / "lake"), "OPENLINEAGE_NAMESPACE": "city"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    events = read_events(Lake(str(tmp_path / "lake"), "new_york"))
    assert [e["job"]["name"] for e in events] == ["landing.traffic_link_speed"] * 2, done.stderr[-1500:]
    parent = events[0]["run"]["facets"]["parent"]
    when = datetime(2025, 2, 13, 6, tzinfo=UTC)
    task, root = (
        generate_static_uuid(when, data) for data in (b"city.traffic.link_speed.extract.2.-1", b"city.traffic.0")
    )
    assert parent["job"] == {"namespace": "city", "name": "traffic.link_speed.extract", "facets": {}}
    assert (parent["run"]["runId"], parent["root"]["run"]["runId"]) == (str(task), str(root))
    assert parent["root"]["job"]["name"] == "traffic"


def test_what_is_no_business_date_reaches_no_command(tmp_path: Path) -> None:
    """A partition key is a day or nothing; a run's `conf` is read by no task."""
    code = """
from unittest.mock import patch, MagicMock
from dags import typed
for key in (None, "", "2025-01-32", "2025-01-01; touch seen", "$(touch seen)", "{{ 7 * 7 }}", "' OR 1=1 --", "20250101"):
    context = {"dag_run": MagicMock(partition_key=key)}
    with patch.object(typed, "get_current_context", lambda: context):
        try:
            print("reached", typed.partition_key())
        except typed.CannotHelp:
            print("refused")
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT, env={**os.environ, "AIRFLOW_HOME": str(tmp_path)}, capture_output=True, text=True, check=False
    )  # fmt: skip
    assert done.stdout.split() == ["refused"] * 8, done.stderr[-1500:]
    assert [p.name for p in (PROJECT / "dags").glob("*.py") if ".conf" in p.read_text()] == []
