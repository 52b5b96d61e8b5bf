"""G1: a record at which the reader itself fails is set aside alone, with its bytes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from jobs.formats import Field, Layout, delimited, json_array, read

COLUMNS = (Field("key", "key", True), Field("text", "text", False))
CSV = b'key,text\n1,a\n2,"poi\nson"\n3,c\n'
JSON = b'[["key","text"],\n["1","a"],\n["2","poi\\nson"],\n["3","c"]]'


@pytest.mark.parametrize(
    ("name", "module", "content", "raw", "line"),
    [("a.csv", delimited, CSV + b"4\n", b'2,"poi\nson"', 3), ("a.json", json_array, JSON, b'["2","poi\\nson"]', 3)],
)
def test_a_record_at_which_the_reader_fails_takes_no_other_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, module: Any, content: bytes, raw: bytes, line: int
) -> None:
    judge = module._judge

    def fail_at_poison(*given: Any) -> Any:
        if b"poi\nson" in content and b"poi" in given[0].data[given[1].start : given[1].stop]:
            raise IndexError
        if isinstance(given[0], list) and "poi\nson" in given[0]:
            raise RecursionError
        return judge(*given)

    monkeypatch.setattr(module, "_judge", fail_at_poison)
    (tmp_path / name).write_bytes(content)
    reading = read(tmp_path / name, Layout(name[2:], COLUMNS))
    assert reading.table["key"].to_pylist() == ["1", "3"]
    (poison, *others) = reading.refused
    assert (poison.code, poison.record, poison.line, poison.raw) == ("Q900", 2, line, raw)
    assert [r.code for r in others] == (["Q204"] if name == "a.csv" else [])
