"""Write a city's nights: what its departments deliver, the register of what was broken in it, and what is true of it all."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from jobs.synthetic.aliases import true_links
from jobs.synthetic.answers import TABLES, Facts
from jobs.synthetic.answers.pending import pending
from jobs.synthetic.city import deliveries
from jobs.synthetic.faults import Fault
from jobs.synthetic.folded import READINGS, Registers
from jobs.synthetic.world import Delivery, World
from jobs.synthetic.write import write_delivery

Cells = dict[tuple[str, str], tuple[int, int, int]]


def write_nights(world: World, level: str, out: Path, tell: Callable[[], object]) -> dict[str, int]:
    """Write `out`/inbox, `out`/faults and `out`/truth; returns how many deliveries, records, faults and gold rows."""
    counts: Counter[str] = Counter(deliveries=0, records=0, faults=0)
    registers, cells = Registers(), Cells()
    night: dict[str, tuple[Delivery, list[Fault]]] = {}
    stated: list[dict[str, Any]] = []
    register: list[Fault] = []
    for delivery, faults in deliveries(world, level):
        if night and next(iter(night.values()))[0].night != delivery.night:
            _take_in(night, registers)
            tell()
        if delivery.dataset == READINGS:
            cells |= _read(delivery, faults)
        else:
            night[delivery.dataset] = (delivery, faults)  # a correction takes the place of the first
        records = write_delivery(world, delivery, out / "inbox")
        register += faults
        counts.update(deliveries=1, records=records, faults=len(faults))
        stated.append(_state(delivery, records, faults))
    _take_in(night, registers)
    tell()
    facts = Facts(registers.rows, cells, world.day(0), world.day(world.nights - 1))
    _write(
        out / "faults" / "register.jsonl",
        [{**asdict(f), "business_date": f.business_date.isoformat()} for f in register],
    )
    _write(out / "truth" / "deliveries.jsonl", stated)
    _write(out / "truth" / "links.jsonl", _true_links(world, facts))
    _write(out / "truth" / "pending.jsonl", pending(facts))
    gold = {table.__name__: table(facts) for table in TABLES}
    for name, rows in gold.items():
        _write(out / "truth" / "gold" / f"{name}.jsonl", rows)
    return {**counts, "gold rows": sum(map(len, gold.values()))}


def _true_links(world: World, facts: Facts) -> Iterable[Mapping[str, Any]]:
    """Of every code that a department uses, the enterprise that it means; only of those that the registry still has."""
    former, known = true_links(world), {code for (code,) in facts.registers["market.enterprise"]}
    for source, code in facts.links:
        entity = former.get((source, code), code)
        if entity in known:
            yield {"source_system": source, "source_key": code, "entity_id": entity}


def _take_in(night: dict[str, tuple[Delivery, list[Fault]]], registers: Registers) -> None:
    for delivery, faults in night.values():
        registers.apply(delivery, faults)
    night.clear()


def _read(delivery: Delivery, faults: Iterable[Fault]) -> Cells:
    """Good readings by sensor and hour: how many, their volume, volume times speed in tenths."""
    bad: dict[str, list[int]] = {}
    for fault in faults:
        bad.setdefault(fault.file, []).append(fault.record - 1)
    found: Cells = {}
    for name, table in delivery.files.items():
        keep = np.ones(table.num_rows, bool)
        keep[bad.get(name, [])] = False
        good = table.filter(pa.array(keep))
        volume = pc.cast(good["流量"], pa.int64())
        speed = pc.cast(pc.replace_substring(good["平均速度"], ".", ""), pa.int64())
        counted = pa.table(
            {"sensor": good["设备编号"], "hour": pc.utf8_slice_codeunits(good["测量时间"], 0, 13), "volume": volume, "weighted": pc.multiply(volume, speed)}
        ).group_by(["sensor", "hour"]).aggregate([("volume", "count"), ("volume", "sum"), ("weighted", "sum")])  # fmt: skip
        columns = [counted[c].to_pylist() for c in ("sensor", "hour", "volume_count", "volume_sum", "weighted_sum")]
        for sensor, hour, n, total, weighted in zip(*columns, strict=True):
            before = found.get((sensor, hour), (0, 0, 0))
            found[sensor, hour] = (before[0] + n, before[1] + total, before[2] + weighted)
    return found


def _state(delivery: Delivery, records: int, faults: list[Fault]) -> dict[str, Any]:
    """What judging a delivery must count."""
    aside = sum(f.outcome == "aside" for f in faults)
    copies = sum(f.outcome == "duplicate" for f in faults)
    return {
        "dataset": delivery.dataset, "business_date": delivery.night.isoformat(), "revision": delivery.revision, "judged": records,
        "good": records - aside - copies, "set_aside": aside, "duplicates": copies,
    }  # fmt: skip


def _write(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
