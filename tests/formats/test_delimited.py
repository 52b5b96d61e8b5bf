"""Delimited text: what fits is exact, what does not is refused with its place."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from jobs.errors import LakeError
from jobs.formats import Field, Layout, Reading, read


def layout(*headers: str, **options: object) -> Layout:
    """Declare columns; a header that ends in ? is optional."""
    columns = tuple(Field(h.rstrip("?"), h.rstrip("?"), not h.endswith("?")) for h in headers)
    return Layout(**{"format": "csv", "columns": columns, "max_undecodable": 1.0} | options)  # type: ignore[arg-type]


def read_bytes(tmp_path: Path, data: bytes, wanted: Layout, name: str = "file.csv") -> Reading:
    path = tmp_path / name
    path.write_bytes(data)
    return read(path, wanted)


def rows(reading: Reading, *names: str) -> list[tuple[object, ...]]:
    table = reading.table.select(list(names) or reading.table.column_names[:-2])
    return [tuple(row.values()) for row in table.to_pylist()]


def refusals(reading: Reading) -> list[tuple[int, int | None, str]]:
    return [(x.record, x.line, x.code) for x in reading.refused]


def refused_code(tmp_path: Path, data: bytes, wanted: Layout, name: str = "file.csv") -> tuple[str, str]:
    with pytest.raises(LakeError) as caught:
        read_bytes(tmp_path, data, wanted, name)
    return caught.value.code, caught.value.where.place


def test_a_table_has_the_declared_columns_then_extra_and_record(tmp_path: Path) -> None:
    reading = read_bytes(tmp_path, b"b,a\n1,2\n", layout("a", "b"))
    assert reading.table.column_names == ["a", "b", "_extra", "_record"]
    assert [str(x) for x in reading.table.schema.types] == ["string", "string", "string", "int64"]


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    assert refused_code(tmp_path, b"", layout("a"))[0] == "E105"
    assert refused_code(tmp_path, b"\xef\xbb\xbf", layout("a"))[0] == "E105"


@pytest.mark.parametrize("data", [b"a,b", b"a,b\n", b"a,b\r\n", b'"a","b"\r'])
def test_a_header_alone_is_a_file_without_records(tmp_path: Path, data: bytes) -> None:
    reading = read_bytes(tmp_path, data, layout("a", "b"))
    assert (reading.records, reading.table.num_rows, reading.refused) == (0, 0, ())


def test_line_ends_may_mix_and_quoted_ones_stay_as_they_are(tmp_path: Path) -> None:
    data = b'a,b\r\n1,"x\r\ny"\n2,"x\ny"\r3,"x\ry"\r\n4,"a,""b"""\n'
    reading = read_bytes(tmp_path, data, layout("a", "b"))
    assert rows(reading) == [("1", "x\r\ny"), ("2", "x\ny"), ("3", "x\ry"), ("4", 'a,"b"')]


def test_an_unclosed_quote_refuses_the_file_at_the_line_that_opens_it(tmp_path: Path) -> None:
    assert refused_code(tmp_path, b'a,b\n1,2\n3,"4\n5,6\n7,8\n', layout("a", "b")) == ("E203", "line 3")


def test_short_and_long_records_are_refused_with_their_bytes(tmp_path: Path) -> None:
    reading = read_bytes(tmp_path, b"a,b\n1,2\n3\n4,5,6\n\n7,8\n", layout("a", "b"))
    assert refusals(reading) == [(2, 3, "Q204"), (3, 4, "Q204"), (4, 5, "Q204")]
    assert [x.raw for x in reading.refused] == [b"3", b"4,5,6", b""]
    assert rows(reading, "a", "b", "_record") == [("1", "2", 1), ("7", "8", 5)]
    assert reading.records == 5


def test_a_blank_line_is_a_record_of_a_one_column_file(tmp_path: Path) -> None:
    assert rows(read_bytes(tmp_path, b"a\n1\n\n2\n", layout("a"))) == [("1",), ("",), ("2",)]


@pytest.mark.parametrize("line", [b'"x"y,2', b'x",2', b'1,"x" ', b'""x",2'])
def test_a_quote_in_the_wrong_place_is_refused_and_takes_no_neighbour_with_it(tmp_path: Path, line: bytes) -> None:
    reading = read_bytes(tmp_path, b"a,b\n1,2\n" + line + b'\n"3","4"\n', layout("a", "b"))
    assert refusals(reading) == [(2, 3, "Q203")]
    assert rows(reading) == [("1", "2"), ("3", "4")]


def test_a_quote_that_closes_on_a_later_line_joins_no_records(tmp_path: Path) -> None:
    reading = read_bytes(tmp_path, b'a,b\n1,"2\n3,"4"\n5,6\n', layout("a", "b"))
    assert refusals(reading) == [(1, 2, "Q203")]
    assert reading.refused[0].raw == b'1,"2\n3,"4"'
    assert rows(reading, "a", "_record") == [("5", 2)]


def test_a_quote_amid_an_unquoted_cell_is_its_text(tmp_path: Path) -> None:
    assert rows(read_bytes(tmp_path, b"a,b\n1,37 36'37.8\"N\n", layout("a", "b"))) == [("1", "37 36'37.8\"N")]


def test_nul_is_refused(tmp_path: Path) -> None:
    assert refusals(read_bytes(tmp_path, b"a,b\n1,\x002\n3,4\n", layout("a", "b"))) == [(1, 2, "Q205")]


def test_undecodable_bytes_are_refused_with_their_place_and_no_replacement(tmp_path: Path) -> None:
    reading = read_bytes(tmp_path, b"a,b\n1,caf\xe9 X\n3,4\n", layout("a", "b"))
    assert refusals(reading) == [(1, 2, "Q201")]
    assert reading.refused[0].detail == "not utf-8 at byte 5 of the record: e9"
    assert reading.refused[0].raw == b"1,caf\xe9 X"
    assert rows(reading) == [("3", "4")]


def test_too_many_undecodable_records_refuse_the_file(tmp_path: Path) -> None:
    data = b"a\n" + b"x\n" * 998 + b"\xff\n"
    assert read_bytes(tmp_path, data + b"x\n", layout("a", max_undecodable=0.001)).records == 1000
    assert refused_code(tmp_path, data, layout("a", max_undecodable=0.001)) == ("E201", "line 1000")


def test_empty_and_quoted_empty_are_the_empty_text_and_null_words_stay(tmp_path: Path) -> None:
    data = 'a,b,c,d,e\n"",,NULL,-,无\n'.encode()
    reading = read_bytes(tmp_path, data, layout("a", "b", "c", "d", "e"))
    assert rows(reading) == [("", "", "NULL", "-", "无")]


def test_cells_and_impossible_dates_keep_every_character(tmp_path: Path) -> None:
    reading = read_bytes(tmp_path, b"a,b,c\n 20240230 ,0000-00-00,\t007\n", layout("a", "b", "c"))
    assert rows(reading) == [(" 20240230 ", "0000-00-00", "\t007")]


@pytest.mark.parametrize("header", [b"a,b,a", b"a,b,A", b"a,b, a ", b"a,b,other"])
def test_two_columns_of_one_name_refuse_the_file(tmp_path: Path, header: bytes) -> None:
    assert refused_code(tmp_path, header + b"\n1,2,3\n", layout("a", "b", aliases={"other": "a"}))[0] == "E301"


def test_an_undeclared_column_is_kept_and_told(tmp_path: Path) -> None:
    data = b'z,a,b\n"say ""hi""\\",1,\n,2,\xe7\x9b\xae\n'
    reading = read_bytes(tmp_path, data, layout("a"))
    assert rows(reading, "_extra") == [(r'{"b": "", "z": "say \"hi\"\\"}',), ('{"b": "目", "z": ""}',)]
    assert [x.code for x in reading.notices] == ["N310", "N310"]


def test_columns_without_a_header_are_kept_under_their_number(tmp_path: Path) -> None:
    assert rows(read_bytes(tmp_path, b"a,,\n1,2,3\n", layout("a")), "_extra") == [
        ('{"(column 2)": "2", "(column 3)": "3"}',)
    ]


def test_a_missing_required_column_refuses_the_file(tmp_path: Path) -> None:
    assert refused_code(tmp_path, b"a,zzz\n1,2\n", layout("a", "borough")) == ("E311", "line 1")


def test_a_file_without_a_header_row_is_refused(tmp_path: Path) -> None:
    assert refused_code(tmp_path, b"1,2\n3,4\n", layout("a", "b")) == ("E315", "line 1")
    assert refused_code(tmp_path, b"a,b\n", layout("a", "b", header_row=3)) == ("E315", "line 3")


def test_a_missing_optional_column_is_null_and_told(tmp_path: Path) -> None:
    reading = read_bytes(tmp_path, b"a\n1\n", layout("a", "st?"))
    assert (rows(reading), [x.code for x in reading.notices]) == ([("1", None)], ["W312"])


def test_a_renamed_column_is_refused_with_the_near_name(tmp_path: Path) -> None:
    with pytest.raises(LakeError, match='"Borough Name" is near "BOROUGH_NAME"') as caught:
        read_bytes(tmp_path, b"a,Borough Name\n1,2\n", layout("a", "BOROUGH_NAME"))
    assert caught.value.code == "E313"


def test_an_alias_is_the_column_it_stands_for(tmp_path: Path) -> None:
    wanted = layout("zipcode", aliases={"zip code": "zipcode"})
    assert rows(read_bytes(tmp_path, b"ZIP  Code\n10001\n", wanted)) == [("10001",)]


def test_reordered_columns_read_the_same(tmp_path: Path) -> None:
    first = read_bytes(tmp_path, b"a,b,x,y\n1,2,3,4\n", layout("a", "b"))
    second = read_bytes(tmp_path, b"y,b,a,x\n4,2,1,3\n", layout("a", "b"))
    assert first == second


@pytest.mark.parametrize("cut", [1, 5, 12, 20])
def test_a_cut_gzip_is_refused(tmp_path: Path, cut: int) -> None:
    packed = gzip.compress(b"a,b\n1,2\n")
    assert refused_code(tmp_path, packed[:-cut], layout("a", "b"), "file.csv.gz")[0] == "E103"


def test_a_gzip_is_told_by_its_content_and_its_check_sum_counts(tmp_path: Path) -> None:
    packed = gzip.compress(b"a,b\n1,2\n")
    assert rows(read_bytes(tmp_path, packed, layout("a", "b"), "5f1d")) == [("1", "2")]
    assert refused_code(tmp_path, packed[:-8] + bytes(4) + packed[-4:], layout("a", "b"))[0] == "E103"
    assert refused_code(tmp_path, b"a,b\n", layout("a", "b"), "file.csv.gz")[0] == "E103"
    assert refused_code(tmp_path, gzip.compress(b""), layout("a", "b"))[0] == "E105"


def test_a_last_row_that_is_cut_refuses_the_file(tmp_path: Path) -> None:
    assert refused_code(tmp_path, b"a,b,c\n1,2,3\n4,5", layout("a", "b", "c")) == ("E102", "line 3")
    assert refused_code(tmp_path, "a,b\n1,é".encode()[:-1], layout("a", "b")) == ("E102", "line 2")


def test_a_last_row_without_its_line_end_is_a_row(tmp_path: Path) -> None:
    assert rows(read_bytes(tmp_path, b"a,b\n1,2\n3,", layout("a", "b"))) == [("1", "2"), ("3", "")]


def test_every_prefix_of_a_file_is_read_or_refused_and_shows_no_half_row(tmp_path: Path) -> None:
    data = 'a,b,c\r\n1,"x ""y""",3\r\n"4","five\nsix","目"\n7,8,9\n'.encode()
    whole = rows(read_bytes(tmp_path, data, layout("a", "b", "c")))
    for end in range(len(data)):
        try:
            found = rows(read_bytes(tmp_path, data[:end], layout("a", "b", "c")))
        except LakeError:
            continue
        assert all(row in whole or row == (*whole[len(found) - 1][:2], "") for row in found)


@pytest.mark.parametrize(
    ("encoding", "codec"), [("gbk", "gb18030"), ("GB2312", "gb18030"), ("gb18030", "gb18030"), ("latin-1", "latin-1")]
)
def test_declared_encodings_give_exact_characters(tmp_path: Path, encoding: str, codec: str) -> None:
    text = "café ñ \x85" if codec == "latin-1" else "北京 㐂 𠮷 €"
    reading = read_bytes(tmp_path, f"a,b\n1,{text}\n".encode(codec), layout("a", "b", encoding=encoding))
    assert rows(reading) == [("1", text)]


def test_a_bad_record_of_another_encoding_is_refused_with_its_own_bytes(tmp_path: Path) -> None:
    data = "a|b\n𠮷|数\n".encode("gb18030") + b"\xff|1\n" + "好|2\n".encode("gb18030")
    reading = read_bytes(tmp_path, data, layout("a", "b", encoding="gbk", delimiter="|"))
    assert [(x.record, x.code, x.raw) for x in reading.refused] == [(2, "Q201", b"\xff|1")]
    assert rows(reading) == [("𠮷", "数"), ("好", "2")]


def test_a_mark_of_an_undeclared_encoding_refuses_the_file(tmp_path: Path) -> None:
    assert refused_code(tmp_path, "a\n1\n".encode("utf-16"), layout("a"))[0] == "E202"
    assert refused_code(tmp_path, b"\xef\xbb\xbfa\n1\n", layout("a", encoding="gbk"))[0] == "E202"
    assert rows(read_bytes(tmp_path, b"\xef\xbb\xbfa\n1\n", layout("a"))) == [("1",)]


@pytest.mark.parametrize("name", ["_x.csv", ".x.csv", "_x", "日.csv"])
def test_a_file_of_any_name_is_read(tmp_path: Path, name: str) -> None:
    assert rows(read_bytes(tmp_path, b"a\n1\n", layout("a"), name)) == [("1",)]


def test_lines_above_the_header_are_not_read(tmp_path: Path) -> None:
    reading = read_bytes(tmp_path, b'title "of\r\n\na,b\n1,2\n3\n', layout("a", "b", header_row=3))
    assert (rows(reading), refusals(reading)) == ([("1", "2")], [(2, 5, "Q204")])


def test_other_delimiters_and_quotes_are_read_as_declared(tmp_path: Path) -> None:
    data = b"a\tb\n'x\ty'\t'it''s'\n"
    assert rows(read_bytes(tmp_path, data, layout("a", "b", delimiter="\t", quote="'"))) == [("x\ty", "it's")]
    assert rows(read_bytes(tmp_path, b'a,b\n"x,y\n', layout("a", "b", quote=""))) == [('"x', "y")]


def test_sizes_over_a_limit_refuse_the_file(tmp_path: Path) -> None:
    assert refused_code(tmp_path, b"a,b\n1,2\n3," + b"x" * 101 + b"\n", layout("a", "b", max_cell_bytes=100)) == (
        "E207",
        "line 3",
    )
    assert (
        refused_code(tmp_path, b"a,b\n1," + b"x" * 200, layout("a", "b", max_record_bytes=100, max_cell_bytes=100))[0]
        == "E207"
    )
    assert refused_code(tmp_path, b"a,b,c\n", layout("a", max_columns=2))[0] == "E207"


def test_no_error_or_detail_holds_a_value(tmp_path: Path) -> None:
    data = b'a,b\nsecret,secret"\nsecret\nsecret,\xff\nsecret,\x00\nsecret,"secret'
    with pytest.raises(LakeError) as caught:
        read_bytes(tmp_path, data, layout("a", "b"))
    reading = read_bytes(tmp_path, data[:-15] + b"\n", layout("a", "b"))
    assert "secret" not in str(caught.value) + "".join(x.detail for x in reading.refused)
    assert [x.code for x in reading.refused][:4] == ["Q203", "Q204", "Q201", "Q205"]
