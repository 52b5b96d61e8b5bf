"""Invented histories of a dataset, for Hypothesis: what may happen between a supplier and the lake, in any order.

Keys, periods and values are whole numbers as text, so that the same history can be written as CSV and run for real:
`csv_text` gives the file of a delivery, `csv_fields` the delivered values of one row (of a mend, too). The contract it
fits has `key` as a required integer primary key, `period` and `value` as required integers, and in `changes` `sequence`
as a required integer and `operation` in I, U, D; every rule quarantines, and `mostly` is 0, as a delivery's status here
is given, not earned.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import TypeVar

from hypothesis import strategies as st

from tests.laws.fold_model import (
    Decision,
    Delivery,
    Dismiss,
    Mend,
    Mode,
    Row,
    Status,
    breaks_a_rule,
    fold_list,
    judge,
    refused_records,
)

T = TypeVar("T")

KEYS = ("1", "2", "3", "4")
PERIODS = ("2012", "2013")
VALUES = ("10", "20")
SEQUENCES = (1, 2, 3)
DATES = ("2024-01-01", "2024-01-02", "2024-01-03", "2024-01-04", "2024-01-05", "2024-01-06")
STATUSES: tuple[Status, ...] = ("accepted",) * 10 + ("held", "refused")
OPERATIONS = ("deliver", "redeliver", "correct", "delay", "move", "quarantine", "mend", "dismiss")
FLAWS: dict[Mode, tuple[str, ...]] = {
    "snapshot": ("value", "key", "refused"),
    "partition": ("value", "key", "period", "refused"),
    "changes": ("value", "key", "sequence", "refused"),
    "events": ("value", "key", "refused"),
}


@dataclass(frozen=True)
class History:
    """Deliveries and decisions in order of arrival, and the operations that made them."""

    mode: Mode
    arrivals: tuple[Delivery | Decision, ...]
    operations: tuple[str, ...]

    @property
    def deliveries(self) -> tuple[Delivery, ...]:
        return tuple(arrival for arrival in self.arrivals if isinstance(arrival, Delivery))

    @property
    def decisions(self) -> tuple[Decision, ...]:
        return tuple(arrival for arrival in self.arrivals if not isinstance(arrival, Delivery))


@cache
def whole_numbers_below(n: int) -> st.SearchStrategy[int]:
    """Make the one strategy that all drawing here is done with; made once, as making costs more than drawing."""
    return st.integers(0, n - 1)


def pick(draw: st.DrawFn, options: Sequence[T]) -> T:
    """Draw one of the options; Hypothesis simplifies towards the first."""
    return options[draw(whole_numbers_below(len(options)))]


# ---- Rows ------------------------------------------------------------------------------------------------------------


@cache
def list_rows(mode: Mode, key: str) -> tuple[Row, ...]:
    """List every good row that a key can have in a mode."""
    if mode == "changes":
        return tuple(Row(key, "2012", value, n, op) for n in SEQUENCES for op in ("I", "U", "D") for value in VALUES)
    periods = PERIODS if mode == "partition" else PERIODS[:1]
    return tuple(Row(key, period, value) for period in periods for value in VALUES)


def number_rows(rows: Sequence[Row]) -> tuple[Row, ...]:
    """Give the rows of a delivery the record numbers 1 to n."""
    return tuple(replace(row, record=number) for number, row in enumerate(rows, start=1))


def draw_rows(draw: st.DrawFn, mode: Mode) -> tuple[Row, ...]:
    """Draw the good rows of a delivery: two keys of three, sometimes a copy, a rival or a later change of a row."""
    choices = [pick(draw, (None,) * (len(list_rows(mode, key)) // 2) + list_rows(mode, key)) for key in KEYS]
    rows = [row for row in choices if row is not None] or [*list_rows(mode, KEYS[0])[:1]]
    for _ in range(pick(draw, (0, 0, 1, 2, 3) if mode == "changes" else (0, 0, 0, 1, 2))):
        twin = pick(draw, rows)
        assert twin.key is not None
        rows.append(pick(draw, (twin, *list_rows(mode, twin.key))))
    return number_rows(rows)


def break_row(row: Row, flaw: str) -> Row:
    """Make a row break a rule: its value, or what could not be read of it."""
    if flaw == "key":
        return replace(row, aside=True, key=None)
    if flaw == "period":
        return replace(row, aside=True, period=None)
    if flaw == "sequence":
        return replace(row, aside=True, sequence=None)
    return replace(row, aside=True)


# ---- Histories -------------------------------------------------------------------------------------------------------


def draw_delivery(draw: st.DrawFn, mode: Mode, date: str, revision: int) -> Delivery:
    """Draw a delivery without flaws for a date and revision; one in six is held or refused."""
    status = pick(draw, STATUSES)
    full = mode == "changes" and pick(draw, (False, True))
    return Delivery(date, revision, draw_rows(draw, mode), full=full, status=status)


def next_revision(known: Sequence[Delivery], date: str) -> int:
    """Number a delivery as landing does: one above the highest of its date."""
    return max((delivery.revision for delivery in known if delivery.date == date), default=0) + 1


def open_dates(operation: str, known: Sequence[Delivery]) -> list[str]:
    """List the dates that an operation may deliver: newer, late, or delivered before."""
    taken = {delivery.date for delivery in known}
    newest = max(taken, default="")
    if operation == "correct":
        return sorted(taken)
    if operation == "delay":
        return [date for date in DATES if date < newest and date not in taken]
    return [date for date in DATES if date > newest]


def draw_new_delivery(draw: st.DrawFn, mode: Mode, operation: str, known: Sequence[Delivery]) -> Delivery:
    """Draw the delivery that an operation adds."""
    date = pick(draw, open_dates(operation, known)[:3])
    delivery = draw_delivery(draw, mode, date, next_revision(known, date))
    if operation == "move" and known:
        return replace(delivery, rows=move_key(draw, mode, known[-1].rows))
    if operation == "quarantine":
        return break_delivery(draw, mode, delivery)
    return delivery


def break_delivery(draw: st.DrawFn, mode: Mode, delivery: Delivery) -> Delivery:
    """Give a delivery one flaw: a record or two that cannot be read, or a row that breaks a rule."""
    flaw = pick(draw, FLAWS[mode])
    if flaw == "refused":
        return replace(delivery, refused=pick(draw, (1, 2)))
    flawed = pick(draw, delivery.rows)
    return replace(delivery, rows=tuple(break_row(row, flaw) if row is flawed else row for row in delivery.rows))


def move_key(draw: st.DrawFn, mode: Mode, rows: Sequence[Row]) -> tuple[Row, ...]:
    """Draw the rows of a former delivery again, one key of it elsewhere: another period, or just another row."""
    good = [row for row in rows if not breaks_a_rule(mode, row)] or list_rows(mode, KEYS[0])[:1]
    moved = pick(draw, good)
    assert moved.key is not None
    others = [row for row in list_rows(mode, moved.key) if mode != "partition" or row.period != moved.period]
    return number_rows([pick(draw, others) if row is moved else row for row in good])


def decidable(mode: Mode, known: Sequence[Delivery], decisions: Sequence[Decision]) -> list[tuple[Delivery, int]]:
    """List the records that are set aside or refused, or decided already, of the revisions in the fold."""
    found: list[tuple[Delivery, int]] = []
    for delivery in fold_list(known):
        aside = {row.record for row in judge(mode, delivery, decisions).set_aside} | {*refused_records(delivery)}
        decided = {x.record for x in decisions if (x.date, x.revision) == (delivery.date, delivery.revision)}
        found += [(delivery, record) for record in sorted(aside | decided, key=lambda n: (n in decided, n))]
    return found


def draw_decision(
    draw: st.DrawFn, mode: Mode, operation: str, waiting: Sequence[tuple[Delivery, int]], at: int
) -> Decision:
    """Draw a decision on a waiting record. A refused record has no values to mend: it is dismissed."""
    delivery, record = pick(draw, waiting)
    rows = {row.record: row for row in delivery.rows}
    if operation == "dismiss" or record not in rows:
        return Dismiss(delivery.date, delivery.revision, record, at)
    key = rows[record].key or pick(draw, KEYS)
    mended = replace(pick(draw, list_rows(mode, key)), record=record)
    return Mend(delivery.date, delivery.revision, record, mended, at)


@st.composite
def histories(draw: st.DrawFn, mode: Mode, max_operations: int = 9) -> History:
    """Draw a history of a dataset: a first delivery, then any of the eight operations in any order.

    An operation that finds nothing to act on becomes another, and is named as what it became.
    """
    known: list[Delivery] = []
    decisions: list[Decision] = []
    arrivals: list[Delivery | Decision] = []
    done: list[str] = []
    for at in range(pick(draw, range(2, max_operations + 1))):
        operation = pick(draw, OPERATIONS) if at else "deliver"
        waiting = decidable(mode, known, decisions) if operation in ("mend", "dismiss") else []
        if waiting:
            decisions.append(draw_decision(draw, mode, operation, waiting, len(decisions)))
            arrivals.append(decisions[-1])
        elif operation == "redeliver":
            arrivals.append(pick(draw, known))
        else:
            operation = "quarantine" if operation in ("mend", "dismiss") else operation
            operation = operation if open_dates(operation, known) else "correct"
            known.append(draw_new_delivery(draw, mode, operation, known))
            arrivals.append(known[-1])
        done.append(operation)
    return History(mode, tuple(arrivals), tuple(done))


# ---- The same as files -----------------------------------------------------------------------------------------------


def csv_header(mode: Mode) -> list[str]:
    """Name the columns of the dataset that a mode is tried on."""
    return ["key", "period", "value"] + (["sequence", "operation"] if mode == "changes" else [])


def csv_fields(mode: Mode, row: Row) -> list[str]:
    """Write a row as it is delivered: `x` stands where a number cannot be read, which is what sets the row aside."""
    unreadable = row.key is None or row.period is None or (mode == "changes" and row.sequence is None)
    value = "x" if row.aside and not unreadable else row.value or ""
    fields = [row.key or "x", row.period or "x", value]
    if mode == "changes":
        fields += ["x" if row.sequence is None else str(row.sequence), row.operation or ""]
    return fields


def csv_text(mode: Mode, delivery: Delivery) -> str:
    """Write a delivery as CSV, record n in data line n; a refused record is a line with one field, at the end.

    The text says nothing of `full` or `status`: those are the manifest's, and the caller's to bring about.
    """
    rows = sorted(delivery.rows, key=lambda row: row.record)
    if [row.record for row in rows] != [*range(1, len(rows) + 1)]:
        raise ValueError("rows are not numbered 1 to n")
    lines = [
        csv_header(mode),
        *(csv_fields(mode, row) for row in rows),
        *(["short"] for _ in refused_records(delivery)),
    ]
    return "".join(",".join(line) + "\n" for line in lines)
