"""The command `links`: which links of codes to enterprises wait for a person, and what that person decides."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from jobs import show
from jobs.ask import app, released_rows
from jobs.cities import load_gold
from jobs.errors import LakeError
from jobs.ledger import Decision, decisions_on_links, read_decisions
from jobs.night import Selection
from jobs.opening import open_night
from jobs.settings import Settings, with_settings

TABLE = "entity_link"
COLUMNS = ["source_system", "source_key", "proposed_id", "score"]


@app.command()
@with_settings
def links(
    settings: Settings, action: Annotated[str, typer.Argument(help="list, accept or reject")],
    source_system: Annotated[str, typer.Option("--source-system", help="Source that uses the code, such as tax.")] = "",
    source_key: Annotated[str, typer.Option("--source-key", help="Code as the source writes it.")] = "",
    entity_id: Annotated[str, typer.Option("--entity-id", help="Code of the enterprise [default: the one that is proposed or linked].")] = "",
    by: Annotated[str, typer.Option(help="Who decides.")] = "", reason: Annotated[str, typer.Option(help="Why.")] = "",
) -> None:  # fmt: skip
    """List links that wait for a decision; accept or reject one, by name and with a reason. The next run goes on with it."""
    if TABLE not in load_gold(settings.city):
        raise LakeError("E004", place="--city", expected=f"a city with gold.{TABLE}", actual=settings.city)
    if action == "list":
        _print_queue(settings)
        return
    if action not in ("accept", "reject"):
        raise LakeError("E002", place="action", expected="list, accept or reject", actual=action[:20])
    if not (source_system and source_key and by and reason):
        needed = "--source-system --source-key --by --reason"
        raise LakeError("E002", place="links", expected=needed, actual="one of them is missing")
    decision = _judge(settings, action, source_system, source_key, entity_id, by, reason)
    with open_night(settings, Selection()) as (night, _):
        decision = night.ledger.decide(decision)
    if settings.json:
        show.print_json("decision", decision=decision, next="lake run")
    else:
        show.out.print(f"{action} {source_system} {source_key} as {decision.entity_id} by {by}. Next: lake run")


def _print_queue(settings: Settings) -> None:
    rows, columns = _queue(settings), [*COLUMNS, "decided"]
    if settings.json:
        show.print_json("links", rows=[dict(zip(columns, row, strict=True)) for row in rows])
    elif rows:
        show.print_table("", columns, rows)
    else:
        show.out.print("No link waits for a decision.")


def _queue(settings: Settings) -> list[list[str]]:
    """What the newest release proposes, with the decision that the next run takes up, where there is one."""
    decided = {(d["source_system"], d["source_key"]): d for d in decisions_on_links(read_decisions(settings.lake))}
    waiting = sorted([str(r[c]) for c in COLUMNS] for r in _links(settings) if r["method"] == "review")
    return [[*row, _say(decided.get((row[0], row[1])))] for row in waiting]


def count_waiting(settings: Settings) -> int:
    """How many links that the newest release proposes nobody has decided on yet."""
    return sum(not decided for *_, decided in _queue(settings)) if TABLE in load_gold(settings.city) else 0


def _say(decision: Mapping[str, str] | None) -> str:
    return f"{decision['decision']} {decision['entity_id']} by {decision['decided_by']}" if decision else ""


def _links(settings: Settings) -> list[dict[str, Any]]:
    rows = released_rows(settings, TABLE)
    return rows.to_pylist() if rows is not None else []


def _judge(settings: Settings, kind: str, source_system: str, source_key: str, entity_id: str, by: str, reason: str) -> Decision:  # fmt: skip
    """The decision, where there is something to decide: a code that the register does not have, and an enterprise that it has."""
    place, where = "--source-key", (source_system, source_key)
    link = next((r for r in _links(settings) if (r["source_system"], r["source_key"]) == where), None)
    if link is None or link["method"] == "code":
        actual = "the register has the code" if link else f"none in {source_system[:20]}"
        raise LakeError("E004", place=place, expected="a code that is not linked by code", actual=actual, next_command="lake links list")  # fmt: skip
    entity = entity_id or link["proposed_id"] or link["entity_id"]
    register = released_rows(settings, "dim_enterprise")
    if register is None or entity not in register["uscc"].to_pylist():
        actual = f"{entity[:20]} is not in it" if entity else "nothing is proposed, and none is given"
        raise LakeError("E004", place="--entity-id", expected="a code of the register", actual=actual, next_command="lake sql")  # fmt: skip
    return Decision(kind, by, reason, source_system=source_system, source_key=source_key, entity_id=entity)
