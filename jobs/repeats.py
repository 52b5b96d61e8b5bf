"""Say of every row of a delivery what it is: good, set aside, a copy, or one of several that contradict each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from jobs.contracts import Contract
from jobs.judge import identify
from jobs.stage import Judged

CONFLICT, TAKEN = "Q801", "Q802"
ASIDE = ("aside", CONFLICT, TAKEN)


@dataclass(frozen=True)
class Settled:
    """`plain` rows are good by themselves; `odd` ones, few, have a `_verdict` each, counted by delivery in `verdicts`.

    `records`: bronze records, at least those of the odd rows.
    """

    plain: DataFrame
    records: DataFrame
    odd: DataFrame | None = None
    verdicts: Mapping[int, Mapping[str, int]] = field(default_factory=dict)

    @property
    def good(self) -> DataFrame:
        if self.odd is None:
            return self.plain
        return self.plain.unionByName(self.odd.where("_verdict = 'good'").drop("_verdict"))

    @property
    def aside(self) -> DataFrame | None:
        return None if self.odd is None else self.odd.where(F.col("_verdict").isin(*ASIDE))


def settle(judged: Judged, contract: Contract) -> Settled:
    """Look closely at the rows of some records: those that break a rule, were dismissed, or share their key's hash with another.

    Exact copies of a good row are duplicates and the first (by file and record) stays. Two good rows of one key with different values
    are both set aside; in changes, of one key and one sequence. A set-aside row takes the other rows of its key with it. Dismissed
    rows are taken out first: they are no rival of any other.
    """
    if not len(judged.odd):
        return Settled(identify(judged.rows, contract), judged.bronze)
    plain, odd, records = judged.part()
    if not judged.is_small:
        odd = odd.repartition("_hash")  # one shuffle for every window below
    odd = odd.transform(_judge_rivals, contract).localCheckpoint()
    verdicts: dict[int, dict[str, int]] = {}
    for row in odd.groupBy("_d", "_verdict").count().collect():
        verdicts.setdefault(row["_d"], {})[row["_verdict"]] = row["count"]
    return Settled(identify(plain, contract), records, identify(odd, contract), verdicts)


def _judge_rivals(rows: DataFrame, contract: Contract) -> DataFrame:
    key: list[Any] = ["_hash", "_d", F.struct(*[f"_row.{c}" for c in contract.key]), "_dismissed"]
    first = F.row_number().over(Window.partitionBy(*key, "_aside", "_row").orderBy("_file", "_record"))
    rows = rows.withColumn("_nth", first)
    is_sequenced = contract.mode == "changes"
    of_unit = Window.partitionBy(*key, *([f"_row.{contract.sequence}"] if is_sequenced else []))
    copy = F.when(~F.col("_aside"), F.col("_row"))
    differ = F.min(copy).over(of_unit) != F.max(copy).over(of_unit)
    rows = rows.withColumn("_conflict", ~F.col("_aside") & differ)
    by_key = Window.partitionBy(*key)
    spoiled = F.max(F.col("_aside")).over(by_key)
    if is_sequenced:
        spoiled = spoiled | F.max(F.col("_conflict")).over(by_key)
    verdict = (
        F.when(F.col("_aside") | F.col("_dismissed"), "aside")
        .when(F.col("_nth") > 1, "duplicate")
        .when(F.col("_conflict"), CONFLICT)
        .when(spoiled, TAKEN)
        .otherwise("good")
    )
    return rows.withColumn("_verdict", verdict).drop("_nth", "_conflict")
