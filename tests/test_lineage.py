"""OpenLineage events: every stage leaves a start and an end that catalogues can read, at no cost where nothing is done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from openlineage.client.serde import Serde

from jobs import delta, landing
from jobs import night as nights
from jobs.cities import city_names, load_city, load_contracts, load_gold
from jobs.contracts import Contract
from jobs.ledger import Line, Run
from jobs.lineage import Work, make_events, write_events
from jobs.night import Night, Selection
from jobs.suites import derive_rules, load_suite
from tests.little import World, csv_of
from tests.open_lineage import Event, faults, read_events

pytestmark = pytest.mark.long

FIRST, SECOND = "2025-01-01", "2025-01-02"
NOW = "2026-01-01T12:00:00+00:00"
TASK, DAG = "11111111-1111-7111-8111-111111111111", "22222222-2222-7222-8222-222222222222"


def read_into_bronze(world: World) -> Night:
    """Land and read what is in the inbox; needs no Spark."""
    run = Run("test", 1, datetime(2026, 1, 1, 12, tzinfo=UTC))
    night = Night(world.lake, world.inbox, run, world.open_session, lambda e, w: None, Selection())
    nights.extract(night)
    nights.process(night, ("bronze",))
    return night


def files_of(world: World) -> dict[str, bytes]:
    folder = Path(world.lake.path("audit", "lineage"))
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def ends(events: list[Event]) -> dict[str, Event]:
    return {e["job"]["name"]: e for e in events if e["eventType"] != "START"}


def versions(datasets: list[Mapping[str, Any]]) -> dict[str, str]:
    return {d["name"]: d.get("facets", {}).get("version", {}).get("datasetVersion", "") for d in datasets}


@pytest.mark.spark
def test_every_stage_of_a_night_leaves_a_start_and_an_end_with_what_it_read_and_made(world: World) -> None:
    world.deliver("reg.things", FIRST, csv_of([(1, 2024, 10), (2, 2024, 20), (3, 2024, 5000)]))
    night = world.run(release=True)
    events = read_events(world.lake)
    assert [(e["job"]["name"], e["eventType"]) for e in events] == [
        (job, kind)
        for job in ("bronze.reg_things", "gold.totals", "landing.reg_things", "release", "silver.reg_things")
        for kind in ("START", "COMPLETE")
    ]
    assert [f for e in events for f in faults(e)] == []
    found = {job: (versions(e["inputs"]), versions(e["outputs"])) for job, e in ends(events).items()}
    made = {f"{z}.{t}": str(v) for z, t, v in [("bronze", "reg_things", world.version("reg.things", "bronze")), ("silver", "reg_things", world.version("reg.things")), ("gold", "totals", world.version("totals", "gold"))]}  # fmt: skip
    assert found == {
        "landing.reg_things": ({"inbox.reg_things": ""}, {"landing.reg_things": ""}),
        "bronze.reg_things": ({"landing.reg_things": ""}, {"bronze.reg_things": made["bronze.reg_things"]}),
        "silver.reg_things": (
            {"bronze.reg_things": made["bronze.reg_things"]},
            {"silver.reg_things": made["silver.reg_things"], "quarantine.reg_things": ""},
        ),
        "gold.totals": ({"silver.reg_things": made["silver.reg_things"]}, {"gold.totals": made["gold.totals"]}),
        "release": ({"gold.totals": made["gold.totals"]}, {"audit.releases": ""}),
    }
    assert {e["eventTime"] for e in events} == {NOW}
    checked = ends(events)["silver.reg_things"]["outputs"][0]["facets"]
    noted = world.line("reg.things", FIRST).results
    said = {(a["name"], a["success"]) for a in checked["dataQualityAssertions"]["assertions"]}
    assert said == {(r["rule"], r["success"]) for r in noted}
    assert checked["dataQualityMetrics"]["rowCount"] == 3
    assert night.notices == []
    before = files_of(world)
    world.run(release=True, now="2026-01-02T12:00:00Z")
    assert files_of(world) == before, "a finished night writes no events"


@pytest.mark.spark
def test_what_is_held_ends_in_fail_says_why_and_claims_no_version(world: World) -> None:
    world.deliver("reg.things", FIRST, csv_of([(1, 2024, "x"), (2, 2024, "y"), (3, 2024, 5)]))
    world.run()
    event = ends(read_events(world.lake))["silver.reg_things"]
    assert event["eventType"] == "FAIL"
    assert event["run"]["facets"]["errorMessage"]["message"].startswith("E314 ")
    assert versions(event["outputs"])["silver.reg_things"] == ""
    assert faults(event) == []


def test_a_refused_delivery_ends_in_fail(world: World) -> None:
    world.deliver("reg.things", FIRST, "key,period\n1,2024\n")
    read_into_bronze(world)
    event = ends(read_events(world.lake))["bronze.reg_things"]
    assert event["eventType"] == "FAIL"
    assert event["run"]["facets"]["errorMessage"]["message"].startswith("E311 ")
    assert faults(event) == []


def test_the_same_work_at_the_same_time_leaves_the_same_events_in_every_lake(world: World, tmp_path: Path) -> None:
    other = World(tmp_path / "other", world.open_session)
    for each in (world, other):
        each.deliver("reg.things", FIRST, csv_of([(1, 2024, 10)]))
        each.deliver("road.counts", SECOND, csv_of([(1, 2024, 10)]))
        read_into_bronze(each)
    assert len(files_of(world)) == 4
    assert files_of(world) == files_of(other)


def test_events_that_cannot_be_written_are_a_notice_and_the_night_goes_on(world: World) -> None:
    world.deliver("reg.things", FIRST, csv_of([(1, 2024, 10)]))
    place = Path(world.lake.path("audit", "lineage"))
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text("a file where a folder should be")
    night = read_into_bronze(world)
    assert world.line("reg.things", FIRST, "bronze").outcome == "accepted"
    assert night.problems == []
    assert [(n.code, n.text.rpartition(" ")[0]) for n in night.notices] == [
        ("N110", f"landing reg.things {FIRST}"),
        ("N110", f"bronze reg.things {FIRST}"),
    ]


def test_a_command_killed_at_the_line_that_says_it_is_done_has_left_its_events(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once the line is there no later command does the work again, nor writes of it."""

    def die(moment: str) -> None:
        if moment == "before ledger":
            raise KeyboardInterrupt

    world.deliver("reg.things", FIRST, csv_of([(1, 2024, 10)]))
    monkeypatch.setattr(delta, "observers", [die])
    with pytest.raises(KeyboardInterrupt):
        read_into_bronze(world)
    assert set(ends(read_events(world.lake))) == {"landing.reg_things", "bronze.reg_things"}


def test_a_command_killed_at_the_receipt_that_says_it_is_landed_has_left_its_event(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once the receipt is there no later command lands the delivery again, nor writes of it."""

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    world.deliver("reg.things", FIRST, csv_of([(1, 2024, 10)]))
    with monkeypatch.context() as killed:
        killed.setattr(landing, "keep_receipt", die)
        with pytest.raises(KeyboardInterrupt):
            read_into_bronze(world)
    events = read_events(world.lake)
    assert set(ends(events)) == {"landing.reg_things"}
    read_into_bronze(world)
    landed = [e["run"]["runId"] for e in read_events(world.lake) if e["job"]["name"] == "landing.reg_things"]
    assert set(landed) == {events[0]["run"]["runId"]}, "the same run, of which the second try ends"


def test_a_scheduler_that_names_its_task_is_the_parent(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENLINEAGE_PARENT_ID", f"city/airflow/reg.things.bronze/{TASK}")
    monkeypatch.setenv("OPENLINEAGE_ROOT_PARENT_ID", f"city/airflow/reg/{DAG}")
    world.deliver("reg.things", FIRST, csv_of([(1, 2024, 10)]))
    read_into_bronze(world)
    events = read_events(world.lake)
    for event in events:
        parent = event["run"]["facets"]["parent"]
        assert (parent["job"]["namespace"], parent["job"]["name"]) == ("city/airflow", "reg.things.bronze")
        assert parent["run"]["runId"] == TASK
        assert (parent["root"]["job"]["name"], parent["root"]["run"]["runId"]) == ("reg", DAG)
        assert faults(event) == []
    assert len({e["run"]["runId"] for e in events}) == 2, "landing and bronze have ids of their own"


def test_a_stage_that_is_tried_again_is_the_same_run_and_another_revision_is_another() -> None:
    city, contract = load_city("new_york"), load_contracts("new_york")["traffic.crashes"]
    first = line_of(contract, "silver")
    again, correction = replace(first, at="2025-01-02T03:00:00+00:00", attempt=2), replace(first, revision=2)
    ids = [Work(city, line, contract).run_id for line in (first, again, correction)]
    assert (ids[0] == ids[1], ids[0] == ids[2]) == (True, False)


def test_events_of_an_earlier_try_are_kept(world: World) -> None:
    city, contract = load_city("new_york"), load_contracts("new_york")["traffic.crashes"]
    failed = replace(line_of(contract, "silver"), outcome="failed")
    write_events(world.lake, Work(city, failed, contract))
    write_events(world.lake, Work(city, replace(failed, outcome="accepted", attempt=2), contract))
    assert [e["eventType"] for e in read_events(world.lake)].count("FAIL") == 1


def works(city: str) -> list[Work]:
    """Work of every stage on every table of a city, invented: each expectation was met."""
    found = []
    for contract in (*load_contracts(city).values(), *load_gold(city).values()):
        stages = ("gold",) if contract.source == "gold" else ("landing", "bronze", "silver")
        found += [Work(load_city(city), line_of(contract, stage), contract) for stage in stages]
    return found


def line_of(contract: Contract, stage: str) -> Line:
    suite = load_suite(contract)
    of_stage = {"bronze": suite.bronze, "silver": suite.silver, "gold": (*derive_rules(contract), *suite.gold)}
    rules = of_stage.get(stage, ())
    results = tuple(
        {"rule": r.id, "type": r.type, "severity": r.severity, "dimension": r.dimension, "reason": r.reason, "success": True, "evaluated": 9, "broken": 0, "allowed": 0, "observed": ""}
        for r in rules
    )  # fmt: skip
    line = Line(stage, contract.dataset, "accepted", results=results, table=f"{stage}.x", table_version=3, at=NOW)
    return line if stage == "gold" else replace(line, business_date=FIRST, revision=1, counts={"judged": 9})


@pytest.mark.parametrize("city", city_names())
def test_the_events_of_every_table_are_as_the_standard_says(city: str) -> None:
    events = [Serde.to_dict(e) for work in works(city) for e in make_events(work)]
    assert {e["job"]["name"]: found for e in events if (found := faults(e))} == {}
    assert len({e["run"]["runId"] for e in events}) == len(events) / 2


def sources_of(city: str) -> dict[tuple[str, str], set[tuple[str, str]]]:
    """By table and column of every output the input columns that its events name."""
    found = {}
    for work in works(city):
        output = Serde.to_dict(make_events(work)[-1])["outputs"][0]
        for column, made in output["facets"]["columnLineage"]["fields"].items():
            found[output["name"], column] = {(f["name"], f["field"]) for f in made["inputFields"]}
    return found


def test_a_figure_can_be_followed_from_gold_to_the_header_of_the_delivered_file() -> None:
    sources = sources_of("new_york")
    path = [("gold.crash_daily", "borough_name")]
    while len(found := sources.get(path[-1], set())) == 1:
        path += found
    assert path[1:] == [
        ("silver.traffic_crashes", "borough"),
        ("bronze.traffic_crashes", "borough"),
        ("landing.traffic_crashes", "BOROUGH"),
        ("inbox.traffic_crashes", "BOROUGH"),
    ]


@pytest.mark.parametrize("city", city_names())
def test_every_column_of_silver_comes_from_a_delivered_one_or_the_name_of_the_file(city: str) -> None:
    sources, silver = sources_of(city), {k for k in sources_of(city) if k[0].startswith("silver.")}
    bronze = {k for k in sources if k[0].startswith("bronze.")}
    names = {f"bronze.{c.table}" for c in load_contracts(city).values() if c.period_from_file}
    assert {k for k in silver if not sources[k] or not sources[k] <= bronze | {(n, "_file") for n in names}} == set()


def test_what_identifies_a_person_is_said_to_be_masked_from_silver_on() -> None:
    masked = {}
    for work in works("optics_valley"):
        if work.line.stage == "silver" and work.contract:
            fields = Serde.to_dict(make_events(work)[-1])["outputs"][0]["facets"]["columnLineage"]["fields"]
            masked |= {
                f"{work.contract.dataset}.{c}": all(t["masking"] for f in made["inputFields"] for t in f["transformations"])
                for c, made in fields.items()
            }  # fmt: skip
    persons = {f"{c.dataset}.{x.name}" for c in load_contracts("optics_valley").values() for x in c.columns if x.classification == "person"}  # fmt: skip
    assert {name for name, is_masked in masked.items() if is_masked} == persons != set()
