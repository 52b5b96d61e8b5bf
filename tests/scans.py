"""Which files Spark's queries read, as the metrics of their plans say."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

UNITS = ("B", "KiB", "MiB", "GiB")


@dataclass(frozen=True)
class Scan:
    """One scan of Parquet files by Spark: where, how many files, and their size, as its plan's metrics say."""

    place: str
    files: int
    size: float


class Plans:
    """The scans of a session's queries since it was last asked."""

    def __init__(self, spark: Any) -> None:
        spark.conf.set("spark.sql.maxMetadataStringLength", 1000)  # a scan's place is cut to 100 characters by default
        self.store = spark._jsparkSession.sharedState().statusStore()
        self.told = spark._jsparkSession.sparkContext().listenerBus()
        self.seen = -1
        self._new()

    def take(self) -> list[Scan]:
        return [scan for number in self._new() for scan in self._scans(number)]

    def _new(self) -> list[int]:
        self.told.waitUntilEmpty()
        found = [e.executionId() for e in _each(self.store.executionsList()) if e.executionId() > self.seen]
        self.seen = max([self.seen, *found])
        return found

    def _scans(self, number: int) -> Iterator[Scan]:
        values = self.store.executionMetrics(number)
        for node in _each(self.store.planGraph(number).allNodes()):
            if node.name().startswith("Scan parquet"):
                said = {m.name(): values.get(m.accumulatorId()) for m in _each(node.metrics())}
                known = {name: text.get() for name, text in said.items() if text.isDefined()}
                files = int(known.get("number of files read", "0").replace(",", ""))
                yield Scan(node.desc(), files, _size(known.get("size of files read", "0 B")))


def _each(found: Any) -> Iterator[Any]:
    iterator = found.iterator()
    while iterator.hasNext():
        yield iterator.next()


def _size(text: str) -> float:
    """Bytes of a size as Spark writes it, such as `143.8 KiB`."""
    number, unit = text.split()
    return float(number) * 1024 ** UNITS.index(unit)
