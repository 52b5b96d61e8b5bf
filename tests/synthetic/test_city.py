"""Ten nights of Optics Valley at every level of faults, in order and shuffled, end in what is known to be true of them."""

from __future__ import annotations

import json
import random
import shutil
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from jobs.synthetic.faults import LEVELS
from jobs.synthetic.nights import write_nights
from jobs.synthetic.world import World as City
from tests.commands import typed_at
from tests.little import World

pytestmark = [pytest.mark.spark, pytest.mark.city]
NOW = "2026-03-01T00:00:00Z"


@pytest.mark.parametrize("shuffled", [False, True], ids=["in order", "shuffled"])
@pytest.mark.parametrize("level", LEVELS)
def test_ten_nights_end_in_what_is_true(
    spark: SparkSession, state_home: Path, person_key: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    level: str, shuffled: bool,
) -> None:  # fmt: skip
    monkeypatch.delenv("LAKE_CONF", raising=False)
    write_nights(City(7, Decimal("0.05"), date(2026, 1, 24), 10), level, tmp_path / "city", lambda: None)
    inbox = tmp_path / "city" / "inbox"
    world = World(tmp_path, lambda: spark, "optics_valley")
    nights = sorted({folder.name[:10] for folder in inbox.glob("*/*/*")})
    if shuffled:
        random.Random(7).shuffle(nights)
    for night in nights:
        for folder in inbox.glob(f"*/*/{night}*"):
            shutil.copytree(folder, world.inbox / folder.relative_to(inbox))
        assert world.run(now=NOW, release=True).problems == []
    lake = typed_at(world, monkeypatch, capsys)
    code, out, _ = lake("verify", "--city", "optics_valley", "--truth", str(tmp_path / "city" / "truth"), "--json")
    found = json.loads(out)
    assert {row["what"]: row["examples"] for row in found["compared"] if row["examples"]} == {}
    assert code == 0
    least = (1, 1) if level == "none" else (Decimal("0.99"), Decimal("0.97"))
    assert Decimal(found["precision"]) >= least[0]
    assert Decimal(found["recall"]) >= least[1]
