"""What is counted of judged rows before anything is written."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal, localcontext
from pathlib import Path

import numpy as np
import pytest
from pyspark.sql import SparkSession

from jobs.contracts import Column, Contract
from jobs.odcs import load_contract
from jobs.tally import Places, Tally, tally
from tests.faults.city import CITY, write_city

pytestmark = pytest.mark.spark
AMOUNTS = {
    "decimal(5,1)": ("0.1", "-9999.9", "0.2"),
    "decimal(9,9)": ("0.123456789", "-0.999999999", "0.000000001"),
    "decimal(15,2)": ("9999999999999.99", "-0.01", "0.29", "1.15"),
    "decimal(15,15)": ("0.999999999999999", "0.000000000000001", "-0.333333333333333"),
    "decimal(15,0)": ("999999999999999", "7"),
    "decimal(16,2)": ("99999999999999.99", "0.01"),
    "decimal(38,4)": ("9999999999999999999999999999999999.9998", "0.0001"),
    "int": ("2147483647", "1"),
}


@pytest.fixture(scope="module")
def contract(tmp_path_factory: pytest.TempPathFactory) -> Contract:
    root = write_city(tmp_path_factory.mktemp("tally"))
    return load_contract(Path(root) / "conf" / "cities" / CITY / "faults" / "standing.odcs.yaml", CITY)


def count(
    spark: SparkSession, contract: Contract, kind: str, amounts: tuple[str, ...], keys: str = ""
) -> tuple[Tally, Places]:
    """Count rows of one amount each and one without; `keys` has a letter for the key of each row, `-` where it cannot be read."""
    asked = replace(
        contract,
        columns=(Column("amount", "amount", "number", kind),),
        properties={"mode": "events", "controlSums": ["amount"]},
    )
    texts = [*[f"'{a}'" for a in amounts], "NULL"]
    hashes = ["NULL" if k == "-" else str(ord(k)) for k in keys or "-" * len(texts)]
    rows = ", ".join(f"({n}L, CAST({h} AS bigint), {a})" for n, (h, a) in enumerate(zip(hashes, texts, strict=True)))
    judged = spark.sql(
        "SELECT 0 AS _d, DATE'2024-09-10' AS _business_date, 1 AS _revision, 'a.csv' AS _file, n AS _record, h AS _hash, "
        f"false AS _dismissed, 0L AS _rules_0, struct(CAST(a AS {kind}) AS amount) AS _row FROM VALUES {rows} AS t(n, h, a)"
    )
    tallies, odd = tally(judged, asked, (), ())
    return tallies[0], odd


@pytest.mark.parametrize(("kind", "amounts"), AMOUNTS.items(), ids=AMOUNTS)
def test_a_control_sum_is_exact_to_its_last_digit(
    spark: SparkSession, contract: Contract, kind: str, amounts: tuple[str, ...]
) -> None:
    found, _ = count(spark, contract, kind, amounts)
    with localcontext(prec=60):
        assert Decimal(found.sums["amount"]) == sum(map(Decimal, amounts))
    assert found.judged == len(amounts) + 1


def test_a_sum_over_nothing_is_zero(spark: SparkSession, contract: Contract) -> None:
    assert {kind: count(spark, contract, kind, ())[0].sums["amount"] for kind in AMOUNTS} == dict.fromkeys(AMOUNTS, "0")


def test_rows_whose_key_repeats_are_looked_at_closely_and_no_others(spark: SparkSession, contract: Contract) -> None:
    _, odd = count(spark, contract, "int", ("1", "2", "3", "4", "5", "6"), "abc-a-b")
    assert len(np.unique(odd)) == 4
    _, odd = count(spark, contract, "int", ("1", "2", "3"), "ab-c")
    assert not len(odd)
