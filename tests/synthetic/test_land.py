"""Land: the register that change deliveries make is the register that full ones tell."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from stdnum.cn import uscc

from jobs.synthetic import land
from jobs.synthetic.enterprises import enterprises
from jobs.synthetic.world import World

WORLD = World(seed=7, scale=Decimal("0.05"), first=date(2026, 1, 1), nights=13)
UNIT = re.compile(r"0999[0-9]{8}GB(?!0{5})[0-9]{5}(F[0-9]{8}|W0{8})")
Row = dict[str, str]


def told(night: int, world: World = WORLD) -> list[Row]:
    (table,) = land.parcels(world, night).files.values()
    rows: list[Row] = table.to_pylist()
    return rows


@pytest.fixture(scope="module")
def nights() -> list[list[Row]]:
    return [told(night) for night in range(WORLD.nights)]


def test_the_first_night_and_mondays_are_full() -> None:
    full = [land.parcels(WORLD, night).full for night in range(WORLD.nights)]
    assert [night for night, is_full in enumerate(full) if is_full] == [0, 4, 11]


def test_changes_applied_to_the_night_before_give_the_register_of_each_night(nights: list[list[Row]]) -> None:
    state: dict[str, str] = {}
    for night, rows in enumerate(nights):
        if land.parcels(WORLD, night).full:
            state.clear()
        for row in rows:
            if row["操作"] == "D":
                del state[row["不动产单元号"]]
            else:
                state[row["不动产单元号"]] = row["权利人代码"]
        there, codes = land.units(WORLD, night), enterprises(WORLD).codes
        holders = [codes[h] if h >= 0 else "" for h in there.holder.tolist()]
        assert state == dict(zip(there.codes, holders, strict=True))


def test_a_full_night_deletes_nothing_and_differs_from_the_night_before_by_what_happened() -> None:
    before, after = (set(land.units(WORLD, night).codes) for night in (3, 4))
    rows = told(4)
    assert {r["不动产单元号"] for r in rows} == after
    assert {r["不动产单元号"] for r in rows if r["操作"] == "I"} == after - before
    assert {r["操作"] for r in rows} == {"I", "U"}


def test_an_idle_parcel_is_one_bare_unit_until_it_is_built_upon(nights: list[list[Row]]) -> None:
    for row in (r for rows in nights for r in rows):
        assert (row["利用状态"] == "闲置") == row["不动产单元号"].endswith("W00000000")
    built = [(r["宗地代码"], rows) for rows in nights for r in rows if r["操作"] == "D"]
    assert built
    for parcel, rows in built:
        units = [r["不动产单元号"] for r in rows if r["宗地代码"] == parcel and r["操作"] == "I"]
        assert 1 <= len(units) <= 3
        assert all("F" in unit for unit in units)


def test_codes_are_right_and_agree_with_each_other(nights: list[list[Row]]) -> None:
    for row in (r for rows in nights for r in rows):
        assert UNIT.fullmatch(row["不动产单元号"])
        assert row["不动产单元号"][:19] == row["宗地代码"]
        assert row["宗地代码"][:6] == row["行政区划代码"] == row["社区代码"][:6]
        assert re.fullmatch(r"0999[0-9]{5}", row["社区代码"])
        assert re.fullmatch(r"[0-9]+\.[0-9]{2}", row["面积"])
        assert bool(row["权利人名称"]) == bool(row["权利人代码"])
    assert all(uscc.is_valid(code) for rows in nights for r in rows if (code := r["权利人代码"]))


def test_keys_and_sequences_are_unique_in_a_delivery_and_sequences_rise(nights: list[list[Row]]) -> None:
    last = 0
    for rows in nights:
        sequence = [int(r["变更序号"]) for r in rows]
        assert len({r["不动产单元号"] for r in rows}) == len(set(sequence)) == len(rows) > 0
        assert min(sequence) > last
        last = max(sequence)


def test_who_holds_a_unit_at_first_was_live_that_night() -> None:
    known, companies = land.known_units(WORLD), enterprises(WORLD)
    bought = known.changes < WORLD.nights
    assert bought.any()
    for holder, night in zip(known.second_holder[bought].tolist(), known.changes[bought].tolist(), strict=True):
        assert companies.is_live(night)[holder]


def test_the_same_seed_gives_the_same_table_and_another_seed_another() -> None:
    before = told(2)
    for made in (land.known_units, land.known_parcels):
        made.cache_clear()
    assert told(2) == before != told(2, replace(WORLD, seed=8))
