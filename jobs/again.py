"""The ground that a lake is rebuilt on: what was landed and decided, up to a release, brought to an empty place."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import UTC

import pyarrow as pa

from jobs import delta, landing, store
from jobs.contracts import Contract
from jobs.errors import LakeError
from jobs.lake import Lake
from jobs.landing import Receipt
from jobs.ledger import DECISION, Decision, read_decisions
from jobs.release import Release


def need_empty(target: Lake) -> None:
    """Refuse (E002) a place where a lake of this city, or anything under its name, is."""
    if target.files.exists(target.base):
        raise LakeError("E002", place="--to", expected="a place without a lake of this city", actual=target.base)


def copy_ground(source: Lake, target: Lake, contracts: Mapping[str, Contract], release: Release) -> None:
    """Bring over what a release stands on: the receipts and landed files up to it, and the decisions taken until then.

    Landed files are never rewritten, so on one disk both lakes share them by hard links.
    """
    target.check_format()
    receipts = list(_known(source, contracts, release))
    decisions = [
        d for d in read_decisions(source) if f"{d.at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" <= release.released_at
    ]
    for receipt in receipts:
        landing.keep_receipt(target, receipt)
    for sha256 in sorted(_objects(receipts, decisions, source)):
        _bring(source, target, sha256)
    if decisions:
        rows = [{**asdict(d), "id": d.id} for d in decisions]
        delta.append_rows(target.table("audit", "decisions"), pa.Table.from_pylist(rows, DECISION), "decision")


def _known(source: Lake, contracts: Mapping[str, Contract], release: Release) -> Iterable[Receipt]:
    """Receipts of what came up to a release, or is in it, whatever the clock said then."""
    standing = {tuple(d) for t in release.tables.values() for d in t.stands_on}
    for r in landing.all_receipts(source, contracts):
        if r.delivered_at <= release.released_at or (r.dataset, r.business_date, r.revision, r.sha256) in standing:
            yield r


def _objects(receipts: Iterable[Receipt], decisions: Iterable[Decision], source: Lake) -> set[str]:
    """What receipts and decisions name by hash, as far as landing has it: a manifest stands in its receipt too."""
    named = {f.sha256 for r in receipts for f in (*r.files, *r.raw)} | {d.values_sha256 for d in decisions}
    return {sha256 for sha256 in named if sha256 and source.files.exists(landing.object_path(source, sha256))}


def _bring(source: Lake, target: Lake, sha256: str) -> None:
    old, new = landing.object_path(source, sha256), landing.object_path(target, sha256)
    store.make_folder(new.rsplit("/", 1)[0])
    if source.is_local and target.is_local:
        try:
            os.link(old, new)
        except OSError:  # another disk, or one without links
            shutil.copyfile(old, new)
        return
    if source.is_local:
        target.files.put_file(old, new)
    elif target.is_local:
        source.files.get_file(old, new)
    else:
        target.write_atomic(new, source.files.cat_file(old))
