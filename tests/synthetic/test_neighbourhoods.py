"""Communities, schools and clinics: whole snapshots, of which a few figures change."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from jobs.synthetic import neighbourhoods
from jobs.synthetic.employment import state
from jobs.synthetic.places import COMMUNITIES, COMMUNITY_CODES
from jobs.synthetic.world import Delivery, World

WORLD = World(seed=7, scale=Decimal("0.05"), first=date(2026, 1, 1), nights=30)
SNAPSHOTS = (neighbourhoods.schools, neighbourhoods.facilities, neighbourhoods.communities)
Row = dict[str, str]


def rows_of(delivery: Delivery) -> list[Row]:
    (table,) = delivery.files.values()
    rows: list[Row] = table.to_pylist()
    return rows


@pytest.mark.parametrize("snapshot", SNAPSHOTS)
def test_a_few_figures_change_from_night_to_night_and_no_key_does(snapshot: Callable[[World, int], Delivery]) -> None:
    first, last = rows_of(snapshot(WORLD, 0)), rows_of(snapshot(WORLD, 29))
    key = next(iter(first[0]))
    assert [r[key] for r in first] == [r[key] for r in last]
    assert len({r[key] for r in first}) == len(first)
    assert first != last


@pytest.mark.parametrize("snapshot", SNAPSHOTS)
def test_the_same_seed_gives_the_same_table_and_another_seed_another(
    snapshot: Callable[[World, int], Delivery],
) -> None:
    same, other = rows_of(snapshot(replace(WORLD), 3)), rows_of(snapshot(replace(WORLD, seed=8), 3))
    assert rows_of(snapshot(WORLD, 3)) == same != other


@pytest.mark.parametrize("scale", ["0.002", "0.05", "1"])
def test_more_are_of_working_age_than_are_insured(scale: str) -> None:
    world = replace(WORLD, scale=Decimal(scale), nights=5)
    _, homes, flags = state(world, 4)
    insured = Counter(homes[flags].tolist())
    for n, row in enumerate(rows_of(neighbourhoods.communities(world, 4))):
        assert insured[n] < int(row["劳动年龄人口"]) < int(row["常住人口"])


def test_each_community_has_two_or_three_schools_and_a_clinic() -> None:
    schools = Counter(r["社区代码"] for r in rows_of(neighbourhoods.schools(WORLD, 0)))
    clinics = Counter(r["社区代码"] for r in rows_of(neighbourhoods.facilities(WORLD, 0)))
    assert set(schools) == set(clinics) == set(COMMUNITY_CODES)
    assert set(schools.values()) == {2, 3}
    assert set(clinics.values()) == {1, 2}


def test_figures_are_whole_numbers_and_codes_are_right() -> None:
    for snapshot, pattern in zip(SNAPSHOTS, (r"X[0-9]{4}", r"H[0-9]{4}", r"0999[0-9]{5}"), strict=True):
        for row in rows_of(snapshot(WORLD, 20)):
            first, *_, before_last, last = row.values()
            assert re.fullmatch(pattern, first)
            assert row["社区代码"] in COMMUNITIES
            assert before_last.isdigit() and last.isdigit()
