"""Bronze and silver of deliveries: one dataset after its own order, some datasets at once, and what they leave in the ledger."""

from __future__ import annotations

import time
import traceback
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from jobs import bronze as bronze_stage
from jobs import delta, landing, quarantine, silver
from jobs.contracts import Contract
from jobs.errors import LakeError
from jobs.failures import foreseen
from jobs.fold import COUNTS
from jobs.judge import silver_fingerprint
from jobs.ledger import Line
from jobs.night.opened import AT_ONCE, NOTHING, Delivery, Night, do_all, note_line, placed
from jobs.night.work import count_bytes, owed, silver_identity
from jobs.persons import person_key, persons
from jobs.stage import Entry, Stage
from jobs.suites import Suite

SMALL_NIGHT_BYTES = 64 << 20


def process(night: Night, stages: tuple[str, ...] = ("bronze", "silver")) -> None:
    """Run what is owed, of each dataset the oldest date first; the fault of one dataset stops no other."""
    work = [(d, stage) for d, stage in owed(night) if stage in stages]
    by_dataset: dict[str, list[tuple[Delivery, str]]] = {}
    for d, stage in work:
        by_dataset.setdefault(d.contract.dataset, []).append((d, stage))
    largest_first = sorted(by_dataset.values(), key=count_bytes, reverse=True)
    do_all(partial(_run_stages, night), largest_first, at_once=AT_ONCE if count_bytes(work) < SMALL_NIGHT_BYTES else 1)
    night.lines.sort(key=lambda x: (x.business_date, x.dataset, x.revision, x.stage))
    night.problems.sort(key=lambda p: (p.where.business_date, p.where.dataset, p.where.revision))


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
            unforeseen = LakeError("E001", expected="only what a code foresees", actual=type(error).__name__)
            _fail(night, d, stage, foreseen(error, night.lake) or unforeseen)
            break


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
        error=placed(error, d, "bronze").parts() if error else {}, seconds=time.perf_counter() - began,
    )  # fmt: skip
    note_line(night, line, error)


def run_silver(night: Night, d: Delivery) -> None:
    """Judge one delivery and fold it; a delivery whose bronze is held waits for its decision."""
    began = time.perf_counter()
    entry = _entry(night, d)
    bronze_line = _readable(night, d, entry)
    if bronze_line is None:
        return
    if persons(d.contract):
        person_key()
    if held := changed_rules(night, d):
        _hold_for_refold(night, d, entry, held)
        return
    result = silver.fold_delivery(_stage(night, d), entry, _accepted(night, d), _is_approved(entry), bronze_line.counts)
    _note_silver(night, d, entry, result, began)
    _recount(night, d, result)


def _hold_for_refold(night: Night, d: Delivery, entry: Entry, held: LakeError) -> None:
    """Note that a delivery waits for a refold, and say so once a dataset. Where it is in silver, as the old rules made it, its line says so."""
    known = night.ledger.newest("silver", *d.key)
    blank = Line("silver", d.contract.dataset, "held", entry.business_date, entry.revision, entry.sha256)
    base = known if known and known.is_in_silver(entry.sha256) else blank
    said = any(p.code == held.code and p.where.dataset == d.contract.dataset for p in night.problems)
    line = replace(base, outcome="held", fingerprint=silver_identity(night, d), error=held.parts(), seconds=0.0)
    note_line(night, line, None if said else held, _reads(night, d))


def refold(night: Night, contract: Contract, suite: Suite) -> None:
    """Judge every delivery of a dataset by today's rules, whatever dates were selected, then fold what is accepted in one commit."""
    found = []
    for receipt in landing.list_receipts(night.lake, contract):
        began, d = time.perf_counter(), Delivery(contract, suite, receipt)
        entry = _entry(night, d)
        bronze_line = _readable(night, d, entry)
        if bronze_line:
            done = silver.judge_delivery(_stage(night, d), entry, _is_approved(entry), bronze_line.counts)
            found.append((d, entry, done, began))
    best = {e.business_date: (d, e, done) for d, e, done, _ in found if not done.held}
    folded = silver.refold(_stage(night, found[0][0]), {e: done for _, e, done in best.values()}) if best else {}
    for d, entry, done, began in found:
        outranked = replace(done, counts={**done.counts, **dict.fromkeys(COUNTS, 0), "outranked": done.counts["good"]})
        result = done if done.held else folded.get(entry, outranked)
        _note_silver(night, d, entry, result, began)


def _readable(night: Night, d: Delivery, entry: Entry) -> Line | None:
    """The bronze line of a delivery that silver may judge: not refused, and not held without an approval."""
    line = night.ledger.newest("bronze", *d.key)
    if line is None or line.outcome in ("refused", "failed") or (line.outcome == "held" and not _is_approved(entry)):
        return None
    return line


def _note_silver(night: Night, d: Delivery, entry: Entry, result: silver.Silver, began: float) -> None:
    state = delta.table_state(night.lake.table("silver", d.contract.table))
    line = Line(
        stage="silver", dataset=d.contract.dataset, outcome="held" if result.held else "accepted", business_date=entry.business_date,
        revision=entry.revision, sha256=entry.sha256, fingerprint=silver_identity(night, d),
        table="" if result.held else f"silver.{d.contract.table}", table_id=state.id if state and not result.held else "",
        table_version=result.version, counts=result.counts, results=tuple(r.as_dict() for r in result.results),
        error=placed(result.held, d, "silver").parts() if result.held else {}, seconds=time.perf_counter() - began,
    )  # fmt: skip
    note_line(night, line, result.held, _reads(night, d))


def _reads(night: Night, d: Delivery) -> dict[str, int]:
    """The bronze table that silver is made of, at the version that holds the delivery."""
    line = night.ledger.newest("bronze", *d.key)
    return {f"bronze.{d.contract.table}": line.table_version if line else -1}


def changed_rules(night: Night, d: Delivery) -> LakeError | None:
    """E706 where the silver table was made by other rules than today's."""
    state = delta.table_state(night.lake.table("silver", d.contract.table))
    if state is None or not state.metadata.get("fingerprint"):
        return None
    now = silver_fingerprint(d.contract, d.suite)
    if state.metadata["fingerprint"] == now:
        return None
    return placed(
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
        if other.key == d.key or line is None or not line.is_in_silver(receipt.sha256):
            continue
        best[receipt.business_date] = _entry(night, other)
    return list(best.values())


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


def _entry(night: Night, d: Delivery) -> Entry:
    r = d.receipt
    decided = night.ledger.decisions_on(d.contract.dataset, r.business_date, r.revision, r.sha256)
    return Entry(r.business_date, r.revision, r.sha256, bool(r.manifest.get("full", False)), tuple(decided))


def _stage(night: Night, d: Delivery) -> Stage:
    return Stage(night.spark, night.lake, d.contract, d.suite)


def _is_approved(entry: Entry) -> bool:
    return any(x.kind == "approve" for x in entry.decisions)


def _fail(night: Night, d: Delivery, stage: str, error: LakeError) -> None:
    error = placed(error, d, stage).at(place=f"{stage}.{d.contract.table}")
    line = Line(
        stage=stage, dataset=d.contract.dataset, outcome="failed", business_date=d.receipt.business_date, revision=d.receipt.revision,
        sha256=d.receipt.sha256, error=error.parts(),
    )  # fmt: skip
    try:
        note_line(night, line, error, _reads(night, d) if stage == "silver" else NOTHING)
    except Exception as second:
        if foreseen(second, night.lake) is None:
            raise
        raise error from second  # what stopped the stage stops its line too: the stage is what a person is told
