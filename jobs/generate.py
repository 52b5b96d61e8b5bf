"""The command generate: the nights of a city that does not exist, with what is true of them."""

from __future__ import annotations

from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated

import typer

from jobs import show
from jobs.ask import app
from jobs.due import is_date
from jobs.errors import LakeError
from jobs.settings import Settings, with_settings

CITY = "optics_valley"
MOST = 50  # persons of more would have no numbers left


@app.command()
@with_settings
def generate(
    settings: Settings,
    out: Annotated[Path, typer.Option(help="Folder to write inbox, truth and faults to; new or empty.")],
    first: Annotated[str, typer.Option("--from", help="First business date.")] = "2026-01-01",
    nights: Annotated[int, typer.Option(min=1, max=1000, help="How many nights.")] = 4,
    scale: Annotated[str, typer.Option(help="Size; 1 is 20,000 enterprises and 200,000 insured persons.")] = "0.05",
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same bytes.")] = 7,
    faults: Annotated[str, typer.Option(help="none, light or all.")] = "light",
) -> None:  # fmt: skip
    """Write nightly deliveries of the invented city Optics Valley, with their faults and what is true of them."""
    from jobs.synthetic.faults import LEVELS
    from jobs.synthetic.nights import write_nights
    from jobs.synthetic.world import World

    if settings.city != CITY:
        raise LakeError("E002", place="--city", expected=CITY, actual=settings.city)
    if not is_date(first) or faults not in LEVELS:
        raise LakeError(
            "E002",
            place="--from, --faults",
            expected=f"a date; {', '.join(LEVELS)}",
            actual=f"{first[:20]}; {faults[:20]}",
        )
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise LakeError("E002", place="--out", expected="a folder that is new or empty", actual=str(out))
    world = World(seed, _scale(scale), date.fromisoformat(first), nights)
    with show.counting("nights", nights) as tell:
        counts = write_nights(world, faults, out, tell)
    if settings.json:
        show.print_json("generate", out=str(out), **counts)
        return
    rows = [[name, n] for name, n in counts.items()]
    show.out.print(f"Optics Valley, {nights} nights from {first}, scale {scale}, seed {seed}, faults {faults}")
    show.print_table("", ["what", "number"], rows)
    show.out.print(f"Next: LAKE_CITY={CITY} LAKE_INBOX={out / 'inbox'} lake run", markup=False)


def _scale(text: str) -> Decimal:
    try:
        if Decimal("0.001") <= (found := Decimal(text)) <= MOST:
            return found
    except InvalidOperation:
        pass
    raise LakeError("E002", place="--scale", expected=f"a number from 0.001 to {MOST}", actual=text[:20])
