"""A little city whose commands pass every commit point of the product, each from a state of its lake that was made once.

Two departments: `reg.things`, with a record that cannot be read and rows that are set aside, and `road`, whose gold tables are built by
days. Three nights: the first; a correction of it, in a lake with a build that no release names; one with a column more. Then two
decisions and two checkpoints, the first and the second of their tables.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jobs import delta
from jobs.cities import load_gold
from jobs.digest import digest_table
from jobs.ledger import read_decisions
from jobs.release import read_releases
from tests.laws import roads
from tests.laws.contents import committed, contents, outcomes
from tests.little import CITY, World, csv_of, no_session, write_conf

NOTE = "      - {name: note, logicalType: string, classification: public, description: A note.}\n"
DISMISS = ("quarantine", "dismiss", "--dataset", "reg.things", "--date", "2025-01-01", "--file", "data.csv")
SIGNED = ("--by", "tester", "--reason", "checked")


def write_city(root: Path, *, wide: bool = False) -> Path:
    """Write the configuration; `wide` with a column more in two datasets. Returns the root to name in LAKE_CONF."""
    write_conf(root, ["reg.things"])
    roads.write_conf(root)
    for zone in ("conf/cities", "expectations"):
        (root / zone / roads.CITY / "road").rename(root / zone / CITY / "road")
    city = root / "conf" / "cities" / CITY
    gold = "gold: [totals, sensor_days, street_days]"
    (city / "city.yaml").write_text(f"name: {CITY}\ntitle: Little city\ntimezone: Asia/Shanghai\n{gold}\n")
    for contract in (city / "reg" / "things.odcs.yaml", city / "road" / "sensor.odcs.yaml") if wide else ():
        contract.write_text(contract.read_text().replace("slaProperties:", f"{NOTE}slaProperties:"))
    return root


def things(world: World, date: str, values: tuple[object, ...], *, revision: int = 1) -> None:
    """A register of so many keys, and a record that cannot be read."""
    rows = [(key, 2013, value) for key, value in enumerate(values, 1)]
    world.deliver("reg.things", date, csv_of(rows) + "short\n", revision=revision)


def first(world: World) -> None:
    things(world, "2025-01-01", (10, 20, 30, "x", "y"))
    roads.register(world, 1, {"a": "Long", "b": "Short"})
    roads.deliver(world, 1, {"a": 10, "b": 20})


def unseen(world: World) -> None:
    roads.deliver(world, 2, {"a": 30, "b": 40})


def correction(world: World) -> None:
    things(world, "2025-01-01", (11, 20, 30, "x", "y"), revision=2)
    roads.deliver(world, 3, {"a": 50})


def third(world: World) -> None:
    things(world, "2025-01-02", (13, 21, 30))
    roads.register(world, 2, {"a": "Short", "b": "Short"})


def nothing(world: World) -> None:
    """A command that takes no delivery."""


@dataclass(frozen=True)
class Work:
    """A command, what is delivered and typed before it, and the states of the lake from which and to which it goes."""

    start: str
    end: str
    command: tuple[str, ...]
    deliver: Callable[[World], None] = nothing
    conf: str = "conf"
    before: tuple[tuple[str, ...], ...] = ()


NO_RELEASE = ("extract", "bronze", "silver")
READING = ("--date", "2025-01-02", "--dataset", "road.reading")
WORKS = {
    "first night": Work("empty", "released", ("run",), first),
    "unseen build": Work("released", "unseen", ("gold",), unseen, before=tuple((x, *READING) for x in NO_RELEASE)),
    "correction": Work("unseen", "corrected", ("run",), correction),
    "new column": Work("corrected", "widened", ("run", "--refold"), third, "wide"),
    "first decision": Work("released", "decided", (*DISMISS, "--record", "4", *SIGNED)),
    "first checkpoint": Work("decided", "checked", ("audit", "checkpoint")),
    "second decision": Work("checked", "decided twice", (*DISMISS, "--record", "5", *SIGNED)),
    "second checkpoint": Work("decided twice", "checked twice", ("audit", "checkpoint")),
}
NIGHTS = ("first night", "correction", "new column")
# The works in which a commit point is passed first and late, and the how manieth time late is.
WHERE = {
    "quarantine_bronze": ("first night", "correction", 1),
    "bronze_table": ("first night", "first night", 3),
    "bronze_columns": ("new column", "new column", 2),
    "bronze": ("first night", "correction", 2),
    "quarantine_silver": ("first night", "correction", 1),
    "silver": ("first night", "correction", 2),
    "gold_restore": ("correction", "correction", 2),
    "gold": ("first night", "correction", 3),
    "decision": ("first decision", "second decision", 1),
    "restatement": ("correction", "new column", 1),
    "release": ("first night", "correction", 1),
    "ledger": ("first night", "correction", 6),
    "checkpoint": ("first checkpoint", "second checkpoint", 1),
}


def copy_state(states: Path, state: str, folder: Path) -> World:
    """A lake of one's own in a state that was made before, with its inbox; the empty one is not even begun."""
    if state != "empty":
        shutil.copytree(states / state, folder)
        return World(folder, no_session)
    world = World(folder, no_session)
    shutil.rmtree(world.lake.root)
    return world


def published(world: World) -> dict[str, str]:
    """What readers see: the newest release's number, and the digest of each table as it is read at its released version."""
    releases, gold = read_releases(world.lake), load_gold(world.lake.city)
    found = {"release": str(len(releases))}
    for t in releases[-1].tables.values() if releases else ():
        rows = delta.read_arrow(world.lake.table("gold", t.table), t.version) if t.version >= 0 else None
        found[t.table] = digest_table(rows, gold[t.table]) if rows is not None else ""
    return found


def said(world: World) -> dict[str, Any]:
    """Everything that a lake says, its decisions, checkpoints and pages too."""
    checkpoints = delta.read_arrow(world.lake.table("audit", "checkpoints"), columns=["table", "size"])
    pages = Path(world.lake.path("reports"))
    return {
        **contents(world),
        "published": published(world),
        "outcomes": outcomes(world),
        "commits": committed(world),
        "decided": [(d.kind, d.file, d.record) for d in read_decisions(world.lake)],
        "checkpoints": checkpoints.to_pylist() if checkpoints is not None else [],
        "pages": sorted(str(p.relative_to(pages)) for p in pages.rglob("*.html")),
    }
