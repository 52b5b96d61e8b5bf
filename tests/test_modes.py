"""Each mode on a few invented rows, through the pipeline."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.little import World, csv_of, write_conf

pytestmark = pytest.mark.spark


def test_a_key_absent_from_a_snapshot_has_ended(world: World) -> None:
    world.deliver("reg.things", "2025-01-01", csv_of([(1, 2013, 10), (2, 2013, 20)]))
    world.deliver("reg.things", "2025-01-02", csv_of([(1, 2013, 11)]))
    world.run()
    assert world.history("reg.things") == [
        (1, 2013, 10, "2025-01-01", "2025-01-02"),
        (1, 2013, 11, "2025-01-02", None),
        (2, 2013, 20, "2025-01-01", "2025-01-02"),
    ]


def test_a_partition_ends_only_what_its_periods_cover(world: World) -> None:
    world.deliver("tax.yearly", "2025-01-01", csv_of([(1, 2012, 10), (2, 2012, 20), (3, 2013, 30)]))
    world.deliver("tax.yearly", "2025-01-02", csv_of([(1, 2012, 10)]))
    world.run()
    assert world.history("tax.yearly") == [
        (1, 2012, 10, "2025-01-01", None),
        (2, 2012, 20, "2025-01-01", "2025-01-02"),
        (3, 2013, 30, "2025-01-01", None),
    ]


def test_the_last_change_of_a_key_decides_and_a_delete_ends_it(world: World) -> None:
    header = "key,period,value,sequence,operation"
    world.deliver(
        "reg.moves", "2025-01-01", csv_of([(1, 2013, 10, 1, "I"), (1, 2013, 12, 2, "U"), (2, 2013, 20, 1, "I")], header)
    )
    world.deliver("reg.moves", "2025-01-02", csv_of([(2, 2013, 20, 3, "D")], header))
    world.run()
    assert world.history("reg.moves") == [(1, 2013, 12, "2025-01-01", None), (2, 2013, 20, "2025-01-01", "2025-01-02")]
    assert world.line("reg.moves", "2025-01-01").counts["outranked"] == 1


def test_an_event_keeps_the_row_of_the_greatest_business_date(world: World) -> None:
    world.deliver("road.counts", "2025-01-02", csv_of([(1, 2013, 11)]))
    world.run()
    world.deliver("road.counts", "2025-01-01", csv_of([(1, 2013, 10), (2, 2013, 20)]))
    world.run()
    assert [(r["key"], r["value"], str(r["_business_date"])) for r in world.rows("road.counts")] == [
        (1, 11, "2025-01-02"),
        (2, 20, "2025-01-01"),
    ]


@pytest.mark.parametrize(
    "keys", [("E01", "E02", "E10"), ("o'clock", "100%", "back\\slash"), ("东湖", "é", "\U0001f6a6")]
)
def test_an_event_is_told_again_whatever_its_key_is_written_in(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, keys: tuple[str, str, str]
) -> None:
    root = write_conf(tmp_path / "conf")
    contract = root / "conf" / "cities" / "little" / "road" / "counts.odcs.yaml"
    contract.write_text(
        contract.read_text().replace("{name: key, logicalType: integer", "{name: key, logicalType: string")
    )
    monkeypatch.setenv("LAKE_CONF", str(root))
    first, second, third = keys
    for day, told in enumerate(([(first, 2013, 10)], [(second, 2013, 20)], [(first, 2013, 11), (third, 2013, 30)]), 1):
        world.deliver("road.counts", f"2025-01-{day:02}", csv_of(told))
        world.run()
    assert {(r["key"], r["value"], str(r["_business_date"])) for r in world.rows("road.counts")} == {
        (first, 11, "2025-01-03"),
        (second, 20, "2025-01-02"),
        (third, 30, "2025-01-03"),
    }
    counts = world.line("road.counts", "2025-01-03").counts
    assert (counts["inserted"], counts["changed"]) == (1, 1)


def test_a_row_that_breaks_a_rule_is_set_aside_and_freezes_its_key(world: World) -> None:
    world.deliver("reg.things", "2025-01-01", csv_of([(1, 2013, 10), (2, 2013, 20), (3, 2013, 30)]))
    world.deliver("reg.things", "2025-01-02", csv_of([(1, 2013, "x"), (2, 2013, 21), (4, 2013, 40)]))
    world.run()
    assert world.history("reg.things") == [
        (1, 2013, 10, "2025-01-01", None),
        (2, 2013, 20, "2025-01-01", "2025-01-02"),
        (2, 2013, 21, "2025-01-02", None),
        (3, 2013, 30, "2025-01-01", "2025-01-02"),
        (4, 2013, 40, "2025-01-02", None),
    ]
    aside = world.rows("reg.things", "quarantine")
    assert [(r["_record"], r["_rules"]) for r in aside] == [(1, ["reg.things.value.type", "reg.things.value.required"])]


def test_a_late_night_ends_in_the_same_rows(world: World) -> None:
    nights = {
        "2025-01-01": [(1, 2013, 10)],
        "2025-01-02": [(1, 2013, 11), (2, 2013, 20)],
        "2025-01-03": [(2, 2013, 20)],
    }
    for date in ("2025-01-03", "2025-01-01", "2025-01-02"):
        world.deliver("reg.things", date, csv_of(nights[date]))
        world.run()
    assert world.history("reg.things") == [
        (1, 2013, 10, "2025-01-01", "2025-01-02"),
        (1, 2013, 11, "2025-01-02", "2025-01-03"),
        (2, 2013, 20, "2025-01-02", None),
    ]


def test_a_second_run_of_a_finished_night_changes_no_table(world: World) -> None:
    world.deliver("reg.things", "2025-01-01", csv_of([(1, 2013, 10)]))
    world.run(release=True)
    before = world.versions()
    world.run(release=True)
    assert world.versions() == before
    assert "gold.totals" in before


def test_a_mended_row_takes_effect_at_its_business_date(world: World) -> None:
    world.deliver("reg.things", "2025-01-01", csv_of([(1, 2013, "x"), (2, 2013, 20)]))
    world.deliver("reg.things", "2025-01-02", csv_of([(1, 2013, 11), (2, 2013, 20)]))
    world.run()
    world.decide(
        "mend",
        "reg.things",
        "2025-01-01",
        file="data.csv",
        record=1,
        values={"key": "1", "period": "2013", "value": "9"},
    )
    world.run()
    assert world.history("reg.things") == [
        (1, 2013, 11, "2025-01-02", None),
        (1, 2013, 9, "2025-01-01", "2025-01-02"),
        (2, 2013, 20, "2025-01-01", None),
    ]
    assert world.rows("reg.things", "quarantine") == []
