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

from jobs.contracts import Column as Declared
from jobs.contracts import Contract
from jobs.judge import domains
from jobs.places import Places, place_of
from jobs.quality import Condition
from jobs.rules import BITS, mask_names
from jobs.suites import Rule

_SHORT = 15


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

    Records are named by their place (`place_of`). One Spark job sends some 40 bytes a row here: by Spark's aggregates
    the repeated keys alone cost as much.
    """
    period = ["_period"] if contract.mode == "partition" else []
    facts = judged.select(
        "_d", place_of().alias("_place"), "_hash", "_dismissed", *period, *mask_names(len(rules) + len(domains(conditions)), "_rules"),
        *[_summand(contract.column(c)).alias(f"_sum_{c}") for c in contract.control_sums],
    ).toArrow()  # fmt: skip
    numbers = pc.unique(facts["_d"]).to_pylist()
    parts = {d: facts if len(numbers) == 1 else facts.filter(pc.equal(facts["_d"], d)) for d in numbers}
    odd = [_odd_places(part, rules) for part in parts.values()]
    tallies = {d: _count(part, contract, rules, conditions) for d, part in parts.items()}
    return tallies, np.unique(np.concatenate(odd)) if odd else np.empty(0, np.int64)


def _odd_places(facts: pa.Table, rules: Sequence[Rule]) -> Places:
    odd = _is_aside(facts, rules) | facts["_dismissed"].to_numpy() | _is_repeated(facts["_hash"]).to_numpy()
    places: Places = facts["_place"].to_numpy()[odd]
    return places


def _is_repeated(hashes: pa.ChunkedArray) -> pa.ChunkedArray:
    """Whether each hash stands more than once: equal ones are neighbours in sorted order. Null is no hash."""
    values = np.sort(hashes.drop_null().to_numpy())
    return pc.is_in(hashes, pa.array(values[1:][values[1:] == values[:-1]]))


def _count(facts: pa.Table, contract: Contract, rules: Sequence[Rule], conditions: Sequence[Condition]) -> Tally:
    n = facts.num_rows
    aside = _is_aside(facts, rules)
    unplaced = pc.is_null(facts["_hash"])
    if "_period" in facts.column_names:
        unplaced = pc.or_(unplaced, pc.is_null(facts["_period"]))
    names = list(domains(conditions))
    found = _set_bits(facts, len(rules) + len(names))
    broken, asked = found[: len(rules)], dict(zip(names, found[len(rules) :], strict=True))
    return Tally(
        judged=n,
        aside=int(np.count_nonzero(aside)),
        broken={r.id: count for r, count in zip(rules, broken, strict=True) if count},
        evaluated={r.id: n if c.asked is None else asked[c.domain] for r, c in zip(rules, conditions, strict=True)},
        sums={c: _sum(facts[f"_sum_{c}"], contract.column(c)) for c in contract.control_sums},
        periods=_periods(facts),
        unplaced=int(np.count_nonzero(aside & unplaced.to_numpy())),
    )


def _set_bits(facts: pa.Table, count: int) -> list[int]:
    """How often each of the first `count` bits is set, by the few masks that there are."""
    found: list[int] = []
    for name in mask_names(count, "_rules"):
        masks, rows = (x.to_numpy() for x in pc.value_counts(facts[name]).flatten())
        found += [int(rows[masks & (1 << bit) != 0].sum()) for bit in range(min(BITS, count - len(found)))]
    return found


def _is_aside(facts: pa.Table, rules: Sequence[Rule]) -> np.ndarray[Any, Any]:
    """Rows that break a rule which sets rows aside: those are the first of the rules."""
    first = sum(r.quarantine for r in rules)
    masks = [facts[m].to_numpy() for m in mask_names(len(rules), "_rules")]
    bits = [(1 << min(max(first - i * BITS, 0), BITS)) - 1 for i in range(len(masks))]
    found: np.ndarray[Any, Any] = np.any([m & b != 0 for m, b in zip(masks, bits, strict=True)], axis=0)
    return found


def _is_short(column: Declared) -> bool:
    """Whether a decimal has so few digits that doubles tell all its values apart."""
    return 0 < column.precision <= _SHORT


def _summand(column: Declared) -> Column:
    """What is summed of a row: of a short decimal the whole number of its last digit, since Arrow's decimals are dear to make."""
    value = f"_row.`{column.name}`"
    return F.expr(f"CAST(rint(CAST({value} AS double) * 1e{column.scale}) AS bigint)" if _is_short(column) else value)


def _sum(summands: pa.ChunkedArray, column: Declared) -> str:
    if not _is_short(column):
        return str(Decimal(str(pc.sum(summands).as_py() or 0)))
    found = pc.sum(summands.cast(pa.decimal128(38))).as_py()
    return str(found.scaleb(-column.scale)) if found else "0"


def _periods(facts: pa.Table) -> frozenset[str]:
    if "_period" not in facts.column_names:
        return frozenset({""}) if facts.num_rows else frozenset()
    return frozenset(pc.unique(facts["_period"]).drop_null().to_pylist())
