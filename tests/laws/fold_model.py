"""The fold of silver in plain Python: the judge that the product's own fold is compared with.

It knows nothing of Spark, Delta or the product's code, so a mistake there cannot hide here. `fold` is the definition: a
loop over the accepted deliveries in order of business date that keeps one dictionary of current rows. `apply` takes the
newest date alone, by set algebra on the finished rows, and `replay` takes arrivals one by one by either path; both are
written differently from `fold` so that comparing them with it says something.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

Mode = Literal["snapshot", "partition", "changes", "events"]
Status = Literal["accepted", "held", "refused"]
MODES: tuple[Mode, ...] = ("snapshot", "partition", "changes", "events")


@dataclass(frozen=True)
class Row:
    """A row in silver's shape, after the cleaning steps. `None` in key, period or sequence: it could not be read."""

    key: str | None
    period: str | None
    value: str | None
    sequence: int | None = None
    operation: str | None = None
    aside: bool = False
    file: str = "rows.csv"
    record: int = 1


@dataclass(frozen=True)
class Delivery:
    """All that arrived for one business date and revision; its refused records are numbered after its last row."""

    date: str
    revision: int
    rows: tuple[Row, ...]
    refused: int = 0
    full: bool = False
    status: Status = "accepted"


@dataclass(frozen=True)
class Mend:
    """Judge `row` in place of the record. `at` is when it was decided: of the decisions on one record the newest counts."""

    date: str
    revision: int
    record: int
    row: Row
    at: int = 0


@dataclass(frozen=True)
class Dismiss:
    """Do without the record: it stays set aside (or refused), but freezes no key and leaves no end unproven."""

    date: str
    revision: int
    record: int
    at: int = 0


Decision = Mend | Dismiss


@dataclass(frozen=True)
class Judgement:
    """What one delivery says: each row is in exactly one of the first three."""

    good: tuple[Row, ...]
    set_aside: tuple[Row, ...]
    duplicates: tuple[Row, ...]
    frozen: frozenset[str]
    covered: frozenset[str]
    complete: bool


@dataclass(frozen=True)
class HistoryRow:
    """One run of equal values of a key. In `events` there are current rows only, and `valid_from` is the row's date."""

    key: str
    period: str | None
    value: str | None
    valid_from: str
    valid_to: str | None = None
    is_current: bool = True


@dataclass(frozen=True)
class Counts:
    """The numbers of one delivery: judged = good + set_aside + duplicates, and good = the five fates of a good row."""

    judged: int = 0
    good: int = 0
    set_aside: int = 0
    duplicates: int = 0
    inserted: int = 0
    changed: int = 0
    ended: int = 0
    unchanged: int = 0
    outranked: int = 0
    ended_by_absence: int = 0
    end_unproven: int = 0


@dataclass(frozen=True)
class State:
    """Silver: its rows, by key and date, and the counts of each business date in the fold."""

    rows: tuple[HistoryRow, ...] = ()
    counts: Mapping[str, Counts] = field(default_factory=dict)


# ---- One delivery ----------------------------------------------------------------------------------------------------


def refused_records(delivery: Delivery) -> range:
    """Number the records that could not be read: they follow the last row."""
    last = max((row.record for row in delivery.rows), default=0)
    return range(last + 1, last + 1 + delivery.refused)


def breaks_a_rule(mode: Mode, row: Row) -> bool:
    """Say whether a row is set aside for itself: a rule, or something unreadable that the mode cannot do without."""
    return (
        row.aside
        or row.key is None
        or (mode == "partition" and row.period is None)
        or (mode == "changes" and (row.sequence is None or row.operation not in ("I", "U", "D")))
    )


def judge(mode: Mode, delivery: Delivery, decisions: Iterable[Decision] = ()) -> Judgement:
    """Part a delivery's rows into good, set aside and duplicates, by nothing but the delivery and its decisions.

    Mends come first. Broken and dismissed rows are taken out; of exact copies one is kept; rows of one key (in
    `changes` of one key and sequence) that still differ are set aside; last, so are the good rows of a frozen key.
    """
    decided = decisions_by_record(delivery, decisions)
    rows = [mend_row(row, decided.get(row.record)) for row in delivery.rows]
    dismissed = {record for record, decision in decided.items() if isinstance(decision, Dismiss)}

    broken = [row for row in rows if breaks_a_rule(mode, row) or row.record in dismissed]
    first: dict[tuple[object, ...], Row] = {}
    duplicates: list[Row] = []
    for row in sorted(rows, key=lambda row: (row.file, row.record)):
        if row in broken:
            continue
        if content(row) in first:
            duplicates.append(row)
        else:
            first[content(row)] = row
    rivals = Counter(identity(mode, row) for row in first.values())
    conflicts = [row for row in first.values() if rivals[identity(mode, row)] > 1]

    standing = [row for row in broken + conflicts if row.record not in dismissed]
    frozen = {row.key for row in standing if row.key is not None}
    fellows = [row for row in first.values() if row.key in frozen and row not in conflicts]
    unplaced = [row for row in standing if row.key is None or (mode == "partition" and row.period is None)]
    unread = [record for record in refused_records(delivery) if record not in dismissed]
    return Judgement(
        good=tuple(row for row in first.values() if row.key not in frozen),
        set_aside=tuple(broken + conflicts + fellows),
        duplicates=tuple(duplicates),
        frozen=frozenset(frozen),
        covered=frozenset(row.period for row in rows if row.period is not None),
        complete=not unplaced and not unread,
    )


def decisions_by_record(delivery: Delivery, decisions: Iterable[Decision]) -> dict[int, Decision]:
    """Find the decisions that count on one delivery: of each record the newest. Two of one time would have no order."""
    found: dict[int, Decision] = {}
    for decision in decisions:
        if (decision.date, decision.revision) != (delivery.date, delivery.revision):
            continue
        known = found.setdefault(decision.record, decision)
        if known.at == decision.at and known != decision:
            raise ValueError(f"two decisions of one time on record {decision.record} of {delivery.date}")
        if decision.at > known.at:
            found[decision.record] = decision
    return found


def mend_row(row: Row, decision: Decision | None) -> Row:
    """Put the mended values in the row's place, under the record number that it was delivered with."""
    if isinstance(decision, Mend):
        return replace(decision.row, file=row.file, record=row.record)
    return row


def content(row: Row) -> tuple[object, ...]:
    """Take a row without its place: two rows with equal content are exact copies."""
    return (row.key, row.period, row.value, row.sequence, row.operation, row.aside)


def identity(mode: Mode, row: Row) -> tuple[str | None, int | None]:
    """Name what may stand in a delivery once: the key, in `changes` the key and the sequence."""
    return (row.key, row.sequence) if mode == "changes" else (row.key, None)


# ---- The fold --------------------------------------------------------------------------------------------------------


def fold_list(deliveries: Iterable[Delivery]) -> list[Delivery]:
    """Take of each business date the highest accepted revision, in order of date."""
    highest: dict[str, Delivery] = {}
    for delivery in deliveries:
        if delivery.status == "accepted":
            known = highest.setdefault(delivery.date, delivery)
            if known.revision == delivery.revision and known != delivery:
                raise ValueError(f"two deliveries are revision {delivery.revision} of {delivery.date}")
            if delivery.revision > known.revision:
                highest[delivery.date] = delivery
    return [highest[date] for date in sorted(highest)]


def fold(mode: Mode, deliveries: Iterable[Delivery], decisions: Collection[Decision] = ()) -> State:
    """Fold deliveries, in whatever order they arrived, into silver: the definition of the four modes."""
    nights = [(delivery, judge(mode, delivery, decisions)) for delivery in fold_list(deliveries)]
    newest = {row.key: delivery.date for delivery, judged in nights for row in judged.good}
    current: dict[str, HistoryRow] = {}
    past: list[HistoryRow] = []
    counts: dict[str, Counts] = {}
    for delivery, judged in nights:
        date = delivery.date
        tally: Counter[str] = Counter()
        delivered: set[str] = set()

        for row, is_last in in_sequence(mode, judged.good):
            assert row.key is not None
            delivered.add(row.key)
            old = current.get(row.key)
            if not is_last:
                tally["outranked"] += 1
            elif mode == "events":
                current[row.key] = HistoryRow(row.key, row.period, row.value, date)
                tally["outranked" if newest[row.key] > date else fate(old, row)] += 1
            elif mode == "changes" and row.operation == "D":
                if old is not None:
                    past.append(close(current.pop(row.key), date))
                tally["unchanged" if old is None else "ended"] += 1
            else:
                if old is not None and fate(old, row) == "changed":
                    past.append(close(old, date))
                if fate(old, row) != "unchanged":
                    current[row.key] = HistoryRow(row.key, row.period, row.value, date)
                tally[fate(old, row)] += 1

        for key in sorted(set(current) - delivered - judged.frozen):
            if absence_ends(mode, delivery, judged, current[key]):
                if judged.complete:
                    past.append(close(current.pop(key), date))
                tally["ended_by_absence" if judged.complete else "end_unproven"] += 1
        counts[date] = count(judged, tally)
    return State(sort_rows([*past, *current.values()]), counts)


def in_sequence(mode: Mode, good: Sequence[Row]) -> list[tuple[Row, bool]]:
    """Order a delivery's good rows by sequence, and mark the last of each key: it alone decides.

    Outside `changes` a key has one good row, which is its last.
    """
    ordered = sorted(good, key=lambda row: (row.sequence or 0) if mode == "changes" else 0)
    last = {row.key: row.record for row in ordered}
    return [(row, last[row.key] == row.record) for row in ordered]


def fate(old: HistoryRow | None, row: Row) -> str:
    """Say what a row does to its key. Equal means equal in period and value; a key that had ended is new again."""
    if old is None:
        return "inserted"
    return "unchanged" if (old.period, old.value) == (row.period, row.value) else "changed"


def absence_ends(mode: Mode, delivery: Delivery, judged: Judgement, row: HistoryRow) -> bool:
    """Say whether a current row that is not in the delivery should have been there."""
    if mode == "partition":
        return row.period in judged.covered
    return mode == "snapshot" or (mode == "changes" and delivery.full)


def close(row: HistoryRow, date: str) -> HistoryRow:
    """End a run: what it says held until the day before `date`."""
    return replace(row, valid_to=date, is_current=False)


def count(judged: Judgement, tally: Mapping[str, int]) -> Counts:
    """Put the numbers of the judgement beside those of the fold."""
    good, aside, copies = len(judged.good), len(judged.set_aside), len(judged.duplicates)
    return Counts(judged=good + aside + copies, good=good, set_aside=aside, duplicates=copies, **tally)


def sort_rows(rows: Iterable[HistoryRow]) -> tuple[HistoryRow, ...]:
    """Order history by key and date."""
    return tuple(sorted(rows, key=lambda row: (row.key, row.valid_from)))


# ---- The same, one arrival at a time ---------------------------------------------------------------------------------


def apply(mode: Mode, state: State, delivery: Delivery, decisions: Collection[Decision] = ()) -> State:
    """Put a delivery newer than all before it onto finished rows: what the fast path does, by set algebra.

    Counts are those of its own night: in `events` the former nights keep theirs, where `fold` counts rows of keys that
    have come again since as outranked.
    """
    if delivery.status != "accepted" or any(date >= delivery.date for date in state.counts):
        raise ValueError(f"{delivery.date} is not a newest accepted delivery")
    judged = judge(mode, delivery, decisions)
    deciding = {row.key: row for row in sorted(judged.good, key=lambda row: row.sequence or 0) if row.key is not None}
    current = {row.key: row for row in state.rows if row.is_current}
    deletes = {key for key, row in deciding.items() if mode == "changes" and row.operation == "D"}
    upserts = deciding.keys() - deletes
    inserted = upserts - current.keys()
    same = {
        key
        for key in upserts & current.keys()
        if (current[key].period, current[key].value) == (deciding[key].period, deciding[key].value)
    }
    changed = upserts - inserted - same
    absent = {
        key
        for key in current.keys() - deciding.keys() - judged.frozen
        if absence_ends(mode, delivery, judged, current[key])
    }
    proven = absent if judged.complete else set()
    closing = changed | (deletes & current.keys()) | proven
    opening = inserted | changed
    kept = [close(row, delivery.date) if row.is_current and row.key in closing else row for row in state.rows]
    if mode == "events":
        opening = upserts
        kept = [row for row in state.rows if row.key not in upserts]
    opened = [HistoryRow(key, deciding[key].period, deciding[key].value, delivery.date) for key in opening]
    tally = {
        "inserted": len(inserted),
        "changed": len(changed),
        "ended": len(deletes & current.keys()),
        "unchanged": len(same) + len(deletes - current.keys()),
        "outranked": len(judged.good) - len(deciding),
        "ended_by_absence": len(proven),
        "end_unproven": len(absent - proven),
    }
    return State(sort_rows([*kept, *opened]), {**state.counts, delivery.date: count(judged, tally)})


def replay(mode: Mode, arrivals: Iterable[Delivery | Decision]) -> State:
    """Take arrivals one by one as the product does: the newest date by `apply`, anything else by a whole refold."""
    state = State()
    deliveries: list[Delivery] = []
    decisions: list[Decision] = []
    for arrival in arrivals:
        if not isinstance(arrival, Delivery):
            decisions.append(arrival)
            state = fold(mode, deliveries, decisions)
        elif arrival.status == "accepted" and all(arrival.date > date for date in state.counts):
            deliveries.append(arrival)
            state = apply(mode, state, arrival, decisions)
        else:
            deliveries.append(arrival)
            state = fold(mode, deliveries, decisions)
    return state


def held_as_of(state: State, date: str) -> dict[str, tuple[str | None, str | None]]:
    """Read from history what the latest revisions say held as of a date: key to period and value."""
    return {
        row.key: (row.period, row.value)
        for row in state.rows
        if row.valid_from <= date and (row.valid_to is None or row.valid_to > date)
    }
