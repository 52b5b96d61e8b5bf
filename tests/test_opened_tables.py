"""A table whose log was read is not read again while nothing changed, and everybody sees each change at once."""

from __future__ import annotations

import shutil
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from jobs import delta
from jobs.errors import LakeError


@pytest.fixture
def table(tmp_path: Path) -> str:
    path = str(tmp_path / "audit" / "things")
    write_deltalake(path, pa.table({"x": [1]}))
    return path


def rows(path: str) -> list[int]:
    found = delta.read_arrow(path)
    assert found is not None
    return sorted(found["x"].to_pylist())


def test_what_another_program_commits_is_seen(table: str) -> None:
    assert rows(table) == [1]
    write_deltalake(table, pa.table({"x": [2]}), mode="append")
    assert rows(table) == [1, 2]


def test_a_log_that_did_not_change_is_read_once(table: str) -> None:
    assert delta.open_table(table) is delta.open_table(table)
    assert delta.open_table(table, 0) is delta.open_table(table, 0)


def test_a_reader_keeps_its_version_while_a_writer_commits(table: str) -> None:
    reader, writer = delta.open_table(table), delta.open_to_write(table)
    assert reader is not None
    assert writer is not None
    write_deltalake(writer, pa.table({"x": [2]}), mode="append")
    assert (reader.version(), writer.version()) == (0, 1)
    assert rows(table) == [1, 2]


def test_a_table_that_was_replaced_by_another_of_the_same_files_is_that_other(table: str, tmp_path: Path) -> None:
    assert rows(table) == [1]
    copy = tmp_path / "copy"
    shutil.copytree(table, copy)
    entry = copy / "_delta_log" / f"{0:020}.json"
    entry.write_text(entry.read_text().replace('"name":"x"', '"name":"y"').replace('\\"x\\"', '\\"y\\"'))
    shutil.rmtree(table)
    copy.rename(table)
    found = delta.read_arrow(table)
    assert found is not None
    assert found.column_names == ["y"]


def test_an_entry_that_lost_its_bytes_is_told_also_of_a_table_that_was_read(table: str) -> None:
    assert rows(table) == [1]
    (Path(table) / "_delta_log" / f"{0:020}.json").write_bytes(b"")
    with pytest.raises(LakeError) as told:
        rows(table)
    assert told.value.code == "E602"


def test_a_table_that_is_gone_is_gone(table: str) -> None:
    assert rows(table) == [1]
    shutil.rmtree(table)
    assert delta.open_table(table) is None
