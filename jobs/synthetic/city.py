"""The whole city: every department's deliveries of every night, with the faults that a level puts into them."""

from __future__ import annotations

from collections.abc import Iterator

from jobs.synthetic import employment, enterprises, land, neighbourhoods, services, tax, traffic
from jobs.synthetic.aliases import rename
from jobs.synthetic.faults import Fault, break_delivery, change_unit
from jobs.synthetic.world import Delivery, World

DATASETS = (
    enterprises.deliver, tax.payments, tax.corrected_payments, employment.insurance, land.parcels, traffic.sensors, traffic.readings,
    traffic.incidents, services.approvals, services.steps, neighbourhoods.schools, neighbourhoods.facilities, neighbourhoods.communities,
)  # fmt: skip


def deliveries(world: World, level: str) -> Iterator[tuple[Delivery, list[Fault]]]:
    """Night by night what is delivered, as it is delivered, with the faults in it; a corrected delivery comes after its first."""
    for night in range(world.nights):
        for deliver in DATASETS:
            delivery = deliver(world, night)
            if delivery is not None:
                yield _break(world, night, rename(world, delivery, level), level)


def _break(world: World, night: int, delivery: Delivery, level: str) -> tuple[Delivery, list[Fault]]:
    faults: list[Fault] = []
    if delivery.dataset == "tax.payment" and delivery.revision == 1 and tax.is_corrected(night):
        delivery, faults = change_unit(delivery, tax.AMOUNTS, level)
    broken, more = break_delivery(world, delivery, level)
    return broken, faults + more
