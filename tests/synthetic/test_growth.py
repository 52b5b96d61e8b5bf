"""What a night of Optics Valley reads does not grow with the nights before it: of the large datasets until silver, of readings until gold."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from jobs.cities import load_contracts
from jobs.release import read_releases
from jobs.synthetic.nights import write_nights
from jobs.synthetic.world import World as City
from tests.little import World, write_person_key
from tests.scans import Plans

pytestmark = [pytest.mark.spark, pytest.mark.slow]
NIGHTS = 8
# Of these more is read, and why: more cases are known every night; steps are told up to a month after their case came; a corrected
# delivery of events is folded again with the others.
GROWING = {"silver/services_approval", "silver/services_step", "bronze/tax_payment"}
INCREMENTAL = ("sensor_hourly", "road_traffic_hourly", "urban_ops_daily")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """What the traffic police delivers in some nights, faults included."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("growth")
        patch.setenv("XDG_STATE_HOME", str(folder / "state"))
        patch.delenv("LAKE_CONF", raising=False)
        patch.setenv("LAKE_PERSON_KEY_FILE", str(write_person_key(folder)))
        write_nights(City(7, Decimal("0.02"), date(2026, 1, 5), NIGHTS), "light", folder / "city", lambda: None)
        yield folder


def test_from_the_fifth_night_on_no_more_is_read_and_the_tables_are_as_if_built_whole(
    folder: Path, spark: SparkSession
) -> None:
    inbox = folder / "city" / "inbox" / "traffic"
    nightly = World(folder / "nightly", lambda: spark, "optics_valley")
    read_of = [("silver", "traffic_reading"), ("gold", "road_traffic_hourly"), ("gold", "sensor_hourly")]
    places = [nightly.lake.table(zone, table) for zone, table in read_of]
    plans, read = Plans(spark), {place: list[tuple[int, float]]() for place in places}
    for day in sorted(p.name for p in (inbox / "reading").iterdir()):
        for delivered in inbox.glob(f"*/{day}"):
            shutil.copytree(delivered, nightly.inbox / "traffic" / delivered.relative_to(inbox))
        nightly.run(now="2026-03-01T00:00:00Z", release=True)
        scans = [s for s in plans.take() if "_delta_log" not in s.place]
        for place in places:
            of_it = [s for s in scans if place in s.place]
            read[place].append((sum(s.files for s in of_it), sum(s.size for s in of_it)))
    for nights in read.values():
        assert min(size for _, size in nights[1:]) > 0, read
        assert max(files for files, _ in nights[4:]) <= max(files for files, _ in nights[:4]), read
        assert max(size for _, size in nights[4:]) <= 1.1 * max(size for _, size in nights[:4]), read

    at_once = World(folder / "at_once", lambda: spark, "optics_valley")
    shutil.copytree(inbox, at_once.inbox / "traffic")
    at_once.run(now="2026-03-01T00:00:00Z", release=True)
    nightly_tables, tables = (read_releases(w.lake)[-1].tables for w in (nightly, at_once))
    for table in INCREMENTAL:
        assert (nightly_tables[table].digest, nightly_tables[table].rows) == (tables[table].digest, tables[table].rows)
        assert nightly.rows(table, "gold") == at_once.rows(table, "gold")


def test_from_the_fifth_night_on_no_more_is_read_of_what_departments_deliver_in_bulk(
    folder: Path, spark: SparkSession
) -> None:
    """All departments, from landing to silver, by the metrics of Spark's plans."""
    inbox = folder / "city" / "inbox"
    world = World(folder / "all", lambda: spark, "optics_valley")
    plans, nights = Plans(spark), list[dict[str, tuple[int, float]]]()
    for day in sorted({p.name for p in inbox.glob("*/*/*") if ".r" not in p.name}):
        for delivered in inbox.glob(f"*/*/{day}*"):
            shutil.copytree(delivered, world.inbox / delivered.relative_to(inbox))
        world.run(now="2026-03-01T00:00:00Z")
        scans = [s for s in plans.take() if "_delta_log" not in s.place]
        read = {
            table: [s for s in scans if f"/{table}" in s.place]
            for table in (f"{zone}/{c.table}" for zone in ("bronze", "silver") for c in load_contracts("optics_valley").values())
        }  # fmt: skip
        nights.append(
            {table: (sum(s.files for s in of_it), sum(s.size for s in of_it)) for table, of_it in read.items()}
        )
    grown = {
        table: [night[table] for night in nights]
        for table in nights[0]
        for at in (0, 1)
        if max(night[table][at] for night in nights[4:]) > 1.1 * max(night[table][at] for night in nights[:4])
    }
    assert grown.keys() <= GROWING, grown
    assert sum(size for _, size in nights[-1].values()) > 0
