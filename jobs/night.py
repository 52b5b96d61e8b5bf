"""A night: which stages are owed, in which order they run, and what they leave in the ledger.

The only place that composes stages. Every stage can be repeated; a finished one is recognised by its ledger line and by the table
that the line names.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from functools import cached_property, partial
from pathlib import Path
from threading import RLock
from typing import Any, TypeVar

from pyspark.sql import DataFrame, SparkSession

from jobs import bronze as bronze_stage
from jobs import delta, gold, landing, quarantine, release, silver
from jobs.contracts import City, Contract, fingerprint, load_city, load_contracts, load_gold
from jobs.due import due_at, is_due
from jobs.errors import LakeError, Notice
from jobs.fold import COUNTS
from jobs.judge import silver_fingerprint
from jobs.lake import Lake
from jobs.landing import Arrival, Receipt
from jobs.ledger import Ledger, Line, Run
from jobs.stage import Entry, Stage
from jobs.suites import Suite, load_suite

SMALL_NIGHT_BYTES = 64 << 20
AT_ONCE = 2
T = TypeVar("T")
R = TypeVar("R")
Tell = Callable[[str, Line | Receipt | LakeError | Notice], None]


@dataclass(frozen=True)
class Selection:
    """What a command is about; empty means all."""

    dates: tuple[str, ...] = ()
    source: str = ""
    dataset: str = ""
    refold: bool = False
    first: str = ""
    last: str = ""

    def has_date(self, text: str) -> bool:
        return (
            (not self.dates or text in self.dates)
            and (not self.first or text >= self.first)
            and (not self.last or text <= self.last)
        )

    def has_dataset(self, contract: Contract) -> bool:
        return self.source in ("", contract.source) and self.dataset in ("", contract.dataset)


@dataclass
class Night:
    """An open lake with its city, ledger and, once something needs it, its Spark session."""

    lake: Lake
    inbox: Path
    run: Run
    open_session: Callable[[], SparkSession]
    tell: Tell
    selection: Selection = field(default_factory=Selection)
    problems: list[LakeError] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    turn: RLock = field(default_factory=RLock)

    @cached_property
    def city(self) -> City:
        return load_city(self.lake.city)

    @cached_property
    def contracts(self) -> dict[str, Contract]:
        return load_contracts(self.lake.city)

    @cached_property
    def ledger(self) -> Ledger:
        return Ledger(self.lake, self.run)

    @property
    def spark(self) -> SparkSession:
        with self.turn:
            return self._session

    @cached_property
    def _session(self) -> SparkSession:
        return self.open_session()

    @property
    def selected(self) -> list[Contract]:
        return [c for c in self.contracts.values() if self.selection.has_dataset(c)]


@dataclass(frozen=True)
class Delivery:
    """A landed delivery with what judges it."""

    contract: Contract
    suite: Suite
    receipt: Receipt

    @property
    def key(self) -> tuple[str, str, int]:
        return (self.contract.dataset, self.receipt.business_date, self.receipt.revision)


# Extract


def extract(night: Night) -> list[Receipt]:
    """Land what the inbox has and write down what did not come; returns the receipts of new deliveries."""
    found = [
        a
        for c in night.selected
        for a in landing.find_arrivals(night.inbox, c)
        if night.selection.has_date(a.business_date)
    ]
    today = night.run.now.date().isoformat()
    landed = [r for a in found if a.business_date <= today for r in _land(night, a)]
    for text in sorted({a.business_date for a in found if a.business_date <= today} | set(night.selection.dates)):
        _record_absences(night, date.fromisoformat(text), {a.dataset for a in found if a.business_date == text})
    return landed


def _land(night: Night, arrival: Arrival) -> Iterator[Receipt]:
    try:
        receipt, is_new = landing.land(night.lake, night.contracts[arrival.dataset], arrival, night.run.now)
    except LakeError as error:
        _say_problem(night, error)
        return
    if is_new:
        night.tell("landed", receipt)
        yield receipt
    else:
        night.tell("notice", Notice("N106", f"{arrival.dataset} {arrival.folder}"))


def _record_absences(night: Night, day: date, arrived: set[str]) -> None:
    for contract in night.selected:
        if contract.dataset in arrived:
            continue
        due = is_due(contract, day, night.city)
        if due and night.run.now < due_at(contract, day, night.city):
            continue
        landing.record_absence(
            night.lake, contract, day.isoformat(), "not_delivered" if due else "not_due", night.run.now
        )


# What is owed


def deliveries(night: Night) -> list[Delivery]:
    """Landed deliveries of the selection, oldest date first."""
    found = []
    for contract in night.selected:
        receipts = [r for r in landing.list_receipts(night.lake, contract) if night.selection.has_date(r.business_date)]
        suite = _find_suite(night, contract, receipts[-1]) if receipts else None
        found += [Delivery(contract, suite, r) for r in receipts] if suite else []
    return sorted(found, key=lambda d: (d.receipt.business_date, d.contract.dataset, d.receipt.revision))


def _find_suite(night: Night, contract: Contract, newest: Receipt) -> Suite | None:
    """The suite of a dataset; a fault in it stops this dataset only, and is said once."""
    try:
        return load_suite(contract)
    except LakeError as error:
        if not any(p.code == error.code and p.where.dataset == contract.dataset for p in night.problems):
            _say_problem(
                night,
                _placed(error, Delivery(contract, Suite(contract.dataset), newest), "bronze").at(place="expectations"),
            )
        return None


def bronze_identity(d: Delivery) -> str:
    return bronze_stage.bronze_fingerprint(d.contract, d.receipt, d.suite)


def silver_identity(night: Night, d: Delivery) -> str:
    """What a finished silver line must carry: the delivery, the decisions on it, the code and rules."""
    r = d.receipt
    decided = sorted(x.id for x in night.ledger.decisions_on(d.contract.dataset, r.business_date, r.revision, r.sha256))
    return fingerprint([bronze_identity(d), silver_fingerprint(d.contract, d.suite), decided])


def is_done(night: Night, d: Delivery, stage: str) -> bool:
    """Whether the newest ledger line says so and the table it names is still there and not older."""
    line = night.ledger.newest(stage, *d.key)
    identity = bronze_identity(d) if stage == "bronze" else silver_identity(night, d)
    if line is None or line.fingerprint != identity or line.outcome == "failed":
        return False
    return not line.table_id or _still_there(night, line)


def _still_there(night: Night, line: Line) -> bool:
    zone, name = line.table.split(".")
    state = delta.table_state(night.lake.table(zone, name))
    return state is not None and state.id == line.table_id and state.version >= line.table_version


def owed(night: Night) -> list[tuple[Delivery, str]]:
    """Stages of deliveries that are not finished, oldest date first."""
    return [(d, stage) for d in deliveries(night) for stage in ("bronze", "silver") if _is_owed(night, d, stage)]


def is_small(night: Night) -> bool:
    """Whether so little is owed that starting Java quickly matters more than running it fast."""
    return _bytes(owed(night)) < SMALL_NIGHT_BYTES


def _is_owed(night: Night, d: Delivery, stage: str) -> bool:
    if stage == "silver" and _outcome(night, d, "bronze") == "refused" and is_done(night, d, "bronze"):
        return False
    return not is_done(night, d, stage)


def _outcome(night: Night, d: Delivery, stage: str) -> str:
    line = night.ledger.newest(stage, *d.key)
    return line.outcome if line else ""


# Bronze and silver


def run_bronze(night: Night, d: Delivery) -> None:
    """Read one delivery into bronze; its readable records are committed also where it is held."""
    began = time.perf_counter()
    result = bronze_stage.read_delivery(night.lake, d.contract, d.receipt, d.suite)
    counts = result.counts()
    version, table_id = -1, ""
    if result.problem is None:
        entry = _entry(night, d)
        if result.refused or quarantine.has_quarantine(night.lake, d.contract, entry, "bronze"):
            quarantine.quarantine_refused(_stage(night, d), entry, result)
        version = bronze_stage.write_bronze(night.lake, d.contract, d.receipt, result)
        state = delta.table_state(night.lake.table("bronze", d.contract.table))
        table_id = state.id if state else ""
    error = result.problem or result.held
    outcome = "refused" if result.problem else "held" if result.held else "accepted"
    line = Line(
        stage="bronze", dataset=d.contract.dataset, outcome=outcome, business_date=d.receipt.business_date, revision=d.receipt.revision,
        sha256=d.receipt.sha256, fingerprint=result.fingerprint, table=f"bronze.{d.contract.table}" if table_id else "", table_id=table_id,
        table_version=version, counts=counts, results=tuple(r.as_dict() for r in result.results),
        notices=tuple({"code": n.code, "text": n.text} for n in result.notices),
        error=_placed(error, d, "bronze").parts() if error else {}, seconds=time.perf_counter() - began,
    )  # fmt: skip
    _finish(night, line, error)


def _placed(error: LakeError, d: Delivery, stage: str) -> LakeError:
    zone = (
        "quarantine" if stage == "silver" and error.code in ("E314", "E701") else "bronze" if stage == "silver" else ""
    )
    error.evidence = error.evidence or (
        f"{zone}.{d.contract.table}" if zone else f"landed delivery sha256 {d.receipt.sha256}"
    )
    return error.at(
        dataset=d.contract.dataset, business_date=d.receipt.business_date, revision=d.receipt.revision, stage=stage
    )


def _entry(night: Night, d: Delivery) -> Entry:
    r = d.receipt
    decided = night.ledger.decisions_on(d.contract.dataset, r.business_date, r.revision, r.sha256)
    return Entry(r.business_date, r.revision, r.sha256, bool(r.manifest.get("full", False)), tuple(decided))


def _stage(night: Night, d: Delivery) -> Stage:
    return Stage(night.spark, night.lake, d.contract, d.suite)


def _is_approved(entry: Entry) -> bool:
    return any(x.kind == "approve" for x in entry.decisions)


def run_silver(night: Night, d: Delivery) -> None:
    """Judge one delivery and fold it; a delivery whose bronze is held waits for its decision."""
    began = time.perf_counter()
    entry = _entry(night, d)
    bronze_line = _readable(night, d, entry)
    if bronze_line is None:
        return
    if held := changed_rules(night, d):
        _say_problem(night, held)
        return
    result = silver.fold_delivery(_stage(night, d), entry, _accepted(night, d), _is_approved(entry))
    _note_silver(night, d, bronze_line, entry, result, began)
    _recount(night, d, result)


def refold(night: Night, contract: Contract, suite: Suite) -> None:
    """Judge every delivery of a dataset by today's rules, whatever dates were selected, then fold what is accepted in one commit."""
    found = []
    for receipt in landing.list_receipts(night.lake, contract):
        began, d = time.perf_counter(), Delivery(contract, suite, receipt)
        entry = _entry(night, d)
        bronze_line = _readable(night, d, entry)
        if bronze_line:
            done = silver.judge_delivery(_stage(night, d), entry, _is_approved(entry))
            found.append((d, bronze_line, entry, done, began))
    best = {e.business_date: (d, e, done) for d, _, e, done, _ in found if not done.held}
    folded = silver.refold(_stage(night, found[0][0]), {e: done for _, e, done in best.values()}) if best else {}
    for d, bronze_line, entry, done, began in found:
        outranked = replace(done, counts={**done.counts, **dict.fromkeys(COUNTS, 0), "outranked": done.counts["good"]})
        result = done if done.held else folded.get(entry, outranked)
        _note_silver(night, d, bronze_line, entry, result, began)


def _readable(night: Night, d: Delivery, entry: Entry) -> Line | None:
    """The bronze line of a delivery that silver may judge: not refused, and not held without an approval."""
    line = night.ledger.newest("bronze", *d.key)
    if line is None or line.outcome in ("refused", "failed") or (line.outcome == "held" and not _is_approved(entry)):
        return None
    return line


def _note_silver(
    night: Night, d: Delivery, bronze_line: Line, entry: Entry, result: silver.Silver, began: float
) -> None:
    _check_identities(bronze_line, result, d, entry)
    state = delta.table_state(night.lake.table("silver", d.contract.table))
    line = Line(
        stage="silver", dataset=d.contract.dataset, outcome="held" if result.held else "accepted", business_date=entry.business_date,
        revision=entry.revision, sha256=entry.sha256, fingerprint=silver_identity(night, d),
        table="" if result.held else f"silver.{d.contract.table}", table_id=state.id if state and not result.held else "",
        table_version=result.version, counts=result.counts, results=tuple(r.as_dict() for r in result.results),
        error=_placed(result.held, d, "silver").parts() if result.held else {}, seconds=time.perf_counter() - began,
    )  # fmt: skip
    _finish(night, line, result.held)


def changed_rules(night: Night, d: Delivery) -> LakeError | None:
    """E706 where the silver table was made by other rules than today's."""
    state = delta.table_state(night.lake.table("silver", d.contract.table))
    if state is None or not state.metadata.get("fingerprint"):
        return None
    now = silver_fingerprint(d.contract, d.suite)
    if state.metadata["fingerprint"] == now:
        return None
    return _placed(
        LakeError("E706", expected=f"rules {now[:12]}", actual=f"silver made by {state.metadata['fingerprint'][:12]}"),
        d,
        "silver",
    )


def _accepted(night: Night, d: Delivery) -> list[Entry]:
    """The other accepted deliveries of a dataset: of each business date the highest revision."""
    best: dict[str, Entry] = {}
    for receipt in landing.list_receipts(night.lake, d.contract):
        other = replace(d, receipt=receipt)
        line = night.ledger.newest("silver", *other.key)
        if other.key == d.key or line is None or line.outcome != "accepted" or line.sha256 != receipt.sha256:
            continue
        best[receipt.business_date] = _entry(night, other)
    return list(best.values())


def _check_identities(bronze_line: Line, result: silver.Silver, d: Delivery, entry: Entry) -> None:
    """Landed = bronze + refused; judged = bronze x rows a record; judged = good + set aside + duplicates. The fourth is the fold's."""
    b, s = bronze_line.counts, result.counts
    mended = sum(1 for x in entry.decisions if x.kind == "mend" and x.rule == "refused")
    sides = (
        ("landed = bronze + refused", b["landed"], b["bronze"] + b["refused"]),
        ("judged = bronze x rows a record", s["judged"], (b["bronze"] + mended) * d.contract.rows_per_record),
        ("judged = good + set aside + duplicates", s["judged"], s["good"] + s["set_aside"] + s["duplicates"]),
    )
    for name, left, right in sides:
        if left != right:
            raise _placed(LakeError("E704", place=name, expected=str(left), actual=str(right)), d, "silver")


def _recount(night: Night, d: Delivery, result: silver.Silver) -> None:
    """After a refold, say again what became of the other deliveries' rows."""
    for (day, revision), counts in result.refolded.items():
        line = night.ledger.newest("silver", d.contract.dataset, day, revision)
        if line is None or (day, revision) == (d.receipt.business_date, d.receipt.revision):
            continue
        named = {**line.counts, **{n: counts.get(n, 0) for n in COUNTS}}
        if named != line.counts:
            with night.turn:
                night.ledger.append(replace(line, counts=named, table_version=result.version))


def _finish(night: Night, line: Line, error: LakeError | None) -> None:
    with night.turn:
        written = night.ledger.append(line)
        night.lines.append(written)
        night.tell("done", written)
        if error is not None:
            _say_problem(night, error)


def _say_problem(night: Night, error: LakeError) -> None:
    with night.turn:
        night.problems.append(error)
        night.tell("problem", error)


def process(night: Night, stages: tuple[str, ...] = ("bronze", "silver")) -> None:
    """Run what is owed, of each dataset the oldest date first; the fault of one dataset stops no other."""
    work = [(d, stage) for d, stage in owed(night) if stage in stages]
    by_dataset: dict[str, list[tuple[Delivery, str]]] = {}
    for d, stage in work:
        by_dataset.setdefault(d.contract.dataset, []).append((d, stage))
    largest_first = sorted(by_dataset.values(), key=_bytes, reverse=True)
    _do_all(partial(_run_stages, night), largest_first, at_once=AT_ONCE if _bytes(work) < SMALL_NIGHT_BYTES else 1)
    night.lines.sort(key=lambda x: (x.business_date, x.dataset, x.revision, x.stage))
    night.problems.sort(key=lambda p: (p.where.business_date, p.where.dataset, p.where.revision))


def _bytes(work: Sequence[tuple[Delivery, str]]) -> int:
    return sum(f.size for d, _ in work for f in d.receipt.files)


def _do_all(call: Callable[[T], R], items: Sequence[T], at_once: int) -> list[R]:
    """Do independent things, some at once: the planning of small queries keeps one core busy and leaves the others idle."""
    if at_once == 1 or len(items) < 2:
        return [call(item) for item in items]
    with ThreadPoolExecutor(at_once) as pool:
        return list(pool.map(call, items))


def _run_stages(night: Night, work: Sequence[tuple[Delivery, str]]) -> None:
    """Stages of one dataset, in order, up to the first that fails; a refold takes the place of its silver stages."""
    refolding = night.selection.refold and any(stage == "silver" for _, stage in work)
    stages = [(d, stage) for d, stage in work if stage == "bronze" or not refolding]
    steps = [(d, stage, partial(run_bronze if stage == "bronze" else run_silver, night, d)) for d, stage in stages]
    if refolding:
        d = work[-1][0]
        steps.append((d, "silver", partial(refold, night, d.contract, d.suite)))
    for d, stage, step in steps:
        try:
            step()
        except LakeError as error:
            _fail(night, d, stage, error)
            break
        except Exception as error:
            with night.turn:
                night.tell("trace", LakeError("E001", actual=traceback.format_exc()))
            _fail(night, d, stage, LakeError("E001", actual=type(error).__name__))
            break


def _fail(night: Night, d: Delivery, stage: str, error: LakeError) -> None:
    error = _placed(error, d, stage)
    line = Line(
        stage=stage, dataset=d.contract.dataset, outcome="failed", business_date=d.receipt.business_date, revision=d.receipt.revision,
        sha256=d.receipt.sha256, error=error.parts(),
    )  # fmt: skip
    _finish(night, line, error)


# Gold and release


def marts(night: Night) -> list[gold.Mart]:
    return [gold.find_mart(c, load_suite(c)) for c in load_gold(night.lake.city).values()]


def receipt_rows(night: Night) -> list[dict[str, Any]]:
    """Per dataset and business date: when it was due, when its first revision came, and its status."""
    rows = []
    for contract in night.contracts.values():
        by_date: dict[str, list[Receipt]] = {}
        for r in landing.list_receipts(night.lake, contract, absent=True):
            by_date.setdefault(r.business_date, []).append(r)
        for day, found in sorted(by_date.items()):
            came = sorted((r for r in found if r.status == "delivered"), key=lambda r: r.revision)
            status = "delivered" if came else max(found, key=lambda r: r.status == "not_delivered").status
            moment = datetime.fromisoformat(came[0].delivered_at) if came else None
            night_of = date.fromisoformat(day)
            due = due_at(contract, night_of, night.city) if is_due(contract, night_of, night.city) else None
            rows.append(
                {
                    "dataset": contract.dataset,
                    "business_date": night_of,
                    "status": status,
                    "delivered_at": moment,
                    "due_at": due,
                }
            )
    return rows


def _sources(night: Night, mart: gold.Mart, built: Mapping[str, release.Released]) -> list[gold.Source] | None:
    """Tables that a mart reads, at their versions; None where one of them does not exist yet."""
    found = []
    for name in mart.reads:
        if name == gold.RECEIPTS:
            continue
        if name.startswith("gold_"):
            other = built.get(name.removeprefix("gold_"))
            if other is None or other.version < 0:
                return None
            found.append(gold.Source(name, other.table_id, other.version))
            continue
        state = delta.table_state(night.lake.table("silver", name))
        if state is None:
            return None
        found.append(gold.Source(name, state.id, state.version))
    return found


def run_gold(night: Night, last: release.Release | None) -> list[release.Released]:
    """Build the marts whose input changed since the last release; the others are as they were."""
    rows = receipt_rows(night)
    receipts = gold.receipts_identity(rows)
    built: dict[str, release.Released] = {}
    for level in gold.order_marts(marts(night)):
        before = [last.tables.get(m.table) if last else None for m in level]
        tables = [partial(_one_table, night, m, b, built, rows, receipts) for m, b in zip(level, before, strict=True)]
        for made in _do_all(lambda build: build(), tables, AT_ONCE):
            built[made.table] = made
    return list(built.values())


def _one_table(
    night: Night, mart: gold.Mart, before: release.Released | None, built: Mapping[str, release.Released],
    rows: Sequence[Mapping[str, Any]], receipts: str,
) -> release.Released:  # fmt: skip
    sources = _sources(night, mart, built)
    if sources is None:
        return release.Released(mart.table, "held", "a table that it reads has no accepted delivery yet")
    identity = gold.mart_fingerprint(mart, sources, receipts)
    standing = _stands_on(night, mart)
    stale = _why_stale(night, mart)
    if before and before.fingerprint == identity and before.version >= 0 and _is_untouched(night, before):
        return replace(before, status="stale" if stale else "unchanged", why=stale, stands_on=standing)
    approved = any(
        x.kind == "approve" and x.table == mart.table and x.input_fingerprint == identity
        for x in night.ledger.decisions
    )
    done = night.ledger.newest("gold", f"gold.{mart.table}")
    if done and done.fingerprint == identity and done.outcome == "held" and not approved:
        return _keep(mart, before, done.error)
    return _build(night, mart, before, sources, identity, approved, standing, stale, rows)


def _is_untouched(night: Night, before: release.Released) -> bool:
    state = delta.table_state(night.lake.table("gold", before.table))
    return state is not None and state.id == before.table_id and state.version >= before.version


def _keep(mart: gold.Mart, before: release.Released | None, error: Mapping[str, Any]) -> release.Released:
    why = f"{error['code']} {error['place']}: {error['expected']}"
    base = before or release.Released(mart.table, "held")
    return replace(base, status="held", why=why)


def _build(
    night: Night, mart: gold.Mart, before: release.Released | None, sources: Sequence[gold.Source], identity: str, approved: bool,
    standing: tuple[Sequence[Any], ...], stale: str, rows: Sequence[Mapping[str, Any]],
) -> release.Released:  # fmt: skip
    began = time.perf_counter()
    made = gold.build(night.spark, night.lake, mart, _inputs(night, mart, sources, rows), identity, approved)
    line = Line(
        stage="gold", dataset=f"gold.{mart.table}", outcome="held" if made.held else "built", fingerprint=identity,
        table=f"gold.{mart.table}", table_id=made.table_id, table_version=made.version, counts={"rows": made.rows},
        results=tuple(r.as_dict() for r in made.results), error=made.held.parts() if made.held else {}, seconds=time.perf_counter() - began,
    )  # fmt: skip
    _finish(night, line, made.held)
    if made.held:
        return _keep(mart, before, made.held.parts())
    reads = tuple({"name": s.name, "table_id": s.table_id, "version": s.version} for s in sources)
    return release.Released(
        mart.table,
        "stale" if stale else "new",
        stale,
        made.table_id,
        made.version,
        made.rows,
        made.digest,
        identity,
        reads,
        standing,
    )


def _inputs(
    night: Night, mart: gold.Mart, sources: Sequence[gold.Source], rows: Sequence[Mapping[str, Any]]
) -> dict[str, DataFrame]:
    """What the builder's parameters name: current silver rows with contract columns, built gold tables, receipts."""
    by_table = {c.table: c for c in night.contracts.values()}
    found: dict[str, DataFrame] = {}
    for s in sources:
        if s.name.startswith("gold_"):
            found[s.name] = delta.read(night.spark, night.lake.table("gold", s.name.removeprefix("gold_")), s.version)
            continue
        contract = by_table[s.name]
        table = delta.read(night.spark, night.lake.table("silver", s.name), s.version)
        found[s.name] = (table.where("is_current") if contract.keeps_history else table).select(
            *[c.name for c in contract.columns]
        )
    if gold.RECEIPTS in mart.reads:
        found[gold.RECEIPTS] = gold.receipts_frame(night.spark, rows)
    return found


def datasets_behind(night: Night, mart: gold.Mart, known: Mapping[str, gold.Mart]) -> list[Contract]:
    """Datasets that a mart stands on, also through other gold tables."""
    by_table = {c.table: c for c in night.contracts.values()}
    found: dict[str, Contract] = {}
    for name in mart.reads:
        if name == gold.RECEIPTS:
            found |= {c.dataset: c for c in night.contracts.values()}
        elif name.startswith("gold_"):
            other = known[name.removeprefix("gold_")]
            found |= {c.dataset: c for c in datasets_behind(night, other, known)}
        else:
            found[by_table[name].dataset] = by_table[name]
    return sorted(found.values(), key=lambda c: c.dataset)


def _behind(night: Night, mart: gold.Mart) -> list[Contract]:
    return datasets_behind(night, mart, {m.table: m for m in marts(night)})


def _stands_on(night: Night, mart: gold.Mart) -> tuple[Sequence[Any], ...]:
    """The set of (dataset, date, revision, sha256) in the silver tables behind a mart."""
    found = []
    for contract in _behind(night, mart):
        if mart.reads == (gold.RECEIPTS,):
            continue
        best: dict[str, list[Any]] = {}
        for r in landing.list_receipts(night.lake, contract):
            line = night.ledger.newest("silver", contract.dataset, r.business_date, r.revision)
            if line and line.outcome == "accepted" and line.sha256 == r.sha256:
                best[r.business_date] = [contract.dataset, r.business_date, r.revision, r.sha256]
        found += list(best.values())
    return tuple(found)


def _why_stale(night: Night, mart: gold.Mart) -> str:
    """Deliveries behind a mart that are held, refused or failed: its figures are older than what the departments sent."""
    if mart.reads == (gold.RECEIPTS,):
        return ""
    found = []
    for contract in _behind(night, mart):
        for r in landing.list_receipts(night.lake, contract):
            stages = [
                night.ledger.newest(s, contract.dataset, r.business_date, r.revision) for s in ("silver", "bronze")
            ]
            line = next((x for x in stages if x is not None), None)
            later = [x for x in landing.list_receipts(night.lake, contract, r.business_date) if x.revision > r.revision]
            if line and line.outcome in ("held", "refused", "failed") and not later:
                found.append(
                    f"{contract.dataset} {r.business_date} r{r.revision} {line.outcome} ({line.error.get('code', '')})"
                )
    return "; ".join(found)


def run_release(night: Night) -> release.Release | None:
    """Build what changed and publish it; None where a release would say nothing new."""
    last = release.find_release(night.lake, None)
    if last and not _is_noted(night, last):  # killed between the release and its line
        _note_release(night, last)
    tables = run_gold(night, last)
    if release.is_same(last, tables) or all(t.version < 0 for t in tables):
        return None
    made = release.publish(night.lake, last, tables, load_gold(night.lake.city), night.run.id, night.run.now)
    _note_release(night, made)
    return made


def _is_noted(night: Night, made: release.Release) -> bool:
    return night.ledger.newest("release", f"release.{made.number}") is not None


def _note_release(night: Night, made: release.Release) -> None:
    counts = {"tables": len(made.tables)}
    _finish(night, Line(stage="release", dataset=f"release.{made.number}", outcome="released", counts=counts), None)


def is_release_owed(night: Night) -> bool:
    """Whether a release would say something new, without building anything."""
    last = release.find_release(night.lake, None)
    if last is None:
        return any(delta.exists(night.lake.table("silver", c.table)) for c in night.contracts.values())
    if not _is_noted(night, last):
        return True
    receipts = gold.receipts_identity(receipt_rows(night))
    for mart in marts(night):
        before = last.tables.get(mart.table)
        sources = _sources(night, mart, last.tables)
        if before is None or (sources is None) != (
            before.version < 0 and before.status == "held" and not before.fingerprint
        ):
            return True
        if (
            sources is not None
            and before.version >= 0
            and _needs_build(night, mart, before, gold.mart_fingerprint(mart, sources, receipts))
        ):
            return True
        if before.status != "held" and (_why_stale(night, mart) != before.why):
            return True
    return False


def _needs_build(night: Night, mart: gold.Mart, before: release.Released, identity: str) -> bool:
    if before.fingerprint == identity:
        return False
    done = night.ledger.newest("gold", f"gold.{mart.table}")
    approved = any(
        x.kind == "approve" and x.table == mart.table and x.input_fingerprint == identity
        for x in night.ledger.decisions
    )
    return not (done and done.fingerprint == identity and done.outcome == "held" and not approved)


def utc_now() -> datetime:
    return datetime.now(UTC)
