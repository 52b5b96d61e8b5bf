"""Gold: build the marts whose input changed since the last release; the others are as they were."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from functools import partial
from typing import Any

from pyspark.sql import DataFrame

from jobs import delta, gold, landing, release, versions
from jobs.contracts import fingerprint
from jobs.due import due_at, is_due
from jobs.errors import LakeError
from jobs.failures import placing
from jobs.landing import Receipt
from jobs.ledger import Line, decisions_on_links
from jobs.night.opened import AT_ONCE, Night, counts_for, do_all, note_line
from jobs.night.parts import find_part, keep_days, table_path
from jobs.night.standing import marts, stands_on, why_stale
from jobs.night.unusual import note_unusual, why_held
from jobs.persons import persons


def receipt_rows(night: Night, until: str = "") -> list[dict[str, Any]]:
    """Per dataset and business date: when it was due, when its first revision came, and its status; `until` an instant, or now."""
    rows = []
    for contract in night.contracts.values():
        by_date: dict[str, list[Receipt]] = {}
        for r in landing.list_receipts(night.lake, contract, absent=True):
            if not until or r.delivered_at <= until:
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


def find_sources(night: Night, mart: gold.Mart, built: Mapping[str, release.Released]) -> list[gold.Source] | None:
    """Tables that a mart reads, at the versions since which their rows are what they are; None where one of them does not exist yet."""
    found = []
    for name in mart.reads:
        if name in gold.GIVEN:
            continue
        if name.startswith("gold_"):
            other = built.get(name.removeprefix("gold_"))
            if other is None or other.version < 0:
                return None
            found.append(gold.Source(name, other.table_id, other.version))
            continue
        path = night.lake.table("silver", name)
        head = delta.find_head(path)
        if head is None:
            return None
        found.append(gold.Source(name, head[0], versions.rows_since(path, head[1])))
    return found


def decisions_identity(night: Night) -> str:
    return fingerprint(decisions_on_links(night.ledger.decisions))


def run_gold(night: Night, last: release.Release | None) -> list[release.Released]:
    """Build the marts whose input changed since the last release; the others are as they were."""
    _check_one_key(night)
    with placing(night.lake, dataset="gold", stage="gold", place="audit.ledger"):
        unsigned = note_unusual(night)
    rows = receipt_rows(night)
    receipts = gold.receipts_identity(rows)
    built: dict[str, release.Released] = {}
    for level in gold.order_marts(marts(night)):
        before = [last.tables.get(m.table) if last else None for m in level]
        tables = [
            partial(_one_table, night, m, b, built, rows, receipts, why_held(m, unsigned))
            for m, b in zip(level, before, strict=True)
        ]
        for made in do_all(lambda build: build(), tables, AT_ONCE):
            built[made.table] = made
    return list(built.values())


def _check_one_key(night: Night) -> None:
    """Refuse (E806) to build from silver tables that name persons under different keys."""
    states = {
        c.dataset: delta.table_state(night.lake.table("silver", c.table))
        for c in night.contracts.values()
        if persons(c)
    }
    keys = {dataset: str(state.metadata.get("person_key", "")) for dataset, state in states.items() if state}
    if len(set(keys.values())) > 1:
        actual = ", ".join(f"{dataset} {key}" for dataset, key in sorted(keys.items()))
        raise LakeError("E806", place="silver", expected="one key", actual=actual)


def _one_table(
    night: Night, mart: gold.Mart, before: release.Released | None, built: Mapping[str, release.Released],
    rows: Sequence[Mapping[str, Any]], receipts: str, waits: str,
) -> release.Released:  # fmt: skip
    sources = find_sources(night, mart, built)
    if sources is None:
        return release.Released(mart.table, "held", "a table that it reads has no accepted delivery yet")
    identity = gold.mart_fingerprint(mart, sources, receipts, decisions_identity(night))
    standing = stands_on(night, mart)
    stale = why_stale(night, mart, built)
    if before and before.fingerprint == identity and before.version >= 0 and is_whole(night, before):
        return _unchanged(before, standing, stale)
    approved = any(
        x.kind == "approve" and x.table == mart.table and x.input_fingerprint == identity
        for x in night.ledger.decisions
    )
    done = night.ledger.newest("gold", f"gold.{mart.table}")
    if done and done.fingerprint == identity and done.outcome == "held" and not approved:
        return _keep(mart, before, done.error)
    if before and is_alike(night, before, identity):
        return _unchanged(before, standing, stale)
    if waits:
        return replace(before or release.Released(mart.table, "held"), status="held", why=waits)
    with placing(night.lake, dataset=mart.contract.dataset, stage="gold", place=f"gold.{mart.table}"):
        return _build(night, mart, before, sources, identity, approved, standing, stale, rows)


def _unchanged(before: release.Released, standing: tuple[Sequence[Any], ...], stale: str) -> release.Released:
    return replace(before, status="stale" if stale else "unchanged", why=stale, stands_on=standing)


def is_alike(night: Night, before: release.Released, identity: str) -> bool:
    """Whether a build from this input was the same, row by row, as the released version: readers then keep that."""
    done = night.ledger.newest("gold", f"gold.{before.table}")
    return bool(
        done and done.fingerprint == identity and done.outcome == "built"
        and (done.table_id, done.counts.get("digest")) == (before.table_id, before.digest) and is_whole(night, before)
    )  # fmt: skip


def is_whole(night: Night, before: release.Released) -> bool:
    """Whether the released version of a table is still there, with its files."""
    return delta.holds(night.lake.table("gold", before.table), before.table_id, before.version)


def _keep(mart: gold.Mart, before: release.Released | None, error: Mapping[str, Any]) -> release.Released:
    why = f"{error['code']} {error['place']}: {error['expected']}"
    base = before or release.Released(mart.table, "held")
    return replace(base, status="held", why=why)


def _build(
    night: Night, mart: gold.Mart, before: release.Released | None, sources: Sequence[gold.Source], identity: str, approved: bool,
    standing: tuple[Sequence[Any], ...], stale: str, rows: Sequence[Mapping[str, Any]],
) -> release.Released:  # fmt: skip
    began = time.perf_counter()
    part = find_part(night, mart, before, sources)
    if before and part and not part.spans:  # what it reads was written again, and says the same
        made = gold.Built(before.table_id, before.version, before.rows, before.digest, (), None)
    else:
        inputs = _inputs(night, mart, sources, rows, keep_days(night, mart, sources, part))
        made = gold.build(night.spark, night.lake, mart, inputs, identity, approved, part)
    counts = {"rows": made.rows, "digest": made.digest, **({"statement": made.statement} if made.statement else {})}
    line = Line(
        stage="gold", dataset=f"gold.{mart.table}", outcome="held" if made.held else "built", fingerprint=identity,
        table=f"gold.{mart.table}", table_id=made.table_id, table_version=made.version, counts=counts_for(night, counts),
        results=tuple(r.as_dict() for r in made.results), error=made.held.parts() if made.held else {}, seconds=time.perf_counter() - began,
    )  # fmt: skip
    note_line(night, line, made.held, _reads(mart, sources))
    if made.held:
        return _keep(mart, before, made.held.parts())
    if before and is_alike(night, before, identity):
        return _unchanged(before, standing, stale)
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


def _reads(mart: gold.Mart, sources: Sequence[gold.Source]) -> dict[str, int]:
    """What a mart reads, by the names that people use, at the versions read."""
    given = {gold.RECEIPTS: "landing.receipts", gold.DECISIONS: "audit.decisions"}
    tables = {
        f"gold.{s.name.removeprefix('gold_')}" if s.name.startswith("gold_") else f"silver.{s.name}": s.version
        for s in sources
    }
    return tables | {given[name]: -1 for name in mart.reads if name in given}


def _inputs(
    night: Night, mart: gold.Mart, sources: Sequence[gold.Source], rows: Sequence[Mapping[str, Any]],
    days: Mapping[str, str],
) -> dict[str, DataFrame]:  # fmt: skip
    """What the builder's parameters name: current silver rows with contract columns, built gold tables, receipts, decisions; some of `days` only."""
    by_table = {c.table: c for c in night.contracts.values()}
    found: dict[str, DataFrame] = {}
    for s in sources:
        path = table_path(night, s.name)
        table = delta.read(night.spark, path, versions.rows_until(path, s.version), where=days.get(s.name, ""))
        if s.name.startswith("gold_"):
            found[s.name] = table
            continue
        contract = by_table[s.name]
        found[s.name] = (table.where("is_current") if contract.keeps_history else table).select(
            *[c.name for c in contract.columns]
        )
    if gold.RECEIPTS in mart.reads:
        found[gold.RECEIPTS] = gold.receipts_frame(night.spark, rows)
    if gold.DECISIONS in mart.reads:
        found[gold.DECISIONS] = gold.decisions_frame(night.spark, decisions_on_links(night.ledger.decisions))
    return found
