"""The command verify: compare a lake with what is known to be true of the city that was generated for it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import asdict, dataclass
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import typer

from jobs import show
from jobs.asides import read_asides
from jobs.ask import app, published, released_rows
from jobs.cities import load_contracts, load_gold
from jobs.digest import canonical_rows
from jobs.errors import LakeError
from jobs.ledger import Ledger, Line
from jobs.lock import hold_lake
from jobs.pending import SHOWN as FIRST
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
    if absent := [
        path
        for path in (truth / "deliveries.jsonl", truth / "links.jsonl", truth / "pending.jsonl", register)
        if not path.is_file()
    ]:
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
    measured = _judge_links(settings, truth)
    rows = [
        *_compare_gold(settings, truth),
        _compare_counts(settings, truth),
        _compare_asides(settings, truth),
        _compare_pending(settings, truth),
    ]
    wrong = sum(missing + unexpected for _, _, missing, unexpected, _ in rows)
    _note(settings, measured, wrong)
    if settings.json:
        names = ("what", "true", "missing", "unexpected", "examples")
        show.print_json("verify", compared=[dict(zip(names, row, strict=True)) for row in rows], different=wrong, precision=measured.precision, recall=measured.recall, links=measured)  # fmt: skip
    else:
        show.print_table("", ["what", "true", "missing", "unexpected"], [row[:4] for row in rows])
        show.out.print(f"links: precision {measured.precision}, recall {measured.recall}")
        said = f"precision {measured.unknown_precision}, recall {measured.unknown_recall}; {measured.waiting} wait (lake links list)"
        show.out.print(f"of codes that the register does not have: {said}")
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
        rows = released_rows(settings, path.stem)
        yield _compare(f"gold.{path.stem}", true, canonical_rows(rows, columns) if rows is not None else ())


@dataclass(frozen=True)
class Measured:
    """Links against the true ones. Precision: right ones among those found. Recall: those found among the true ones.

    Four decimals, rounded down. `unknown_*` is the same of the codes alone that the register does not have.
    """

    precision: str
    recall: str
    unknown_precision: str
    unknown_recall: str
    found: int
    true: int
    right: int
    waiting: int


def _judge_links(settings: Settings, truth: Path) -> Measured:
    true = {(r["source_system"], r["source_key"]): r["entity_id"] for r in _read(truth / "links.jsonl")}
    rows = released_rows(settings, "entity_link")
    links = rows.to_pylist() if rows is not None else []
    found = {(r["source_system"], r["source_key"]): r["entity_id"] for r in links if r["entity_id"]}
    right = {key for key, entity in found.items() if true.get(key) == entity}
    by_code = {(r["source_system"], r["source_key"]) for r in links if r["method"] == "code"}
    unknown = [len(set(keys) - by_code) for keys in (right, found, true)]
    return Measured(
        _share(len(right), len(found)), _share(len(right), len(true)), _share(*unknown[:2]), _share(unknown[0], unknown[2]),
        len(found), len(true), len(right), sum(r["method"] == "review" for r in links),
    )  # fmt: skip


def _note(settings: Settings, measured: Measured, wrong: int) -> None:
    """Write what was measured of the newest release into the ledger; the same again is nothing. The page of the release says it."""
    number = published(settings, None).number
    with hold_lake(settings.lake, settings.run, settings.wait):
        ledger = Ledger(settings.lake, settings.run)
        counts = {"release": number, **asdict(measured), "different": wrong}
        last = ledger.newest("verify", f"release.{number}")
        if last is None or last.counts != counts:
            outcome = "different" if wrong else "equal"
            ledger.append(Line(stage="verify", dataset=f"release.{number}", outcome=outcome, counts=counts))


def _share(part: int, whole: int) -> str:
    return f"{Decimal(part * 10_000 // whole).scaleb(-4) if whole else 1:.4f}"


def _compare_pending(settings: Settings, truth: Path) -> Compared:
    """What waits for its parent in the newest release: of each column the rows, the keys, and the first of these."""
    number = published(settings, None).number
    line = Ledger(settings.lake, settings.run).newest("release", f"release.{number}")
    found = [
        (p["column"], p["parent"], p["rows"], p["keys"], *p["first"])
        for p in (line.counts.get("pending", ()) if line else ())
    ]
    true = [
        (p["column"], p["parent"], p["rows"], len(p["keys"]), *p["keys"][:FIRST])
        for p in _read(truth / "pending.jsonl")
    ]
    return _compare("rows that wait", true, found)


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
