"""The judge itself on trial: examples worked by hand for each mode, then the laws on generated histories."""

from dataclasses import replace
from itertools import pairwise
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from tests.laws.fold_model import (
    MODES,
    Counts,
    Delivery,
    Dismiss,
    Mend,
    Mode,
    Row,
    State,
    apply,
    fold,
    fold_list,
    held_as_of,
    judge,
    replay,
)
from tests.laws.strategies import OPERATIONS, History, csv_text, histories, number_rows

D1, D2, D3, D4 = "2024-01-01", "2024-01-02", "2024-01-03", "2024-01-04"

some_mode = st.sampled_from(MODES)
some_history = some_mode.flatmap(histories)
with_history = some_mode.filter(lambda mode: mode != "events").flatmap(histories)
several = settings(derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
many = settings(several, max_examples=5 * several.max_examples)  # 500, but for `make test-fast`


def row(key: str | None, value: str = "10", period: str | None = "2012") -> Row:
    return Row(key, period, value)


def broken(key: str | None, period: str | None = "2012") -> Row:
    return Row(key, period, "10", aside=True)


def change(key: str, sequence: int, operation: str, value: str = "10") -> Row:
    return Row(key, "2012", value, sequence, operation)


def night(date: str, *rows: Row, revision: int = 1, **others: Any) -> Delivery:
    return Delivery(date, revision, number_rows(rows), **others)


def runs(state: State) -> list[tuple[str, str | None, str, str | None]]:
    """Each history row as key, value, from, to."""
    return [(row.key, row.value, row.valid_from, row.valid_to) for row in state.rows]


# ---- snapshot --------------------------------------------------------------------------------------------------------


def test_a_snapshot_inserts_changes_keeps_and_ends_by_absence() -> None:
    state = fold("snapshot", [night(D1, row("1"), row("2"), row("3")), night(D2, row("1"), row("2", "20"), row("4"))])
    assert runs(state) == [
        ("1", "10", D1, None),
        ("2", "10", D1, D2),
        ("2", "20", D2, None),
        ("3", "10", D1, D2),
        ("4", "10", D2, None),
    ]
    assert state.counts[D2] == Counts(judged=3, good=3, inserted=1, changed=1, unchanged=1, ended_by_absence=1)


def test_a_key_that_ended_and_comes_back_with_an_equal_value_opens_a_new_run() -> None:
    state = fold("snapshot", [night(D1, row("1"), row("2")), night(D2, row("2")), night(D3, row("1"), row("2"))])
    assert runs(state) == [("1", "10", D1, D2), ("1", "10", D3, None), ("2", "10", D1, None)]
    assert state.counts[D3].inserted == 1


def test_a_late_night_changes_history_between_its_neighbours() -> None:
    nights = [night(D1, row("1")), night(D3, row("1")), night(D2, row("1", "20"))]
    assert runs(fold("snapshot", nights)) == [("1", "10", D1, D2), ("1", "20", D2, D3), ("1", "10", D3, None)]


@pytest.mark.parametrize("status", ["held", "refused"])
def test_a_correction_that_is_not_accepted_leaves_the_accepted_one_in_place(status: Any) -> None:
    first = night(D1, row("1"))
    assert fold("snapshot", [first, night(D1, row("1", "20"), revision=2, status=status)]) == fold("snapshot", [first])


def test_an_accepted_correction_replaces_its_whole_night() -> None:
    state = fold("snapshot", [night(D1, row("2", "20"), revision=2), night(D1, row("1"), row("2"))])
    assert runs(state) == [("2", "20", D1, None)]


def test_exact_copies_are_counted_and_dropped() -> None:
    state = fold("snapshot", [night(D1, row("1"), row("1"), row("1"))])
    assert runs(state) == [("1", "10", D1, None)]
    assert state.counts[D1] == Counts(judged=3, good=1, duplicates=2, inserted=1)


def test_two_rows_of_one_key_with_different_values_are_both_set_aside_and_freeze_it() -> None:
    state = fold("snapshot", [night(D1, row("1")), night(D2, row("1", "20"), row("1", "30"), row("1", "30"), row("2"))])
    assert runs(state) == [("1", "10", D1, None), ("2", "10", D2, None)]
    assert state.counts[D2] == Counts(judged=4, good=1, set_aside=2, duplicates=1, inserted=1)


def test_a_set_aside_row_freezes_its_key_and_the_good_row_beside_it_is_set_aside_too() -> None:
    state = fold("snapshot", [night(D1, row("1"), row("2")), night(D2, broken("1"), row("1", "20"), broken("3"))])
    assert runs(state) == [("1", "10", D1, None), ("2", "10", D1, D2)]
    assert state.counts[D2] == Counts(judged=3, set_aside=3, ended_by_absence=1)


def test_absence_proves_no_end_where_a_record_could_not_be_read() -> None:
    state = fold("snapshot", [night(D1, row("1"), row("2")), night(D2, row("1"), refused=1)])
    assert runs(state) == [("1", "10", D1, None), ("2", "10", D1, None)]
    assert state.counts[D2] == Counts(judged=1, good=1, unchanged=1, end_unproven=1)


def test_absence_proves_no_end_beside_a_row_whose_key_is_unreadable() -> None:
    state = fold("snapshot", [night(D1, row("1"), row("2")), night(D2, row("1", "20"), broken(None))])
    assert runs(state) == [("1", "10", D1, D2), ("1", "20", D2, None), ("2", "10", D1, None)]
    assert state.counts[D2] == Counts(judged=2, good=1, set_aside=1, changed=1, end_unproven=1)


def test_dismissing_what_could_not_be_read_proves_the_end_at_the_date_of_its_delivery() -> None:
    nights = [night(D1, row("1"), row("2")), night(D2, row("1"), broken(None), refused=1), night(D3, row("1"))]
    state = fold("snapshot", nights, [Dismiss(D2, 1, 2), Dismiss(D2, 1, 3)])
    assert runs(state) == [("1", "10", D1, None), ("2", "10", D1, D2)]
    assert state.counts[D2] == Counts(judged=2, good=1, set_aside=1, unchanged=1, ended_by_absence=1)


def test_a_mended_row_takes_effect_at_its_delivery_and_not_later() -> None:
    nights = [night(D1, row("1")), night(D2, broken("1")), night(D3, row("1", "20"))]
    assert runs(fold("snapshot", nights)) == [("1", "10", D1, D3), ("1", "20", D3, None)]
    assert runs(fold("snapshot", nights, [Mend(D2, 1, 1, row("1", "20"))])) == [
        ("1", "10", D1, D2),
        ("1", "20", D2, None),
    ]


def test_a_dismissed_row_releases_its_key_and_stays_set_aside() -> None:
    nights = [night(D1, row("1"), row("2")), night(D2, broken("1"), row("1", "20"), broken("2"))]
    state = fold("snapshot", nights, [Dismiss(D2, 1, 1), Dismiss(D2, 1, 3)])
    assert runs(state) == [("1", "10", D1, D2), ("1", "20", D2, None), ("2", "10", D1, D2)]
    assert state.counts[D2] == Counts(judged=3, good=1, set_aside=2, changed=1, ended_by_absence=1)


def test_dismissing_one_of_two_rival_rows_lets_the_other_stand() -> None:
    state = fold("snapshot", [night(D1, row("1", "20"), row("1", "30"))], [Dismiss(D1, 1, 2)])
    assert runs(state) == [("1", "20", D1, None)]
    assert state.counts[D1] == Counts(judged=2, good=1, set_aside=1, inserted=1)


def test_a_mend_that_meets_another_row_of_its_key_is_judged_like_any_row() -> None:
    nights = [night(D1, row("1"), broken(None))]
    assert judge("snapshot", nights[0], [Mend(D1, 1, 2, row("1"))]).duplicates == (replace(row("1"), record=2),)
    assert fold("snapshot", nights, [Mend(D1, 1, 2, row("1", "20"))]).counts[D1] == Counts(judged=2, set_aside=2)


def test_of_two_decisions_on_one_record_the_newer_counts_in_whatever_order_they_are_read() -> None:
    nights = [night(D1, row("1"), broken("2"))]
    older, newer = Dismiss(D1, 1, 2, at=1), Mend(D1, 1, 2, row("2", "20"), at=2)
    for decisions in ([older, newer], [newer, older]):
        assert runs(fold("snapshot", nights, decisions)) == [("1", "10", D1, None), ("2", "20", D1, None)]


def test_a_decision_on_one_revision_says_nothing_of_the_next() -> None:
    nights = [night(D1, row("1")), night(D2, broken("1")), night(D2, broken("1"), revision=2)]
    assert runs(fold("snapshot", nights, [Mend(D2, 1, 1, row("1", "20"))])) == [("1", "10", D1, None)]


# ---- partition -------------------------------------------------------------------------------------------------------


def test_a_partition_ends_absent_keys_of_the_periods_it_covers_only() -> None:
    nights = [night(D1, row("1"), row("2"), row("3", period="2013")), night(D2, row("1"))]
    state = fold("partition", nights)
    assert runs(state) == [("1", "10", D1, None), ("2", "10", D1, D2), ("3", "10", D1, None)]


def test_a_key_delivered_in_a_new_period_ends_its_row_in_the_old_one() -> None:
    state = fold("partition", [night(D1, row("1"), row("2")), night(D2, row("1", period="2013"))])
    assert [(row.key, row.period, row.valid_to) for row in state.rows] == [
        ("1", "2012", D2),
        ("1", "2013", None),
        ("2", "2012", None),
    ]
    assert state.counts[D2] == Counts(judged=1, good=1, changed=1)


def test_a_set_aside_row_names_a_period_that_its_delivery_covers() -> None:
    state = fold("partition", [night(D1, row("1"), row("2")), night(D2, broken("1"), row("3", period="2013"))])
    assert runs(state) == [("1", "10", D1, None), ("2", "10", D1, D2), ("3", "10", D2, None)]


def test_a_row_without_a_readable_period_freezes_its_key_and_leaves_ends_unproven() -> None:
    state = fold("partition", [night(D1, row("1"), row("2"), row("3")), night(D2, broken("1", period=None), row("3"))])
    assert runs(state) == [("1", "10", D1, None), ("2", "10", D1, None), ("3", "10", D1, None)]
    assert state.counts[D2] == Counts(judged=2, good=1, set_aside=1, unchanged=1, end_unproven=1)


def test_a_mended_row_covers_the_period_that_it_was_mended_to() -> None:
    nights = [night(D1, row("1"), row("2", period="2013")), night(D2, broken("3"))]
    assert runs(fold("partition", nights)) == [("1", "10", D1, D2), ("2", "10", D1, None)]
    state = fold("partition", nights, [Mend(D2, 1, 1, row("3", period="2013"))])
    assert runs(state) == [("1", "10", D1, None), ("2", "10", D1, D2), ("3", "10", D2, None)]


def test_one_key_in_two_periods_of_one_delivery_is_a_conflict() -> None:
    judged = judge("partition", night(D1, row("1"), row("1", period="2013")))
    assert (len(judged.set_aside), set(judged.frozen), set(judged.covered)) == (2, {"1"}, {"2012", "2013"})


# ---- changes ---------------------------------------------------------------------------------------------------------


def test_the_last_change_of_a_key_decides_and_the_earlier_ones_are_outranked() -> None:
    nights = [
        night(D1, change("1", 1, "I"), change("2", 2, "I")),
        night(D2, change("1", 5, "D"), change("1", 4, "U", "20")),
    ]
    state = fold("changes", nights)
    assert runs(state) == [("1", "10", D1, D2), ("2", "10", D1, None)]
    assert state.counts[D2] == Counts(judged=2, good=2, ended=1, outranked=1)


def test_a_delete_and_an_insert_of_an_equal_row_in_one_delivery_change_nothing() -> None:
    state = fold("changes", [night(D1, change("1", 1, "I")), night(D2, change("1", 2, "D"), change("1", 3, "I"))])
    assert runs(state) == [("1", "10", D1, None)]
    assert state.counts[D2] == Counts(judged=2, good=2, unchanged=1, outranked=1)


def test_a_delete_of_an_absent_key_leaves_it_unchanged() -> None:
    state = fold("changes", [night(D1, change("1", 1, "D"))])
    assert state == State((), {D1: Counts(judged=1, good=1, unchanged=1)})


def test_a_full_delivery_of_changes_ends_absent_keys_beside_its_deletes() -> None:
    first = night(D1, change("1", 1, "I"), change("2", 2, "I"), change("3", 3, "I"))
    state = fold("changes", [first, night(D2, change("1", 4, "I"), change("2", 5, "D"), full=True)])
    assert runs(state) == [("1", "10", D1, None), ("2", "10", D1, D2), ("3", "10", D1, D2)]
    assert state.counts[D2] == Counts(judged=2, good=2, ended=1, unchanged=1, ended_by_absence=1)


def test_a_full_delivery_with_a_refused_record_ends_by_its_deletes_only() -> None:
    first = night(D1, change("1", 1, "I"), change("2", 2, "I"))
    state = fold("changes", [first, night(D2, change("1", 3, "D"), full=True, refused=1)])
    assert runs(state) == [("1", "10", D1, D2), ("2", "10", D1, None)]
    assert state.counts[D2] == Counts(judged=1, good=1, ended=1, end_unproven=1)


def test_a_set_aside_change_takes_all_changes_of_its_key_with_it() -> None:
    flawed = replace(change("1", 2, "U"), aside=True)
    state = fold("changes", [night(D1, change("1", 1, "I"), flawed, change("1", 3, "U", "20"), change("2", 4, "I"))])
    assert runs(state) == [("2", "10", D1, None)]
    assert state.counts[D1] == Counts(judged=4, good=1, set_aside=3, inserted=1)


def test_two_changes_of_one_key_and_sequence_conflict_and_take_the_third_with_them() -> None:
    state = fold("changes", [night(D1, change("1", 1, "I"), change("1", 1, "U"), change("1", 2, "U"))])
    assert state == State((), {D1: Counts(judged=3, set_aside=3)})


# ---- events ----------------------------------------------------------------------------------------------------------


def test_an_event_has_the_row_of_its_greatest_date_and_the_older_one_is_outranked() -> None:
    nights = [night(D2, row("1", "20")), night(D1, row("1"), row("2")), night(D3, row("3"))]
    state = fold("events", nights)
    assert runs(state) == [("1", "20", D2, None), ("2", "10", D1, None), ("3", "10", D3, None)]
    assert state.counts == {
        D1: Counts(judged=2, good=2, inserted=1, outranked=1),
        D2: Counts(judged=1, good=1, changed=1),
        D3: Counts(judged=1, good=1, inserted=1),
    }


def test_an_equal_event_moves_to_the_newer_date() -> None:
    state = fold("events", [night(D1, row("1")), night(D2, row("1"), refused=1)])
    assert runs(state) == [("1", "10", D2, None)]
    assert state.counts[D2] == Counts(judged=1, good=1, unchanged=1)


def test_a_set_aside_event_leaves_the_older_row_of_its_key() -> None:
    state = fold("events", [night(D1, row("1")), night(D2, broken("1"), row("1", "20"))])
    assert runs(state) == [("1", "10", D1, None)]
    assert state.counts[D2] == Counts(judged=2, set_aside=2)


# ---- files -----------------------------------------------------------------------------------------------------------


def test_a_delivery_becomes_a_file_with_its_flaws_in_place() -> None:
    changes = night(D1, change("1", 1, "I"), replace(change("2", 2, "D"), aside=True), refused=1)
    assert csv_text("changes", changes) == "key,period,value,sequence,operation\n1,2012,10,1,I\n2,2012,x,2,D\nshort\n"
    periods = night(D1, row("1"), broken(None), broken("2", period=None))
    assert csv_text("partition", periods) == "key,period,value\n1,2012,10\nx,2012,10\n2,x,10\n"


# ---- The laws --------------------------------------------------------------------------------------------------------


@many
@given(some_history, st.integers(0, 999))
def test_arrivals_in_any_order_and_by_either_path_end_in_the_same_rows(history: History, seed: int) -> None:
    shuffled = list(history.arrivals)
    Random(seed).shuffle(shuffled)
    whole = fold(history.mode, history.deliveries, history.decisions)
    for arrivals in (history.arrivals, shuffled):
        state = replay(history.mode, arrivals)
        assert state.rows == whole.rows
        assert comparable(history.mode, state) == comparable(history.mode, whole)


def comparable(mode: Mode, state: State) -> dict[str, Counts]:
    """Take the counts on which both paths agree: in events, a former night's good rows may be outranked since."""
    if mode != "events":
        return dict(state.counts)
    hidden = {"inserted": 0, "changed": 0, "unchanged": 0, "outranked": 0}
    newest = max(state.counts, default="")
    return {date: each if date == newest else replace(each, **hidden) for date, each in state.counts.items()}


@several
@given(some_history)
def test_every_prefix_of_the_nights_folds_to_what_one_night_more_adds(history: History) -> None:
    nights = fold_list(history.deliveries)
    for at, newest in enumerate(nights):
        before = fold(history.mode, nights[:at], history.decisions)
        after = fold(history.mode, nights[: at + 1], history.decisions)
        added = apply(history.mode, before, newest, history.decisions)
        assert added.rows == after.rows
        assert added.counts[newest.date] == after.counts[newest.date]


@several
@given(some_history)
def test_a_delivery_or_decision_that_comes_again_changes_nothing(history: History) -> None:
    once = replay(history.mode, history.arrivals)
    assert fold(history.mode, history.deliveries * 2, history.decisions * 2).rows == once.rows
    for again in history.arrivals:
        assert replay(history.mode, [*history.arrivals, again]).rows == once.rows


@many
@given(some_history)
def test_nothing_vanishes(history: History) -> None:
    state = fold(history.mode, history.deliveries, history.decisions)
    for delivery in fold_list(history.deliveries):
        n = state.counts[delivery.date]
        assert len(delivery.rows) == n.judged == n.good + n.set_aside + n.duplicates
        assert n.good == n.inserted + n.changed + n.ended + n.unchanged + n.outranked


@several
@given(some_history)
def test_current_keys_are_those_that_came_less_those_that_went(history: History) -> None:
    state = fold(history.mode, history.deliveries, history.decisions)
    nights = state.counts.values()
    current = sum(row.is_current for row in state.rows)
    if history.mode == "events":
        assert current == len(state.rows) == sum(n.good - n.outranked for n in nights)
    else:
        assert current == sum(n.inserted - n.ended - n.ended_by_absence for n in nights)
        assert len(state.rows) == sum(n.inserted + n.changed for n in nights)


@many
@given(with_history)
def test_the_runs_of_a_key_do_not_overlap_and_are_as_long_as_they_can_be(history: History) -> None:
    rows = fold(history.mode, history.deliveries, history.decisions).rows
    for row in rows:
        assert row.is_current == (row.valid_to is None)
        assert row.valid_to is None or row.valid_from < row.valid_to
    for before, after in pairwise(rows):
        if before.key == after.key:
            assert before.valid_to is not None
            assert before.valid_to <= after.valid_from
            assert before.valid_to < after.valid_from or (before.period, before.value) != (after.period, after.value)


@several
@given(with_history)
def test_history_says_of_each_date_what_the_deliveries_up_to_it_said(history: History) -> None:
    whole = fold(history.mode, history.deliveries, history.decisions)
    for date in whole.counts:
        upto = fold(history.mode, [each for each in history.deliveries if each.date <= date], history.decisions)
        assert held_as_of(whole, date) == {row.key: (row.period, row.value) for row in upto.rows if row.is_current}
        assert whole.counts[date] == upto.counts[date] or history.mode == "events"


@several
@given(some_history)
def test_a_delivery_is_judged_alike_in_whatever_order_its_rows_stand(history: History) -> None:
    turned = [replace(each, rows=each.rows[::-1]) for each in history.deliveries]
    whole = fold(history.mode, history.deliveries, history.decisions)
    assert fold(history.mode, turned, history.decisions) == whole


@several
@given(histories("snapshot"))
def test_a_snapshot_without_flaws_is_the_current_state(history: History) -> None:
    nights = fold_list(history.deliveries)
    assume(nights)
    judged = judge("snapshot", nights[-1], history.decisions)
    assume(judged.complete and not judged.frozen)
    current = [row for row in fold("snapshot", nights, history.decisions).rows if row.is_current]
    assert {(row.key, row.period, row.value) for row in current} == {(r.key, r.period, r.value) for r in judged.good}


@several
@given(some_history)
def test_a_frozen_key_is_after_its_delivery_what_it_was_before(history: History) -> None:
    nights = fold_list(history.deliveries)
    for at, delivery in enumerate(nights):
        before = fold(history.mode, nights[:at], history.decisions).rows
        after = fold(history.mode, nights[: at + 1], history.decisions).rows
        for key in judge(history.mode, delivery, history.decisions).frozen:
            assert [row for row in before if row.key == key] == [row for row in after if row.key == key]


@pytest.mark.parametrize("mode", MODES)
def test_generated_histories_hold_every_operation_and_every_fate(mode: Mode) -> None:
    seen: set[str] = set()
    overruled: list[int] = []

    @settings(many, max_examples=150, database=None)
    @given(histories(mode))
    def look(history: History) -> None:
        seen.update(history.operations)
        records = [(decision.date, decision.revision, decision.record) for decision in history.decisions]
        overruled.append(len(records) - len(set(records)))
        for counts in fold(mode, history.deliveries, history.decisions).counts.values():
            seen.update(name for name, n in vars(counts).items() if n)

    look()
    assert any(overruled)
    common = {*OPERATIONS, "good", "set_aside", "duplicates", "inserted", "changed", "unchanged"}
    absences = {"ended_by_absence", "end_unproven"} if mode != "events" else set()
    deletes = {"ended"} if mode == "changes" else set()
    outranked = {"outranked"} if mode in ("changes", "events") else set()
    assert seen == {"judged"} | common | absences | deletes | outranked
