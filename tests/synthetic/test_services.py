"""Government services: what the registry of cases tells agrees with the steps."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import replace
from datetime import date
from decimal import Decimal
from itertools import pairwise

import pytest
from stdnum.cn import uscc

from jobs.synthetic import services
from jobs.synthetic.enterprises import enterprises
from jobs.synthetic.world import World

WORLD = World(seed=7, scale=Decimal("0.1"), first=date(2026, 1, 1), nights=30)
Row = dict[str, str]


def approvals(night: int, world: World = WORLD) -> list[Row]:
    rows: list[Row] = services.approvals(world, night).files["approval.csv"].to_pylist()
    return rows


def steps(night: int, world: World = WORLD) -> list[Row]:
    rows: list[Row] = services.steps(world, night).files["step.csv"].to_pylist()
    return rows


@pytest.fixture(scope="module")
def last_word() -> dict[str, Row]:
    """Each case as it was last told."""
    return {row["办件编号"]: row for night in range(WORLD.nights) for row in approvals(night)}


@pytest.fixture(scope="module")
def steps_of() -> dict[str, list[Row]]:
    found = defaultdict(list)
    for night in range(WORLD.nights):
        for row in steps(night):
            found[row["办件编号"]].append(row)
    return {case: sorted(rows, key=lambda r: r["环节序号"]) for case, rows in found.items()}


def test_the_first_night_tells_of_the_twenty_days_before_it_and_only_it_is_full() -> None:
    submitted = {row["申请日期"] for row in approvals(0)}
    assert (min(submitted), max(submitted)) == ("2025-12-12", "2026-01-01")
    assert [services.approvals(WORLD, night).full for night in (0, 1, 4)] == [True, False, False]


def test_keys_and_sequences_are_unique_in_a_delivery_and_a_case_is_entered_once() -> None:
    entered: set[str] = set()
    for night in range(WORLD.nights):
        rows = approvals(night)
        assert len({r["办件编号"] for r in rows}) == len({r["变更序号"] for r in rows}) == len(rows) > 0
        for row in rows:
            assert int(row["变更序号"]) // 100_000_000 == night + 1
            assert (row["操作"] == "I") == (row["办件编号"] not in entered)
        entered |= {r["办件编号"] for r in rows}


def test_each_step_begins_when_the_one_before_ends_and_is_told_that_night(steps_of: dict[str, list[Row]]) -> None:
    for rows in steps_of.values():
        assert [r["环节序号"] for r in rows] == [str(n + 1) for n in range(len(rows))]
        assert all(r["开始时间"] < r["结束时间"] for r in rows)
        assert all(a["结束时间"] == b["开始时间"] for a, b in pairwise(rows))
        assert rows[0]["环节名称"] == "受理"
    assert all(r["结束时间"][:10] == WORLD.day(night).isoformat() for night in (1, 5, 9) for r in steps(night))


def test_every_night_has_steps() -> None:
    tiny = replace(WORLD, scale=Decimal("0.002"))
    assert all(steps(night, tiny) for night in range(WORLD.nights))


def test_a_case_is_decided_when_its_last_step_ends(last_word: dict[str, Row], steps_of: dict[str, list[Row]]) -> None:
    decided = {case: rows[-1]["结束时间"][:10] for case, rows in steps_of.items() if rows[-1]["环节名称"] == "决定"}
    assert decided == {case: row["办结日期"] for case, row in last_word.items() if row["办结日期"]}
    assert 0 < len(decided) < len(last_word)


def test_each_supplement_is_reviewed_again(last_word: dict[str, Row], steps_of: dict[str, list[Row]]) -> None:
    for case, row in last_word.items():
        if row["办结日期"]:
            assert int(row["补正次数"]) == len(steps_of[case]) - 3
    assert {row["补正次数"] for row in last_word.values()} == {"0", "1", "2"}


def test_grades_are_given_to_decided_cases_only(last_word: dict[str, Row]) -> None:
    graded = [row for row in last_word.values() if row["满意度"]]
    assert {row["满意度"] for row in graded} == set("12345")
    assert all(row["办结日期"] for row in graded)


def test_an_applicant_is_a_live_enterprise_of_the_division_or_a_person(last_word: dict[str, Row]) -> None:
    known = {code: n for n, code in enumerate(enterprises(WORLD).codes)}
    for row in last_word.values():
        assert re.fullmatch(r"C[0-9]{12}", row["办件编号"])
        assert re.fullmatch(r"I[0-9]{4}", row["事项编码"])
        assert re.fullmatch(r"09990[1-6]", row["行政区划代码"])
        if code := row["申请单位代码"]:
            night = (date.fromisoformat(row["申请日期"]) - WORLD.first).days
            assert uscc.is_valid(code)
            assert enterprises(WORLD).is_live(max(night, -1))[known[code]]
    assert {bool(row["申请单位代码"]) for row in last_word.values()} == {True, False}


def test_the_same_seed_gives_the_same_tables_and_another_seed_others() -> None:
    before = approvals(5), steps(5)
    services.cases.cache_clear()
    assert (approvals(5), steps(5)) == before
    other = replace(WORLD, seed=8)
    assert approvals(5, other) != before[0] and steps(5, other) != before[1]
