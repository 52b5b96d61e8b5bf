"""Changed rules: a dataset waits until a person asks for its refold, which judges every night by today's rules and folds once."""

from __future__ import annotations

from pathlib import Path

import pytest

from jobs.night import list_waiting
from jobs.release import find_release
from tests.little import World, csv_of, write_conf

pytestmark = pytest.mark.spark
FIRST, SECOND, THIRD = "2025-01-01", "2025-01-02", "2025-01-03"


@pytest.fixture(scope="module")
def three_nights(shared_world: World) -> World:
    for date, value in ((FIRST, 10), (SECOND, 500), (THIRD, 30)):
        shared_world.deliver("reg.things", date, csv_of([(1, 2013, value)]))
    shared_world.run()
    return shared_world


@pytest.fixture
def changed(world: World, three_nights: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """Three nights in silver; then values above 400 are forbidden, which is all of the second night."""
    world.take(three_nights)
    root = write_conf(tmp_path / "conf")
    contract = root / "conf" / "cities" / "little" / "reg" / "things.odcs.yaml"
    contract.write_text(contract.read_text().replace("maximum: 1000", "maximum: 400"))
    monkeypatch.setenv("LAKE_CONF", str(root))
    return world


def test_changed_rules_hold_the_dataset_and_change_nothing(changed: World) -> None:
    before = changed.history("reg.things")
    assert set(changed.problem_codes(changed.run())) == {"E706"}
    assert changed.history("reg.things") == before


def test_a_dataset_that_waits_for_its_refold_is_held_until_then(changed: World) -> None:
    released = changed.run(refold=False, release=True)
    assert [x.outcome for x in released.lines if x.stage == "silver"] == ["held"] * 3
    last = find_release(changed.lake, None)
    assert last is not None
    assert (last.tables["totals"].status, last.tables["totals"].why) == ("stale", "reg.things held (E706)")
    assert [list(x)[1] for x in last.tables["totals"].stands_on] == [FIRST, SECOND, THIRD], "silver still holds them"
    again = changed.run(release=True)
    assert (again.lines, again.problems) == ([], [])
    assert [x.code for x in list_waiting(again)] == ["E706"]
    changed.run(refold=True, release=True)
    assert {x.code for x in list_waiting(changed.run(release=True))} == {"E701"}


def test_rules_that_are_as_before_end_the_hold_and_leave_the_rows(
    changed: World, little_conf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = changed.history("reg.things")
    changed.run()
    monkeypatch.setenv("LAKE_CONF", str(little_conf))
    assert changed.run().problems == []
    assert changed.history("reg.things") == before
    assert {changed.line("reg.things", d).outcome for d in (FIRST, SECOND, THIRD)} == {"accepted"}
    assert changed.run().lines == []


def test_a_new_rule_of_bronze_reads_every_night_again_and_leaves_the_rows(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for date, revision, value in ((FIRST, 1, 10), (SECOND, 1, 20), (SECOND, 2, 30), (THIRD, 1, 40)):
        world.deliver("reg.things", date, csv_of([(1, 2013, value)]), revision=revision)
    world.run()
    before = world.history("reg.things")
    root = write_conf(tmp_path / "conf")
    suite = root / "expectations" / "little" / "reg" / "things.yaml"
    rule = "  - {type: expect_table_row_count_to_be_between, kwargs: {min_value: 1}, severity: critical, meta: {rule: reg.things.b2, dimension: completeness, reason: A register has rows.}}\n"
    suite.write_text(suite.read_text().replace("bronze:\n", f"bronze:\n{rule}"))
    monkeypatch.setenv("LAKE_CONF", str(root))
    assert world.run().problems == []
    assert world.history("reg.things") == before
    assert world.line("reg.things", SECOND).counts["outranked"] == 1


def test_a_refold_judges_every_night_again_and_leaves_out_what_is_held_now(changed: World) -> None:
    version = changed.version("reg.things")
    night = changed.run(refold=True)
    assert changed.problem_codes(night) == ["E701"]
    assert [changed.line("reg.things", d).outcome for d in (FIRST, SECOND, THIRD)] == ["accepted", "held", "accepted"]
    assert changed.history("reg.things") == [(1, 2013, 10, FIRST, THIRD), (1, 2013, 30, THIRD, None)]
    assert changed.version("reg.things") == version + 1, "one commit for the whole refold"
    assert changed.line("reg.things", THIRD).counts["changed"] == 1


def test_a_refold_of_one_date_takes_every_date(changed: World) -> None:
    changed.run(THIRD, refold=True)
    assert changed.history("reg.things") == [(1, 2013, 10, FIRST, THIRD), (1, 2013, 30, THIRD, None)]


def test_a_refolded_dataset_is_done(changed: World) -> None:
    changed.run(refold=True)
    version = changed.version("reg.things")
    assert changed.run(refold=True).lines == []
    assert changed.version("reg.things") == version
