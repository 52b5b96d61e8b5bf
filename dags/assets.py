"""Every asset of the city, declared once: a silver table a dataset, and the gate that publishes what there is."""

from __future__ import annotations

from airflow.sdk import Asset

from jobs.cities import load_contracts
from jobs.contracts import Contract


def silver_asset(contract: Contract) -> Asset:
    """The asset that a dataset's last task emits, with what happened in its extra."""
    return Asset(
        name=f"silver.{contract.dataset}", uri=f"lake://{contract.city}/silver/{contract.table}", group="silver"
    )


def gate_asset(city: str) -> Asset:
    """Opened at the publication hour, and by a delivery that comes after it."""
    return Asset(name="gate", uri=f"lake://{city}/gate", group="gold")


def held_asset(city: str) -> Asset:
    """Something of a night is held: the ids, which `lake approve` takes, are in the extra."""
    return Asset(name="held", uri=f"lake://{city}/held", group="decisions")


def silver_assets(city: str) -> list[Asset]:
    return [silver_asset(c) for c in load_contracts(city).values()]
