"""Silver: typed, cleaned, judged rows; the fold of every accepted delivery.

Two paths: the newest business date is folded into the current rows; anything else (late, corrected, decided) refolds the dataset
whole from bronze in one overwrite. The table itself says what is folded into it: its newest commit holds the chain of deliveries.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from typing import Any, TypeVar

import pyarrow as pa
from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs import delta, events, failing, garbled, history, quality
from jobs.contracts import fingerprint
from jobs.errors import LakeError
from jobs.failing import blank, find_failing, say_only_that
from jobs.failures import foreseen
from jobs.fold import COUNTS
from jobs.garbled import find_garbled
from jobs.identities import check_identities
from jobs.judge import judge_rows, rule_conditions, silver_fingerprint, type_rows
from jobs.landing import object_path
from jobs.marked import mark_places, with_rule
from jobs.persons import key_identity, persons
from jobs.quarantine import set_aside
from jobs.repeats import ASIDE, CONFLICT, TAKEN, Settled, settle
from jobs.rules import LINEAGE
from jobs.stage import Entry, Judged, Stage, chain, is_small, keep
from jobs.suites import Rule
from jobs.tally import Tally, tally

T = TypeVar("T")


@dataclass(frozen=True)
class Silver:
    """What judging and folding a delivery gave."""

    fingerprint: str
    counts: Mapping[str, Any] = field(default_factory=dict)
    results: tuple[quality.Result, ...] = ()
    held: LakeError | None = None
    version: int = -1
    refolded: Mapping[tuple[str, int], Mapping[str, int]] = field(default_factory=dict)


def fold_delivery(
    stage: Stage, entry: Entry, accepted: Sequence[Entry], approved: bool, bronze: Mapping[str, Any]
) -> Silver:
    """Judge one delivery and, where it is accepted, fold it into silver in exactly one commit.

    `accepted` are the other accepted deliveries, one a business date; `bronze` are the counts of reading this one. Raises E704 where
    the identities do not hold; but for the fourth, which is about the fold, silver is then as it was.
    """

    def fold(stage: Stage) -> Silver:
        judged, settled, done = _judge_delivery(stage, entry, approved, bronze)
        return done if done.held else _commit(stage, entry, accepted, judged, settled, done)

    return _sparing(fold, stage, {entry, *accepted})


def judge_delivery(stage: Stage, entry: Entry, approved: bool, bronze: Mapping[str, Any]) -> Silver:
    """Judge one delivery and set its bad rows aside; silver stays as it is."""
    return _sparing(lambda s: _judge_delivery(s, entry, approved, bronze)[2], stage, [entry])


def refold(stage: Stage, judged: Mapping[Entry, Silver]) -> dict[Entry, Silver]:
    """Fold judged and accepted deliveries, one a business date, in one overwrite; nothing where the table already says so."""
    entries = sorted(judged, key=lambda e: e.business_date)
    rules = judged[entries[-1]].fingerprint
    state = delta.table_state(stage.path)
    if state and (state.metadata.get("chain"), state.metadata.get("fingerprint")) == (chain(entries), rules):
        named = state.metadata.get("counts", {})
        counts = {n: dict(named.get(e.name, {})) for n, e in enumerate(entries)}
    else:
        metadata = _metadata(stage, entries[-1], entries, rules)
        counts = _sparing(lambda s: _refold(s, entries, metadata), stage, entries)
        state = delta.table_state(stage.path)
    version = state.version if state else -1
    return {e: _finish(judged[e], counts[n], version, {}) for n, e in enumerate(entries)}


def _sparing(work: Callable[[Stage], T], stage: Stage, entries: Iterable[Entry]) -> T:
    """Do some work; where Spark fails at single records of it, once more without their values."""
    try:
        return work(stage)
    except (PySparkException, Py4JError) as error:
        if foreseen(error, stage.lake):
            raise
        of = sorted(entries, key=lambda e: e.name)
        bronze = _bronze_rows(stage, of)
        places = find_failing(bronze, _judging(stage, of, bronze)[0], stage.lake)
        if not places.num_rows:
            raise
        return work(replace(stage, failing=places))


def _metadata(stage: Stage, entry: Entry, entries: Sequence[Entry], rules: str) -> dict[str, Any]:
    """What a commit of silver says of itself: the delivery that caused it, the rules, the deliveries in it, the key."""
    delivery = [entry.business_date, entry.revision, entry.sha256]
    named = {"person_key": key_identity(stage.contract)} if persons(stage.contract) else {}
    return {"stage": "silver", "delivery": delivery, "fingerprint": rules, "chain": chain(entries), **named}


def _judge_delivery(
    stage: Stage, entry: Entry, approved: bool, bronze: Mapping[str, Any]
) -> tuple[Judged, Settled, Silver]:
    identity = silver_fingerprint(stage.contract, stage.suite)
    judged = _judge(stage, [entry])
    settled = settle(judged, stage.contract)
    counts = {**_counts(judged.tally(0), settled.verdicts.get(0, {})), "mended": entry.mended}
    check_identities(stage.contract, bronze, counts)
    results = _validate(stage, judged, counts)
    set_aside(stage, entry, judged, settled, counts["set_aside"])
    failed = quality.failing(results)
    return judged, settled, Silver(identity, counts, results, _held(failed) if failed and not approved else None)


def _judge(stage: Stage, entries: Sequence[Entry]) -> Judged:
    """Judged rows of some deliveries, numbered in the given order."""
    bronze, small = _bronze_rows(stage, entries), _is_small(stage, entries)
    judge, rules, conditions = _judging(stage, entries, bronze)
    rows = keep(judge(bronze), small=True) if small else judge(bronze)
    tallies, odd = tally(rows, stage.contract, rules, conditions)
    return Judged(rows, bronze, judge, small, rules, tallies, odd)


def _judging(
    stage: Stage, entries: Sequence[Entry], bronze: DataFrame
) -> tuple[Callable[..., DataFrame], tuple[Rule, ...], list[quality.Condition]]:
    """How records of some deliveries are judged, by which rules, and the condition of each."""
    noted, mostly = find_garbled(stage, entries), stage.contract.mostly
    rules = with_rule(stage.suite.row_rules(), noted, garbled.RULE, garbled.MARK, garbled.REASON, mostly)
    rules = with_rule(rules, stage.failing, failing.RULE, failing.MARK, failing.REASON, mostly)
    conditions = _conditions(stage, bronze, rules)
    setting_aside = sum(r.quarantine for r in rules)
    return partial(_judge_records, stage, entries, conditions, noted, setting_aside), rules, conditions


def _judge_records(
    stage: Stage, entries: Sequence[Entry], conditions: Sequence[quality.Condition], noted: pa.Table, setting_aside: int,
    records: DataFrame, *, proven: bool = False,
) -> DataFrame:  # fmt: skip
    records = blank(records, [c.name for c in stage.contract.delivered], stage.failing)
    typed = mark_places(type_rows(records, stage.contract, proven=proven), noted, garbled.MARK)
    typed = mark_places(typed, stage.failing, failing.MARK)
    rows = judge_rows(typed, stage.contract, conditions, setting_aside, _number(entries))
    return _mark_dismissed(stage, say_only_that(rows, stage.failing), entries)


def _number(entries: Sequence[Entry]) -> Any:
    if len(entries) == 1:
        return F.lit(0)
    place = F.concat_ws("/", F.col("_business_date").cast("string"), F.col("_revision").cast("string"))
    return F.create_map(*[x for n, e in enumerate(entries) for x in (F.lit(e.name), F.lit(n))])[place]


def _is_small(stage: Stage, entries: Sequence[Entry]) -> bool:
    """Whether some deliveries have few rows, by the log of bronze."""
    records = [delta.count_records(stage.bronze, _partition(e)) for e in entries]
    return is_small(sum(records) * stage.contract.rows_per_record)


def _partition(entry: Entry) -> dict[str, str]:
    return {"_business_date": entry.business_date, "_revision": str(entry.revision)}


_CONDITIONS: dict[str, list[quality.Condition]] = {}


def _conditions(stage: Stage, bronze: DataFrame, rules: Sequence[Rule]) -> list[quality.Condition]:
    """Conditions are the same for every delivery of a dataset: they are asked of GX once a process."""
    key = fingerprint([stage.contract.dataset, str(stage.contract.path), [asdict(r) for r in rules]])
    if key not in _CONDITIONS:
        _CONDITIONS[key] = rule_conditions(type_rows(bronze, stage.contract), rules, quality.conditions)
    return _CONDITIONS[key]


def _bronze_rows(stage: Stage, entries: Sequence[Entry]) -> DataFrame:
    """Bronze records of some deliveries, with mended records in place of the delivered ones."""
    if len(entries) == 1:
        rows = delta.read(stage.spark, stage.bronze, keys=_partition(entries[0]))
    else:
        mine = [f"(_business_date = DATE'{e.business_date}' AND _revision = {e.revision})" for e in entries]
        rows = delta.read(stage.spark, stage.bronze).where(" OR ".join(mine))
    mends = [(e, d) for e in entries for d in e.decisions if d.kind == "mend"]
    if not mends:
        return rows
    columns = [c.name for c in stage.contract.delivered]
    texts = ", ".join(f"`{c}` string" for c in [*columns, "_file"])
    data = []
    for entry, decision in mends:
        values = json.loads(stage.lake.files.cat_file(object_path(stage.lake, decision.values_sha256)))
        place = (decision.file, decision.record, entry.business_date, entry.revision)
        data.append((*[values.get(c) for c in columns], *place))
    mended = stage.spark.createDataFrame(data, f"{texts}, _record bigint, _business_date string, _revision int")
    mended = mended.withColumn("_business_date", F.to_date("_business_date"))
    left = rows.join(F.broadcast(mended.select(*LINEAGE)), list(LINEAGE), "left_anti")
    return left.unionByName(mended, allowMissingColumns=True)


def _mark_dismissed(stage: Stage, rows: DataFrame, entries: Sequence[Entry]) -> DataFrame:
    """Mark rows that a person dismissed: they count as set aside and freeze nothing."""
    data = [(n, d.file, d.record, True) for n, e in enumerate(entries) for d in e.decisions if d.kind == "dismiss"]
    if not data:
        return rows
    named = stage.spark.createDataFrame(data, "_d int, _file string, _record bigint, _dismissed boolean")
    joined = rows.drop("_dismissed").join(F.broadcast(named), ["_d", "_file", "_record"], "left")
    return joined.fillna(False, ["_dismissed"])


def _counts(found: Tally, verdicts: Mapping[str, int]) -> dict[str, Any]:
    """Rows by what became of them; rows that nobody had to look at closely are good."""
    good = found.judged - sum(verdicts.values()) + verdicts.get("good", 0)
    return {
        "judged": found.judged, "good": good, "set_aside": sum(verdicts.get(v, 0) for v in ASIDE), "duplicates": verdicts.get("duplicate", 0),
        "conflicts": verdicts.get(CONFLICT, 0), "taken": verdicts.get(TAKEN, 0), "sums": dict(found.sums),
        "rules": dict(found.broken), "periods": sorted(found.periods)[:400],
    }  # fmt: skip


def _validate(stage: Stage, judged: Judged, counts: Mapping[str, Any]) -> tuple[quality.Result, ...]:
    """GX on the accounting row for rules about single rows and for keys, and on the judged batch for rules about the whole."""
    found = judged.tally(0)
    if found.judged == 0:
        return ()
    repeats = Rule(
        f"{stage.contract.dataset}.key", "expect_column_values_to_be_between", {"mostly": stage.contract.mostly}, "critical",
        "uniqueness", "Two rows of one key with different values cannot both be right.", code=CONFLICT,
    )  # fmt: skip
    accounting = quality.validate_counts(
        [*judged.rules, repeats],
        {**found.broken, repeats.id: counts["conflicts"]},
        {**found.evaluated, repeats.id: found.judged},
    )
    whole = stage.suite.batch_rules()
    if not whole:
        return tuple(accounting)
    named = sorted({str(r.kwargs["column"]) for r in whole if "column" in r.kwargs})
    batch: Any = judged.rows.select(*[f"_row.{c}" for c in named] or ["_d"])
    if is_small(found.judged):
        batch = quality.to_batch(batch.toArrow(), whole)
    return (*accounting, *quality.validate(batch, whole, found.judged))


def _held(failed: Sequence[quality.Result]) -> LakeError:
    worst = failed[0]
    code = "E314" if worst.rule.endswith(".type") else "E701"
    return LakeError(code, place=worst.rule, expected=f"at most {worst.allowed} of {worst.evaluated} rows break it ({worst.reason})", actual=f"{worst.broken} rows")  # fmt: skip


def _commit(
    stage: Stage, entry: Entry, accepted: Sequence[Entry], judged: Judged, settled: Settled, done: Silver
) -> Silver:
    """Fold: nothing where the table already says so, the fast path for the newest date, else the whole again."""
    others = [e for e in accepted if e.business_date != entry.business_date]
    rivals = [e for e in accepted if e.business_date == entry.business_date and e.revision > entry.revision]
    entries = sorted([*others, rivals[0] if rivals else entry], key=lambda e: e.business_date)
    state = delta.table_state(stage.path)
    folded = state.metadata if state else {}
    metadata = _metadata(stage, entry, entries, done.fingerprint)
    if state and folded.get("chain") == metadata["chain"] and folded.get("fingerprint") == done.fingerprint:
        known = folded.get("counts", {}) if entry in entries else {entry.name: {"outranked": done.counts["good"]}}
        if entry.name in known:  # the newest commit counts what it folded; of other nights only a refold can tell
            return _finish(done, known[entry.name], state.version, {})
    is_newest = entries[-1] == entry
    follows = folded.get("chain") == chain(entries[:-1]) if state else len(entries) == 1
    if is_newest and follows:
        entries = [entry]
        counts = _fold_newest(stage, entry, judged, settled, done.counts["good"], metadata)
    else:
        counts = _refold(stage, entries, metadata)
    named = {(e.business_date, e.revision): counts[n] for n, e in enumerate(entries)}
    made = delta.table_state(stage.path)
    own = named.get((entry.business_date, entry.revision), {"outranked": done.counts["good"]})
    return _finish(done, own, made.version if made else -1, named)


def _fold_newest(
    stage: Stage, entry: Entry, judged: Judged, settled: Settled, good: int, metadata: dict[str, Any]
) -> dict[int, dict[str, int]]:
    if stage.contract.mode == "events":
        return events.fold_newest(stage, entry, settled, good, metadata)
    return history.fold_newest(stage, entry, judged, settled, metadata)


def _refold(stage: Stage, entries: Sequence[Entry], metadata: dict[str, Any]) -> dict[int, dict[str, int]]:
    judged = _judge(stage, entries)
    settled = settle(judged, stage.contract)
    small = _is_small(stage, entries)
    if stage.contract.mode == "events":
        return events.refold(stage, entries, settled, metadata, small=small)
    return history.refold(stage, entries, judged, settled, metadata, small=small)


def _finish(
    done: Silver, counts: Mapping[str, int], version: int, named: Mapping[tuple[str, int], Mapping[str, int]]
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
