"""`lake sql` answers questions about a release: it changes nothing, names what is held or stale, and says what is damaged."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from tests.commands import Command, typed_at
from tests.little import World, csv_of

pytestmark = pytest.mark.spark


@pytest.fixture(scope="module")
def asked(spark: SparkSession, little_conf: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A lake with two releases of `gold.totals`; in the second it is stale, since a delivery is held."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("asked")
        patch.setenv("XDG_STATE_HOME", str(folder / "state"))
        patch.setenv("LAKE_CONF", str(little_conf))
        world = World(folder, lambda: spark)
        world.deliver("reg.things", "2025-01-01", csv_of([(1, 2013, 10), (2, 2014, 20)]))
        world.run(release=True)
        world.deliver("reg.things", "2025-01-02", csv_of([(1, 2013, 11, "x")], "key,period,value,hold"))
        world.run(release=True)
        yield world


@pytest.fixture
def lake(asked: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    return typed_at(asked, monkeypatch, capsys)


@pytest.mark.parametrize(
    "text",
    [
        "DELETE FROM delta.`{gold}` WHERE total > 0",
        "INSERT INTO delta.`{gold}` VALUES (1, 1)",
        "WITH a AS (SELECT 1 AS x, 2 AS y) INSERT INTO delta.`{gold}` SELECT * FROM a",
        "FROM gold.totals INSERT INTO delta.`{gold}` SELECT *",
        "/* SELECT */ DROP VIEW gold.totals",
        "CREATE TABLE t USING delta LOCATION '{gold}x' AS SELECT 1 AS a",
        "SELECT 1; DELETE FROM delta.`{gold}`",
        "SELECT 1) ; DELETE FROM delta.`{gold}` --",
        "BEGIN DELETE FROM delta.`{gold}`; END",
        "show: BEGIN DELETE FROM delta.`{gold}`; END",
        "SET spark.sql.ansi.enabled = false",
        "VACUUM delta.`{gold}`",
    ],
)
def test_anything_but_a_question_is_refused_before_it_runs(asked: World, lake: Command, text: str) -> None:
    before = (asked.versions(), asked.rows("totals", "gold"))
    code, _, said = lake("sql", text.replace("{gold}", asked.lake.table("gold", "totals")))
    assert code == 2, said
    assert "E002" in said
    assert (asked.versions(), asked.rows("totals", "gold")) == before


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("SELECT total FROM gold.totals ORDER BY total DESC;", ["20", "10"]),
        ("\n-- which?\nWITH a AS (SELECT * FROM gold.totals) SELECT total FROM a ORDER BY 1 -- all; \n; /* end */ ", ["10", "20"]),
        ("VALUES ('a -- no comment;'), ('it\\'s;')", ["a -- no comment;", "it's;"]),
        (r"SELECT r'\', '-- x'", ["\\,'-- x"]),
        ("FROM gold.totals |> WHERE period = 2013 |> SELECT total", ["10"]),
        ("SELECT 1 AS a, 2 AS a", ["1,2"]),
        ("SELECT total, total FROM gold.totals WHERE period = 2013", ["10,10"]),
        ("SELECT * FROM gold.totals a JOIN gold.totals b ON a.period = b.period WHERE a.period = 2013", ["2013,10,2013,10"]),
        ("SHOW TABLES IN gold", ["gold,release,False", "gold,totals,False"]),
    ],
)  # fmt: skip
def test_every_kind_of_question_is_answered(lake: Command, text: str, answer: list[str]) -> None:
    code, out, said = lake("sql", text, "--format", "csv")
    assert code == 0, said
    assert out.splitlines()[1:] == answer


def test_a_table_that_this_release_has_not_is_gone_from_the_database(lake: Command, spark: SparkSession) -> None:
    spark.sql("CREATE OR REPLACE VIEW gold.of_an_older_release AS SELECT 1 AS a")
    _, out, _ = lake("sql", "SHOW TABLES IN gold", "--format", "csv")
    assert out.splitlines()[1:] == ["gold,release,False", "gold,totals,False"]


def test_a_table_is_described_with_its_texts(lake: Command) -> None:
    code, out, _ = lake("sql", "DESCRIBE `gold`.`totals`")
    assert (code, "Sum of values." in out) == (0, True)


@pytest.mark.parametrize(
    "text",
    [
        "SELECT * FROM gold.totals",
        "SELECT * FROM `gold`.`totals`",
        "SELECT * FROM gold . totals",
        "SELECT * FROM gold/* of */.TOTALS t",
        "SELECT * FROM IDENTIFIER('gold.totals')",
        "WITH a AS (SELECT * FROM spark_catalog.gold.totals) SELECT 1 FROM a",
    ],
)
def test_a_stale_table_is_warned_of_however_it_is_spelled(lake: Command, text: str) -> None:
    code, _, said = lake("sql", text)
    assert code == 0, said
    assert "warning: gold.totals is stale: reg.things 2025-01-02 r1 held (E701)" in said


@pytest.mark.parametrize("text", ["SELECT 'gold.totals'", "SELECT 1 -- gold.totals", "SELECT * FROM gold_r1.totals"])
def test_what_is_not_read_or_was_not_stale_is_not_warned_of(lake: Command, text: str) -> None:
    code, _, said = lake("sql", text)
    assert code == 0, said
    assert "warning" not in said


def test_json_is_one_object_with_a_schema_version_and_the_format_json_is_rows(lake: Command) -> None:
    text = "SELECT period, total FROM gold.totals WHERE period = 2013"
    _, out, _ = lake("sql", text, "--json")
    found = json.loads(out)
    assert (found["schema_version"], found["release"], found["rows"]) == (1, 2, [{"period": 2013, "total": 10}])
    assert [c["name"] for c in found["columns"]] == ["period", "total"]
    _, out, _ = lake("sql", text, "--format", "json")
    assert json.loads(out) == [{"period": 2013, "total": 10}]


def test_a_division_by_zero_is_the_questions_fault(lake: Command) -> None:
    code, _, said = lake("sql", "SELECT total / 0 FROM gold.totals")
    assert (code, "E002" in said, "DIVIDE_BY_ZERO" in said, "Traceback" in said) == (2, True, True, False)


def test_an_unknown_table_is_named(lake: Command) -> None:
    code, out, said = lake("sql", "SELECT * FROM gold.nothing", "--json")
    assert (code, "E004" in said, json.loads(out)["error"]["code"]) == (2, True, "E004")


def test_without_a_query_the_standard_input_is_asked_one_after_another(
    lake: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = "SELECT total\nFROM gold.totals WHERE period = 2013;\n\nSELECT count(*) AS n FROM gold.totals"
    monkeypatch.setattr("sys.stdin", io.StringIO(asked))
    code, out, said = lake("sql", "--format", "csv")
    assert (code, out.splitlines()) == (0, ["total", "10", "n", "2"]), said


def test_a_script_ends_at_its_first_mistake_and_a_person_goes_on(
    lake: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = "SELECT * FROM gold.nothing;\nSELECT 7 AS n;\n"
    monkeypatch.setattr("sys.stdin", io.StringIO(asked))
    code, out, said = lake("sql", "--format", "csv")
    assert (code, out, "E004" in said) == (2, "", True)
    monkeypatch.setattr("sys.stdin", Terminal(asked))
    code, out, said = lake("sql", "--format", "csv")
    assert (code, out.replace("lake> ", "").split(), "E004" in said, "Release 2" in said) == (0, ["n", "7"], True, True)


class Terminal(io.StringIO):
    """A standard input at which a person sits."""

    def isatty(self) -> bool:
        return True
