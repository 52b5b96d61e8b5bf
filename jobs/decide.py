"""What a person decides: approve what is held, look at what is set aside, dismiss or replay it."""

from __future__ import annotations

from typing import Annotated

import typer

from jobs import show
from jobs.ask import app
from jobs.errors import LakeError
from jobs.ledger import Decision
from jobs.night import Selection
from jobs.opening import open_night
from jobs.settings import DatasetOption, DateOption, Settings, select, with_settings


@app.command()
@with_settings
def approve(
    settings: Settings, ident: Annotated[str, typer.Argument(metavar="ID", help="Id of what is held, from `lake status`.")],
    by: Annotated[str, typer.Option(help="Who decides.")], reason: Annotated[str, typer.Option(help="Why.")],
) -> None:  # fmt: skip
    """Approve a held delivery or gold table, by name and with a reason. The next run goes on with it."""
    with open_night(settings, Selection()) as (night, _):
        held = night.ledger.held_things()
        found = held.get(ident)
        if found is None:
            raise LakeError(
                "E004",
                place="ID",
                expected=", ".join(held) or "nothing is held",
                actual=ident[:20],
            )
        if found.stage == "gold":
            decision = Decision(
                "approve", by, reason, table=found.dataset.removeprefix("gold."), input_fingerprint=found.fingerprint
            )
        else:
            decision = Decision("approve", by, reason, found.dataset, found.business_date, found.revision, found.sha256)
        decided = night.ledger.decide(decision)
    _print_decision(settings, decided, f"approved {found.dataset} {found.business_date}".rstrip() + f" by {by}")


@app.command()
@with_settings
def quarantine(
    settings: Settings, action: Annotated[str, typer.Argument(help="list, show, dismiss or replay")], dataset: DatasetOption = "", date: DateOption = "",
    revision: Annotated[int, typer.Option(help="Revision.")] = 1, file: Annotated[str, typer.Option(help="Delivered file.")] = "",
    record: Annotated[int, typer.Option(help="Record number.")] = 0, values: Annotated[str, typer.Option(help="JSON file with the record's values, for replay.")] = "",
    by: Annotated[str, typer.Option(help="Who decides.")] = "", reason: Annotated[str, typer.Option(help="Why.")] = "",
) -> None:  # fmt: skip
    """List or show what is set aside; dismiss a record, or replay it with mended values."""
    from jobs import asides

    selection = select(settings, date, "", dataset)
    if action in ("list", "show"):
        asides.print_asides(settings, selection, action)
        return
    if action not in ("dismiss", "replay"):
        raise LakeError("E002", place="action", expected="list, show, dismiss or replay", actual=action[:20])
    with open_night(settings, selection) as (night, _):
        decision = asides.decide_record(
            night, dataset, date, revision, file, record, by, reason, values if action == "replay" else ""
        )
    _print_decision(settings, decision, f"{decision.kind} {dataset} {date} r{revision} {file} record {record} by {by}")


def _print_decision(settings: Settings, decision: Decision, text: str) -> None:
    if settings.json:
        show.print_json("decision", decision=decision, next="lake run")
    else:
        show.out.print(f"{text}. Next: lake run")
