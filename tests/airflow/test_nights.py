"""Nights of a little city under a real Airflow: scheduler, API server, DAG processor, triggerer, and the lake's warm Spark."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import urllib.request
from collections.abc import Iterator
from typing import Any

import psutil
import pytest

from jobs import delta
from tests.airflow.client import Airflow, until
from tests.little import csv_of, write_conf
from tests.servers import addresses_of

pytestmark = [pytest.mark.slow, pytest.mark.spark]
DAGS = ("reg", "tax", "gold", "gold_cutoff", "approvals", "late")
FIRST = "2025-01-01"


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Airflow]:
    """`make airflow` for two departments; the same for every test of this file, which build on each other."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("airflow")
        patch.setenv("XDG_STATE_HOME", str(folder / "state"))
        conf = write_conf(folder / "conf", ["reg.things", "tax.yearly"])
        patch.setenv("LAKE_CONF", str(conf))
        made = Airflow(
            folder, conf,
            AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT="20", AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL="10",
            AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD="10",
            AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL="5",
        )  # fmt: skip
        try:
            made.local("start")
            made.sign_in()
            made.unpause(*DAGS)
            yield made
        finally:
            began = made.processes()
            made.local("stop")
        assert len(began) >= 5
        assert [pid for pid in began if psutil.pid_exists(pid)] == []


def status(airflow: Airflow) -> dict[str, Any]:
    code, out, said = airflow.lake("status", "--json")
    assert code == 0, said
    found: dict[str, Any] = json.loads(out)
    return found


def totals(airflow: Airflow) -> list[tuple[int, int]]:
    return [(r["period"], r["total"]) for r in airflow.world.rows("totals", "gold")]


def test_a_night_goes_from_two_departments_to_a_release_by_itself(airflow: Airflow) -> None:
    airflow.world.deliver("reg.things", FIRST, csv_of([(1, 2013, 10), (2, 2014, 20)]))
    airflow.world.deliver("tax.yearly", FIRST, csv_of([(1, 2013, 10)]))
    runs = {dag: airflow.trigger(dag, FIRST) for dag in ("reg", "tax")}
    assert {dag: airflow.end(dag, run) for dag, run in runs.items()} == {"reg": "success", "tax": "success"}
    assert airflow.follow("gold", FIRST) == "success"
    assert totals(airflow) == [(2013, 10), (2014, 20)]
    found = status(airflow)
    assert found["release"] == 1
    assert [d["run"] for d in found["deliveries"] if (d["dataset"], d["date"]) == ("reg.things", FIRST)] == [
        f"reg/{runs['reg']} try 1"
    ]


@pytest.mark.parametrize(
    "key", ["2025-01-32", "2025-01-01; touch seen", "$(touch seen)", "{{ macros.datetime.now() }}", "' OR 1=1 --"]
)
def test_a_run_of_what_is_no_business_date_is_refused(airflow: Airflow, key: str) -> None:
    with pytest.raises(AssertionError, match=r"dagRuns: 4\d\d "):
        airflow.trigger("reg", key)


def test_a_task_leads_to_the_report_page_of_its_dataset_and_night(airflow: Airflow) -> None:
    run = airflow.runs("reg", FIRST)[0]["dag_run_id"]
    link = airflow.api("GET", f"/dags/reg/dagRuns/{run}/taskInstances/things.silver/links")["extra_links"]["Report"]
    with urllib.request.urlopen(link, timeout=30) as page:
        assert (page.url, "reg.things" in page.read().decode()) == (f"{link}.r1.html", True)


def test_stopping_it_would_not_end_the_shell_in_which_its_settings_are(airflow: Airflow) -> None:
    """`eval "$(python -m dags.local env)"` puts them into a person's shell."""
    with subprocess.Popen(["sleep", "600"], env=airflow.settings()) as shell:
        ours = airflow.processes()
        shell.kill()
    assert len(ours) >= 5
    assert shell.pid not in ours


def test_nothing_of_it_listens_beyond_this_machine(airflow: Airflow) -> None:
    server = json.loads(airflow.lake("server", "status", "--json")[1])["pid"]
    ours = {*airflow.processes(), server}
    listening = addresses_of(p for p in psutil.process_iter() if p.pid in ours)
    assert {address for address, _ in listening} == {"127.0.0.1"}
    assert {airflow.port, airflow.execution, airflow.pages} <= {port for _, port in listening}


def test_a_cleared_night_runs_again_and_writes_no_table(airflow: Airflow) -> None:
    before = {name: v for name, v in airflow.world.versions().items() if not name.startswith("audit")}
    run = airflow.runs("reg", FIRST)[0]["dag_run_id"]
    airflow.command("dags", "clear", "reg", "--partition-key", FIRST, "--yes")
    assert airflow.end("reg", run) == "success"
    assert {name: v for name, v in airflow.world.versions().items() if not name.startswith("audit")} == before


def test_a_correction_is_taken_and_published_once(airflow: Airflow) -> None:
    airflow.world.deliver("reg.things", FIRST, csv_of([(1, 2013, 11), (2, 2014, 20)]), revision=2)
    release = status(airflow)["release"]
    assert airflow.end("late", airflow.trigger("late")) == "success"
    assert (status(airflow)["release"], totals(airflow)) == (release + 1, [(2013, 11), (2014, 20)])
    again = airflow.trigger("late")
    assert airflow.end("late", again) == "success"
    assert airflow.states("late", again)["take"] == "skipped"
    assert status(airflow)["release"] == release + 1


def test_a_broken_department_fails_at_once_and_stops_no_other(airflow: Airflow) -> None:
    night = "2025-01-02"
    airflow.world.deliver("reg.things", night, csv_of([(1, 2013, 12), (2, 2014, 20)]))
    airflow.world.deliver("tax.yearly", night, b"")
    runs = {dag: airflow.trigger(dag, night) for dag in ("reg", "tax")}
    assert {dag: airflow.end(dag, run) for dag, run in runs.items()} == {"reg": "success", "tax": "failed"}
    bronze = airflow.tasks("tax", runs["tax"])["yearly.bronze"]
    assert (bronze["state"], bronze["try_number"]) == ("failed", 1)
    until(lambda: totals(airflow) == [(2013, 12), (2014, 20)], "the figures of the other", 300)


def hold(airflow: Airflow, night: str) -> None:
    """A night whose delivery is held."""
    airflow.world.deliver("reg.things", night, csv_of([(1, 2013, 13, "x"), (2, 2014, 20, "")], "key,period,value,hold"))
    assert airflow.end("reg", airflow.trigger("reg", night)) == "failed"


def answer(airflow: Airflow, night: str, option: str, reason: str) -> dict[str, str]:
    """Answer the question about a night, as the page does; the states of the run that asked, when it has ended."""
    asked = str(until(lambda: airflow.runs("approvals", night), "a question", 300)[0]["dag_run_id"])
    task = "question.decide"
    until(lambda: airflow.states("approvals", asked).get(task) == "awaiting_input", "waiting for a person", 300)
    # The scheduler has to know that the task waits, which no person is fast enough to notice.
    event = (
        f"with state success for task instance TaskInstanceKey(dag_id='approvals', task_id='{task}', run_id='{asked}'"
    )
    until(lambda: event in (airflow.home / "logs" / "scheduler.log").read_text(), event, 60)
    path = f"/dags/approvals/dagRuns/{asked}/taskInstances/{task}/0/hitlDetails"
    airflow.api("PATCH", path, {"chosen_options": [option], "params_input": {"reason": reason}})
    assert airflow.end("approvals", asked) == "success", airflow.states("approvals", asked)
    return airflow.states("approvals", asked)


def reasons(airflow: Airflow) -> list[tuple[str, str]]:
    """By whom and why, of every decision."""
    decided = delta.read_arrow(airflow.world.lake.table("audit", "decisions"))
    return [(d["by"], d["reason"]) for d in decided.to_pylist()] if decided is not None else []


def test_a_held_delivery_asks_on_the_page_and_goes_on_when_a_person_approves(airflow: Airflow) -> None:
    night, reason = "2025-01-03", "seen, and right; $(touch seen) {{ 7 * 7 }} ' OR 1=1 --"
    hold(airflow, night)
    answer(airflow, night, "Approve", reason)
    assert totals(airflow) == [(2013, 13), (2014, 20)]
    assert status(airflow)["held"] == []
    assert reasons(airflow) == [("admin", reason)]


def test_a_night_without_one_department_is_published_and_once_more_when_it_delivers(airflow: Airflow) -> None:
    night = "2025-01-04"
    airflow.world.deliver("tax.yearly", night, csv_of([(1, 2013, 10)]))
    runs = {dag: airflow.trigger(dag, night) for dag in ("reg", "tax")}
    assert {dag: airflow.end(dag, run) for dag, run in runs.items()} == {"reg": "success", "tax": "success"}
    until(lambda: night in status(airflow)["why"].get("totals", ""), "a release that names what is missing", 300)
    without = status(airflow)["release"]
    airflow.world.deliver("reg.things", night, csv_of([(1, 2013, 14), (2, 2014, 20)]))
    assert [airflow.end("late", airflow.trigger("late")) for _ in range(2)] == ["success", "success"]
    after = status(airflow)
    assert (after["release"], night in after["why"].get("totals", ""), totals(airflow)) == (without + 1, False, [(2013, 14), (2014, 20)])  # fmt: skip


def test_a_range_of_nights_is_filled_with_both_ends(airflow: Airflow) -> None:
    nights = [f"2025-02-0{n}" for n in range(1, 6)]
    for n, night in enumerate(nights):
        airflow.world.deliver("reg.things", night, csv_of([(1, 2013, 20 + n), (2, 2014, 20)]))
    airflow.command("backfill", "create", "--dag-id", "reg", "--from-date", nights[0], "--to-date", f"{nights[-1]}T23:59:59")  # fmt: skip
    runs = until(lambda: ended(airflow, nights), "five nights", 900)
    assert runs == dict.fromkeys(nights, "success")
    assert [airflow.world.line("reg.things", night).outcome for night in nights] == ["accepted"] * 5


def ended(airflow: Airflow, nights: list[str]) -> dict[str, str]:
    found = {night: [r["state"] for r in airflow.runs("reg", night)] for night in nights}
    states = {night: s[0] for night, s in found.items() if s and s[0] in ("success", "failed")}
    return states if len(states) == len(nights) else {}


def test_a_scheduler_killed_in_the_night_finishes_it_after_a_restart(airflow: Airflow) -> None:
    night = "2025-03-01"
    airflow.world.deliver("reg.things", night, csv_of([(1, 2013, 30), (2, 2014, 20)]))
    run = airflow.trigger("reg", night)
    until(lambda: airflow.states("reg", run).get("things.bronze") in ("running", "success"), "bronze", 300)
    scheduler = airflow.components()["scheduler"]
    os.killpg(scheduler, signal.SIGKILL)
    airflow.local("start")
    assert airflow.end("reg", run, 900) == "success"
    until(lambda: totals(airflow) == [(2013, 30), (2014, 20)], "its figures", 600)


def test_a_delivery_that_a_person_rejects_stays_held_and_changes_nothing(airflow: Airflow) -> None:
    night, before = "2025-03-02", (totals(airflow), reasons(airflow))
    hold(airflow, night)
    states = answer(airflow, night, "Reject", "wrong file")
    assert (states["question.approve"], states["question.finish"]) == ("skipped", "skipped")
    assert (totals(airflow), reasons(airflow)) == before
    assert [(x["dataset"], x["date"]) for x in status(airflow)["held"]] == [("reg.things", night)]
