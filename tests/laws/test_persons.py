"""Law 6: no person outside the raw side. From silver on a person is a token, under a key that nothing shows."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from jobs.check import check_file
from jobs.cities import PROJECT, load_contracts
from jobs.errors import LakeError
from jobs.lint import lint_city
from jobs.persons import VARIABLE, PersonKey, person_key, token, with_pads
from tests.little import CITY, CONTRACT, HOLD, SUITE, World, only_problem

pytestmark = pytest.mark.spark
SECRET, NEXT = "5e" * 32, "a7" * 48
ANNA, BERT, WRONG = "099901198102280012", "099902200002290180", "099901198102280010"
PERSON = "      - {name: pid, logicalType: string, required: true, logicalTypeOptions: {format: resident_id}, classification: person, description: Who.}"
DIVISIONS = "code,name,valid_from,valid_to\n099901,First,,\n099902,Second,,\n"
HEADER = "key,period,value,pid\n"


def as_token(version: str, secret: str, text: str) -> str:
    """By Python's own HMAC."""
    return f"{version}." + hmac.new(bytes.fromhex(secret), text.encode(), hashlib.sha256).hexdigest()


def write_key(path: Path, version: str, secret: str) -> str:
    path.write_text(f"{version} {secret}\n")
    return str(path)


@pytest.fixture
def people(tmp_path: Path, little_conf: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two departments that name persons, beside the little city, and a key."""
    root = tmp_path / "people"
    for name in ("residents", "workers"):
        text = CONTRACT.format(
            dataset=f"people.{name}", source="people", name=name, mode="snapshot", mostly=0.3, extra="", columns=f"{PERSON}\n{HOLD}"
        )  # fmt: skip
        for path, content in (
            (f"conf/cities/{CITY}/people/{name}.odcs.yaml", text),
            (f"expectations/{CITY}/people/{name}.yaml", SUITE.format(dataset=f"people.{name}")),
            (f"conf/cities/{CITY}/divisions.csv", DIVISIONS),
        ):
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(content, "utf-8")
    monkeypatch.setenv("LAKE_CONF", os.pathsep.join([str(little_conf), str(root)]))
    monkeypatch.setenv(VARIABLE, write_key(tmp_path / "key", "k1", SECRET))
    return root


@settings(max_examples=3, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
@given(
    texts=st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=80), min_size=100, max_size=100),
    secret=st.binary(min_size=32, max_size=100),
)
def test_a_token_is_pythons_hmac_of_the_text(spark: SparkSession, texts: list[str], secret: bytes) -> None:
    key = PersonKey("k9", secret)
    rows = spark.createDataFrame([(n, t) for n, t in enumerate([*texts, None])], "n int, text string")
    found = with_pads(rows, key).select("n", token(F.col("text"), key).alias("token")).orderBy("n").collect()
    assert [r["token"] for r in found] == [*[as_token("k9", secret.hex(), t) for t in texts], None]


def test_silver_holds_tokens_that_join_and_the_rules_are_asked_of_what_was_delivered(
    world: World, people: Path
) -> None:
    world.deliver("people.residents", "2025-01-01", f"{HEADER}1,2013,1,{ANNA}\n2,2013,2,{BERT}\n3,2013,3,{WRONG}\n")
    world.deliver("people.workers", "2025-01-01", f"{HEADER}7,2013,1,{BERT}\n")
    assert [f for f in lint_city(CITY) if f.startswith("people")] == []
    assert world.run().problems == []
    assert [(r["key"], r["pid"]) for r in world.rows("people.residents")] == [
        (1, as_token("k1", SECRET, ANNA)), (2, as_token("k1", SECRET, BERT)),
    ]  # fmt: skip
    assert [r["pid"] for r in world.rows("people.workers")] == [as_token("k1", SECRET, BERT)]
    assert [r["_rules"] for r in world.rows("people.residents", "quarantine")] == [["people.residents.pid.format"]]


def test_no_table_log_or_page_but_the_raw_side_holds_a_person_or_the_key(
    world: World, people: Path, tmp_path: Path
) -> None:
    """A whole run in a process of its own, with Spark's event log on."""
    world.deliver(
        "people.residents", "2025-01-01", f"{HEADER}1,2013,1,{ANNA}\n2,2013,2,{BERT}\n3,2013,3,{WRONG}\n4,2013,4,\n"
    )
    world.deliver("reg.things", "2025-01-01", "key,period,value\n1,2013,10\n")
    (tmp_path / "events").mkdir()
    conf = tmp_path / "spark.conf"
    conf.write_text(
        f"spark.eventLog.enabled true\nspark.eventLog.dir file://{tmp_path}/events\nspark.eventLog.compress false\n"
    )
    places = {
        "LAKE_ROOT": world.lake.root,
        "LAKE_INBOX": str(world.inbox),
        "LAKE_CITY": CITY,
        "LAKE_SPARK_CONF": str(conf),
    }
    command = [sys.executable, "-m", "jobs", "run", "--now", "2026-01-01T12:00:00Z"]
    done = subprocess.run(
        command, cwd=PROJECT, env={**os.environ, **places}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    base = Path(world.lake.base)
    raw = [base / zone for zone in ("landing", "bronze", "quarantine")]
    files = [
        p
        for p in (*base.rglob("*"), *(tmp_path / "events").rglob("*"))
        if p.is_file() and not any(r in p.parents for r in raw)
    ]
    texts = {str(p): p.read_bytes().decode("latin-1") for p in files if p.suffix != ".parquet"}
    assert any("SparkListener" in text for text in texts.values()), "the event log is among them"
    tables = [str(p.parent) for p in base.glob("*/*/_delta_log") if not any(r in p.parents for r in raw)]
    texts |= {t: str(world.rows(t.split("/")[-1], t.split("/")[-2])) for t in tables}
    assert any(as_token("k1", SECRET, ANNA) in text for text in texts.values())
    texts |= {"stdout": done.stdout, "stderr": done.stderr}
    assert [
        (name, s)
        for name, text in texts.items()
        for s in (ANNA, BERT, WRONG, *spellings())
        if s.lower() in text.lower()
    ] == []


def spellings() -> Iterator[str]:
    """The key and the two blocks made of it, as something might print them."""
    for data in (bytes.fromhex(SECRET), *PersonKey("k1", bytes.fromhex(SECRET)).pads()):
        yield data[:32].hex()
        yield " ".join(f"{b:02x}" for b in data[:32])
        yield base64.b64encode(data[:30]).decode()
        yield ", ".join(str(b) for b in data[:32])
        yield repr(data[:32])[2:-1]


def test_the_plan_shows_no_key(spark: SparkSession, capsys: pytest.CaptureFixture[str]) -> None:
    key = PersonKey("k1", bytes.fromhex(SECRET))
    rows = with_pads(spark.createDataFrame([("a",)], "text string"), key).select(
        token(F.col("text"), key).alias("token")
    )
    for mode in ("extended", "codegen"):
        rows.explain(mode=mode)
    plan = capsys.readouterr().out
    assert "sha2" in plan
    assert [s for s in spellings() if s.lower() in plan.lower()] == []
    assert SECRET not in repr(key)


@pytest.mark.slow
def test_a_new_key_makes_silver_again_and_a_release_never_mixes_two(
    world: World, people: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for dataset in ("people.residents", "people.workers"):
        world.deliver(dataset, "2025-01-01", f"{HEADER}1,2013,1,{ANNA}\n")
    world.deliver("reg.things", "2025-01-01", "key,period,value\n1,2013,10\n")
    assert world.run(release=True).problems == []
    monkeypatch.setenv(VARIABLE, write_key(tmp_path / "next", "k2", NEXT))
    assert {p.code for p in world.run().problems} == {"E706"}
    assert [r["pid"] for r in world.rows("people.residents")] == [as_token("k1", SECRET, ANNA)]
    world.deliver("reg.things", "2025-01-02", "key,period,value\n1,2013,20\n")
    with pytest.raises(LakeError) as refused:
        world.run(dataset="people.residents", refold=True)
        world.run(dataset="reg.things", release=True)
    assert refused.value.code == "E806"
    assert re.fullmatch("people.residents k2:[0-9a-f]{8}, people.workers k1:[0-9a-f]{8}", refused.value.actual)
    assert [r["total"] for r in world.rows("totals", "gold")] == [10]
    assert world.run(refold=True, release=True).problems == []
    for dataset in ("people.residents", "people.workers"):
        assert [r["pid"] for r in world.rows(dataset)] == [as_token("k2", NEXT, ANNA)]
    assert [r["total"] for r in world.rows("totals", "gold")] == [20]


def test_without_a_key_only_departments_that_name_persons_fail(
    world: World, people: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(VARIABLE)
    world.deliver("people.residents", "2025-01-01", f"{HEADER}1,2013,1,{ANNA}\n")
    world.deliver("reg.things", "2025-01-01", "key,period,value\n1,2013,10\n")
    problem = only_problem(world.run(release=True))
    assert (problem.code, problem.where.dataset, problem.where.stage) == ("E805", "people.residents", "silver")
    assert [r["total"] for r in world.rows("totals", "gold")] == [10]
    monkeypatch.setenv(VARIABLE, write_key(people.parent / "late", "k1", SECRET))
    assert world.run().problems == []
    assert len(world.rows("people.residents")) == 1


def test_another_key_under_the_same_name_is_another_key(
    world: World, people: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.deliver("people.residents", "2025-01-01", f"{HEADER}1,2013,1,{ANNA}\n")
    assert world.run().problems == []
    monkeypatch.setenv(VARIABLE, write_key(tmp_path / "other", "k1", NEXT))
    assert only_problem(world.run()).code == "E706"


@pytest.mark.parametrize(
    "content", [None, "", "k1", f"k1 {'5e' * 31}", f"k1 {'5e' * 32}5", f"k-1 {SECRET}", f"k1 {SECRET} more", "k1 \xff"]
)
def test_a_file_that_holds_no_key_is_refused_without_printing_it(
    content: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if content is not None:
        (tmp_path / "key").write_text(content, "latin-1")
    monkeypatch.setenv(VARIABLE, str(tmp_path / "key"))
    with pytest.raises(LakeError, match="E805") as refused:
        person_key()
    assert "5e5e" not in str(refused.value)


def test_a_file_is_checked_without_a_key(
    people: Path, spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(VARIABLE)
    (tmp_path / "data.csv").write_text(f"{HEADER}1,2013,1,{ANNA}\n2,2013,2,{WRONG}\n")
    found = check_file(lambda: spark, load_contracts(CITY)["people.residents"], tmp_path / "data.csv", date(2025, 1, 1))
    assert found["counts"]["set aside"] == 1
    assert not re.search(f"{ANNA}|{WRONG}", str(found))
