"""The command verify: compare a lake with what is known to be true of the city that was generated for it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import pyarrow as pa
import typer

from jobs import delta, show
from jobs.asides import read_asides
from jobs.ask import app, published
from jobs.contracts import load_contracts, load_gold
from jobs.digest import canonical_rows
from jobs.errors import LakeError
from jobs.ledger import Ledger
from jobs.settings import Settings, with_settings

SHOWN = 3
COUNTS = ("judged", "good", "set_aside", "duplicates")


@app.command()
@with_settings
def verify(
    settings: Settings, truth: Annotated[Path, typer.Option(help="The folder truth that `lake generate` wrote.")]
) -> None:
    """Compare gold, counts and set-aside records with the truth of a generated city; exit 0 only where nothing differs."""
    register = truth.parent / "faults" / "register.jsonl"
    if absent := [path for path in (truth / "deliveries.jsonl", truth / "links.jsonl", register) if not path.is_file()]:
        raise LakeError(
            "E002",
            place="--truth",
            expected="the folder truth that lake generate wrote, beside faults",
            actual=f"no {absent[0]}",
        )
    if unknown := sorted({path.stem for path in (truth / "gold").glob("*.jsonl")} - set(load_gold(settings.city))):
        raise LakeError(
            "E002",
            place="--city",
            expected="the city that was generated",
            actual=f"{settings.city} has no gold.{unknown[0]}",
        )
    precision, recall = _judge_links(settings, truth)
    rows = [*_compare_gold(settings, truth), _compare_counts(settings, truth), _compare_asides(settings, truth)]
    wrong = sum(missing + unexpected for _, _, missing, unexpected, _ in rows)
    if settings.json:
        names = ("what", "true", "missing", "unexpected", "examples")
        show.print_json("verify", compared=[dict(zip(names, row, strict=True)) for row in rows], different=wrong, precision=precision, recall=recall)  # fmt: skip
    else:
        show.print_table("", ["what", "true", "missing", "unexpected"], [row[:4] for row in rows])
        show.out.print(f"links: precision {precision}, recall {recall}")
        for what, _, _, _, examples in rows:
            for line in examples:
                show.out.print(f"{what}: {line}", markup=False)
    if wrong:
        raise LakeError("E707", place="truth", expected="no difference", actual=f"{wrong} differences")


Compared = tuple[str, int, int, int, list[str]]


def _compare(what: str, true: Iterable[Hashable], found: Iterable[Hashable]) -> Compared:
    """Both as multisets: what is missing in the lake, what is there and should not be, and a few of each."""
    expected, actual = Counter(true), Counter(found)
    missing, unexpected = expected - actual, actual - expected
    examples = [f"{sign} {row}" for sign, rows in (("missing", missing), ("unexpected", unexpected)) for row in sorted(map(str, rows))[:SHOWN]]  # fmt: skip
    return what, expected.total(), missing.total(), unexpected.total(), examples


def _compare_gold(settings: Settings, truth: Path) -> Iterable[Compared]:
    gold = load_gold(settings.city)
    for path in sorted((truth / "gold").glob("*.jsonl")):
        columns = [c.name for c in gold[path.stem].columns]
        true = [tuple(row[c] for c in columns) for row in _read(path)]
        rows = _released(settings, path.stem)
        yield _compare(f"gold.{path.stem}", true, canonical_rows(rows, columns) if rows is not None else ())


def _released(settings: Settings, name: str) -> pa.Table | None:
    """Rows of a gold table as the newest release has it; None where it was never released."""
    table = published(settings, None).tables.get(name)
    return delta.read_arrow(settings.lake.table("gold", name), table.version) if table and table.version >= 0 else None


def _judge_links(settings: Settings, truth: Path) -> tuple[str, str]:
    """Precision: links that are right among those found. Recall: those found among the true ones. Four decimals, rounded down."""
    true = {(r["source_system"], r["source_key"]): r["entity_id"] for r in _read(truth / "links.jsonl")}
    rows = _released(settings, "entity_link")
    links = rows.to_pylist() if rows is not None else []
    found = {(r["source_system"], r["source_key"]): r["entity_id"] for r in links if r["entity_id"]}
    right = sum(true.get(key) == entity for key, entity in found.items())
    return _share(right, len(found)), _share(right, len(true))


def _share(part: int, whole: int) -> str:
    return f"{Decimal(part * 10_000 // whole).scaleb(-4) if whole else 1:.4f}"


def _compare_counts(settings: Settings, truth: Path) -> Compared:
    """Of every delivery how many rows were judged, good, set aside, copies."""
    ledger = Ledger(settings.lake, settings.run)
    true = list(_read(truth / "deliveries.jsonl"))
    found = []
    for row in true:
        line = ledger.newest("silver", row["dataset"], row["business_date"], row["revision"])
        counts: Mapping[str, Any] = line.counts if line else {}
        found.append((row["dataset"], row["business_date"], row["revision"], *[counts.get(c) for c in COUNTS]))
    expected = [(r["dataset"], r["business_date"], r["revision"], *[r[c] for c in COUNTS]) for r in true]
    return _compare("counts of deliveries", expected, found)


def _compare_asides(settings: Settings, truth: Path) -> Compared:
    """Every set-aside record by its place, with all the rules that it breaks."""
    true = [
        (r["dataset"], r["business_date"], r["revision"], r["file"], r["record"], tuple(sorted(r["rules"])))
        for r in _read(truth.parent / "faults" / "register.jsonl")
        if r["outcome"] == "aside"
    ]
    found = [
        (c.dataset, str(r["_business_date"]), r["_revision"], r["_file"], r["_record"], tuple(sorted(r["_rules"])))
        for c in load_contracts(settings.city).values()
        for r in read_asides(settings.lake, c.table)
    ]
    return _compare("set-aside records", true, found)


def _read(path: Path) -> Iterable[Mapping[str, Any]]:
    return map(json.loads, path.read_text("utf-8").splitlines())
