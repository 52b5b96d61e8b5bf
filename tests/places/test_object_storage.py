"""A lake in object storage gives what one on disk gives, by LAKE_ROOT and the store's own variables alone."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from jobs import setup
from jobs.cities import PROJECT
from tests.extract.lines import line_to
from tests.places.conftest import DATE, ask_at, run_first_night, type_lake
from tests.servers import KEY, READER, SECRET, free_ports, object_store, running

pytestmark = [pytest.mark.spark, pytest.mark.slow]


@pytest.fixture(scope="module")
def store(plain_env: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The variables of a command whose lake is in SeaweedFS."""
    setup.fetch_jars(setup.S3_PINS)
    published = [f"city/new_york/{place}" for place in ("gold", "audit/releases", "audit/restatements")]
    with object_store(tmp_path_factory.mktemp("store") / "weed", readable=published) as found:
        yield plain_env | found | {"LAKE_ROOT": "s3a://lake/city"}


@pytest.fixture(scope="module")
def digests(store: dict[str, str]) -> dict[str, str]:
    return run_first_night(store)


def test_a_night_in_object_storage_has_the_digests_of_one_on_disk(
    digests: dict[str, str], digests_on_disk: dict[str, str]
) -> None:
    assert digests == digests_on_disk


@pytest.mark.usefixtures("digests")
def test_damage_in_object_storage_is_found(store: dict[str, str]) -> None:
    """No check sums stand beside files there: pages of Parquet have their own."""
    assert type_lake(store, "fsck", "--full").returncode == 0
    code = (
        "import sys; from jobs import store; files, base = store.open_files(sys.argv[1]); "
        "path = max((f for f in files.find(base) if f.endswith('.parquet')), key=files.size); old = files.cat_file(path); "
        "half = len(old) // 2; files.pipe_file(path, old[:half] + bytes([old[half] ^ 1]) + old[half + 1:])"
    )
    table = "s3a://lake/city/new_york/gold/road_volume_hourly"
    for left in (6, 0):  # the same bit twice is none
        subprocess.run([sys.executable, "-c", code, table], cwd=PROJECT, env=store, check=True)
        done = type_lake(store, "fsck", "--full")
        assert (done.returncode, "E604" in done.stderr) == (left, left == 6), done.stderr


class EverySecondCommit:
    """The reply to the first try of every second commit of a table is lost: the try after it has to learn what became of it."""

    def __init__(self) -> None:
        self.lost: set[tuple[bytes, int]] = set()
        self.turn = threading.Lock()

    def __call__(self, request: bytes) -> bool:
        found = re.match(rb"PUT ([^ ]*/_delta_log)/(\d+)\.json", request)
        if found is None:
            return False
        table, version = found[1], int(found[2])
        with self.turn:
            if self.lost & {(table, version), (table, version - 1)}:
                return False
            self.lost.add((table, version))
            return True


def test_b8_commits_whose_reply_is_lost_are_made_once(
    store: dict[str, str], digests_on_disk: dict[str, str], tmp_path: Path
) -> None:
    """Neither Spark nor delta-rs hears that it succeeded; both ask the log, and no row is there twice."""
    address, lost = store["AWS_ENDPOINT_URL"], EverySecondCommit()
    with line_to(address, is_lost=lost) as line:
        through = {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{line.port}",
            "LAKE_ROOT": "s3a://lake/deaf",
            "XDG_STATE_HOME": str(tmp_path),
        }
        assert run_first_night(store | through) == digests_on_disk
        assert len(lost.lost) >= 20
    done = type_lake(
        store | through | {"AWS_ENDPOINT_URL": address, "JAVA_HOME": "/nowhere"}, "run", "--date", DATE, "--json"
    )
    assert (done.returncode, json.loads(done.stdout)["lines"]) == (0, [])


def test_a_finished_night_in_object_storage_is_nothing_to_do(store: dict[str, str], digests: dict[str, str]) -> None:
    done = type_lake(store | {"JAVA_HOME": "/nowhere"}, "run", "--date", DATE, "--json")
    assert (done.returncode, json.loads(done.stdout)["lines"]) == (0, [])


def test_gold_in_object_storage_is_asked_by_name_with_the_key_in_a_file(
    store: dict[str, str], digests: dict[str, str], tmp_path: Path
) -> None:
    file = tmp_path / "credentials"
    file.write_text(f"[default]\naws_access_key_id = {KEY}\naws_secret_access_key = {SECRET}\n")
    env = {k: v for k, v in store.items() if k not in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}
    question = "SELECT count(*) AS days FROM gold.crash_daily"
    done = type_lake(env | {"AWS_SHARED_CREDENTIALS_FILE": str(file)}, "sql", question, "--format", "csv")
    assert (done.stdout.split()[:2], done.returncode) == (["days", "48"], 0), done.stderr


def test_another_spelling_of_the_address_is_the_same_lake(store: dict[str, str], digests: dict[str, str]) -> None:
    done = type_lake(store | {"LAKE_ROOT": "s3://lake/city/"}, "digest", "--json")
    assert json.loads(done.stdout)["tables"] == digests


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"AWS_SECRET_ACCESS_KEY": "wrong"}, "SIGNATURE_DOES_NOT_MATCH"),
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}, "NETWORK_CONNECTION"),
    ],
    ids=["a refused key", "no server"],
)
def test_a_store_that_cannot_be_used_is_no_damaged_table(
    store: dict[str, str], digests: dict[str, str], wrong: dict[str, str], said: str
) -> None:
    done = type_lake(store | wrong, "status")
    assert (done.returncode, "E609" in done.stderr, said in done.stderr) == (6, True, True), done.stderr


def test_the_doctor_writes_an_object_and_takes_it_away(store: dict[str, str], digests: dict[str, str]) -> None:
    found = {x["name"]: x for x in json.loads(type_lake(store, "doctor", "--json").stdout)["findings"]}
    assert found["jars for s3a"]["ok"], found
    assert found["object store"]["ok"], found
    refused = type_lake(store | {"AWS_ACCESS_KEY_ID": "nobody"}, "doctor", "--json")
    assert not {x["name"]: x["ok"] for x in json.loads(refused.stdout)["findings"]}["object store"]


def test_the_sql_service_needs_a_key_that_reads_what_is_published_and_no_more(
    store: dict[str, str], digests: dict[str, str], tmp_path: Path
) -> None:
    thrift, connect = free_ports(2)
    ports = ["--thrift-port", str(thrift), "--connect-port", str(connect)]
    refused = type_lake(store, "serve", *ports, "--json")
    assert json.loads(refused.stdout)["error"]["code"] == "E504"
    (tmp_path / "token").write_text("of-this-test-only\n")
    log = tmp_path / "log"
    command = [sys.executable, "-m", "jobs", "serve", *ports, "--token-file", str(tmp_path / "token")]
    with running(command, log, lambda: "JDBC:" in log.read_text(), store | {"AWS_ACCESS_KEY_ID": READER}, cwd=PROJECT):
        spark = ask_at(f"sc://localhost:{connect}", "of-this-test-only")
        try:
            assert spark.sql("SELECT count(*) FROM gold.crash_daily").collect()[0][0] == 48
            assert spark.sql("SELECT count(*) FROM audit.releases").collect()[0][0] == 7
            for path in ("silver/traffic_crashes", "bronze/traffic_crashes", "audit/ledger"):
                with pytest.raises(Exception, match=r"AccessDenied|Access Denied|403|Forbidden"):
                    spark.sql(f"SELECT * FROM delta.`s3a://lake/city/new_york/{path}`").collect()
        finally:
            spark.stop()
