"""Break known rows in known ways: what departments really send now and then, each with the outcome that is right for it.

A kind of fault changes one cell, or adds a copy of a record. It is put into a delivery only where a hundredth of the rows may be bad
without holding the whole, so that one bad cell never decides over a night.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from jobs.synthetic.draws import below, draw
from jobs.synthetic.world import Delivery, World

LEVELS = ("none", "light", "all")
ENOUGH = 400  # rows of a delivery: two broken ones are then half of what a contract allows
_WIDE = str.maketrans("0123456789", "０１２３４５６７８９")
_CREDIT = "0123456789ABCDEFGHJKLMNPQRTUWXY"


@dataclass(frozen=True)
class Kind:
    """A way to break a cell of a dataset, and the rules that the row then breaks (`<column>.<what>`, or a code)."""

    name: str
    header: str
    change: Callable[[str], str]
    rules: tuple[str, ...]


@dataclass(frozen=True)
class Fault:
    """A broken record: where it is, what was done to it, and what becomes of it: aside (with its rules) or duplicate.

    Record 0 is the whole file, which is read all the same.
    """

    dataset: str
    business_date: date
    revision: int
    file: str
    record: int
    kind: str
    outcome: str
    rules: tuple[str, ...] = ()


def _next_check(code: str) -> str:
    return code[:-1] + _CREDIT[(_CREDIT.index(code[-1]) + 1) % 31]


def _wrong_check(person: str) -> str:
    return person[:-1] + ("0" if person[-1] != "0" else "1")


def _credit_kinds(header: str, column: str) -> list[Kind]:
    wrong = (f"{column}.format",)
    return [
        Kind("check character", header, _next_check, wrong),
        Kind("letter I", header, lambda v: v[:12] + "I" + v[13:], wrong),
        Kind("full-width digit", header, lambda v: v[:4].translate(_WIDE) + v[4:], wrong),
        Kind("cut code", header, lambda v: v[:-1], wrong),
    ]


def _number_kinds(header: str, column: str, *, lowest: bool = True) -> list[Kind]:
    wrong = (f"{column}.required", f"{column}.type")
    found = [
        Kind("full-width digits", header, lambda v: v.translate(_WIDE), wrong),
        Kind("thousands comma", header, lambda v: f"1,{v.zfill(3)}", wrong),
        Kind("unit in the cell", header, lambda v: f"{v}万元", wrong),
        Kind("exponent", header, lambda _: "1.2E3", wrong),
        Kind("not a number", header, lambda _: "NaN", wrong),
        Kind("overflow", header, lambda _: "9" * 30, wrong),
        Kind("no value", header, lambda _: "", (f"{column}.required",)),
    ]
    return [*found, Kind("negative", header, lambda _: "-5", (f"{column}.minimum",))] if lowest else found


def _date_kinds(header: str, column: str, *, required: bool = True) -> list[Kind]:
    wrong = ((f"{column}.required",) if required else ()) + (f"{column}.type",)
    return [
        Kind("30 February", header, lambda v: f"{v[:4]}-02-30{v[10:]}", wrong),
        Kind("zero date", header, lambda v: f"0000-00-00{v[10:]}", wrong),
        Kind("slashes", header, lambda v: v.replace("-", "/"), wrong),
        Kind("Excel's number of a day", header, lambda _: "46027", wrong),
    ]


def _year_before(day: str) -> str:
    return f"{int(day[:4]) - 1}{day[4:]}"


def _list_kinds(header: str, column: str) -> list[Kind]:
    return [
        Kind("unknown value", header, lambda _: "其他", (f"{column}.enum",)),
        Kind("mojibake", header, lambda _: "锟斤拷", (f"{column}.enum", "Q202")),
    ]


def _division_kinds(header: str, column: str) -> list[Kind]:
    wrong = (f"{column}.format",)
    return [
        Kind("withdrawn division", header, lambda _: "099907", wrong),
        Kind("unknown division", header, lambda _: "099999", wrong),
        Kind("letter O", header, lambda v: v[:5] + "O", wrong),
    ]


def _community_kinds(header: str, column: str) -> list[Kind]:
    return [Kind("lost zero", header, lambda v: v[1:], (f"{column}.pattern",))]


KINDS: Mapping[str, Sequence[Kind]] = {
    "market.enterprise": [
        *_credit_kinds("统一社会信用代码", "uscc"), *_list_kinds("企业类型", "legal_form"), *_division_kinds("行政区划代码", "division_code"),
        *_date_kinds("成立日期", "established_date"), Kind("wrong section", "行业代码", lambda v: f"D{v[1:]}", ("industry_code.format",)),
        Kind("no name", "企业名称", lambda _: "", ("enterprise_name.required",)),
    ],
    "tax.payment": [
        *_credit_kinds("纳税人识别号", "uscc"), *_number_kinds("实缴金额", "amount_cny"), *_list_kinds("税种", "tax_type"),
        *_date_kinds("入库日期", "paid_date"), Kind("another year", "入库日期", _year_before, ("paid_date.row_date",)), Kind("Excel's number", "税票号码", lambda _: "2.0260E+17", ("payment_no.pattern",)),
    ],
    "employment.insurance": [
        Kind("check digit", "身份证号", _wrong_check, ("person_id.format",)),
        Kind("15 digits", "身份证号", lambda v: v[:6] + v[8:17], ("person_id.format",)),
        Kind("full-width digit", "身份证号", lambda v: v[:10] + v[10:12].translate(_WIDE) + v[12:], ("person_id.format",)),
        Kind("29 February", "身份证号", lambda v: f"{v[:6]}19810229{v[14:]}", ("person_id.format",)),
        *_credit_kinds("单位信用代码", "uscc"), *_number_kinds("月缴费基数", "monthly_base_cny"), *_list_kinds("参保状态", "status"),
        *_community_kinds("居住社区代码", "community_code"),
    ],
    "land.parcel": [
        Kind("parcel number 0", "不动产单元号", lambda v: f"{v[:14]}00000{v[19:]}", ("real_estate_unit.format",)),
        Kind("27 characters", "不动产单元号", lambda v: v[:-1], ("real_estate_unit.format",)),
        *_number_kinds("面积", "area_m2"), *_list_kinds("用途", "use_class"), *_date_kinds("供地日期", "supplied_date"),
        *_division_kinds("行政区划代码", "division_code"),
    ],
    "traffic.reading": [
        *_number_kinds("平均速度", "mean_speed_kmh"), *_date_kinds("测量时间", "measured_at"),
        Kind("another year", "测量时间", _year_before, ("measured_at.row_date",)),
        Kind("half a vehicle", "流量", lambda _: "3.5", ("volume.required", "volume.type")),
        Kind("too many", "流量", lambda _: "99999", ("volume.maximum",)),
        Kind("lost zeros", "设备编号", lambda v: "S" + v[2:], ("sensor_id.pattern",)),
    ],
    "services.approval": [
        *_list_kinds("办理渠道", "channel"), *_division_kinds("行政区划代码", "division_code"), *_date_kinds("申请日期", "submitted_date"),
        Kind("grade 9", "满意度", lambda _: "9", ("satisfaction.maximum",)),
    ],
}  # fmt: skip


def break_delivery(world: World, delivery: Delivery, level: str) -> tuple[Delivery, list[Fault]]:
    """The delivery with its faults, and their register. Level light breaks a quarter of the kinds, another quarter each night."""
    rows = sum(t.num_rows for t in delivery.files.values()) if level != "none" and delivery.dataset in KINDS else 0
    if rows < ENOUGH:
        return delivery, []
    files = dict(delivery.files)
    name = next(iter(files)) if len(files) == 1 else list(files)[delivery.night.toordinal() % len(files)]
    places = _places(world, delivery, files[name].num_rows)
    table, changed = files[name], defaultdict[str, dict[int, str]](dict)
    faults = []
    for n, kind in enumerate(KINDS[delivery.dataset]):
        if level == "light" and (n + delivery.night.toordinal()) % 4:
            continue
        at = next((p for p in places if table[kind.header][p].as_py()), -1)
        if at < 0:
            continue
        places.remove(at)
        changed[kind.header][at] = kind.change(table[kind.header][at].as_py())
        rules = tuple(f"{delivery.dataset}.{r}" if "." in r else r for r in kind.rules)
        faults.append(_note(delivery, name, at, kind.name, "aside", rules))
    copy, rival, amount, rows = places[0], places[1], RIVALS[delivery.dataset], table.num_rows
    faults.append(_note(delivery, name, rows, "exact copy", "duplicate", ()))
    another = {amount: {0: _another(table[amount][rival].as_py())}}
    faults += [_note(delivery, name, at, "contradiction", "aside", ("Q801",)) for at in (rival, rows + 1)]
    added = (table.slice(copy, 1), _change(table.slice(rival, 1), another))
    files[name] = pa.concat_tables([_change(table, changed), *added])
    if delivery.dataset in SWAPPED and level == "all":
        files[name] = files[name].select(files[name].column_names[::-1])
        faults.append(_note(delivery, name, -1, "columns in another order", "read", ()))
    return replace(delivery, files=files), faults


def change_unit(delivery: Delivery, headers: Sequence[str], level: str) -> tuple[Delivery, list[Fault]]:
    """The delivery with its amounts in hundredths (fen for yuan), at level all: a correction must come, for no row of it is wrong by itself."""
    if level != "all":
        return delivery, []
    files = {
        name: pa.table({h: _hundredfold(column) if h in headers else column for h, column in zip(table.column_names, table.columns, strict=True)})
        for name, table in delivery.files.items()
    }  # fmt: skip
    faults = [_note(delivery, name, -1, "amounts in another unit", "read", ()) for name in files]
    return replace(delivery, files=files), faults


def _hundredfold(amounts: pa.ChunkedArray) -> pa.Array:
    return pa.array([f"{amount.replace('.', '').lstrip('0') or 0}.00" for amount in amounts.to_pylist()], pa.string())


SWAPPED = (
    "tax.payment",
    "market.enterprise",
)  # their columns may come in another order; who reads by name sees no difference
RIVALS = {
    "market.enterprise": "注册资本", "tax.payment": "实缴金额", "employment.insurance": "月缴费基数", "land.parcel": "面积",
    "traffic.reading": "流量", "services.approval": "补正次数",
}  # fmt: skip


def _another(value: str) -> str:
    whole, _, rest = value.partition(".")
    return f"{int(whole) + 1}{'.' if rest else ''}{rest}"


def _change(table: pa.Table, cells: Mapping[str, Mapping[int, str]]) -> pa.Table:
    """The table with other texts in some places, given by header and position."""
    for header, texts in cells.items():
        places = sorted(texts)
        mask = np.zeros(table.num_rows, bool)
        mask[places] = True
        column = pc.replace_with_mask(table[header], pa.array(mask), pa.array([texts[p] for p in places], pa.string()))
        table = table.set_column(table.column_names.index(header), header, column)
    return table


def _note(delivery: Delivery, file: str, at: int, kind: str, outcome: str, rules: tuple[str, ...]) -> Fault:
    return Fault(delivery.dataset, delivery.night, delivery.revision, file, at + 1, kind, outcome, rules)


def _places(world: World, delivery: Delivery, rows: int) -> list[int]:
    """Some rows in a drawn order: twice as many as there are kinds."""
    count = min(rows, 4 * len(KINDS[delivery.dataset]) + 200)
    drawn = below(
        draw(world.seed, f"faults {delivery.dataset}", delivery.night.toordinal(), delivery.revision, np.arange(count)),
        rows,
    )
    return list(dict.fromkeys(drawn.tolist()))
