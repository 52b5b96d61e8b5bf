"""An invented lake for the pages: one delivery of every kind, and two releases, of which one restates a figure."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
from deltalake import write_deltalake

from jobs import landing, release
from jobs.cities import load_contracts, load_gold
from jobs.delta import table_state
from jobs.errors import LakeError
from jobs.lake import Lake
from jobs.landing import Arrival, Receipt
from jobs.ledger import Decision, Ledger, Line, Run
from jobs.report import write_report

CITY = "new_york"
CONTRACTS, GOLD = load_contracts(CITY), load_gold(CITY)
CRASHES = "traffic.crashes"
FIRST, SECOND = "2024-09-16", "2025-02-12"
NOW = datetime(2025, 2, 14, 12, tzinfo=UTC)
SECRET, KEY, RAW = "secret delivered value", "secret key value", b"secret raw bytes"
EVIL = "<script>alert(1)</script>"
PLACES = (
    [("silver", "crashes.csv", n, ["traffic.crashes.crash_date.type", "traffic.crashes.s1"]) for n in range(1, 251)]
    + [("silver", "crashes.csv", 400, ["traffic.crashes.s1"]), ("silver", "crashes.csv", 401, [])]
    + [("bronze", "crashes.csv", 500, ["Q204"]), ("bronze", EVIL, 7, ["Q204"])]
)


def expectation(rule: str, *, severity: str = "critical", success: bool = True, broken: int = 0) -> dict[str, Any]:
    return {
        "rule": rule,
        "type": "expect_column_values_to_not_be_null",
        "severity": severity,
        "dimension": "validity",
        "reason": f"Reason of {rule}.",
        "success": success,
        "evaluated": 1900,
        "broken": broken,
        "allowed": 18,
        "observed": "",
    }


def make_lake(folder: Path, *, corrected: bool = True) -> Lake:
    """Crashes accepted with set-aside rows, then corrected (or not) and held; sales refused; link speeds late."""
    lake = Lake(str(folder), CITY)
    lake.check_format()
    ledger = Ledger(lake, Run("run-1", 1, NOW))
    manifest = {
        "delivered_at": f"{FIRST}T22:00:00-04:00",
        "files": [{"name": "crashes.csv", "records": 1900}, {"name": EVIL, "records": 2}],
    }
    crashes = _land(lake, folder, "traffic.crashes", FIRST, {"crashes.csv": b"a,b\n1,2\n", EVIL: b"x\n"}, manifest)
    _accept(ledger, crashes)
    _set_aside(lake)
    ledger.decide(
        Decision(
            "dismiss", "Ada", f"A test record {EVIL}", crashes.dataset, FIRST, 1, crashes.sha256, "crashes.csv", 401
        )
    )
    if corrected:
        _hold(ledger, _land(lake, folder, CRASHES, FIRST, {"crashes.csv": b"a,b\n1,3\n"}, {}, revision=2))
    sales = _land(
        lake, folder, "land.sales", FIRST, {"sales.xlsx": b"PK"}, {"delivered_at": "2024-09-17T05:00:00-04:00"}
    )
    _refuse(ledger, sales)
    speeds = _land(
        lake,
        folder,
        "traffic.link_speed",
        FIRST,
        {"speeds.txt": b"linkId\n"},
        {"delivered_at": "2024-09-30T12:00:00+00:00"},
    )
    _accept(ledger, speeds)
    landing.record_absence(lake, CONTRACTS["tax.county_income"], SECOND, "not_due", NOW)
    landing.record_absence(lake, CONTRACTS["traffic.crashes"], SECOND, "not_delivered", NOW)
    _publish(lake, ledger, crashes)
    return lake


def write_pages(lake: Lake) -> Path:
    return Path(write_report(lake, CONTRACTS, GOLD, "New York")).parent


def _land(
    lake: Lake,
    folder: Path,
    dataset: str,
    day: str,
    files: dict[str, bytes],
    manifest: dict[str, Any],
    *,
    revision: int = 1,
) -> Receipt:
    inbox = folder / "inbox" / dataset / (day if revision == 1 else f"{day}.r{revision}")
    for name, data in files.items():
        (inbox / name).parent.mkdir(parents=True, exist_ok=True)
        (inbox / name).write_bytes(data)
    (inbox / "manifest.json").write_text(json.dumps(manifest)) if manifest else None
    return landing.land(lake, CONTRACTS[dataset], Arrival(dataset, day, revision, inbox), NOW)[0]


def _line(receipt: Receipt, stage: str, outcome: str, **more: Any) -> Line:
    return Line(
        stage, receipt.dataset, outcome, receipt.business_date, receipt.revision, receipt.sha256, seconds=1.25, **more
    )


def _accept(ledger: Ledger, receipt: Receipt) -> None:
    table = CONTRACTS[receipt.dataset].table
    found = (expectation("b.rows"), expectation("b.warning", severity="warning", success=False, broken=3))
    notices = ({"code": "N310", "text": f"column {EVIL}"},)
    counts = {"landed": 1902, "bronze": 1900, "refused": 2, "files": 2}
    ledger.append(
        _line(
            receipt,
            "bronze",
            "accepted",
            table=f"bronze.{table}",
            table_id="id",
            table_version=1,
            counts=counts,
            results=found,
            notices=notices,
        )
    )
    judged = {
        "judged": 1900,
        "good": 1637,
        "set_aside": 252,
        "duplicates": 11,
        "sums": {"persons_injured": "1157", "damage_usd": "55143363459.05"},
        "periods": ["2024-06-30", "2024-07-01"],
        "inserted": 1600,
        "changed": 21,
        "ended": 1,
        "unchanged": 13,
        "outranked": 2,
        "ended_by_absence": 5,
        "end_unproven": 6,
    }
    rules = (
        expectation("traffic.crashes.s2"),
        expectation("traffic.crashes.s1", severity="warning", success=False, broken=251),
    )
    ledger.append(
        _line(
            receipt,
            "silver",
            "accepted",
            table=f"silver.{table}",
            table_id="id",
            table_version=0,
            counts=judged,
            results=rules,
        )
    )


def _hold(ledger: Ledger, receipt: Receipt) -> None:
    counts = {"landed": 90, "bronze": 90, "refused": 0, "files": 1}
    where = {"dataset": receipt.dataset, "business_date": FIRST, "revision": 2}
    error = LakeError(
        "E701",
        expected="at most 0 rows",
        actual="9 rows",
        evidence="sha",
        place="traffic.crashes.s2",
        stage="silver",
        **where,
    )
    ledger.append(_line(receipt, "bronze", "accepted", counts=counts, results=(expectation("b.rows"),)))
    judged = {"judged": 90, "good": 81, "set_aside": 9, "duplicates": 0, "sums": {}, "periods": []}
    failed = (expectation("traffic.crashes.s1"), expectation("traffic.crashes.s2", success=False, broken=9))
    ledger.append(_line(receipt, "silver", "held", counts=judged, results=failed, error=error.parts()))


def _refuse(ledger: Ledger, receipt: Receipt) -> None:
    error = LakeError(
        "E316",
        dataset=receipt.dataset,
        business_date=FIRST,
        revision=1,
        stage="bronze",
        place="sales.xlsx",
        expected="a workbook",
        actual=f"{EVIL} bytes",
        evidence="landing sha256",
    )
    ledger.append(
        _line(
            receipt,
            "bronze",
            "refused",
            counts={"landed": 0, "bronze": 0, "refused": 0, "files": 0},
            error=error.parts(),
        )
    )


def _set_aside(lake: Lake) -> None:
    rows = [
        {
            "_business_date": date.fromisoformat(FIRST),
            "_revision": 1,
            "_stage": stage,
            "_file": file,
            "_record": record,
            "_line": None,
            "_rules": rules,
            "_detail": "5 cells, the header has 4" if stage == "bronze" else None,
            "_key": KEY,
            "_delivered": SECRET,
            "_raw": RAW,
        }
        for stage, file, record, rules in PLACES
    ]
    schema = pa.schema(
        [
            ("_business_date", pa.date32()),
            ("_revision", pa.int32()),
            ("_stage", pa.string()),
            ("_file", pa.string()),
            ("_record", pa.int64()),
            ("_line", pa.int64()),
            ("_rules", pa.list_(pa.string())),
            ("_detail", pa.string()),
            ("_key", pa.string()),
            ("_delivered", pa.string()),
            ("_raw", pa.binary()),
        ]
    )
    write_deltalake(lake.table("quarantine", "traffic_crashes"), pa.Table.from_pylist(rows, schema))


def _build(lake: Lake, ledger: Ledger, injured: int, outcome: str = "built") -> release.Released:
    """A version of `gold.crash_daily` with its line in the ledger."""
    row = {
        "borough_name": "Queens",
        "crash_date": date(2024, 6, 30),
        "crashes": 48,
        "persons_injured": injured,
        "persons_killed": 0,
    }
    path = lake.table("gold", "crash_daily")
    write_deltalake(path, pa.Table.from_pylist([row]), mode="overwrite")
    state = table_state(path)
    assert state is not None
    results = (
        expectation("gold.crash_daily.g1"),
        expectation("gold.crash_daily.g2", severity="warning", success=False, broken=1),
    )
    ledger.append(
        Line(
            "gold",
            "gold.crash_daily",
            outcome,
            fingerprint=f"f{state.version}",
            table_id=state.id,
            table_version=state.version,
            results=results,
        )
    )
    reads = ({"name": "traffic_crashes", "table_id": "id", "version": state.version},)
    return release.Released(
        "crash_daily", "new", "", state.id, state.version, 1, f"digest{injured}", f"f{state.version}", reads
    )


def _publish(lake: Lake, ledger: Ledger, crashes: Receipt) -> None:
    standing = ([crashes.dataset, FIRST, 1, crashes.sha256],)
    waiting = release.Released("land_market_monthly", "held", "a table that it reads has no accepted delivery yet")
    first = release.publish(lake, None, [_build(lake, ledger, 9), waiting], GOLD, "run-1", NOW)
    ledger.append(Line("release", "release.1", "released", counts={"tables": 2}))
    second = replace(
        _build(lake, ledger, 12), stands_on=standing, status="stale", why=f"traffic.crashes {FIRST} r2 held (E701)"
    )
    release.publish(lake, first, [second, waiting], GOLD, "run-2", NOW)
    ledger.append(Line("release", "release.2", "released", counts={"tables": 2}))
