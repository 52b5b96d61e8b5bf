"""A released gold table built again from other silver rows than all: what its marts are given, and which versions they read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC
from functools import cached_property, reduce
from operator import and_
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs import delta, gold, versions
from jobs.contracts import Contract, fingerprint
from jobs.ledger import decisions_on_links
from jobs.night.build import receipt_rows
from jobs.night.opened import Night
from jobs.night.standing import marts
from jobs.origins import PLACE
from jobs.release import Release, Released, read_releases

Pin = tuple[str, str, int]  # a silver table by name, its id, and a version
Pick = Callable[[Pin], Any]


@dataclass(frozen=True)
class Search:
    """One row of one released table, and what is asked again and again while it is traced."""

    night: Night
    release: Release
    released: Released
    key: Mapping[str, str]

    @cached_property
    def known(self) -> dict[str, gold.Mart]:
        return {m.table: m for m in marts(self.night)}

    @cached_property
    def datasets(self) -> dict[str, Contract]:
        return {c.table: c for c in self.night.contracts.values()}

    @cached_property
    def published(self) -> dict[Pin, Released]:
        """Every version of a gold table that was ever released."""
        return {(t.table, t.table_id, t.version): t for r in read_releases(self.night.lake) for t in r.tables.values()}

    @property
    def mart(self) -> gold.Mart:
        return self.known[self.released.table]

    def is_key(self) -> Column:
        columns = {c.name: c.spark_type for c in self.mart.contract.columns}
        tests = [F.col(name) == F.lit(text).cast(columns[name]) for name, text in self.key.items()]
        return reduce(and_, tests)


def _parent(search: Search, read: Mapping[str, Any]) -> Released:
    """The released gold table that a mart read, at the version that it read."""
    return search.published[read["name"].removeprefix("gold_"), read["table_id"], read["version"]]


def list_pins(search: Search, released: Released) -> list[Pin]:
    """The versions of silver behind a released table, also through other gold tables."""
    found: list[Pin] = []
    for read in released.reads:
        if read["name"].startswith("gold_"):
            found += list_pins(search, _parent(search, read))
        else:
            found.append(_pin(search, read))
    return found


def _pin(search: Search, read: Mapping[str, Any]) -> Pin:
    """The silver table that a mart read, at the version whose files are the last to go."""
    name, version = read["name"], read["version"]
    return name, read["table_id"], versions.rows_until(search.night.lake.table("silver", name), version)


def reads_of(search: Search, released: Released) -> set[str]:
    parents = [_parent(search, read) for read in released.reads if read["name"].startswith("gold_")]
    return set(search.known[released.table].reads).union(*[reads_of(search, parent) for parent in parents])


def build_again(search: Search, released: Released, pick: Pick) -> Any:
    """The rows of a gold table, built again from what `pick` gives for each silver table."""
    night, mart = search.night, search.known[released.table]
    inputs = {}
    for read in released.reads:
        name = read["name"]
        if name.startswith("gold_"):
            inputs[name] = build_again(search, _parent(search, read), pick)
        else:
            inputs[name] = pick(_pin(search, read))
    if gold.RECEIPTS in mart.reads:
        inputs[gold.RECEIPTS] = gold.receipts_frame(night.spark, receipt_rows(night, known_until(search, released)))
    if gold.DECISIONS in mart.reads:
        inputs[gold.DECISIONS] = gold.decisions_frame(night.spark, _decisions(search))
    return mart.build(**inputs).select(*[F.col(c.name).cast(c.spark_type).alias(c.name) for c in mart.contract.columns])


def known_until(search: Search, released: Released) -> str:
    """Up to when deliveries came that a mart knew of: empty (now) where its input is as it was, else the time of the release."""
    mart, now = search.known[released.table], receipt_rows(search.night)
    read = [gold.Source(r["name"], r["table_id"], r["version"]) for r in released.reads]
    identity = gold.mart_fingerprint(mart, read, gold.receipts_identity(now), fingerprint(_decisions(search)))
    return "" if identity == released.fingerprint else search.release.released_at


def _decisions(search: Search) -> list[dict[str, str]]:
    until = search.release.released_at
    return decisions_on_links(
        d for d in search.night.ledger.decisions if f"{d.at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" <= until
    )


def silver_rows(search: Search, pin: Pin) -> DataFrame:
    """What a mart reads of a silver table: the current rows, with their places."""
    name, _, version = pin
    contract = search.datasets[name]
    rows = delta.read(search.night.spark, search.night.lake.table("silver", name), version)
    rows = rows.where("is_current") if contract.keeps_history else rows
    return rows.select(*contract_names(search, pin), *PLACE)


def contract_names(search: Search, pin: Pin) -> list[str]:
    return [c.name for c in search.datasets[pin[0]].columns]
