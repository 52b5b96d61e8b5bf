"""The catalogue of faults. A new case is one more entry of CASES."""

from __future__ import annotations

import gzip
from typing import Any

from tests.faults.case import (
    GOOD,
    HEADER,
    KEY,
    NEXT,
    NIGHT,
    TEXT,
    Case,
    Deliver,
    file,
    nights,
    rows,
    standing,
    text_of,
    zipped,
)
from tests.faults.hostile import HOSTILE
from tests.little import World

ODD = (
    f'{HEADER}\r\n{KEY},2013,10,"two\nlines, one comma",,\r'  # ends in CR
    f'2,2013,20,"she said ""{TEXT}""",,\n3,2013,30,"","1.50",\r\n'
)
BROKEN_SUITE = "bronze:\n  - {type: expect_column_values_to_be_null, kwargs: {column: nowhere}, severity: critical, meta: {rule: faults.g6_raises.b1, dimension: validity, reason: No such column.}}\nsilver:\n  - {type: expect_column_values_to_not_be_null, kwargs: {column: text}, severity: warning, meta: {rule: faults.g6_raises.s1, dimension: validity, reason: Texts.}}\n"
HALF_SUITE = "bronze: []\nsilver:\n  - {type: expect_column_values_to_not_be_null, kwargs: {column: text}, severity: warning, meta: {rule: faults.g6_empty.s1, dimension: validity, reason: Texts.}}\n"


LISTS = """\
      - {name: kind, logicalType: string, enum: [{value: a}, {value: b}], classification: public, description: A kind.}
      - {name: place, logicalType: string, logicalTypeOptions: {format: division}, classification: public, description: A division.}
"""


def two_files(first: str, second: str, **manifest: Any) -> Deliver:
    """A delivery of two files."""

    def deliver(world: World, dataset: str, date: str) -> None:
        world.deliver(dataset, date, GOOD, name=first)
        world.deliver(dataset, date, text_of((3, 2013, 30)), name=second, manifest=manifest or None)

    return deliver


CASES = (
    Case("A1", "a file that is still growing", file(GOOD[:30], "data.csv.part"), "", "E101"),
    Case("A10", "a night whose night before is missing", rows((KEY, 2013, 11, TEXT), (2, 2013, 20, TEXT)), "accepted", date="2025-01-03",
         before=nights(d01=GOOD), counts={"good": 2, "changed": 1, "unchanged": 1}, silver=((2, 20), (KEY, 11))),
    standing("A12_dataset", "a manifest of another dataset", file(GOOD, dataset="faults.other"), "refused", "E108", 34, stage="bronze", says="faults.other"),
    standing("A12_date", "a manifest of another business date", file(GOOD, business_date="2025-01-03"), "refused", "E108", 35, stage="bronze", says="2025-01-03"),
    Case("A12_right", "a manifest that names what it lies with", file(GOOD, dataset="faults.a12_right", business_date=NEXT), "accepted",
         silver=((2, 20), (KEY, 10))),
    standing("A14_case", "two names that differ in case only", two_files("data.csv", "DATA.csv"), "refused", "E110", 36, stage="bronze", says="data.csv"),
    standing("A14_form", "two names that differ in their Unicode form only", two_files("caf\u00e9.csv", "cafe\u0301.csv"), "refused", "E110", 37, stage="bronze",
             says="cafe\u0301.csv, caf\u00e9.csv"),
    Case("A14_all", "two files, one of a name that Spark passes over", two_files("data.csv", "_more.csv", records=3), "accepted",
         counts={"good": 3}, silver=((2, 20), (3, 30), (KEY, 10))),
    Case("C4", "texts that a program has garbled, between some that only look so",
         rows((1, 2013, 10, "\u951f\u65a4\u62f7\u516c\u53f8"), (2, 2013, 20, "caf\u00c3\u00a9"), (3, 2013, 30, "\u00e4\u00b8\u00ad\u00e6\u2013\u2021"), (4, 2013, 40, "Zanzi\ufffdbar"),
              (5, 2013, 50, "S\u00c3O \u201cCAF\u00c9\u201d CAF\u00c9\u2122 \u951f"), (6, 2013, 60, "\u00c2ge \u00c3\u00a0 \u00e9\u201d\u2026 \u4e2d\u6587"), (KEY, 2013, 70, TEXT)),
         "accepted", mostly=0.4, counts={"judged": 7, "good": 3, "set_aside": 4}, silver=((5, 50), (6, 60), (KEY, 70)),
         aside=dict.fromkeys((1, 2, 3, 4), ("Q202",))),
    Case("C4_gb18030", "what was garbled on its way to GB18030", file(text_of((1, 2013, 10, "\u951f\u65a4\u62f7"), (KEY, 2013, 20, "\u4e2d\u6587")).encode("gb18030")),
         "accepted", encoding="gb18030", counts={"good": 1, "set_aside": 1}, silver=((KEY, 20),), aside={1: ("Q202",)}),
    standing("C4_most", "a file that was garbled as a whole", rows((1, 2013, 10, "\u00c3\u00a9t\u00c3\u00a9"), (2, 2013, 20, "\u951f\u65a4\u62f7"), (KEY, 2013, 30, TEXT)), "held", "E701", 38,
             counts={"judged": 3, "good": 1, "set_aside": 2}, aside=dict.fromkeys((1, 2), ("Q202",)), says="Q202"),
    Case("D8", "a value that is not in its list, and a division that is no longer in force",
         rows((1, 2013, 10, "", "", "", "c"), (2, 2013, 20, "", "", "", "a", "099907"), (KEY, 2013, 30, TEXT, "", "", "b", "099901"), header=HEADER + ",kind,place"),
         "accepted", columns=LISTS, mostly=0.0, counts={"judged": 3, "good": 1, "set_aside": 2}, silver=((KEY, 30),), aside={1: ("kind.enum",), 2: ("place.format",)}),
    Case("D8_before", "a division on the last day on which it is in force", rows((KEY, 2013, 10, TEXT, "", "", "a", "099907"), header=HEADER + ",kind,place"),
         "accepted", date="2024-12-31", columns=LISTS, counts={"good": 1}, silver=((KEY, 10),)),
    Case(
        "A5_count", "one record fewer than the manifest states", file(GOOD, records=3), "refused", "E401", "bronze",
        says="3 records",
    ),
    Case(
        "A5_sum", "a sum one hundredth off", file(text_of((KEY, 2013, 10, TEXT, "10.00"), (2, 2013, 20, TEXT, "2.50")), sums={"amount": "12.51"}),
        "refused", "E401", "bronze", says="12.51",
    ),
    Case(
        "A5_hash_total", "a hash total one off", file(GOOD, hash_totals={"key": str(KEY + 3)}), "refused", "E401", "bronze", says="a hash total of",
    ),
    Case("A5_hash_right", "a hash total as stated", file(GOOD, hash_totals={"key": str(KEY + 2)}), "accepted", silver=((2, 20), (KEY, 10))),
    Case(
        "A5_sum_right", "a sum as stated, over cells that are numbers",
        file(text_of((KEY, 2013, 10, TEXT, "10.00"), (2, 2013, 20, TEXT, "2.5"), (3, 2013, 30, TEXT, "-")), sums={"amount": "12.50"}),
        "accepted", silver=((2, 20), (3, 30), (KEY, 10)),
    ),
    Case(
        "A5_sum_number", "a sum that is stated as a number, which no binary fraction is",
        file(text_of((KEY, 2013, 10, TEXT, "10.01"), (2, 2013, 20, TEXT, "2.50")), sums={"amount": 12.51}), "accepted",
        silver=((2, 20), (KEY, 10)),
    ),
    Case(
        "A5_sum_nowhere", "a sum of a column that is not there", file(GOOD, sums={"total": "1"}), "refused", "E401", "bronze", says="total",
    ),
    standing("A3_gzip", "a gzip file that is cut", file(gzip.compress(GOOD.encode())[:-9], "data.csv.gz"), "refused", "E103", 11, stage="bronze"),
    standing("A3_zip", "a zip file that is cut", file(zipped(data=GOOD)[:-9], "data.csv.zip"), "refused", "E103", 12, stage="bronze"),
    Case("A3_whole", "a zip file that is whole", file(zipped(data=GOOD), "data.csv.zip", records=2), "accepted", counts={"good": 2},
         silver=((2, 20), (KEY, 10))),
    standing("A3_two", "a zip file with two files", file(zipped(data=GOOD, more=GOOD), "data.csv.zip"), "refused", "E316", 13, stage="bronze", says="2 files"),
    standing("H1", "a zip file that would fill the disk", file(zipped(data=GOOD + "\n" * 8_000_000), "data.csv.zip"), "refused", "E810", 14, stage="bronze",
             says="8000"),
    Case("A6", "no rows, and the manifest says so", file(HEADER + "\n", records=0), "accepted",
         counts={"judged": 0, "good": 0, "set_aside": 0}, silver=(), notices=("W402",)),
    Case("A6_min_rows", "no rows where the contract asks for some", file(HEADER + "\n", records=0), "held", "E402", "bronze",
         counts={"landed": 0, "bronze": 0}, extra="      - {property: minRows, value: 1}"),
    standing("A6_empty_file", "a file of zero bytes", file(b""), "refused", "E105", 1, stage="bronze"),
    Case("A7", "the same bytes again", file(GOOD), "accepted", date=NIGHT, before=file(GOOD), counts={"good": 2, "inserted": 2}),
    Case("A8", "a correction of the same night", file(text_of((KEY, 2013, 11, TEXT), (3, 2013, 30)), revision=2), "accepted", date=NIGHT,
         revision=2, before=file(GOOD), counts={"judged": 2, "good": 2}, silver=((3, 30), (KEY, 11))),
    Case("A9", "a night after later ones", rows((KEY, 2013, 11), (2, 2013, 20)), "accepted",
         before=nights(d01=text_of((KEY, 2013, 10)), d03=text_of((2, 2013, 20))), counts={"good": 2, "inserted": 1, "changed": 1}, silver=((2, 20),)),
    Case("C1", "characters that need all of GB18030", file(text_of((KEY, 2013, 10, "㐂𠮷")).encode("gb18030")), "accepted",
         counts={"good": 1}, silver=((KEY, 10),), encoding="gbk"),
    Case("C2", "bytes that are not of the encoding", file(GOOD.encode() + b"3,2013,30,\xff\xfe,,\n"), "accepted",
         counts={"judged": 2, "good": 2}, silver=((2, 20), (KEY, 10)), aside={3: ("Q201",)}),
    Case("C3", "a byte order mark", file("\ufeff" + GOOD), "accepted", counts={"good": 2}, silver=((2, 20), (KEY, 10))),
    standing("C3_utf16", "UTF-16 where UTF-8 is declared", file(GOOD.encode("utf-16")), "refused", "E202", 15, stage="bronze", says="utf-16"),
    Case("C5", "mixed line ends, and line breaks, commas and quotes inside quotes", file(ODD, records=3), "accepted",
         counts={"good": 3, "set_aside": 0}, silver=((2, 20), (3, 30), (KEY, 10))),
    standing("C6", "an unclosed quote", file(f'{HEADER}\n1,2013,1,a,,\n{KEY},2013,2,"{TEXT},,\n3,2013,3,b,,\n'), "refused", "E203", 2,
             stage="bronze", says="data.csv line 3"),
    Case("C7", "records with too few and too many cells", file(f"{HEADER}\n1,2013\n{KEY},2013,10,,,\n3,2013,30,,,,{TEXT}\n"), "accepted",
         counts={"judged": 1, "good": 1}, silver=((KEY, 10),), aside={1: ("Q204",), 3: ("Q204",)}),
    Case("C8", "NUL in a cell", file(f"{HEADER}\n{KEY},2013,10,{TEXT},,\n2,2013,20,a\0b,,\n"), "accepted",
         counts={"judged": 1, "good": 1}, silver=((KEY, 10),), aside={2: ("Q205",)}),
    Case("C10", "amounts as people write them", rows(*[(n, 2013, 10, "", amount) for n, amount in enumerate(('"1,234.50"', "￥5", "5万元", "1.2E3", "(5)", "1234.50"), 1)], (KEY, 2013, 10)),
         "accepted", counts={"judged": 7, "good": 2, "set_aside": 5}, silver=((6, 10), (KEY, 10)), aside=dict.fromkeys((1, 2, 3, 4, 5), ("amount.type",)), mostly=0.0),
    Case("C11", "what a spreadsheet makes of long numbers and of days",
         rows(("7.73194E+17", 2013, 10), (2, 2013, 10, "", "", 45000), (KEY, 2013, 10, "", "", "2024-02-29")), "accepted",
         counts={"judged": 3, "good": 1, "set_aside": 2}, silver=((KEY, 10),), aside={1: ("key.type", "key.required"), 2: ("day.type",)}, mostly=0.0),
    Case("A11", "rows of another business date inside",
         rows((KEY, 2013, 10, TEXT, "", NEXT), (2, 2013, 20, TEXT, "", "2024-12-31"), (3, 2013, 30, TEXT, "", "2024-12-30"), (4, 2013, 40, TEXT, "", "2025-01-03"), (5, 2013, 50, TEXT)),
         "accepted", extra="      - {property: rowDate, value: {column: day, before: 2}}", silver=((2, 20), (5, 50), (KEY, 10)), counts={"judged": 5, "set_aside": 2},
         aside={3: ("day.row_date",), 4: ("day.row_date",)}),
    Case("A11_all", "most rows of another business date", rows((KEY, 2013, 10, TEXT, "", "2024-12-30"), (2, 2013, 20, TEXT, "", "2024-12-30"), (3, 2013, 30, TEXT, "", NEXT)),
         "held", "E701", extra="      - {property: rowDate, value: {column: day, before: 2}}", counts={"set_aside": 2}, aside=dict.fromkeys((1, 2), ("day.row_date",))),
    Case("C12", "days that are none, and days that stand for no day",
         rows(*[(n, 2013, 10, "", "", day) for n, day in enumerate(("20240230", "2024-02-30", "0000-00-00", "24-01-02", "1900-01-01", "9999-12-31", "2024-02-29"), 1)], (KEY, 2013, 10)),
         "accepted", counts={"judged": 8, "good": 4, "set_aside": 4}, silver=((5, 10), (6, 10), (7, 10), (KEY, 10)),
         aside=dict.fromkeys((1, 2, 3, 4), ("day.type",)), null_tokens=("-", "1900-01-01", "9999-12-31"), mostly=0.0),
    Case("C13", "what is no number, or too large or too fine for its column",
         rows(*[(n, 2013, 10, "", amount) for n, amount in enumerate(("NaN", "Infinity", "99999999999999999", "1.005", "9999999999999999.99"), 1)], (KEY, 2013, 10)),
         "accepted", counts={"judged": 6, "good": 2, "set_aside": 4}, silver=((5, 10), (KEY, 10)), aside=dict.fromkeys((1, 2, 3, 4), ("amount.type",)), mostly=0.0),
    Case("C14", "five ways to say nothing", file(f'{HEADER}\n1,2013,10,"",,\n2,2013,10,,,\n3,2013,10,NULL,,\n4,2013,10,-,,\n{KEY},2013,10,无,,\n'),
         "accepted", counts={"good": 5}, silver=((1, 10), (2, 10), (3, 10), (4, 10), (KEY, 10))),
    standing("C15", "a cell of a megabyte", rows((KEY, 2013, 10, TEXT * 130_000)), "refused", "E207", 16, stage="bronze", says="1000000 bytes"),
    standing("C15_columns", "five thousand columns", rows((KEY, 2013, 10), header=HEADER + "".join(f",c{n}" for n in range(5_000))), "refused", "E207", 17,
             stage="bronze", says="5006"),
    standing("C16", "one header twice", rows((KEY, 2013, 10, TEXT, "", "", 11), header=HEADER + ",value"), "refused", "E301", 3, stage="bronze", says="line 1"),
    standing("C16_case", "headers that differ in case only", rows((KEY, 2013, 10, TEXT, "", "", 11), header=HEADER + ",Value"), "refused", "E301", 4, stage="bronze", says="line 1"),
    Case("D1", "a column more", rows((KEY, 2013, 10, "", "", "", TEXT), header=HEADER + ",colour"), "accepted",
         counts={"good": 1}, silver=((KEY, 10),), notices=("N310",)),
    standing("D2", "a required column is gone", rows((KEY, 2013, TEXT), header="key,period,text"), "refused", "E311", 5, stage="bronze", says='"value"'),
    standing("D2_header", "no header row", file(f"{KEY},2013,10,{TEXT},,\n2,2013,20,,,\n"), "refused", "E315", 6, stage="bronze"),
    Case("D3", "an optional column is gone", rows((KEY, 2013, 10), header="key,period,value"), "accepted",
         counts={"good": 1}, silver=((KEY, 10),), notices=("W312",)),
    standing("D4", "a renamed column", rows((KEY, 2013, 10, TEXT), header="key,period,values,text"), "refused", "E313", 7, stage="bronze", says='"values" is near "value"'),
    Case("D5", "columns in another order", file(f"text,value,key,period\n{TEXT},10,{KEY},2013\n{TEXT},20,2,2013\n"), "accepted",
         before=file(GOOD), counts={"good": 2, "unchanged": 2, "inserted": 0, "changed": 0}, silver=((2, 20), (KEY, 10))),
    Case("D6", "text in a few cells of a number", rows((1, 2013, 10), (2, 2013, 20), (KEY, 2013, TEXT)), "accepted",
         counts={"judged": 3, "good": 2, "set_aside": 1}, silver=((1, 10), (2, 20)), aside={3: ("value.type", "value.required")}),
    standing("D6_most", "text in most cells of a number", rows((1, 2013, 10), (2, 2013, TEXT), (KEY, 2013, TEXT)), "held", "E314", 8,
             counts={"judged": 3, "good": 1, "set_aside": 2}, aside={2: ("value.type", "value.required"), 3: ("value.type", "value.required")}, says="value.type"),
    standing("G2", "most rows break a rule", rows((1, 2013, 10), (2, 2013, 5001), (KEY, 2013, 5002, TEXT)), "held", "E701", 9,
             counts={"judged": 3, "good": 1, "set_aside": 2}, aside={2: ("value.maximum",), 3: ("value.maximum",)}, says="value.maximum"),
    Case("G3", "exact and conflicting copies of a key", rows((1, 2013, 10, TEXT), (1, 2013, 10, TEXT), (KEY, 2013, 20), (KEY, 2013, 21), (3, 2013, 30)), "accepted",
         counts={"judged": 5, "good": 2, "duplicates": 1, "conflicts": 2, "set_aside": 2}, silver=((1, 10), (3, 30)), aside={3: ("Q801",), 4: ("Q801",)}),
    Case("G6_missing", "no suite", file(GOOD), "", "E703", suite=None),
    Case("G6_empty", "a stage of the suite is empty", file(GOOD), "", "E703", suite=HALF_SUITE),
    Case("G6_raises", "an exception inside Great Expectations", file(GOOD), "failed", "E703", "bronze", suite=BROKEN_SUITE),
    standing("S4", "a file that is cut in its last row", file(f"{HEADER}\n1,2013,10,,,\n{KEY},2013,2"), "refused", "E102", 10, stage="bronze", says="line 3"),
    Case("S5", "a file whose name begins with an underscore", file(GOOD, "_x.csv"), "accepted", counts={"good": 2}, silver=((2, 20), (KEY, 10))),
    Case("S5_dot", "a file whose name begins with a dot", file(GOOD, ".x.csv"), "", "E101"),
    Case("S7", "full-width digits", rows((KEY, 2013, "１２"), (2, 2013, 10, "", "１２.５"), (3, 2013, 30)), "accepted",
         counts={"good": 1, "set_aside": 2}, silver=((3, 30),), aside={1: ("value.type", "value.required"), 2: ("amount.type",)}, mostly=0.0),
    *HOSTILE,
)  # fmt: skip
