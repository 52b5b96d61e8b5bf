"""Count a judged delivery: one pass of a few numbers a row, summed up here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.contracts import Contract
from jobs.judge import domains
from jobs.quality import Condition
from jobs.rules import BITS, LINEAGE, mask_names
from jobs.suites import Rule

Places = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Tally:
    """Counts of one delivery's judged rows. `evaluated`: rows that a rule was asked of; `unplaced`: set aside, key or period unread."""

    judged: int
    aside: int
    broken: Mapping[str, int]
    evaluated: Mapping[str, int]
    sums: Mapping[str, str]
    periods: frozenset[str]
    unplaced: int


def tally(
    judged: DataFrame, contract: Contract, rules: Sequence[Rule], conditions: Sequence[Condition]
) -> tuple[dict[int, Tally], Places]:
    """Count each delivery's rows, and find the records to look at closely: those with a row that is set aside, or whose key repeats.

    Records are named by a 64-bit hash of their place (`place_of`). One Spark job sends some 50 bytes a row here: by Spark's aggregates
    the repeated keys alone cost as much.
    """
    period = ["_period"] if contract.mode == "partition" else []
    facts = judged.select(
        "_d", place_of().alias("_place"), "_hash", "_dismissed", *period, *mask_names(len(rules), "_rules"),
        *mask_names(len(domains(conditions)), "_asked"), *[F.col(f"_row.{c}").alias(f"_sum_{c}") for c in contract.control_sums],
    ).toArrow()  # fmt: skip
    numbers = pc.unique(facts["_d"]).to_pylist()
    parts = {d: facts if len(numbers) == 1 else facts.filter(pc.equal(facts["_d"], d)) for d in numbers}
    odd = [_odd_places(part, rules) for part in parts.values()]
    tallies = {d: _count(part, contract, rules, conditions) for d, part in parts.items()}
    return tallies, np.unique(np.concatenate(odd)) if odd else np.empty(0, np.int64)


def place_of() -> Column:
    """A 64-bit name of the record that a row comes from; a rare namesake only means that one record more is looked at."""
    return F.xxhash64(*LINEAGE)


def _odd_places(facts: pa.Table, rules: Sequence[Rule]) -> Places:
    odd = _is_aside(facts, rules) | facts["_dismissed"].to_numpy()
    odd[pc.is_valid(facts["_hash"]).to_numpy()] |= _repeated(facts["_hash"].drop_null().to_numpy())
    places: Places = facts["_place"].to_numpy()[odd]
    return places


def _repeated(hashes: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Whether each hash stands more than once: equal ones are neighbours in sorted order."""
    order = np.argsort(hashes)
    same = hashes[order[1:]] == hashes[order[:-1]]
    found = np.zeros(len(hashes), bool)
    found[order[1:][same]] = True
    found[order[:-1][same]] = True
    return found


def _count(facts: pa.Table, contract: Contract, rules: Sequence[Rule], conditions: Sequence[Condition]) -> Tally:
    n = facts.num_rows
    aside = _is_aside(facts, rules)
    unplaced = pc.is_null(facts["_hash"])
    if "_period" in facts.column_names:
        unplaced = pc.or_(unplaced, pc.is_null(facts["_period"]))
    broken = _set_bits(facts, len(rules), "_rules")
    names = list(domains(conditions))
    asked = dict(zip(names, _set_bits(facts, len(names), "_asked"), strict=True))
    return Tally(
        judged=n,
        aside=int(np.count_nonzero(aside)),
        broken={r.id: found for r, found in zip(rules, broken, strict=True) if found},
        evaluated={r.id: n if c.asked is None else asked[c.domain] for r, c in zip(rules, conditions, strict=True)},
        sums={c: _sum(facts[f"_sum_{c}"]) for c in contract.control_sums},
        periods=_periods(facts),
        unplaced=int(np.count_nonzero(aside & unplaced.to_numpy())),
    )


def _set_bits(facts: pa.Table, count: int, name: str) -> list[int]:
    """How often each of the first `count` bits is set."""
    masks = [facts[m].to_numpy() for m in mask_names(count, name)]
    masks = [m[m != 0] for m in masks]
    return [int(np.count_nonzero(masks[i // BITS] & (1 << (i % BITS)))) for i in range(count)]


def _is_aside(facts: pa.Table, rules: Sequence[Rule]) -> np.ndarray[Any, Any]:
    """Rows that break a rule which sets rows aside: those are the first of the rules."""
    first = sum(r.quarantine for r in rules)
    masks = [facts[m].to_numpy() for m in mask_names(len(rules), "_rules")]
    bits = [(1 << min(max(first - i * BITS, 0), BITS)) - 1 for i in range(len(masks))]
    found: np.ndarray[Any, Any] = np.any([m & b != 0 for m, b in zip(masks, bits, strict=True)], axis=0)
    return found


def _sum(values: pa.ChunkedArray) -> str:
    return str(Decimal(str(pc.sum(values).as_py() or 0)))


def _periods(facts: pa.Table) -> frozenset[str]:
    if "_period" not in facts.column_names:
        return frozenset({""}) if facts.num_rows else frozenset()
    return frozenset(pc.unique(facts["_period"]).drop_null().to_pylist())
