"""Silver: typed, cleaned, judged rows; the fold of every accepted delivery.

Two paths: the newest business date is folded into the current rows; anything else (late, corrected, decided) refolds the dataset
whole from bronze in one overwrite. The table itself says what is folded into it: its newest commit holds the chain of deliveries.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import reduce
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs import delta, quality
from jobs.bronze import Bronze, refused_rows
from jobs.contracts import Contract, fingerprint
from jobs.errors import LakeError
from jobs.fold import COUNTS, Coverage, count_events, fold_events, fold_history, history_rows, last_of_sequence
from jobs.judge import (
    CONFLICT,
    TAKEN,
    Tally,
    delivered_record,
    judge_rows,
    repeated_keys,
    rule_conditions,
    settle_repeats,
    silver_fingerprint,
    tally,
    type_rows,
)
from jobs.lake import Lake
from jobs.ledger import Decision
from jobs.rules import LINEAGE, spell_rules
from jobs.suites import Rule, Suite

SMALL = 1_000_000


@dataclass(frozen=True)
class Entry:
    """One delivery as the fold sees it: content, decisions, and whether its manifest calls it full."""

    business_date: str
    revision: int
    sha256: str
    full: bool = False
    decisions: tuple[Decision, ...] = ()

    @property
    def identity(self) -> str:
        return fingerprint(
            [
                self.business_date,
                self.revision,
                self.sha256,
                sorted(d.id for d in self.decisions if d.kind != "approve"),
            ]
        )


@dataclass(frozen=True)
class Silver:
    """What judging and folding a delivery gave."""

    fingerprint: str
    counts: Mapping[str, Any] = field(default_factory=dict)
    results: tuple[quality.Result, ...] = ()
    held: LakeError | None = None
    version: int = -1
    refolded: Mapping[tuple[str, int], Mapping[str, int]] = field(default_factory=dict)


@dataclass(frozen=True)
class Judged:
    """Judged rows of some deliveries with their counts, by delivery number."""

    rows: DataFrame
    tallies: Mapping[int, Tally]
    bronze: DataFrame
    rules: tuple[Rule, ...]


@dataclass(frozen=True)
class Stage:
    """What every function of this stage needs."""

    spark: SparkSession
    lake: Lake
    contract: Contract
    suite: Suite

    @property
    def path(self) -> str:
        return self.lake.table("silver", self.contract.table)

    @property
    def quarantine(self) -> str:
        return self.lake.table("quarantine", self.contract.table)


def chain(entries: Sequence[Entry]) -> str:
    """Identity of a list of deliveries in order of date: equal lists fold to equal rows."""
    return reduce(lambda done, e: hashlib.sha256(f"{done}{e.identity}".encode()).hexdigest(), entries, "")


def quarantine_refused(stage: Stage, entry: Entry, bronze: Bronze) -> None:
    """Set aside the records that could not be read, before bronze is committed."""
    schema = "_file string, _record bigint, _line bigint, _rules array<string>, _detail string, _raw binary"
    frame = stage.spark.createDataFrame(refused_rows(bronze), schema)
    _write_quarantine(
        stage,
        entry,
        frame.withColumns({"_key": F.lit(None).cast("string"), "_delivered": F.lit(None).cast("string")}),
        "bronze",
    )


def has_quarantine(lake: Lake, contract: Contract, entry: Entry, at: str) -> bool:
    """Whether quarantine holds rows of this delivery and stage: else an empty write would replace nothing."""
    keys = {"_business_date": entry.business_date, "_revision": str(entry.revision), "_stage": at}
    return bool(delta.partition_files(lake.table("quarantine", contract.table), keys))


def _write_quarantine(stage: Stage, entry: Entry, rows: DataFrame, at: str) -> None:
    """Grain: a set-aside record or row. Columns: where it came from, the rules it broke, its key, what was delivered."""
    whole = rows.select(
        F.to_date(F.lit(entry.business_date)).alias("_business_date"), F.lit(entry.revision).cast("int").alias("_revision"),
        F.lit(at).alias("_stage"), "_file", "_record", "_line", "_rules", "_detail", "_key", "_delivered", "_raw",
    )  # fmt: skip
    where = f"_business_date = DATE'{entry.business_date}' AND _revision = {entry.revision} AND _stage = '{at}'"
    metadata = {"stage": f"quarantine {at}", "delivery": [entry.business_date, entry.revision, entry.sha256]}
    delta.overwrite(
        whole.coalesce(1), stage.quarantine, "quarantine", f"quarantine_{at}", metadata, where=where,
        partition_by=("_business_date", "_revision", "_stage"), statistics=("_record",),
    )  # fmt: skip


def fold_delivery(stage: Stage, entry: Entry, accepted: Sequence[Entry], approved: bool) -> Silver:
    """Judge one delivery and, where it is accepted, fold it into silver in exactly one commit.

    `accepted` are the other accepted deliveries, one a business date. Raises E704 where the identities do not hold.
    """
    identity = silver_fingerprint(stage.contract, stage.suite)
    judged = _judge(stage, [entry])
    settled = _settle(stage, judged, [entry])
    try:
        found = _tally_of(judged, 0)
        counts = _counts(found, _verdicts(settled, found))
        results = _validate(stage, judged, found, counts)
        _set_aside(stage, entry, settled, judged, counts["set_aside"])
        failed = quality.failing(results)
        held = _held(failed) if failed and not approved else None
        if held:
            return Silver(identity, counts, results, held)
        return _commit(stage, entry, accepted, settled, found, Silver(identity, counts, results))
    finally:
        judged.rows.unpersist()


def _judge(stage: Stage, entries: Sequence[Entry]) -> Judged:
    """Judged rows of some deliveries, numbered in the given order."""
    contract, rules = stage.contract, stage.suite.quarantine_rules()
    bronze = _bronze_rows(stage, entries)
    typed = type_rows(bronze, contract)
    broken = _conditions(stage, typed, rules)
    numbers = F.create_map(
        *[x for n, e in enumerate(entries) for x in (F.lit(f"{e.business_date}/{e.revision}"), F.lit(n))]
    )
    place = F.concat_ws("/", F.col("_business_date").cast("string"), F.col("_revision").cast("string"))
    rows = judge_rows(typed, contract, broken, numbers[place])
    rows = _mark_dismissed(stage, rows, entries)
    if _bronze_size(stage, entries) * contract.rows_per_record <= SMALL:
        rows = rows.coalesce(1).persist()
    tallies = tally(rows, contract, rules)
    return Judged(rows, tallies, bronze, rules)


def _bronze_size(stage: Stage, entries: Sequence[Entry]) -> int:
    """Records of some deliveries, from the table's log."""
    path = stage.lake.table("bronze", stage.contract.table)
    return sum(
        delta.count_records(path, {"_business_date": e.business_date, "_revision": str(e.revision)}) for e in entries
    )


_CONDITIONS: dict[str, list[Any]] = {}


def _conditions(stage: Stage, typed: DataFrame, rules: Sequence[Rule]) -> list[Any]:
    """Conditions are the same for every delivery of a dataset: they are asked of GX once a process."""
    key = fingerprint([stage.contract.dataset, str(stage.contract.path), [asdict(r) for r in rules]])
    if key not in _CONDITIONS:
        _CONDITIONS[key] = rule_conditions(typed, rules, quality.conditions)
    return _CONDITIONS[key]


def _bronze_rows(stage: Stage, entries: Sequence[Entry]) -> DataFrame:
    """Bronze records of some deliveries, with mended records in place of the delivered ones."""
    rows = delta.read(stage.spark, stage.lake.table("bronze", stage.contract.table))
    mine = [f"(_business_date = DATE'{e.business_date}' AND _revision = {e.revision})" for e in entries]
    rows = rows.where(" OR ".join(mine))
    mends = [(e, d) for e in entries for d in e.decisions if d.kind == "mend"]
    if not mends:
        return rows
    columns = [c.name for c in stage.contract.delivered]
    data = [_mended(stage, e, d, columns) for e, d in mends]
    schema = (
        ", ".join(f"`{c}` string" for c in columns)
        + ", _file string, _record bigint, _business_date string, _revision int"
    )
    mended = stage.spark.createDataFrame(data, schema).withColumn("_business_date", F.to_date("_business_date"))
    left = rows.join(F.broadcast(mended.select(*LINEAGE)), list(LINEAGE), "left_anti")
    return left.unionByName(mended, allowMissingColumns=True)


def _mended(stage: Stage, entry: Entry, decision: Decision, columns: Sequence[str]) -> tuple[Any, ...]:
    from jobs.landing import object_path

    values = json.loads(stage.lake.files.cat_file(object_path(stage.lake, decision.values_sha256)))
    return (*[values.get(c) for c in columns], decision.file, decision.record, entry.business_date, entry.revision)


def _mark_dismissed(stage: Stage, rows: DataFrame, entries: Sequence[Entry]) -> DataFrame:
    """Mark rows that a person dismissed: they count as set aside and freeze nothing."""
    data = [(n, d.file, d.record) for n, e in enumerate(entries) for d in e.decisions if d.kind == "dismiss"]
    if not data:
        return rows
    named = stage.spark.createDataFrame(data, "_d int, _file string, _record bigint").withColumn(
        "_dismissed", F.lit(True)
    )
    return (
        rows.drop("_dismissed")
        .join(F.broadcast(named), ["_d", "_file", "_record"], "left")
        .fillna(False, ["_dismissed"])
    )


def _settle(stage: Stage, judged: Judged, entries: Sequence[Entry]) -> DataFrame:
    """Every row with its verdict. Dismissed rows are taken out first: they are no rival of any other."""
    live = judged.rows.where(~F.col("_dismissed"))
    gone = judged.rows.where("_dismissed").withColumn("_verdict", F.lit("aside"))
    repeated = repeated_keys(live).persist()
    dismissed = any(d.kind == "dismiss" for e in entries for d in e.decisions)
    if repeated.isEmpty() and not dismissed:
        return judged.rows.withColumn("_verdict", F.when(F.col("_aside"), "aside").otherwise("good"))
    return settle_repeats(live, repeated, stage.contract).unionByName(gone, allowMissingColumns=True)


def _verdicts(settled: DataFrame, found: Tally) -> dict[str, int]:
    """Rows by verdict of one delivery; where no key repeats, the tally has counted them."""
    if "_copy" not in settled.columns:
        return {"good": found.judged - found.aside, "aside": found.aside}
    return {r["_verdict"]: r["count"] for r in settled.groupBy("_verdict").count().collect()}


def _tally_of(judged: Judged, number: int) -> Tally:
    empty = Tally(0, 0, {}, {r.id: 0 for r in judged.rules}, {}, frozenset(), 0)
    return judged.tallies.get(number, empty)


def _counts(found: Tally, verdicts: Mapping[str, int]) -> dict[str, Any]:
    aside = sum(verdicts.get(v, 0) for v in ("aside", CONFLICT, TAKEN))
    return {
        "judged": found.judged, "good": verdicts.get("good", 0), "set_aside": aside, "duplicates": verdicts.get("duplicate", 0),
        "conflicts": verdicts.get(CONFLICT, 0), "taken": verdicts.get(TAKEN, 0), "sums": dict(found.sums),
        "rules": dict(found.broken), "periods": sorted(found.periods)[:400],
    }  # fmt: skip


def _validate(stage: Stage, judged: Judged, found: Tally, counts: Mapping[str, Any]) -> tuple[quality.Result, ...]:
    """GX on the accounting row for rules that set rows aside and for keys, and on the judged batch for all others."""
    if found.judged == 0:
        return ()
    counted = [r for r in stage.suite.silver if r.quarantine]
    written = [r for r in stage.suite.silver if not r.quarantine]
    repeats = Rule(
        f"{stage.contract.dataset}.key", "expect_column_values_to_be_between", {"mostly": stage.contract.mostly}, "critical",
        "uniqueness", "Two rows of one key with different values cannot both be right.", code=CONFLICT,
    )  # fmt: skip
    accounting = quality.validate_counts(
        [*counted, repeats],
        {**found.broken, repeats.id: counts["conflicts"]},
        {**found.evaluated, repeats.id: found.judged},
    )
    return (*accounting, *(quality.validate(judged.rows.select("_row.*"), written, found.judged) if written else ()))


def _held(failed: Sequence[quality.Result]) -> LakeError:
    worst = failed[0]
    code = "E314" if worst.rule.endswith(".type") else "E701"
    return LakeError(code, place=worst.rule, expected=f"at most {worst.allowed} of {worst.evaluated} rows break it ({worst.reason})", actual=f"{worst.broken} rows")  # fmt: skip


def _set_aside(stage: Stage, entry: Entry, settled: DataFrame, judged: Judged, count: int) -> None:
    """Write the rows that are set aside, each with all its rules and the record as it was delivered."""
    aside = settled.where(F.col("_verdict").isin("aside", CONFLICT, TAKEN))
    if not count and not has_quarantine(stage.lake, stage.contract, entry, "silver"):
        return
    spelled = F.concat(
        spell_rules([r.id for r in judged.rules]),
        F.when(F.col("_verdict") == "aside", F.array()).otherwise(F.array("_verdict")),
    )
    named = aside.select(
        *LINEAGE, spelled.alias("_rules"), F.to_json(F.struct(*[f"_row.{k}" for k in stage.contract.key])).alias("_key"),
        F.when(F.col("_dismissed"), "dismissed").alias("_detail"),
    )  # fmt: skip
    records = delivered_record(judged.bronze, stage.contract)
    whole = named.join(records, list(LINEAGE), "left").withColumns(
        {"_line": F.lit(None).cast("bigint"), "_raw": F.lit(None).cast("binary")}
    )
    _write_quarantine(stage, entry, whole, "silver")


def _commit(
    stage: Stage, entry: Entry, accepted: Sequence[Entry], settled: DataFrame, found: Tally, done: Silver
) -> Silver:
    """Fold: nothing where the table already says so, the fast path for the newest date, else the whole again."""
    others = [e for e in accepted if e.business_date != entry.business_date]
    rivals = [e for e in accepted if e.business_date == entry.business_date and e.revision > entry.revision]
    entries = sorted([*others, rivals[0] if rivals else entry], key=lambda e: e.business_date)
    state = delta.table_state(stage.path)
    folded = state.metadata if state else {}
    metadata = {
        "stage": "silver",
        "delivery": [entry.business_date, entry.revision, entry.sha256],
        "fingerprint": done.fingerprint,
        "chain": chain(entries),
    }
    if state and folded.get("chain") == metadata["chain"] and folded.get("fingerprint") == done.fingerprint:
        counts = folded.get("counts", {}).get(_name(entry), {})
        return _finish(done, dict(counts), state.version, {})
    is_newest = entries[-1] == entry
    if (
        is_newest
        and (state is None) == (len(entries) == 1)
        and (state is None or folded.get("chain") == chain(entries[:-1]))
    ):
        counts_by = {0: _fast(stage, entry, settled, found, metadata)}
        entries = [entry]
    else:
        counts_by = _refold(stage, entries, metadata)
    named = {(e.business_date, e.revision): counts_by.get(n, {}) for n, e in enumerate(entries)}
    version = delta.table_state(stage.path)
    own = named.get((entry.business_date, entry.revision), {"outranked": done.counts["good"]})
    return _finish(done, own, version.version if version else -1, named)


def _name(entry: Entry) -> str:
    return f"{entry.business_date}/{entry.revision}"


def _finish(
    done: Silver,
    counts: Mapping[str, int],
    version: int,
    named: Mapping[tuple[str, int], Mapping[str, int]],
) -> Silver:
    """Join the counts of judging and folding; the fourth identity must hold."""
    whole = {**done.counts, **{name: counts.get(name, 0) for name in COUNTS}}
    total = sum(whole[n] for n in ("inserted", "changed", "ended", "unchanged", "outranked"))
    if total != whole["good"]:
        raise LakeError(
            "E704",
            expected=f"good {whole['good']}",
            actual=f"inserted + changed + ended + unchanged + outranked = {total}",
        )
    return Silver(done.fingerprint, whole, done.results, None, version, named)


def _coverage(stage: Stage, entries: Sequence[Entry], tallies: Mapping[int, Tally], settled: DataFrame) -> Coverage:
    """Which periods each delivery covers, and in which absence proves an end."""
    mode = stage.contract.mode
    everything = frozenset({""})
    periods = {
        n: tallies[n].periods if mode == "partition" and n in tallies else everything
        for n, e in enumerate(entries)
        if mode in ("snapshot", "partition") or (mode == "changes" and e.full)
    }
    broken = (
        settled.where("_verdict = 'aside' AND NOT _dismissed AND (_key IS NULL OR _period IS NULL)")
        .select("_d")
        .distinct()
    )
    incomplete = {r["_d"] for r in broken.collect()} if any(t.unreadable for t in tallies.values()) else set()
    incomplete |= {n for n, e in enumerate(entries) if _has_open_refusals(stage, e)}
    return Coverage(periods, frozenset(periods) - frozenset(incomplete))


def _has_open_refusals(stage: Stage, entry: Entry) -> bool:
    """Whether a record of this delivery could not be read and nobody has decided on it."""
    if not has_quarantine(stage.lake, stage.contract, entry, "bronze"):
        return False
    where = (
        (pc.field("_business_date") == pa.scalar(entry.business_date).cast(pa.date32()))
        & (pc.field("_revision") == entry.revision)
        & (pc.field("_stage") == "bronze")
    )
    rows = delta.read_arrow(stage.quarantine, columns=["_file", "_record"], where=where)
    decided = {(d.file, d.record) for d in entry.decisions if d.kind in ("mend", "dismiss")}
    return rows is not None and any((r["_file"], r["_record"]) not in decided for r in rows.to_pylist())


def _observe(stage: Stage, settled: DataFrame) -> tuple[DataFrame, DataFrame]:
    """Observations of the fold (one a key and delivery), and the rows that a later sequence outranks."""
    contract = stage.contract
    good = settled.where("_verdict = 'good'")
    outranked = good.limit(0)
    if contract.mode == "changes":
        good = last_of_sequence(good, f"_row.{contract.sequence}")
        outranked, good = good.where("_outranked").drop("_outranked"), good.where("NOT _outranked").drop("_outranked")
        kind = F.when(F.upper(f"_row.{contract.operation}").isin("D", "DELETE"), "end").otherwise("set")
    else:
        kind = F.lit("set")
    keep = ["_row", *LINEAGE, "_d", "_key", "_value", "_period"]
    found = good.withColumn("_kind", kind).select(*keep, "_kind")
    aside = settled.where(
        F.col("_verdict").isin("aside", CONFLICT, TAKEN) & ~F.col("_dismissed") & F.col("_key").isNotNull()
    )
    frozen = (
        aside.dropDuplicates(["_d", "_key"])
        .withColumns({"_value": F.lit(""), "_kind": F.lit("frozen")})
        .select(*keep, "_kind")
    )
    return found.unionByName(frozen), outranked


def _fast(stage: Stage, entry: Entry, settled: DataFrame, found: Tally, metadata: dict[str, Any]) -> dict[str, int]:
    """Fold the newest delivery into the current rows."""
    observed, outranked = _observe(stage, settled)
    more = outranked.count() if stage.contract.mode == "changes" else 0
    if stage.contract.mode == "events":
        return _fast_events(stage, entry, observed, found, metadata)
    coverage = _coverage(stage, [entry], {0: found}, settled)
    observed = observed.withColumn("valid_from", F.lit(None).cast("date"))
    if delta.exists(stage.path):
        current = delta.read(stage.spark, stage.path).where("is_current").select(
            F.struct(*_columns(stage)).alias("_row"), "valid_from", *LINEAGE, "_key", "_value",
            F.lit(-1).alias("_d"), F.lit("set").alias("_kind"), _period_of(stage.contract).alias("_period"),
        )  # fmt: skip
        observed = observed.unionByName(current)
        observed = observed.coalesce(1) if _is_small(stage) else observed
    events = fold_history(observed, coverage, [entry.business_date]).persist()
    try:
        counts = count_events(events).get(0, {})
        counts["outranked"] = more
        _write_history(stage, events, {**metadata, "counts": {_name(entry): counts}})
    finally:
        events.unpersist()
    return counts


def _period_of(contract: Contract) -> Any:
    return F.col(contract.period).cast("string") if contract.mode == "partition" else F.lit("")


def _columns(stage: Stage) -> list[str]:
    return [c.name for c in stage.contract.columns]


def _write_history(stage: Stage, events: DataFrame, metadata: Mapping[str, Any]) -> None:
    rows = history_rows(events).select(
        "_row.*", "valid_from", "valid_to", "is_current", *LINEAGE, "_key", "_value", "_d"
    )
    if not delta.exists(stage.path):
        return _overwrite(stage, rows.drop("_d"), metadata)
    if _is_small(stage):
        ended = delta.read(stage.spark, stage.path).where("NOT is_current")
        return _overwrite(stage, ended.unionByName(rows.drop("_d")).coalesce(1), metadata)
    moved = (
        rows.where("_d >= 0 OR valid_to IS NOT NULL")
        .withColumn("_close", F.when(F.col("_d") < 0, F.col("_key")))
        .drop("_d")
        .persist()
    )
    try:
        if moved.isEmpty():
            return delta.note(stage.spark, stage.path, "silver", metadata)
        values = ", ".join(f"`{c}`" for c in moved.columns if c != "_close")
        sources = ", ".join(f"s.`{c}`" for c in moved.columns if c != "_close")
        delta.merge(
            stage.spark, stage.path, moved,
            "ON t._key = s._close AND t.is_current = true "
            "WHEN MATCHED THEN UPDATE SET valid_to = s.valid_to, is_current = false "
            f"WHEN NOT MATCHED THEN INSERT ({values}) VALUES ({sources})",
            "silver", metadata,
        )  # fmt: skip
    finally:
        moved.unpersist()


def _is_small(stage: Stage) -> bool:
    """Whether silver is so small that rewriting it is cheaper than a MERGE, which costs seconds whatever the size."""
    return delta.count_records(stage.path, {}) <= SMALL


def _overwrite(stage: Stage, rows: DataFrame, metadata: Mapping[str, Any]) -> None:
    history = stage.contract.keeps_history
    statistics = ("_key", "valid_from") if history else (*stage.contract.key[:4], "_record")
    delta.overwrite(
        rows, stage.path, "silver", "silver", metadata, statistics=statistics,
        partition_by=("is_current",) if history else ("_business_date",),
    )  # fmt: skip


def _fast_events(
    stage: Stage, entry: Entry, observed: DataFrame, found: Tally, metadata: dict[str, Any]
) -> dict[str, int]:
    """Events: replace the date's rows where no key is known from another date, else MERGE."""
    rows = observed.where("_kind = 'set'").select("_row.*", *LINEAGE, "_key", "_value")
    path = stage.path
    if not delta.exists(path):
        counts = {"inserted": rows.count()}
        _overwrite(stage, rows, {**metadata, "counts": {_name(entry): counts}})
        return counts
    known = _known_keys(stage, entry, rows)
    frozen = observed.where("_kind = 'frozen'").count()
    total = found.judged and rows.count()
    if known.isEmpty() and not frozen:
        counts = {"inserted": int(total)}
        where = f"_business_date = DATE'{entry.business_date}'"
        delta.overwrite(rows, path, "silver", "silver", {**metadata, "counts": {_name(entry): counts}}, where=where)
        return counts
    same = rows.alias("n").join(known.alias("k"), "_key").select((F.col("n._value") == F.col("k._value")).alias("same"))
    by = {r["same"]: r["count"] for r in same.groupBy("same").count().collect()}
    counts = {"changed": by.get(False, 0), "unchanged": by.get(True, 0)}
    counts["inserted"] = int(total) - sum(counts.values())
    clauses = "ON t._key = s._key WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *"
    delta.merge(stage.spark, path, rows, clauses, "silver", {**metadata, "counts": {_name(entry): counts}})
    return counts


def _known_keys(stage: Stage, entry: Entry, rows: DataFrame) -> DataFrame:
    """Keys of this delivery that the table has from another date; bounds on the period keep the scan to its own days."""
    table = delta.read(stage.spark, stage.path).where(f"_business_date != DATE'{entry.business_date}'")
    period = stage.contract.period
    if period:
        low, high = rows.agg(F.min(period), F.max(period)).collect()[0]
        table = table.where(F.col(period).between(F.lit(low), F.lit(high)))
    return table.select("_key", "_value").join(rows.select("_key"), "_key", "left_semi")


def _refold(stage: Stage, entries: Sequence[Entry], metadata: dict[str, Any]) -> dict[int, dict[str, int]]:
    """Fold every accepted delivery again from bronze, in one overwrite."""
    judged = _judge(stage, entries)
    settled = _settle(stage, judged, entries).persist()
    try:
        observed, outranked = _observe(stage, settled)
        dates = [e.business_date for e in entries]
        if stage.contract.mode == "events":
            return _refold_events(stage, entries, observed, metadata)
        coverage = _coverage(stage, entries, judged.tallies, settled)
        events = fold_history(observed.withColumn("valid_from", F.lit(None).cast("date")), coverage, dates).persist()
        counts = count_events(events)
        for row in outranked.groupBy("_d").count().collect():
            counts.setdefault(row["_d"], {})["outranked"] = row["count"]
        named = {_name(e): counts.get(n, {}) for n, e in enumerate(entries)}
        rows = history_rows(events).select("_row.*", "valid_from", "valid_to", "is_current", *LINEAGE, "_key", "_value")
        _overwrite(stage, rows, {**metadata, "counts": named})
        events.unpersist()
        return counts
    finally:
        settled.unpersist()


def _refold_events(
    stage: Stage, entries: Sequence[Entry], observed: DataFrame, metadata: dict[str, Any]
) -> dict[int, dict[str, int]]:
    rows = fold_events(observed).persist()
    counts: dict[int, dict[str, int]] = {}
    for row in rows.groupBy("_d", "_event").count().collect():
        counts.setdefault(row["_d"], {})[row["_event"]] = row["count"]
    named = {_name(e): counts.get(n, {}) for n, e in enumerate(entries)}
    kept = rows.where("_event != 'outranked'").select("_row.*", *LINEAGE, "_key", "_value")
    _overwrite(stage, kept, {**metadata, "counts": named})
    rows.unpersist()
    return counts
