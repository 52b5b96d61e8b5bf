"""Identifiers: the catalogue's examples, generated ones beside python-stdnum, and a wrong one in a delivery."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from stdnum.cn import ric
from stdnum.cn import uscc as stdnum_uscc

from jobs.codes import CODES
from jobs.contracts import check_name
from jobs.divisions import Division, load_divisions
from jobs.errors import LakeError
from jobs.lint import lint_city
from tests.little import CITY, CONTRACT, SUITE, World

pytestmark = pytest.mark.spark
TODAY = date(2024, 9, 16)
DIVISIONS = (
    *[Division(code, "invented") for code in ("099901", "099902", "099903", "099904", "099905")],
    *[Division(code, "Shanghai") for code in ("310101", "310106", "310110", "310115", "310120")],
    Division("310151", "Chongming", date(2016, 7, 22)),
    Division("310103", "Luwan", None, date(2011, 6, 8)),
    Division("310119", "Nanhui", None, date(2009, 8, 9)),
)
RIGHT = {
    "resident_id": "099901198102280012 099902200002290180 099903194910011237 099904201512319905 099905197001010073",
    "uscc": "91099901MA0TERT08Q 910999027654321A61 92099903MA9KLMN10B 12099904425000014K 510999055000000237",
    "division": "310101 310106 310115 310120 310151",
    "real_estate_unit": "099901001001GB00001F00010001 099901001002GB00012W00000000 099902003004JC00007F00010000 "
    "099903010011GS00003F00120304 099904099088JA00021W00000000",
    "industry": "C3611 I6510 K7010 G5412 S9221",
}
WRONG = {
    "resident_id": [
        "099901198102280010", "099901198102290018", "0999011981022800９2", "999999198102280010", "099901810228001",
        "09990119810228001x", "", "099901198102280012 ", "099901198102280012\n",
    ],
    "uscc": ["910999027654321A60", "910999027654321A0E", "91099902765I321A61", "910999027564321A61", "919999997654321A6X", "910999027654321a61"],
    "division": ["310103", "310119", "310199", "31O101", "3101"],
    "real_estate_unit": [
        "099901001001GB00001F0001001", "099901001001GB00000F00010001", "099901001001GB00001W00010001", "999999001001GB00001F00010001",
        "099901001001GA00001W00000000",
    ],
    "industry": ["D3611", "A98", "C361X", "Z01", "7010", "C36111", "C3"],
}  # fmt: skip


def judge(spark: SparkSession, code: str, texts: Iterable[str | None], on: date = TODAY) -> list[bool | None]:
    """What the code's expression says of each text on a day."""
    rows = spark.createDataFrame([(n, t, on) for n, t in enumerate(texts)], "n int, text string, day date")
    found = rows.select("n", F.expr(CODES[code]("text", "day", DIVISIONS)).alias("right")).orderBy("n")
    return [row["right"] for row in found.collect()]


def test_every_code_has_examples_here() -> None:
    assert set(RIGHT) == set(WRONG) == set(CODES)


@pytest.mark.parametrize("code", CODES)
def test_the_listed_examples_are_right_or_wrong(spark: SparkSession, code: str) -> None:
    right = RIGHT[code].split()
    assert judge(spark, code, right) == [True] * len(right)
    found = dict(zip(WRONG[code], judge(spark, code, WRONG[code]), strict=True))
    assert not any(found.values()), found


def test_a_division_is_right_only_while_it_is_in_force(spark: SparkSession) -> None:
    days = [date(2011, 6, 7), date(2011, 6, 8), date(2016, 7, 21), date(2016, 7, 22)]
    found = [judge(spark, "division", ["310103", "310151"], day) for day in days]
    assert found == [[True, False], [False, False], [False, False], [False, True]]


def test_a_withdrawn_division_stays_right_where_it_was_written_long_ago(spark: SparkSession) -> None:
    body = "31010319600229001"
    assert judge(spark, "resident_id", [body + ric.calc_check_digit(body + "0")]) == [True]


def test_nobody_is_born_after_the_night(spark: SparkSession) -> None:
    bodies = ["09990120240916001", "09990120240917001"]
    assert judge(spark, "resident_id", [b + ric.calc_check_digit(b + "0") for b in bodies]) == [True, False]


places = st.sampled_from([d.code for d in DIVISIONS])
days = st.dates(date(1900, 1, 1), TODAY)
residents = st.builds(lambda p, d, n: f"{p}{d:%Y%m%d}{n:03}", places, days, st.integers(0, 999)).map(
    lambda body: body + ric.calc_check_digit(body + "0")
)
BASE31 = "0123456789ABCDEFGHJKLMNPQRTUWXY"
heads = st.builds(lambda a, p: a + p, st.text(BASE31, min_size=2, max_size=2), places)


def organisation_check(body: str) -> str:
    """GB 11714 by the words of the standard: 11 less the remainder; 10 is X, 11 is 0."""
    total = sum(int(c, 36) * w for c, w in zip(body, (3, 7, 9, 10, 5, 8, 4, 2), strict=True))
    return {10: "X", 11: "0"}.get(11 - total % 11, str(11 - total % 11))


companies = st.builds(lambda h, b: h + b + organisation_check(b), heads, st.text(BASE31, min_size=8, max_size=8)).map(
    lambda body: body + stdnum_uscc.calc_check_digit(body + "0")
)
# Each example is a Spark job over many texts: a smaller one would say no more.
many = settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate])


def spoil(text: str, place: int, swap: bool, other: str) -> str:
    """Another character at a place, or two neighbours swapped."""
    place %= len(text) - 1
    if swap:
        return text[:place] + text[place + 1] + text[place] + text[place + 2 :]
    return text[:place] + other + text[place + 1 :]


slips = st.tuples(st.integers(0, 99), st.booleans(), st.sampled_from(BASE31))


@many
@given(drawn=st.lists(st.tuples(residents, slips), min_size=60, max_size=60))
def test_resident_ids_are_judged_as_python_stdnum_judges_them(
    spark: SparkSession, drawn: Sequence[tuple[str, tuple[int, bool, str]]]
) -> None:
    texts = [t for t, _ in drawn] + [spoil(t, *slip) for t, slip in drawn]
    assert judge(spark, "resident_id", texts) == [is_resident(t) for t in texts]


def is_resident(text: str) -> bool:
    try:
        known = text[:6] in {d.code for d in DIVISIONS} and text[:17].isdigit()
        return known and ric.get_birth_date(text) <= TODAY and ric.calc_check_digit(text) == text[17]
    except ValueError:
        return False


@many
@given(drawn=st.lists(st.tuples(companies, slips), min_size=60, max_size=60))
def test_credit_codes_are_judged_as_python_stdnum_judges_them(
    spark: SparkSession, drawn: Sequence[tuple[str, tuple[int, bool, str]]]
) -> None:
    texts = [t for t, _ in drawn] + [spoil(t, *slip) for t, slip in drawn]
    assert judge(spark, "uscc", texts) == [is_company(t) for t in texts]


def is_company(text: str) -> bool:
    """The library takes digits only for authority and kind; the standard has letters too, so its check characters are asked."""
    known = text[2:8] in {d.code for d in DIVISIONS} and set(text) <= set(BASE31)
    return known and stdnum_uscc.calc_check_digit(text) == text[17] and organisation_check(text[8:16]) == text[16]


CODE = "      - {name: code, logicalType: string, logicalTypeOptions: {format: FORMAT}, classification: public, description: A code.}"
LIST = "code,name,valid_from,valid_to\n099901,First,,\n099902,Second,2020-01-01,\n"


@pytest.fixture
def register(tmp_path: Path, little_conf: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A department whose rows have a credit code, and the divisions of the city."""
    root = tmp_path / "register"
    write(root, "uscc")
    (root / "conf" / "cities" / CITY / "divisions.csv").write_text(LIST, "utf-8")
    monkeypatch.setenv("LAKE_CONF", os.pathsep.join([str(little_conf), str(root)]))
    return root


def write(root: Path, code: str) -> None:
    contract = CONTRACT.format(
        dataset="market.firms", source="market", name="firms", mode="snapshot", mostly=0.5, extra="",
        columns=CODE.replace("FORMAT", code) + "\n      - {name: hold, logicalType: string, classification: public, description: Holds.}",
    )  # fmt: skip
    for path, text in (
        (f"conf/cities/{CITY}/market/firms.odcs.yaml", contract),
        (f"expectations/{CITY}/market/firms.yaml", SUITE.format(dataset="market.firms")),
    ):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, "utf-8")


def test_a_row_with_a_wrong_code_is_set_aside_by_its_rule_and_nothing_is_repaired(world: World, register: Path) -> None:
    assert [f for f in lint_city(CITY) if f.startswith("market")] == []
    text = "key,period,value,code\n1,2013,1,91099901MA0TERT08Q\n2,2013,2,910999027654321A60\n3,2013,3,\n4,2013,4,910999027654321A61\n"
    world.deliver("market.firms", "2025-01-01", text)
    assert world.run(dataset="market.firms").problems == []
    assert sorted((r["key"], r["code"]) for r in world.rows("market.firms")) == [
        (1, "91099901MA0TERT08Q"), (3, None), (4, "910999027654321A61"),
    ]  # fmt: skip
    aside = world.rows("market.firms", "quarantine")
    assert [(r["_record"], r["_rules"]) for r in aside] == [(2, ["market.firms.code.format"])]
    assert "910999027654321A60" in aside[0]["_delivered"]


HISTORY = """code,name,valid_from,valid_to,successor
099901,First,,,
099907,Seventh,,2024-01-01,099908
099908,Eighth,2024-01-01,2025-01-01,099901
099909,Ninth,,2024-01-01,
"""


def test_a_withdrawn_division_is_read_as_its_successor_with_a_warning_and_one_without_is_set_aside(
    world: World, register: Path
) -> None:
    (register / "conf" / "cities" / CITY / "divisions.csv").write_text(HISTORY, "utf-8")
    write(register, "division")
    assert [f for f in lint_city(CITY) if f.startswith("market")] == []
    rows = "key,period,value,code\n1,2013,1,099907\n2,2013,2,099908\n3,2013,3,099909\n4,2013,4,099901\n5,2013,5,\n"
    expected = {
        "2023-12-31": ["099907", None, "099909", "099901", None],
        "2024-01-01": ["099908", "099908", None, "099901", None],
        "2025-01-01": ["099901", "099901", None, "099901", None],
    }
    for night, codes in expected.items():
        world.deliver("market.firms", night, rows)
        assert world.run(dataset="market.firms").problems == []
        kept = {r["key"]: r["code"] for r in world.rows("market.firms") if r["valid_to"] is None}
        judged = {n: kept.get(n) for n, code in enumerate(codes, 1) if code or n == 5}
        assert judged == {n: code for n, code in enumerate(codes, 1) if code or n == 5}
        aside = {r["_record"] for r in world.rows("market.firms", "quarantine") if str(r["_business_date"]) == night}
        assert aside == {n for n, code in enumerate(codes, 1) if not code and n != 5}
        line = world.line("market.firms", night)
        found = {r["rule"]: r["broken"] for r in line.results}
        moved = sum(
            bool(code) and code != text.split(",")[3] for code, text in zip(codes, rows.split("\n")[1:], strict=False)
        )
        assert found["market.firms.code.in_force"] == moved


def test_other_divisions_are_other_rules(world: World, register: Path) -> None:
    """A delivery that was judged by another list is held until somebody says that it is to be judged again."""
    world.deliver("market.firms", "2025-01-01", "key,period,value,code\n1,2013,1,91099901MA0TERT08Q\n")
    assert world.run(dataset="market.firms").problems == []
    more = register.parent / "more"
    (more / "conf" / "cities" / CITY).mkdir(parents=True)
    (more / "conf" / "cities" / CITY / "divisions.csv").write_text("code,name,valid_from,valid_to\n099907,Seventh,,\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAKE_CONF", os.pathsep.join([os.environ["LAKE_CONF"], str(more)]))
        assert [p.code for p in world.run(dataset="market.firms").problems] == ["E706"]


@pytest.mark.parametrize(
    ("code", "divisions", "fault"),
    [
        ("ussc", LIST, "code has the format ussc: one of resident_id, uscc, division, real_estate_unit, industry"),
        ("uscc", "", "code: the city has no divisions.csv, so every code would be wrong"),
        ("industry", "", ""),
    ],
)
def test_lint_names_a_code_that_is_none_and_a_city_without_divisions(
    register: Path, code: str, divisions: str, fault: str
) -> None:
    write(register, code)
    path = register / "conf" / "cities" / CITY / "divisions.csv"
    path.write_text(divisions, "utf-8") if divisions else path.unlink()
    assert [f for f in lint_city(CITY) if f.startswith("market")] == ([f"market.firms: {fault}"] if fault else [])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("code,name\n", "divisions.csv"),
        ("code,name,valid_from,valid_to\n099901,First,2020,\n", "divisions.csv:2"),
        ("code,name,valid_from,valid_to\n09990A,First,,\n", "divisions.csv:2"),
        ("code,name,valid_from,valid_to\n099901,First\n", "divisions.csv:2"),
        ("code,name,valid_from,valid_to\n099901,First,,,099902\n", "divisions.csv:2"),
        ("code,name,valid_from,valid_to,successor\n099901,First,,,099902\n099902,Second,,,\n", "divisions.csv 099901"),
        (
            "code,name,valid_from,valid_to,successor\n099901,First,,2024-01-01,099902\n099902,Second,2024-01-02,,\n",
            "divisions.csv 099901",
        ),
        ("code,name,valid_from,valid_to,successor\n099901,First,,2024-01-01,099901\n", "divisions.csv 099901"),
    ],
)
def test_a_list_of_divisions_that_is_wrong_is_refused_with_its_line(register: Path, text: str, said: str) -> None:
    (register / "conf" / "cities" / CITY / "divisions.csv").write_text(text, "utf-8")
    with pytest.raises(LakeError, match="E003") as refused:
        load_divisions(check_name(CITY))
    assert refused.value.where.place == said
