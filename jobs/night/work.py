"""What is owed: landed deliveries, and which of their stages are not finished."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache

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

Look = Callable[[str], TableState | None]
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


def bronze_identity(d: Delivery) -> str:
    return bronze_stage.bronze_fingerprint(d.contract, d.receipt, d.suite)


def silver_identity(night: Night, d: Delivery) -> str:
    """What a finished silver line must carry: the delivery, the decisions on it, the code and rules."""
    r = d.receipt
    decided = sorted(x.id for x in night.ledger.decisions_on(d.contract.dataset, r.business_date, r.revision, r.sha256))
    return fingerprint([bronze_identity(d), silver_fingerprint(d.contract, d.suite), decided])


def owed(night: Night) -> list[tuple[Delivery, str]]:
    """Stages of deliveries that are not finished, oldest date first."""

    @cache
    def look(table: str) -> TableState | None:
        """The state of a table by zone and name, looked at once: a lake has thousands of deliveries and few tables."""
        return delta.table_state(night.lake.table(*table.split(".")))

    return [(d, stage) for d in deliveries(night) for stage in ("bronze", "silver") if _is_owed(night, d, stage, look)]


def _is_owed(night: Night, d: Delivery, stage: str, look: Look) -> bool:
    if stage == "silver" and _outcome(night, d, "bronze") == "refused" and _is_done(night, d, "bronze", look):
        return False
    return not _is_done(night, d, stage, look)


def _is_done(night: Night, d: Delivery, stage: str, look: Look) -> bool:
    """Whether the newest ledger line says so and the table it names is still there and not older."""
    line = night.ledger.newest(stage, *d.key)
    identity = bronze_identity(d) if stage == "bronze" else silver_identity(night, d)
    if line is None or line.fingerprint != identity or line.outcome == "failed":
        return False
    if line.code == "E706" and night.selection.refold:
        return False
    return not line.table_id or _still_there(line, look(line.table))


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
