"""Departments that know an enterprise under a code it no longer has: linking has to find it by what it is called.

One enterprise in two hundred, in each of three departments, and one in five of those that share their trade name with another. A
third is called as in the register; the others as offices write: in half-width brackets and full-width digits, with another word for
the legal form or none, by a former name, as a branch. One in twenty has a name of long ago there, and can only be missed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from jobs.synthetic.draws import below, draw, weighted
from jobs.synthetic.enterprises import ENDINGS, enterprises, is_paired
from jobs.synthetic.identifiers import credit_code
from jobs.synthetic.world import Delivery, World

COLUMNS = {
    "tax.payment": ("纳税人识别号", "纳税人名称"), "employment.insurance": ("单位信用代码", "单位名称"), "land.parcel": ("权利人代码", "权利人名称"),
}  # fmt: skip
_FORMER = 10_000_000  # codes of numbers from here on are former ones
_SHORT, _SHORTER = ("有限公司", "股份公司", "厂（个人独资企业）", "（普通合伙）"), ("公司", "公司", "厂", "")
_OTHER_WIDTH = str.maketrans("0123456789（）", "０１２３４５６７８９()")
_WAYS, _WEIGHTS = ("same", "spaced", "short", "shorter", "former", "branch", "renamed"), [35, 15, 15, 10, 10, 10, 5]


@dataclass(frozen=True)
class Alias:
    """What a department calls an enterprise."""

    code: str
    name: str


@cache
def aliases(world: World, source: str) -> Mapping[str, Alias]:
    """By its real code, each enterprise that a department knows under a former one."""
    known = enterprises(world)
    number = np.arange(len(known.codes))
    has_namesake = is_paired(number) | is_paired(number + 1)
    is_known = below(draw(world.seed, f"alias {source}", number), 2_000) < np.where(has_namesake, 400, 10)
    way = weighted(draw(world.seed, f"alias name {source}", number), _WEIGHTS)
    return {
        known.codes[n]: Alias(credit_code(_FORMER + n), _call(known.names[n], int(known.form[n]), _WAYS[way[n]]))
        for n in np.flatnonzero(is_known).tolist()
    }


def _call(name: str, form: int, way: str) -> str:
    bare = name.removesuffix(ENDINGS[form])
    called = {
        "spaced": f"{bare[:2]} {bare[2:]}{ENDINGS[form]}".translate(_OTHER_WIDTH), "short": bare + _SHORT[form], "shorter": bare + _SHORTER[form],
        "former": f"原{name}", "branch": f"{name}锦川分公司", "renamed": f"{bare[:4]}实业{ENDINGS[form]}",
    }  # fmt: skip
    return called.get(way, name)


def rename(world: World, delivery: Delivery, level: str) -> Delivery:
    """The delivery as a department writes it that knows some enterprises under former codes; as it is at level none."""
    if level == "none" or delivery.dataset not in COLUMNS:
        return delivery
    source = delivery.dataset.split(".")[0]
    return replace(delivery, files={name: _rename(table, aliases(world, source), *COLUMNS[delivery.dataset]) for name, table in delivery.files.items()})  # fmt: skip


def _rename(table: pa.Table, known: Mapping[str, Alias], code: str, name: str) -> pa.Table:
    position = pc.index_in(table[code], pa.array(known, pa.string()))
    for column, called in ((code, [a.code for a in known.values()]), (name, [a.name for a in known.values()])):
        cells = pc.coalesce(pa.array(called, pa.string()).take(position), table[column])
        table = table.set_column(table.column_names.index(column), column, cells)
    return table


def true_links(world: World) -> dict[tuple[str, str], str]:
    """By department and former code, the enterprise that it means. Every other code means itself."""
    sources = [dataset.split(".")[0] for dataset in COLUMNS]
    return {(s, alias.code): code for s in sources for code, alias in aliases(world, s).items()}
