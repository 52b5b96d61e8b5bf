"""The command new: the first files of a dataset."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from jobs import show
from jobs.ask import app
from jobs.cities import PROJECT, load_city, load_contracts
from jobs.contracts import check_name
from jobs.due import parse_date, today_in
from jobs.errors import LakeError
from jobs.settings import Settings, with_settings


@app.command()
@with_settings
def new(
    settings: Settings, dataset: Annotated[str, typer.Argument(help="SOURCE.DATASET, such as parks.trees.")],
    sample: Annotated[Path, typer.Argument(help="A file as the department sends it; it must hold no real person.")],
    business_date: Annotated[str, typer.Option("--date", help="Business date of the sample [default: the clock's day].")] = "",
    header_row: Annotated[int, typer.Option(min=1, help="Row of the header.")] = 1,
    to: Annotated[Path, typer.Option(help="Configuration root to write to [default: the project].")] = PROJECT,
) -> None:  # fmt: skip
    """Draft contract, suite and sample folder of a new dataset from a file."""
    from jobs.draft import draft, read_sample

    parts = check_name(dataset).split(".")
    if len(parts) != 2 or dataset in load_contracts(settings.city):
        raise LakeError(
            "E002", place="SOURCE.DATASET", expected="two names with a point, of no known dataset", actual=dataset[:60]
        )
    if not sample.is_file():
        raise LakeError("E002", place="SAMPLE", expected="a file that exists", actual=str(sample))
    city, now = load_city(settings.city), settings.run.now
    day = parse_date(business_date, city, now) if business_date else today_in(city, now)
    found = read_sample(sample, header_row)
    files = draft(found, settings.city, dataset, day.isoformat(), now)
    if taken := [name for name in files if (to / name).exists()]:
        raise LakeError("E002", place="--to", expected="no file of that name", actual=", ".join(taken))
    wrote = {to / name: data for name, data in files.items()}
    for path, data in wrote.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    if settings.json:
        show.print_json("new", files=[str(path) for path in wrote])
        return
    show.out.print(str(found), markup=False)
    here = Path.cwd()
    for path in wrote:
        show.out.print(f"wrote {path.relative_to(here) if path.is_relative_to(here) else path}", markup=False)
    show.out.print(f"Fill in what lake lint names, then: lake check {sample} --dataset {dataset}", markup=False)
