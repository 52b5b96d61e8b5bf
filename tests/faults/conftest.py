"""One lake in which every case of the catalogue has happened: the nights before, then all faults in one run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from jobs import bronze, silver
from jobs.formats import delimited
from jobs.ledger import Line
from jobs.night import Night
from tests.faults.case import GOOD, NIGHT, STANDING, Case
from tests.faults.cases import CASES
from tests.faults.city import CITY, write_city
from tests.faults.hostile import POISON
from tests.little import World


@dataclass(frozen=True)
class Faults:
    """The world after all faults, the run that met them, and the table versions and receipts of before."""

    world: World
    night: Night
    versions: dict[str, int]

    def line(self, case: Case) -> Line:
        return self.world.line(case.name, case.date, case.stage, case.revision)

    def aside(self, case: Case) -> dict[int, tuple[str, ...]]:
        """Set-aside records of a case with their rules, without the dataset's name."""
        found = [
            r
            for r in self.world.rows(case.name, "quarantine")
            if (str(r["_business_date"]), r["_revision"]) == (case.date, case.revision)
        ]
        return {r["_record"]: tuple(x.removeprefix(f"{case.name}.") for x in r["_rules"]) for r in found}


@pytest.fixture(scope="package")
def faults(tmp_path_factory: pytest.TempPathFactory, spark: object) -> Iterator[Faults]:
    folder = tmp_path_factory.mktemp("faults")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(folder / "state"))
        patch.setenv("LAKE_CONF", str(write_city(folder / "root")))
        world = World(folder, lambda: spark, CITY)  # type: ignore[arg-type, return-value]
        world.deliver(STANDING, NIGHT, GOOD)
        for case in CASES:
            if case.before:
                case.before(world, case.name, NIGHT)
        world.run()
        versions = world.versions()
        for case in CASES:
            case.deliver(world, case.name, case.date)
        with failing(spark):
            night = world.run()
        yield Faults(world, night, versions)


@contextmanager
def failing(spark: object) -> Iterator[None]:
    """Stages fail for the datasets of the cases that say so, and the reader does at a record that holds POISON."""
    errors = {(c.name, c.stage): c.fails(spark) for c in CASES if c.fails}
    write, fold, judge = bronze.write_bronze, silver.fold_delivery, delimited._judge

    def write_bronze(lake: Any, contract: Any, *more: Any) -> int:
        if (contract.dataset, "bronze") in errors:
            raise errors[contract.dataset, "bronze"]
        return write(lake, contract, *more)

    def fold_delivery(stage: Any, *more: Any) -> silver.Silver:
        if (stage.contract.dataset, "silver") in errors:
            raise errors[stage.contract.dataset, "silver"]
        return fold(stage, *more)

    def judge_record(source: Any, record: Any, line: int) -> tuple[str, str] | None:
        if POISON.encode() in source.data[record.start : record.stop]:
            raise IndexError(POISON)
        return judge(source, record, line)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("jobs.bronze.write_bronze", write_bronze)
        patch.setattr("jobs.silver.fold_delivery", fold_delivery)
        patch.setattr("jobs.formats.delimited._judge", judge_record)
        yield
