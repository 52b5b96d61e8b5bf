"""Where a column comes from: of gold from silver, of silver from bronze, of bronze from a header of the delivered file.

Contracts state it; a test compares what gold contracts state with Spark's plan of each mart.
"""

from __future__ import annotations

from collections.abc import Mapping

from jobs.contracts import Contract

FILE_NAME = "_file"  # the column of bronze that keeps the name of the delivered file
_DELIVERED = "delivered."


def headers(contract: Contract) -> dict[str, str]:
    """The header of the delivered file by bronze column."""
    return {c.name: c.header for c in contract.delivered}


def bronze_origins(contract: Contract) -> dict[str, tuple[str, ...]]:
    """The bronze columns from which each silver column is made: those that the contract names, else the one of its name.

    A period out of the file's name comes from `_file`. A column without an origin has none here; lint refuses it.
    """
    delivered = headers(contract)
    found: dict[str, tuple[str, ...]] = {}
    for c in contract.columns:
        named = tuple(s.removeprefix(_DELIVERED) for s in c.sources if s.startswith(_DELIVERED))
        if not named and c.name in delivered:
            named = (c.name,)
        elif not named and c.name == contract.period and contract.period_from_file:
            named = (FILE_NAME,)
        found[c.name] = named
    return found


def silver_origins(contract: Contract) -> dict[str, tuple[tuple[str, str], ...]]:
    """The silver columns from which each column of a gold table is made, as dataset and column."""
    return {c.name: tuple((s.rpartition(".")[0], s.rpartition(".")[2]) for s in c.sources) for c in contract.columns}


def silver_uses(gold: Mapping[str, Contract]) -> dict[tuple[str, str], list[tuple[str, str]]]:
    """The gold columns that are made from each silver column: the way back."""
    found: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for table, contract in gold.items():
        for column, origins in silver_origins(contract).items():
            for origin in origins:
                found.setdefault(origin, []).append((table, column))
    return found
