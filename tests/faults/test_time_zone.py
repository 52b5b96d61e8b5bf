"""The session's zone is UTC whatever the machine's is."""

# ruff: noqa: DTZ001  # local wall time has no zone

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from pyspark.sql import SparkSession

from jobs.session import session_conf

TEXT = "cast('2013-03-10 02:30:00' as timestamp) AS instant, cast('2013-03-10 02:30:00' as timestamp_ntz) AS local, date('2013-03-10') AS day"


@pytest.fixture
def host_in_new_york(spark: SparkSession, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Both processes believe to be in New York, where 2013-03-10 02:30 never was."""
    zone = spark._jvm.java.util.TimeZone  # type: ignore[union-attr]
    before = zone.getDefault()
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    zone.setDefault(zone.getTimeZone("America/New_York"))
    yield
    zone.setDefault(before)
    monkeypatch.undo()
    time.tzset()


def test_the_zone_is_set_before_a_session_starts() -> None:
    assert session_conf()["spark.sql.session.timeZone"] == "UTC"


@pytest.mark.spark
def test_the_machines_zone_moves_no_time(spark: SparkSession, host_in_new_york: None) -> None:
    row = spark.sql(f"SELECT {TEXT}").toArrow().to_pylist()[0]
    assert row["instant"] == datetime(2013, 3, 10, 2, 30, tzinfo=UTC)
    assert row["local"] == datetime(2013, 3, 10, 2, 30)
    assert str(row["day"]) == "2013-03-10"


@pytest.mark.spark
def test_the_session_says_that_it_is_in_utc(spark: SparkSession) -> None:
    assert spark.conf.get("spark.sql.session.timeZone") == "UTC"
