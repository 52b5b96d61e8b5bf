"""Say of every row of a delivery what it is: good, set aside, a copy, or one of several that contradict each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from jobs.contracts import Contract
from jobs.fold import hash_of
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
    odd = identify(odd, contract)
    if not judged.is_small:
        odd = odd.repartition("_d", "_key")  # one shuffle for every window below
    odd = odd.transform(_judge_rivals, contract).localCheckpoint()
    verdicts: dict[int, dict[str, int]] = {}
    for row in odd.groupBy("_d", "_verdict").count().collect():
        verdicts.setdefault(row["_d"], {})[row["_verdict"]] = row["count"]
    return Settled(identify(plain, contract), records, odd, verdicts)


def _judge_rivals(rows: DataFrame, contract: Contract) -> DataFrame:
    key = ["_d", "_key", "_dismissed"]
    is_sequenced = contract.mode == "changes"  # there `_value` leaves out what orders the rows
    whole = hash_of([f"_row.{c.name}" for c in contract.columns]) if is_sequenced else F.col("_value")
    rows = rows.withColumn("_copy", F.when(~F.col("_aside"), whole))
    first = F.row_number().over(Window.partitionBy(*key, "_copy").orderBy("_file", "_record"))
    rows = rows.withColumn("_nth", F.when(~F.col("_aside"), first))
    unit = [*key, f"_row.{contract.sequence}"] if is_sequenced else key
    of_unit = Window.partitionBy(*unit)
    differ = F.min("_copy").over(of_unit) != F.max("_copy").over(of_unit)
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
    return rows.withColumn("_verdict", verdict).drop("_copy", "_nth", "_conflict")
