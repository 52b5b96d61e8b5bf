"""Lint refuses what a reviewer would: each test breaks one thing in a city of one dataset."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from jobs.cities import load_contracts
from jobs.errors import LakeError
from jobs.lint import lint_city
from jobs.odcs import load_contract
from tests.laws import roads
from tests.little import CITY, write_conf

Break = Callable[[str, str, str], list[str]]


@pytest.fixture
def broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Break:
    """Write the little city with one text replaced in reg.things, and lint it."""
    root = write_conf(tmp_path / "root")
    monkeypatch.setenv("LAKE_CONF", str(root))

    def change(kind: str, old: str, new: str) -> list[str]:
        folder = {"contract": "conf/cities", "suite": "expectations"}[kind]
        path = root / folder / CITY / "reg" / ("things.odcs.yaml" if kind == "contract" else "things.yaml")
        text = path.read_text()
        assert text.count(old) >= 1, old
        path.write_text(text.replace(old, new, 1))
        return [f for f in lint_city(CITY) if f.startswith("reg.things")]

    return change


def rule(kind: str, kwargs: str, more: str = "", severity: str = "critical", name: str = "x") -> str:
    meta = f"rule: reg.things.{name}, dimension: validity, reason: why{more}"
    return f"  - {{type: {kind}, kwargs: {kwargs}, severity: {severity}, meta: {{{meta}}}}}\n"


def test_the_little_city_is_clean(broken: Break) -> None:
    assert broken("contract", "name: testers", "name: testers") == []


def test_a_person_who_is_no_text_is_refused(broken: Break) -> None:
    found = broken(
        "contract", "classification: public, description: The value.", "classification: person, description: The value."
    )
    assert found == [
        "reg.things: value is classified person: silver holds its token, so it is a text, and no period, sequence or operation"
    ]


LIVE = """\
  - server: live
    type: sftp
    path: /things/{business_date}/*
    format: csv
    customProperties:
      - {property: secrets, value: {address: A, host_key: H, user: U, password: P}}
schema:
"""


def test_a_server_of_the_department_is_clean(broken: Break) -> None:
    assert broken("contract", "schema:\n", LIVE) == []


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("type: sftp", "type: ftp", "the server live has the type ftp: one of local, sftp, s3, postgresql, api"),
        ("host_key: H, ", "", "the server live names no variable for host_key"),
        ("format: csv", "format: json", "the server live has another format, delimiter or encoding than the inbox"),
    ],
)
def test_a_server_from_which_no_night_can_be_fetched_is_refused(broken: Break, old: str, new: str, said: str) -> None:
    assert broken("contract", "schema:\n", LIVE.replace(old, new)) == [f"reg.things: {said}"]


@pytest.mark.parametrize(
    ("to", "said"),
    [
        ("reg.nothing.key", "value names reg.nothing.key, which is not the key of a dataset"),
        ("road.counts.value", "value names road.counts.value, which is not the key of a dataset"),
    ],
)
def test_a_parent_that_no_dataset_has_is_refused(broken: Break, to: str, said: str) -> None:
    new = f"relationships: [{{to: {to}}}], classification: public, description: The value."
    assert broken("contract", "classification: public, description: The value.", new) == [f"reg.things: {said}"]


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        ("volumeBand, value: 50", "volumeBand 50 is no share"),
        ("shiftFactor, value: {key: 10}", "shiftFactor of key, which is no control sum"),
        ("shiftFactor, value: {value: 1}", "shiftFactor 1 of value is not greater than 1"),
    ],
)
def test_a_delivery_is_compared_only_with_what_it_has(broken: Break, declared: str, said: str) -> None:
    new = f"{{property: {declared}}}\n      - {{property: mode,"
    assert broken("contract", "{property: mode,", new) == [f"reg.things: {said}"]


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        ("{column: value}", "rowDate value is no column with a date"),
        ("{column: nothing}", "rowDate nothing is no column with a date"),
    ],
)
def test_only_a_date_dates_a_row(broken: Break, declared: str, said: str) -> None:
    new = f"{{property: rowDate, value: {declared}}}\n      - {{property: mode,"
    assert broken("contract", "{property: mode,", new) == [f"reg.things: {said}"]


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ("{name: list.txt}", "a name that ends in .json or .csv"),
        ("{name: list.csv, fields: {rows: n}}", "rows is no field of a manifest"),
        ("{name: list.csv, colour: red}", "colour is no field of a manifest"),
        ("{name: list.csv, sums: {nothing: total}}", "nothing is no delivered column"),
    ],
)
def test_a_form_of_a_manifest_that_means_nothing_is_refused(broken: Break, form: str, said: str) -> None:
    new = f"{{property: manifest, value: {form}}}\n      - {{property: mode,"
    assert broken("contract", "{property: mode,", new) == [f"reg.things: manifest: {said}"]


def test_a_property_that_no_page_documents_is_refused(broken: Break, tmp_path: Path) -> None:
    with pytest.raises(LakeError, match=r"E003[\s\S]*conf/README.md does not know: colour"):
        broken("contract", "{property: mode,", "{property: colour, value: red}\n      - {property: mode,")


def test_a_retention_shorter_than_that_of_releases_is_refused(broken: Break) -> None:
    assert broken("contract", "retention, value: 5", "retention, value: 4") == [
        "reg.things: kept 4 years, but releases stand on it for 5"
    ]


@pytest.mark.parametrize(
    "kind",
    [
        "expect_column_values_to_be_unique",
        "expect_compound_columns_to_be_unique",
        "expect_table_row_count_to_be_between",
    ],
)
def test_only_rules_of_a_row_may_set_rows_aside(broken: Break, kind: str) -> None:
    found = broken("suite", "silver:\n", "silver:\n" + rule(kind, "{column: value}", ", action: quarantine"))
    assert found == [f"reg.things: rule reg.things.x: {kind} cannot set rows aside"]


def test_a_condition_that_great_expectations_forgets_is_refused(broken: Break) -> None:
    kind = "expect_column_pair_values_to_be_in_set"
    kwargs = "{column_A: key, column_B: hold, value_pairs_set: [], row_condition: value > 0, condition_parser: spark}"
    found = broken("suite", "silver:\n", "silver:\n" + rule(kind, kwargs))
    assert [f for f in found if "whatever its row_condition" in f]


@pytest.mark.parametrize(
    ("kind", "kwargs"),
    [
        ("expect_column_values_to_not_be_null", "{column: key}"),
        ("expect_column_values_to_be_between", "{column: value, max_value: 1000}"),
        ("expect_column_values_to_be_between", "{column: value, min_value: 0}"),
    ],
)
def test_a_rule_that_repeats_the_contract_is_refused(broken: Break, kind: str, kwargs: str) -> None:
    found = broken("suite", "silver:\n", "silver:\n" + rule(kind, kwargs))
    assert [f for f in found if "repeats what the contract declares" in f]


def test_a_quarantine_rule_that_repeats_the_contract_is_refused(broken: Break) -> None:
    found = broken(
        "suite",
        "silver:\n",
        "silver:\n" + rule("expect_column_values_to_not_be_null", "{column: key}", ", action: quarantine"),
    )
    assert [f for f in found if "repeats what the contract declares" in f]


def test_two_rules_of_one_id_are_refused(broken: Break) -> None:
    found = broken(
        "suite",
        "silver:\n",
        "silver:\n" + rule("expect_column_values_to_not_be_null", "{column: hold}", name="s1", severity="warning"),
    )
    assert found == ["reg.things: rule reg.things.s1 is also one of reg.things"]


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("team: {name: testers}", "team: {}", "no team: whom to ask?"),
        ("dataGranularityDescription: one key", "description: things", "no dataGranularityDescription"),
        ("classification: public, description: The value.", "description: The value.", "value is classified nothing: one of public, internal, confidential, person"),
        ("description: The value.", 'description: ""', "value has no description"),
        ("mode, value: snapshot", "mode, value: mirror", "mode mirror is none of snapshot, partition, changes, events"),
        ("mode, value: snapshot", "mode, value: partition", "a partition dataset names its period"),
        ("mode, value: snapshot", "mode, value: changes", "a changes dataset names its sequence and operation"),
        ("controlSums, value: [value]", "controlSums, value: [worth]", "control sum worth is no column"),
        ("server: inbox", "server: live", "no server called inbox"),
    ],
)  # fmt: skip
def test_a_contract_that_is_not_complete_is_refused(broken: Break, old: str, new: str, fault: str) -> None:
    assert f"reg.things: {fault}" in broken("contract", old, new)


def test_a_step_that_nobody_wrote_is_refused(broken: Break) -> None:
    found = broken("contract", "{property: mode,", "{property: steps, value: [polish]}\n      - {property: mode,")
    assert found == ["reg.things: E003 a function of a cleaning module: polish"]


def test_a_dataset_without_a_suite_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = write_conf(tmp_path / "root")
    (root / "expectations" / CITY / "reg" / "things.yaml").unlink()
    monkeypatch.setenv("LAKE_CONF", str(root))
    assert [f for f in lint_city(CITY) if f.startswith("reg.things: E703")]


def test_a_contract_with_a_name_that_is_no_name_is_refused(tmp_path: Path) -> None:
    path = write_conf(tmp_path / "root") / "conf" / "cities" / CITY / "reg" / "things.odcs.yaml"
    path.write_text(path.read_text().replace("name: value,", 'name: "value; drop",'))
    with pytest.raises(LakeError, match="E813"):
        load_contract(path, CITY)


def test_two_roots_give_one_city(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAKE_CONF", str(write_conf(tmp_path / "root")))
    assert set(load_contracts(CITY)) >= {"reg.things", "tax.yearly"}


@pytest.mark.parametrize(
    ("file", "old", "new", "fault"),
    [
        ("conf/gold/sensor_days", "measured_at}", "value}", "road_reading.value is no date"),
        ("conf/gold/sensor_days", "road_reading: m", "road_sensor: m", "road_sensor.measured_at is no date"),
        ("conf/gold/sensor_days", "period, value: day", "period, value: total", "has a date or local time in its key"),
        ("jobs/marts/roads", "(road_reading:", "(receipts: DataFrame, road_reading:", "does not read receipts"),
        ("expectations/gold/sensor_days", "max_value: 900", "max_value: 900, mostly: 0.9", "cannot be critical"),
        (
            "expectations/gold/sensor_days",
            "expect_column_values_to_be_between",
            "expect_column_max_to_be_between",
            "asks of the whole table",
        ),
    ],
)
def test_a_table_that_would_not_be_the_same_by_days_as_whole_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str, old: str, new: str, fault: str
) -> None:
    root = roads.write_conf(tmp_path / "roads")
    (path,) = root.glob(f"{file}*")
    text = path.read_text()
    assert text.count(old) == 1
    path.write_text(text.replace(old, new))
    monkeypatch.setenv("LAKE_CONF", str(root))
    (found,) = lint_city(roads.CITY)
    assert fault in found


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("[opened_on, closed_on]", "[closed_on, opened_on]", "road_incident.closed_on is not required"),
        ("everyDayOf, value: gold_sensor_days", "everyDayOf, value: road_sensor", "everyDayOf: road_sensor is not read by days"),
    ],
)  # fmt: skip
def test_a_table_of_every_day_whose_days_are_not_known_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, old: str, new: str, fault: str
) -> None:
    root = roads.write_conf(tmp_path / "roads", incidents=True)
    monkeypatch.setenv("LAKE_CONF", str(root))
    path = root / "conf" / "gold" / "incident_days.odcs.yaml"
    assert path.read_text().count(old) == 1
    path.write_text(path.read_text().replace(old, new))
    (found,) = lint_city(roads.CITY)
    assert fault in found


def test_the_city_of_roads_is_clean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAKE_CONF", str(roads.write_conf(tmp_path / "roads", incidents=True)))
    assert lint_city(roads.CITY) == []
