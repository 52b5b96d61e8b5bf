"""Nights of a little city under a real Airflow: scheduler, API server, DAG processor, triggerer, and the lake's warm Spark."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psutil
import pytest

from jobs import delta
from jobs.release import find_release
from tests.airflow.client import ENDED, QUICK, Airflow, until
from tests.little import csv_of, write_conf
from tests.servers import addresses_of

pytestmark = [pytest.mark.slow, pytest.mark.spark]
FIRST = "2025-01-01"
NIGHTS = BROKEN, APPROVED, REJECTED, WHOLE, MISSING = tuple(f"2025-01-0{n}" for n in range(2, 7))


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Airflow]:
    """`make airflow` for two departments; the same for every test of this file, which build on each other."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("airflow")
        patch.setenv("XDG_STATE_HOME", str(folder / "state"))
        conf = write_conf(folder / "conf", ["reg.things", "tax.yearly"])
        patch.setenv("LAKE_CONF", str(conf))
        made = Airflow(
            folder, conf, **QUICK,
            AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT="20", AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL="10",
            AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD="10",
            AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL="5",
        )  # fmt: skip
        try:
            made.local("start")
            made.sign_in()
            made.unpause("gold", "approvals", "late")
            until(lambda: [r for r in made.runs("late") if r["state"] in ENDED], "the look for late deliveries that begins by itself", 300)  # fmt: skip
            made.unpause_without_tonight("reg", "tax")
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


def newest_release(airflow: Airflow) -> tuple[int, str]:
    """Its number, and what `gold.totals` lacks."""
    found = find_release(airflow.world.lake, None)
    assert found is not None
    return found.number, found.tables["totals"].why


def test_a_night_goes_from_two_departments_to_a_release_by_itself(airflow: Airflow) -> None:
    airflow.world.deliver("reg.things", FIRST, csv_of([(1, 2013, 10), (2, 2014, 20)]))
    airflow.world.deliver("tax.yearly", FIRST, csv_of([(1, 2013, 10)]))
    runs = {dag: airflow.trigger(dag, FIRST) for dag in ("reg", "tax")}
    assert airflow.ends(runs) == {"reg": "success", "tax": "success"}
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
    airflow.publish()
    before = {name: v for name, v in airflow.world.versions().items() if not name.startswith("audit")}
    run = airflow.runs("reg", FIRST)[0]["dag_run_id"]
    airflow.command("dags", "clear", "reg", "--partition-key", FIRST, "--yes")
    assert airflow.end("reg", run) == "success"
    assert {name: v for name, v in airflow.world.versions().items() if not name.startswith("audit")} == before


def test_a_correction_is_taken_and_published_once(airflow: Airflow) -> None:
    airflow.publish()
    airflow.world.deliver("reg.things", FIRST, csv_of([(1, 2013, 11), (2, 2014, 20)]), revision=2)
    release, _ = newest_release(airflow)
    assert airflow.end("late", airflow.trigger("late")) == "success"
    assert (newest_release(airflow)[0], totals(airflow)) == (release + 1, [(2013, 11), (2014, 20)])
    again = airflow.trigger("late")
    assert airflow.end("late", again) == "success"
    assert airflow.states("late", again)["take"] == "skipped"
    assert newest_release(airflow)[0] == release + 1


@pytest.fixture(scope="module")
def filled(airflow: Airflow) -> dict[tuple[str, str], str]:
    """Five nights of one department, typed as a range, and two of the other: the state of each run, by DAG and night.

    The other's first file is broken. Of the first department two deliveries are held, and the last does not come.
    """
    for night, value in ((BROKEN, 12), (WHOLE, 15)):
        airflow.world.deliver("reg.things", night, csv_of([(1, 2013, value), (2, 2014, 20)]))
    for night, value in ((APPROVED, 13), (REJECTED, 14)):
        rows = csv_of([(1, 2013, value, "x"), (2, 2014, 20, "")], "key,period,value,hold")
        airflow.world.deliver("reg.things", night, rows)
    airflow.world.deliver("tax.yearly", BROKEN, b"")
    airflow.world.deliver("tax.yearly", MISSING, csv_of([(1, 2013, 10)]))
    runs = {("tax", night): airflow.trigger("tax", night) for night in (BROKEN, MISSING)}
    airflow.command("backfill", "create", "--dag-id", "reg", "--from-date", NIGHTS[0], "--to-date", f"{NIGHTS[-1]}T23:59:59")  # fmt: skip
    runs |= {("reg", r["partition_key"]): r["dag_run_id"] for r in airflow.runs("reg") if r["partition_key"] in NIGHTS}
    return airflow.ends(runs)


def test_a_range_of_nights_is_filled_with_both_ends(airflow: Airflow, filled: dict[tuple[str, str], str]) -> None:
    ended = {night: state for (dag, night), state in filled.items() if dag == "reg"}
    assert ended == dict(zip(NIGHTS, ("success", "failed", "failed", "success", "success"), strict=True))
    assert [airflow.world.line("reg.things", night).outcome for night in (BROKEN, WHOLE)] == ["accepted"] * 2


def test_a_broken_department_fails_at_once_and_stops_no_other(
    airflow: Airflow, filled: dict[tuple[str, str], str]
) -> None:
    assert (filled["reg", BROKEN], filled["tax", BROKEN]) == ("success", "failed")
    bronze = airflow.tasks("tax", airflow.runs("tax", BROKEN)[0]["dag_run_id"])["yearly.bronze"]
    assert (bronze["state"], bronze["try_number"]) == ("failed", 1)
    until(lambda: totals(airflow) == [(2013, 15), (2014, 20)], "the figures of the other", 300)


@dataclass(frozen=True)
class Question:
    """A run that asks about a held delivery, and its task that waits for a person."""

    run: str
    task: str = "question.decide"


def question(airflow: Airflow, night: str) -> Question:
    """What is asked about a night, when it waits for an answer."""
    asked = Question(str(until(lambda: airflow.runs("approvals", night), "a question", 300)[0]["dag_run_id"]))
    until(lambda: airflow.states("approvals", asked.run).get(asked.task) == "awaiting_input", "waiting for a person", 300)  # fmt: skip
    # The scheduler has to know that the task waits, which no person is fast enough to notice.
    event = f"with state success for task instance TaskInstanceKey(dag_id='approvals', task_id='{asked.task}', run_id='{asked.run}'"  # fmt: skip
    until(lambda: event in (airflow.home / "logs" / "scheduler.log").read_text(), event, 60)
    return asked


def answer(airflow: Airflow, asked: Question, option: str, reason: str) -> None:
    """As the page does."""
    path = f"/dags/approvals/dagRuns/{asked.run}/taskInstances/{asked.task}/0/hitlDetails"
    airflow.api("PATCH", path, {"chosen_options": [option], "params_input": {"reason": reason}})


def reasons(airflow: Airflow) -> list[tuple[str, str]]:
    """By whom and why, of every decision."""
    decided = delta.read_arrow(airflow.world.lake.table("audit", "decisions"))
    return [(d["by"], d["reason"]) for d in decided.to_pylist()] if decided is not None else []


def test_a_held_delivery_asks_on_the_page_and_goes_on_when_a_person_approves_and_stays_held_when_one_rejects(
    airflow: Airflow, filled: dict[tuple[str, str], str]
) -> None:
    reason = "seen, and right; $(touch seen) {{ 7 * 7 }} ' OR 1=1 --"
    good, wrong = question(airflow, APPROVED), question(airflow, REJECTED)
    answer(airflow, wrong, "Reject", "wrong file")
    answer(airflow, good, "Approve", reason)
    ends = {asked.run: airflow.end("approvals", asked.run) for asked in (good, wrong)}
    assert ends == dict.fromkeys(ends, "success"), [airflow.states("approvals", run) for run in ends]
    states = airflow.states("approvals", wrong.run)
    assert (states["question.approve"], states["question.finish"]) == ("skipped", "skipped")
    assert reasons(airflow) == [("admin", reason)]
    nights = [(value, since) for key, _, value, since, _ in airflow.world.history("reg.things") if key == 1]
    assert nights == [(11, FIRST), (12, BROKEN), (13, APPROVED), (15, WHOLE)]
    assert [(x["dataset"], x["date"]) for x in status(airflow)["held"]] == [("reg.things", REJECTED)]


def test_a_night_without_one_department_is_published_and_once_more_when_it_delivers(
    airflow: Airflow, filled: dict[tuple[str, str], str]
) -> None:
    assert (filled["reg", MISSING], filled["tax", MISSING]) == ("success", "success")
    airflow.publish()
    without, lacks = newest_release(airflow)
    assert MISSING in lacks
    airflow.world.deliver("reg.things", MISSING, csv_of([(1, 2013, 16), (2, 2014, 20)]))
    assert airflow.end("late", airflow.trigger("late")) == "success"
    release, lacks = newest_release(airflow)
    assert (release, MISSING in lacks, totals(airflow)) == (without + 1, False, [(2013, 16), (2014, 20)])


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
