"""Imports go one way, and only the modules that are meant to touch sessions, tables, clocks and paths."""

from __future__ import annotations

import re

import pytest

from tests.policies.source_trees import called, imports_of, modules, own, texts

PURE = [
    "jobs.columns",
    "jobs.rules",
    "jobs.fold",
    *[m for m in modules() if m.startswith(("jobs.cleaning.", "jobs.marts."))],
]
STAGES = {"jobs.bronze", "jobs.silver", "jobs.gold", "jobs.release"}
COMMANDS = {
    f"jobs.{m}"
    for m in (
        "cli",
        "ask",
        "audit",
        "status",
        "sql",
        "run",
        "steps",
        "decide",
        "maintain",
        "mend",
        "server",
        "serve",
        "examine",
        "new",
        "generate",
        "live",
        "links",
        "verify",
        "pages",
        "trace",
        "diff",
        "rebuild",
        "docs",
    )
}
TYPED = COMMANDS | {f"jobs.{m}" for m in ("opening", "asides", "show", "settings")}
ABOVE = COMMANDS | {f"jobs.{m}" for m in ("opening", "check", "asides", "evidence", "report", "__main__")}
ZONES = ("landing", "bronze", "silver", "quarantine", "gold", "audit", "reports", "logs")


@pytest.mark.parametrize("name", PURE)
def test_steps_marts_and_rules_know_pyspark_and_contract_types_only(name: str) -> None:
    allowed = {"jobs.contracts"} | set(PURE)
    assert own(name) - allowed == set()
    assert {
        x
        for x in imports_of(name)
        if x.split(".")[0] in ("delta", "deltalake", "great_expectations", "os", "time", "pathlib")
    } == set()


@pytest.mark.parametrize("name", PURE)
def test_steps_marts_and_rules_have_no_session_no_clock_and_no_chance(name: str) -> None:
    forbidden = {
        "getOrCreate",
        "getActiveSession",
        "now",
        "today",
        "utcnow",
        "current_date",
        "current_timestamp",
        "localtimestamp",
        "rand",
        "randn",
        "uuid",
        "monotonically_increasing_id",
    }
    assert called(name) & forbidden == set()
    assert "createDataFrame" not in called(name) or name == "jobs.fold", (
        "the fold lays out its coverage in its rows' own session"
    )


def test_tables_checks_and_fetching_do_not_know_each_other() -> None:
    groups = {
        part: [m for m in modules() if m == f"jobs.{part}" or m.startswith(f"jobs.{part}.")]
        for part in ("delta", "quality", "extract")
    }
    for part, members in groups.items():
        others = {f"jobs.{other}" for other in groups if other != part}
        assert [(m, x) for m in members for x in own(m) if any(x == o or x.startswith(o + ".") for o in others)] == []


def test_only_a_night_composes_stages() -> None:
    """Quarantine takes what bronze read, lint checks layouts and marts, readers read releases; beside these, stages do not meet."""
    known = {
        "jobs.quarantine": {"jobs.bronze"},
        "jobs.lint": {"jobs.bronze", "jobs.gold"},
        "jobs.query": {"jobs.release"},
        "jobs.fsck": {"jobs.release"},
        "jobs.reconcile": {"jobs.release"},
        "jobs.again": {"jobs.release"},
        **{m: STAGES for m in modules() if m.startswith("jobs.night.")},
    }
    found = {m: own(m) & STAGES - {m} for m in modules() if not any(m == a or m.startswith(a + ".") for a in ABOVE)}
    assert {m: sorted(x - known.get(m, set())) for m, x in found.items() if x - known.get(m, set())} == {}


def test_nothing_below_the_command_line_knows_it_or_the_night() -> None:
    top, above = TYPED | {"jobs.night"}, TYPED | {"jobs.__main__"}
    below = [m for m in modules() if m not in above and not m.startswith("jobs.night")]
    found = {m: sorted(x for x in own(m) if x in top or x.startswith("jobs.night.")) for m in below}
    assert {m: x for m, x in found.items() if x} == {}


def test_the_invented_city_knows_nothing_of_the_pipeline() -> None:
    """Its truth is worth something because nothing of what is tested helped to make it."""
    members = [m for m in modules() if m == "jobs.synthetic" or m.startswith("jobs.synthetic.")]
    assert [(m, x) for m in members for x in own(m) if not x.startswith("jobs.synthetic")] == []
    assert {
        x
        for m in members
        for x in imports_of(m)
        if x.split(".")[0] in ("random", "time", "math", "pyspark", "deltalake")
    } == set()


def test_a_schedule_can_import_contracts_without_spark() -> None:
    reached, left = set(), {"jobs.cities"}
    while left:
        name = left.pop()
        reached.add(name)
        left |= own(name) - reached
    outside = {x.split(".")[0] for m in reached for x in imports_of(m)}
    assert (
        outside & {"pyspark", "delta", "deltalake", "great_expectations", "pandas", "pyarrow", "fsspec", "typer"}
        == set()
    )


def test_no_module_imports_itself_through_others() -> None:
    """Session and set-up share the Java archive with `archive`, which asks them inside functions."""
    allowed = {"jobs.archive", "jobs.session", "jobs.setup"}
    graph = {
        m: own(m) & set(modules()) - {m}
        for m in modules()
        if m not in allowed and not m.startswith(("jobs.report", "jobs.formats"))
    }
    while graph:
        leaves = {m for m, needs in graph.items() if not needs & set(graph)}
        assert leaves, f"a circle among {sorted(graph)}"
        graph = {m: needs for m, needs in graph.items() if m not in leaves}


@pytest.mark.parametrize("name", [m for m in modules() if m != "jobs.lake"])
def test_no_path_of_the_lake_is_built_but_in_lake(name: str) -> None:
    spelled = [t for t in texts(name) if re.search(rf"(^|/)({'|'.join(ZONES)})/", t) and "conf/gold/" not in t]
    assert spelled == []


@pytest.mark.parametrize(
    "name",
    [m for m in modules() if m not in ("jobs.lake", "jobs.setup", "jobs.archive", "jobs.formats.workbook_parts")],
)
def test_paths_are_not_joined_by_os(name: str) -> None:
    """The places inside a workbook are no paths of ours."""
    assert imports_of(name) & {"os.path", "posixpath"} == set()
    assert "expanduser" not in called(name)


@pytest.mark.parametrize("name", [m for m in modules() if m not in ("jobs.delta", "jobs.session")])
def test_one_module_touches_delta(name: str) -> None:
    assert {x for x in imports_of(name) if x.split(".")[0] in ("delta", "deltalake")} == set()
    assert called(name) & {"saveAsTable", "insertInto", "forPath", "forName"} == set()


@pytest.mark.parametrize("name", [m for m in modules() if m != "jobs.quality"])
def test_one_module_touches_great_expectations(name: str) -> None:
    assert {x for x in imports_of(name) if x.split(".")[0] == "great_expectations"} == set()
