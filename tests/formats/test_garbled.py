"""Texts that a program has garbled before they were delivered: noted where nothing else can be meant, and nowhere else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook

from jobs.formats import Field, Layout, read

COLUMNS = (Field("key", "key", True, "integer"), Field("text", "text", False))
GARBLED = [
    "锟斤拷", "某公司锟斤拷", "a\ufffdb", "\ufffd",
    *[text.encode().decode("latin-1") for text in ("café", "Müller", "été", "naïve", "¿Cuál año?", "中文", "上海市")],
    *[text.encode().decode("cp1252") for text in ("中文", "海关", "café")],
]  # fmt: skip
GOOD = [
    "锟", "斤拷", "武汉东湖高新技术开发区", "㐂𠮷", "𝄞", "한국어", "日本語テキスト", "Ελληνικά", "Русский",
    "São Paulo", "SÃO PAULO", "MAÇÃ verde", "IRMÃ\u00a0e irmão", "XÃ HỘI", "Đã", "“CAFÉ”", "CAFÉ™", "« déjà »", "voilà…»", "Beyoncé”…",
    "20 °C ± 1", "5 × 3 m²", "Â", "Ã", "Ã©", "É", "naïve café", "Ångström", "Þórður", "ÀÉÎÕÜ àéîõü", "façade–maçon", "3½", "©®™", "¡Olé!", "l’été", "",
]  # fmt: skip


def noted(file: Path, encoding: str = "utf-8") -> list[bool]:
    """Of each record, whether the reader says that its text is garbled."""
    reading = read(file, Layout(file.suffix[1:], COLUMNS, encoding=encoding))
    extra = reading.table["_extra"].to_pylist()
    assert all(x is None or json.loads(x) == {"text#garbled": "true"} for x in extra)
    return [x is not None for x in extra]


def write_csv(path: Path, texts: list[str], encoding: str = "utf-8") -> Path:
    lines = [f'{n},"{text}"' for n, text in enumerate(texts)]
    path.write_bytes(("key,text\n" + "\n".join(lines) + "\n").encode(encoding))
    return path


def test_no_good_text_is_taken_for_a_garbled_one(tmp_path: Path) -> None:
    assert dict(zip(GOOD, noted(write_csv(tmp_path / "a.csv", GOOD)), strict=True)) == dict.fromkeys(GOOD, False)


def test_what_a_program_garbled_is_noted_in_every_format(tmp_path: Path) -> None:
    texts = [*GARBLED, "good"]
    printable = [t for t in texts if t.isprintable()]
    rows = [["key", "text"], *[[str(n), text] for n, text in enumerate(texts)]]
    (tmp_path / "a.json").write_text(json.dumps(rows), "utf-8")
    for way in (write_csv(tmp_path / "a.csv", texts), tmp_path / "a.json"):
        assert dict(zip(texts, noted(way), strict=True)) == {t: t != "good" for t in texts}
    book = Workbook()
    assert book.active is not None
    for row in (["key", "text"], *[[n, text] for n, text in enumerate(printable)]):
        book.active.append(row)
    book.save(tmp_path / "a.xlsx")
    assert dict(zip(printable, noted(tmp_path / "a.xlsx"), strict=True)) == {t: t != "good" for t in printable}


@pytest.mark.parametrize("encoding", ["gb18030", "utf-16"])
def test_it_is_the_character_that_counts_and_not_its_bytes(tmp_path: Path, encoding: str) -> None:
    assert noted(write_csv(tmp_path / "a.csv", ["锟斤拷", "中文"], encoding), encoding) == [True, False]


@given(st.lists(st.text("ÃÂéàäåæçè abcXYZ中文锟斤é’“”…–·ü", max_size=6), min_size=1, max_size=8))
def test_words_whose_marks_stand_apart_are_never_noted(
    tmp_path_factory: pytest.TempPathFactory, words: list[str]
) -> None:
    """Blanks between all characters: no encoding put them there."""
    texts = [" ".join(word) for word in words]
    assert not any(noted(write_csv(tmp_path_factory.mktemp("words") / "a.csv", texts)))
