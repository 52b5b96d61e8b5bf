"""One lake in which every case of the catalogue has happened: the nights before, then all faults in one run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from jobs.ledger import Line
from jobs.night import Night
from tests.faults.cases import CASES, GOOD, NIGHT, STANDING, Case
from tests.faults.city import CITY, write_city
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
        yield Faults(world, world.run(), versions)
