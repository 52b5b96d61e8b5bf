"""What a lake says, without versions, run ids and times: two lakes with equal contents are the same lake."""

from __future__ import annotations

import json
from typing import Any

from jobs import delta
from jobs.chain import without_chain
from jobs.cities import load_gold
from jobs.digest import digest_table
from jobs.ledger import all_lines
from jobs.release import read_releases
from tests.little import World


def digests(world: World) -> dict[str, str]:
    """Canonical digest of each silver and gold table there is."""
    silver = {("silver", c.table): c for c in world.run_nothing().contracts.values()}
    gold = {("gold", c.name): c for c in load_gold(world.lake.city).values()}
    found = {}
    for (zone, name), contract in (silver | gold).items():
        rows = delta.read_arrow(world.lake.table(zone, name))
        if rows is not None:
            found[f"{zone}.{name}"] = digest_table(rows, contract)
    return found


def quarantined(world: World) -> dict[str, list[str]]:
    """Every row of every quarantine table that has one, as text, sorted: as often as it stands there."""
    found = {}
    for contract in world.run_nothing().contracts.values():
        rows = world.rows(contract.dataset, "quarantine")
        if rows:
            found[contract.dataset] = [json.dumps(row, default=str, sort_keys=True) for row in rows]
    return found


def releases(world: World) -> list[tuple[Any, ...]]:
    """Release number, table, status, rows and digest of every line of `audit.releases`."""
    found = delta.read_arrow(world.lake.table("audit", "releases"), columns=["release", "table", "status", "digest"])
    assert len(found or []) == sum(len(r.tables) for r in read_releases(world.lake)), "a release stands there twice"
    tables = [(r.number, t) for r in read_releases(world.lake) for t in r.tables.values()]
    return sorted((number, t.table, t.status, t.rows, t.digest) for number, t in tables)


def restated(world: World) -> list[str]:
    """Every line of `audit.restatements`."""
    found = delta.read_arrow(world.lake.table("audit", "restatements"))
    rows = [without_chain(row) for row in found.to_pylist()] if found is not None else []
    return sorted(json.dumps(row, sort_keys=True) for row in rows)


def outcomes(world: World) -> list[tuple[Any, ...]]:
    """The newest ledger line of each stage: what it was about, how it ended, its counts."""
    newest = {line.key: line for line in all_lines(world.lake.table("audit", "ledger"))}
    return sorted((*key, line.outcome, json.dumps(line.counts, sort_keys=True)) for key, line in newest.items())


def contents(world: World) -> dict[str, Any]:
    return {
        "digests": digests(world),
        "quarantined": quarantined(world),
        "releases": releases(world),
        "restated": restated(world),
    }


def committed(world: World) -> dict[str, int]:
    """Versions of the tables to which a stage commits once, however often it is repeated."""
    return {name: version for name, version in world.versions().items() if name.split(".")[0] in ("silver", "gold")}


def states(world: World) -> set[tuple[str, str]]:
    """What each table says now, by name, as text; of the ledger what each delivery's newest line says. Tables without rows say nothing."""
    bronze = {f"bronze.{d}": world.rows(d, "bronze") for d in world.run_nothing().contracts}
    whole = {f"quarantine.{d}": rows for d, rows in quarantined(world).items()}
    audit = {"releases": releases(world), "restated": restated(world)}
    lines = {f"ledger {line[:4]}": line[4:] for line in outcomes(world)}
    said = {**bronze, **whole, **audit, **lines, **digests(world)}
    return {(name, json.dumps(value, default=str)) for name, value in said.items() if value}
