"""Which gold tables are made of which datasets, as one SVG inside the page; every name leads to the page of its table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from markupsafe import Markup

from jobs.column_lineage import silver_origins
from jobs.contracts import Contract
from jobs.report.languages import say

WIDTH, BOX, STEP, TOP = 940, 300, 30, 24


def draw_tables(datasets: Mapping[str, Contract], gold: Mapping[str, Contract], language: str) -> Markup:
    """Datasets on the left, gold tables on the right, a line where a column of one is made of a column of the other."""
    edges = {(d, f"gold.{t}") for t, c in gold.items() for origins in silver_origins(c).values() for d, _ in origins}
    left, right = list(datasets), [f"gold.{t}" for t in gold]
    height = TOP + STEP * max(len(left), len(right))
    way = say(language, "{dataset} to {table}")
    lines = [_line(left.index(d), right.index(t), way.format(dataset=d, table=t)) for d, t in sorted(edges)]
    boxes = [_box(0, n, name) for n, name in enumerate(left)] + [
        _box(WIDTH - BOX, n, name) for n, name in enumerate(right)
    ]
    heads = [_head(0, say(language, "datasets, as delivered")), _head(WIDTH - BOX, say(language, "gold tables"))]
    return Markup('<svg class="tables" viewBox="0 0 {} {}" role="group" aria-label="{}">{}</svg>').format(
        WIDTH, height, say(language, "Which gold tables are made of which datasets"), _join([*heads, *lines, *boxes])
    )  # fmt: skip


def _head(x: int, text: str) -> Markup:
    return Markup('<text class="head" x="{}" y="14">{}</text>').format(x + 2, text)


def _box(x: int, n: int, name: str) -> Markup:
    y = TOP + STEP * n
    return Markup(
        '<a href="{0}.html" data-table="{0}"><rect x="{1}" y="{2}" width="{3}" height="22" rx="6"/><text x="{4}" y="{5}">{0}</text></a>'
    ).format(name, x, y, BOX, x + 10, y + 15)


def _line(start: int, end: int, title: str) -> Markup:
    """A curve from the right side of a dataset to the left side of a gold table."""
    y1, y2 = (TOP + STEP * n + 11 for n in (start, end))
    x1, x2, half = BOX, WIDTH - BOX, WIDTH // 2
    return Markup('<path d="M{} {} C{} {} {} {} {} {}"><title>{}</title></path>').format(
        x1, y1, half, y1, half, y2, x2, y2, title
    )


def _join(parts: Sequence[Markup]) -> Markup:
    return Markup("\n").join(parts)
