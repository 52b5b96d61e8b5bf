"""What the city's registers hold after some nights, by the words of the specification: plain dictionaries, nothing of the pipeline.

Changes: the last word on a key counts; a full delivery also ends whom it does not name. Snapshots: the last one counts. Events: the
row of the latest night counts. A set-aside record leaves its key as it was; a duplicate counts once; a corrected delivery replaces
the first of its night.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from jobs.synthetic.faults import Fault
from jobs.synthetic.world import Delivery

Row = dict[str, str]
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
    """Current rows by dataset and key; of events with the night they are of."""

    rows: dict[str, dict[tuple[str, ...], Row]] = field(default_factory=lambda: {name: {} for name in KEYS})

    def apply(self, delivery: Delivery, faults: Iterable[Fault]) -> None:
        """Take in one night's accepted delivery of a dataset; nights come in order."""
        mode, headers = KEYS[delivery.dataset]
        bad = {(f.file, f.record): f.outcome for f in faults}
        good: dict[tuple[str, ...], Row] = {}
        frozen: set[tuple[str, ...]] = set()
        for name, table in delivery.files.items():
            for record, row in enumerate(table.to_pylist(), 1):
                key = tuple(row[h] for h in headers)
                outcome = bad.get((name, record))
                if outcome is None:
                    good[key] = row
                elif outcome == "aside":
                    frozen.add(key)
        before = self.rows[delivery.dataset]
        if mode == CHANGES:
            good = {k: r for k, r in good.items() if k not in frozen}
        kept = (
            before
            if mode == EVENTS or (mode == CHANGES and not delivery.full)
            else {k: r for k, r in before.items() if k in frozen}
        )
        after = {**kept, **good}
        gone = [k for k, r in after.items() if r.get("操作") == "D"]
        self.rows[delivery.dataset] = {k: r for k, r in after.items() if k not in gone} if gone else after
