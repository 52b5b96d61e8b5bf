"""What is owed: landed deliveries, and which of their stages are not finished."""

from __future__ import annotations

from collections.abc import Sequence

from jobs import bronze as bronze_stage
from jobs import delta, landing
from jobs.contracts import Contract, fingerprint
from jobs.delta import TableState
from jobs.errors import LakeError
from jobs.judge import silver_fingerprint
from jobs.landing import Receipt
from jobs.ledger import Line
from jobs.night.opened import Delivery, Night, placed, say_problem
from jobs.suites import Suite, load_suite

SMALL_NIGHT_BYTES = 64 << 20


def deliveries(night: Night) -> list[Delivery]:
    """Landed deliveries of the selection, oldest date first."""
    found = []
    for contract in night.selected:
        receipts = [r for r in landing.list_receipts(night.lake, contract) if night.selection.has_date(r.business_date)]
        suite = _find_suite(night, contract, receipts[-1]) if receipts else None
        found += [Delivery(contract, suite, r) for r in receipts] if suite else []
    return sorted(found, key=lambda d: (d.receipt.business_date, d.contract.dataset, d.receipt.revision))


def _find_suite(night: Night, contract: Contract, newest: Receipt) -> Suite | None:
    """The suite of a dataset; a fault in it stops this dataset only, and is said once."""
    try:
        return load_suite(contract)
    except LakeError as error:
        if not any(p.code == error.code and p.where.dataset == contract.dataset for p in night.problems):
            say_problem(
                night,
                placed(error, Delivery(contract, Suite(contract.dataset), newest), "bronze").at(place="expectations"),
            )
        return None


def silver_identity(night: Night, d: Delivery) -> str:
    """What a finished silver line must carry: the delivery, the decisions on it, the code and rules."""
    return Sought(night).silver(d)


class Sought:
    """What finished stages must carry, and the tables that they name. What is the same of all deliveries is made once: a lake has
    thousands of them, and few datasets and tables.
    """

    def __init__(self, night: Night) -> None:
        self.night = night
        self._readings: dict[str, list[object]] = {}
        self._rules: dict[str, str] = {}
        self._states: dict[str, TableState | None] = {}

    def bronze(self, d: Delivery) -> str:
        name = d.contract.dataset
        if name not in self._readings:
            self._readings[name] = bronze_stage.reading_of(d.contract, d.suite)
        return bronze_stage.identity_of(d.receipt, self._readings[name])

    def silver(self, d: Delivery) -> str:
        name, r = d.contract.dataset, d.receipt
        if name not in self._rules:
            self._rules[name] = silver_fingerprint(d.contract, d.suite)
        decided = sorted(x.id for x in self.night.ledger.decisions_on(name, r.business_date, r.revision, r.sha256))
        return fingerprint([self.bronze(d), self._rules[name], decided])

    def state(self, table: str) -> TableState | None:
        """The state of a table by zone and name."""
        if table not in self._states:
            self._states[table] = delta.table_state(self.night.lake.table(*table.split(".")))
        return self._states[table]


def owed(night: Night) -> list[tuple[Delivery, str]]:
    """Stages of deliveries that are not finished, oldest date first."""
    sought = Sought(night)
    return [(d, stage) for d in deliveries(night) for stage in ("bronze", "silver") if _is_owed(sought, d, stage)]


def _is_owed(sought: Sought, d: Delivery, stage: str) -> bool:
    if stage == "silver" and _outcome(sought.night, d, "bronze") == "refused" and _is_done(sought, d, "bronze"):
        return False
    return not _is_done(sought, d, stage)


def _is_done(sought: Sought, d: Delivery, stage: str) -> bool:
    """Whether the newest ledger line says so and the table it names is still there and not older."""
    line = sought.night.ledger.newest(stage, *d.key)
    if line is None or line.outcome == "failed":
        return False
    if line.fingerprint != (sought.bronze(d) if stage == "bronze" else sought.silver(d)):
        return False
    if line.code == "E706" and sought.night.selection.refold:
        return False
    return not line.table_id or _still_there(line, sought.state(line.table))


def _still_there(line: Line, state: TableState | None) -> bool:
    return state is not None and state.id == line.table_id and state.version >= line.table_version


def _outcome(night: Night, d: Delivery, stage: str) -> str:
    line = night.ledger.newest(stage, *d.key)
    return line.outcome if line else ""


def is_small(night: Night) -> bool:
    """Whether so little is owed that starting Java quickly matters more than running it fast."""
    return count_bytes(owed(night)) < SMALL_NIGHT_BYTES


def count_bytes(work: Sequence[tuple[Delivery, str]]) -> int:
    return sum(f.size for d, _ in work for f in d.receipt.files)
