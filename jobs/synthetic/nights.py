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
from jobs.synthetic.columns import to_table
from jobs.synthetic.faults import Fault
from jobs.synthetic.folded import READINGS, Registers
from jobs.synthetic.world import Delivery, World
from jobs.synthetic.write import write_delivery

_spell = json.JSONEncoder(ensure_ascii=False).encode
_NO_READINGS = pa.schema({"sensor": pa.string(), "hour": pa.string(), "readings": pa.int64(), "volume": pa.int64(), "weighted": pa.int64()}).empty_table()  # fmt: skip


def write_nights(world: World, level: str, out: Path, tell: Callable[[], object]) -> dict[str, int]:
    """Write `out`/inbox, `out`/faults and `out`/truth; returns how many deliveries, records, faults and gold rows."""
    counts: Counter[str] = Counter(deliveries=0, records=0, faults=0)
    registers, readings = Registers(), [_NO_READINGS]
    night: dict[str, tuple[Delivery, list[Fault]]] = {}
    stated: list[dict[str, Any]] = []
    register: list[Fault] = []
    for delivery, faults in deliveries(world, level):
        if night and next(iter(night.values()))[0].night != delivery.night:
            _take_in(night, registers)
            tell()
        if delivery.dataset == READINGS:
            readings.append(_read(delivery, faults))
        else:
            night[delivery.dataset] = (delivery, faults)  # a correction takes the place of the first
        records = write_delivery(world, delivery, out / "inbox")
        register += faults
        counts.update(deliveries=1, records=records, faults=len(faults))
        stated.append(_state(delivery, records, faults))
    _take_in(night, registers)
    tell()
    facts = Facts(registers.tables, pa.concat_tables(readings), world.day(0), world.day(world.nights - 1))
    _write(
        out / "faults" / "register.jsonl",
        [{**asdict(f), "business_date": f.business_date.isoformat()} for f in register],
    )
    _write(out / "truth" / "deliveries.jsonl", stated)
    _write(out / "truth" / "links.jsonl", _true_links(world, facts))
    _write(out / "truth" / "pending.jsonl", pending(facts))
    gold = [_write(out / "truth" / "gold" / f"{table.__name__}.jsonl", table(facts)) for table in TABLES]
    return {**counts, "gold rows": sum(gold)}


def _true_links(world: World, facts: Facts) -> Iterable[Mapping[str, Any]]:
    """Of every code that a department uses, the enterprise that it means; only of those that the registry still has."""
    former, known = true_links(world), {code for (code,) in facts.rows("market.enterprise", "统一社会信用代码")}
    for source, code in facts.links:
        entity = former.get((source, code), code)
        if entity in known:
            yield {"source_system": source, "source_key": code, "entity_id": entity}


def _take_in(night: dict[str, tuple[Delivery, list[Fault]]], registers: Registers) -> None:
    for delivery, faults in night.values():
        registers.apply(delivery, faults)
    night.clear()


def _read(delivery: Delivery, faults: Iterable[Fault]) -> pa.Table:
    """Good readings by sensor and hour: how many, their volume, volume times speed in tenths."""
    bad: dict[str, list[int]] = {}
    for fault in faults:
        bad.setdefault(fault.file, []).append(fault.record - 1)
    found = []
    for name, table in delivery.files.items():
        keep = np.ones(table.num_rows, bool)
        keep[bad.get(name, [])] = False
        good = table.filter(pa.array(keep))
        volume = pc.cast(good["流量"], pa.int64())
        speed = pc.cast(pc.replace_substring(good["平均速度"], ".", ""), pa.int64())
        hour = pc.utf8_slice_codeunits(good["测量时间"], 0, 13)
        counted = to_table(
            ("sensor", "hour", "volume", "weighted"), (good["设备编号"], hour, volume, pc.multiply(volume, speed))
        )
        found.append(_counted(counted, [("volume", "count"), ("volume", "sum"), ("weighted", "sum")]))
    return _counted(pa.concat_tables(found), [("readings", "sum"), ("volume", "sum"), ("weighted", "sum")])


def _counted(table: pa.Table, how: list[tuple[str, str]]) -> pa.Table:
    counted = table.group_by(["sensor", "hour"], use_threads=False).aggregate(how)
    return counted.rename_columns(_NO_READINGS.column_names)


def _state(delivery: Delivery, records: int, faults: list[Fault]) -> dict[str, Any]:
    """What judging a delivery must count."""
    aside = sum(f.outcome == "aside" for f in faults)
    copies = sum(f.outcome == "duplicate" for f in faults)
    return {
        "dataset": delivery.dataset, "business_date": delivery.night.isoformat(), "revision": delivery.revision, "judged": records,
        "good": records - aside - copies, "set_aside": aside, "duplicates": copies,
    }  # fmt: skip


def _write(path: Path, rows: Iterable[Mapping[str, Any]]) -> int:
    """One line a row; returns how many."""
    path.parent.mkdir(parents=True, exist_ok=True)
    count = 0
    with path.open("w", encoding="utf-8") as file:
        for row in rows:
            file.write(f"{_spell(row)}\n")
            count += 1
    return count
