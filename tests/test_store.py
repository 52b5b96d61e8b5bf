"""Where an address leads, and what each library is told of it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from pyarrow.fs import LocalFileSystem

from jobs import store
from jobs.lake import Lake
from jobs.session import session_conf
from jobs.setup import S3_PINS, Jar, read_pins


@pytest.fixture(autouse=True)
def no_store(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.delenv("LAKE_ROOT", raising=False)


def test_a_lake_on_disk_is_told_nothing_of_object_storage() -> None:
    assert store.table_options("/lake/x") is None
    assert isinstance(store.table_files("/lake/x").base_fs, LocalFileSystem)
    assert not [key for key in session_conf(root="/lake") if "s3a" in key or key == "spark.jars"]


def test_a_store_of_ones_own_is_named_by_its_address_and_needs_no_region(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:8333")
    told = {key.rsplit(".s3a.")[1]: value for key, value in store.spark_settings().items()}
    assert (told["endpoint"], told["endpoint.region"], told["path.style.access"]) == (
        "http://127.0.0.1:8333", "us-east-1", "true",
    )  # fmt: skip
    assert store.table_options("s3a://bucket/x") == {
        "aws_endpoint_url": "http://127.0.0.1:8333", "aws_region": "us-east-1", "allow_http": "true",
    }  # fmt: skip


def test_amazons_own_store_is_told_the_region_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    assert store.table_options("s3a://bucket/x") == {"aws_region": "eu-central-1"}
    assert "spark.hadoop.fs.s3a.endpoint" not in store.spark_settings()


def test_a_key_in_a_file_is_read_for_the_profile_that_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "credentials"
    file.write_text(
        "[default]\naws_access_key_id = a\n[night]\naws_access_key_id = b\naws_secret_access_key = 100%\nregion = x\n"
    )
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))
    assert store.table_options("s3a://bucket/x") == {"aws_access_key_id": "a"}
    monkeypatch.setenv("AWS_PROFILE", "night")
    assert store.table_options("s3a://bucket/x") == {"aws_access_key_id": "b", "aws_secret_access_key": "100%"}


def test_a_key_in_the_environment_comes_before_one_in_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "credentials").write_text("[default]\naws_access_key_id = a\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "b")
    assert store.table_options("s3a://bucket/x") == {}


def test_no_key_is_ever_a_setting_of_spark(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hidden")
    assert "hidden" not in str(store.spark_settings())


def test_both_spellings_of_an_address_are_one_lake_whose_lock_is_on_this_machine(state_home: Path) -> None:
    lakes = [Lake(root, "little") for root in ("s3://bucket/x", "s3a://bucket/x/")]
    assert {lake.base for lake in lakes} == {"s3a://bucket/x/little"}
    assert {lake.state().parent.parent for lake in lakes} == {state_home}


def test_executors_elsewhere_are_sent_deltas_jars(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "cluster.conf"
    file.write_text("spark.master spark://127.0.0.1:7077\n")
    monkeypatch.setenv("LAKE_SPARK_CONF", str(file))
    assert {Path(jar).name for jar in session_conf()["spark.jars"].split(",")} == {jar.file for jar in read_pins()}


def test_jars_for_object_storage_are_pinned_beside_deltas_and_none_is_the_whole_sdk() -> None:
    pins: list[Jar] = read_pins(S3_PINS)
    assert all(len(jar.sha256) == 64 and jar.coordinates.count(":") == 2 for jar in pins)
    assert {jar.file for jar in pins} & {jar.file for jar in read_pins()} == set()
    assert not [jar for jar in pins if ":bundle:" in jar.coordinates]
