"""Evidence of a figure whose records name persons: places and hashes, and never the records."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pyarrow as pa
import pytest

from jobs.cities import load_city, load_contracts
from jobs.evidence import verify_evidence, write_evidence
from jobs.lake import Lake
from jobs.landing import LandedFile, Receipt, object_path
from jobs.origins import PLACE, Delivered, Figure, Source
from jobs.persons import persons

ANNA, TOKEN = "099901198102280012", "k1.5e5e"
CONTRACT = load_contracts("optics_valley")["employment.insurance"]


@pytest.fixture
def figure(tmp_path: Path) -> tuple[Figure, Lake]:
    """One insured person behind a count, and the file that names her."""
    lake, file = Lake(str(tmp_path / "lake"), "optics_valley"), f"{ANNA},Anna\n".encode()
    sha256 = hashlib.sha256(file).hexdigest()
    lake.write_atomic(object_path(lake, sha256), file)
    landed = LandedFile("insured.csv", sha256, len(file), sha256)
    receipt = Receipt(
        CONTRACT.dataset, "2026-01-01", 1, "delivered", "2026-01-01T18:00:00Z", "2026-01-01", "5a" * 32, (landed,)
    )
    row = {**{c.name: None for c in CONTRACT.columns}, **dict.fromkeys(persons(CONTRACT), TOKEN)}
    place = dict(zip(PLACE, ("2026-01-01", "1", "insured.csv", "1"), strict=True))
    rows = pa.table({name: pa.array([value], pa.string()) for name, value in {**row, **place}.items()})
    delivered = Delivered(CONTRACT, receipt, {"insured.csv": [1]}, {"insured.csv": []})
    values = {"community_code": "099901001", "insured": "1"}
    source = Source(CONTRACT, "id", 3, 1, rows, ())
    return Figure("insured", "Insured", {"community_code": "099901001"}, 1, "2026-01-02T00:00:00Z", 0, "d1", values, (source,), (delivered,), ()), lake  # fmt: skip


def test_a_file_that_names_persons_stays_in_the_lake_and_is_known_by_its_hash(
    figure: tuple[Figure, Lake], tmp_path: Path
) -> None:
    assert persons(CONTRACT), "the dataset has a column of class person"
    folder = tmp_path / "evidence"
    write_evidence(*figure, load_city("optics_valley"), folder)
    texts = {p.relative_to(folder).as_posix(): p.read_text("utf-8") for p in folder.rglob("*") if p.is_file()}
    assert [name for name, text in texts.items() if ANNA in text or TOKEN in text] == []
    (delivery,) = json.loads(texts["manifest.json"])["deliveries"]
    (file,) = delivery["files"]
    assert (file["sha256"], file["records"], file["record_sha256"]) == (figure[0].deliveries[0].receipt.files[0].sha256, [1], [])  # fmt: skip
    assert "stays in the lake" in texts["en/index.html"] and "其文件留在湖中" in texts["index.html"]
    found = verify_evidence(folder)
    assert (found.records, found.unread) == (0, 1)
