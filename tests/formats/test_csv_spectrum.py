"""The csv-spectrum corpus: each file against the answer that comes with it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from jobs.formats import Field, Layout, read

CORPUS = Path(__file__).parent / "data" / "csv_spectrum"
FILES = sorted(CORPUS.glob("*.csv"))
# The corpus is wrong here: its answer has a number that its file has not.
CORRECTED = {"location_coordinates": {"Contact Phone Number": "2095257564"}}


def test_the_corpus_is_whole() -> None:
    assert len(FILES) == 12


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_file_reads_as_its_answer(path: Path) -> None:
    answer = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    expected = [row | CORRECTED.get(path.stem, {}) for row in (answer if isinstance(answer, list) else [answer])]
    reading = read(path, Layout("csv", tuple(Field(header, header, True) for header in expected[0])))
    assert reading.table.drop_columns(["_extra", "_record"]).to_pylist() == expected
    assert (reading.refused, reading.notices) == ((), ())
