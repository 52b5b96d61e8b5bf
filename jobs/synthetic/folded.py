"""What the city's registers hold after some nights, by the words of the specification: tables of texts, nothing of the pipeline.

Changes: the last word on a key counts; a full delivery also ends whom it does not name. Snapshots: the last one counts. Events: the
row of the latest night counts. A set-aside record leaves its key as it was; a duplicate counts once; a corrected delivery replaces
the first of its night.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from jobs.synthetic.faults import Fault
from jobs.synthetic.world import Delivery

READINGS = "traffic.reading"  # events too, but counted by sensor and hour: they are millions
CHANGES, SNAPSHOT, EVENTS = "changes", "snapshot", "events"
KEYS: dict[str, tuple[str, tuple[str, ...]]] = {
    "market.enterprise": (CHANGES, ("统一社会信用代码",)),
    "tax.payment": (EVENTS, ("税票号码",)),
    "employment.insurance": (CHANGES, ("身份证号",)),
    "land.parcel": (CHANGES, ("不动产单元号",)),
    "traffic.sensor": (SNAPSHOT, ("设备编号",)),
    "traffic.incident": (EVENTS, ("事件编号",)),
    "services.approval": (CHANGES, ("办件编号",)),
    "services.step": (EVENTS, ("办件编号", "环节序号")),
    "education.school": (SNAPSHOT, ("学校编码",)),
    "health.facility": (SNAPSHOT, ("机构编码",)),
    "grid.community": (SNAPSHOT, ("社区代码",)),
}


@dataclass
class Registers:
    """Current rows by dataset, one a key, as a table of texts under the delivered headers."""

    tables: dict[str, pa.Table] = field(default_factory=dict)

    def apply(self, delivery: Delivery, faults: Iterable[Fault]) -> None:
        """Take in one night's accepted delivery of a dataset; nights come in order."""
        mode, _ = KEYS[delivery.dataset]
        good, frozen = _parted(delivery, faults)
        before = self.tables.get(delivery.dataset, good.slice(0, 0))
        good = _last(delivery.dataset, good.select(before.column_names))
        if mode == CHANGES:
            good = _where(delivery.dataset, good, frozen, is_in=False)
        if mode == SNAPSHOT or (mode == CHANGES and delivery.full):
            before = _where(delivery.dataset, before, frozen, is_in=True)
        before = _where(delivery.dataset, before, _keys(delivery.dataset, good), is_in=False)
        after = pa.concat_tables([before, good])
        if "操作" in after.column_names:
            after = after.filter(pc.not_equal(after["操作"], "D"))
        self.tables[delivery.dataset] = after.combine_chunks()


def _keys(dataset: str, table: pa.Table) -> pa.Array:
    """The key of each row as one text."""
    columns = [table[header].combine_chunks() for header in KEYS[dataset][1]]
    return pc.binary_join_element_wise(*columns, "\n") if len(columns) > 1 else columns[0]


def _parted(delivery: Delivery, faults: Iterable[Fault]) -> tuple[pa.Table, pa.Array]:
    """The good rows of a delivery, and the keys of those set aside."""
    good, aside, found = [], [], list(faults)
    for name, table in delivery.files.items():
        broken = [f.record - 1 for f in found if f.file == name and f.record]
        is_good = np.ones(table.num_rows, bool)
        is_good[broken] = False
        good.append(table.filter(pa.array(is_good)))
        places = [f.record - 1 for f in found if f.file == name and f.outcome == "aside"]
        aside.append(table.take(pa.array(places, pa.int64())))
    return pa.concat_tables(good), _keys(delivery.dataset, pa.concat_tables(aside))


def _last(dataset: str, table: pa.Table) -> pa.Table:
    """Of each key the last row."""
    number = _keys(dataset, table).dictionary_encode().indices.to_numpy()
    last = np.zeros(number.max(initial=-1) + 1, np.int64)
    last[number] = np.arange(len(number))
    return table if len(last) == len(number) else table.take(np.sort(last))


def _where(dataset: str, table: pa.Table, keys: pa.Array, *, is_in: bool) -> pa.Table:
    """The rows whose key is, or is not, among these."""
    found = pc.is_in(_keys(dataset, table), keys)
    return table.filter(found if is_in else pc.invert(found))
