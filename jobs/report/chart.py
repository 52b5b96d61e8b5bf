"""Drawings of the first page as SVG inside it: rows by dataset and night, and how good the data was.

Every dataset has its own scale: one delivers a hundred and fifty rows, another a hundred thousand, and each is compared
with its own other nights. Starting the drawing library costs more than all pages, so the drawing is kept until a number
changes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from html import escape
from typing import Any

from jobs.contracts import fingerprint
from jobs.lake import Lake
from jobs.report.dimensions import Share
from jobs.report.languages import LANGUAGES, say
from jobs.suites import DIMENSIONS

STYLE = 4
KINDS = (
    ("good", "#0072b2"),
    ("duplicates", "#e69f00"),
    ("set aside", "#d55e00"),
)  # Okabe and Ito: safe for colour-blind readers
WIDTH, STEP = 430, 20


@dataclass(frozen=True)
class Bar:
    """Rows of one judged delivery by verdict."""

    dataset: str
    night: str
    good: int
    duplicates: int
    set_aside: int


def draw_rows(lake: Lake, bars: Sequence[Bar]) -> str:
    """An SVG of stacked bars, taken from the kept drawing where that shows the same numbers; empty without bars.

    What the colours mean stands beside it, in the language of the page.
    """
    numbers = [asdict(b) for b in bars]
    return _keep(lake, "rows", numbers, lambda: _rows(bars)) if bars else ""


def draw_shares(lake: Lake, shares: Sequence[Share]) -> dict[str, str]:
    """By language an SVG of lines, one a quality dimension, over the nights; empty with fewer than two nights.

    It is drawn once: the headings are put into the drawing afterwards.
    """
    if len({s.night for s in shares}) < 2:
        return dict.fromkeys(LANGUAGES, "")
    drawn = _keep(lake, "shares", [asdict(s) for s in shares], lambda: _lines(shares))
    return {language: _with_headings(drawn, language) for language in LANGUAGES}


def _with_headings(drawn: str, language: str) -> str:
    for dimension in DIMENSIONS:
        heading = say(language, "{dimension}, per cent").format(dimension=say(language, dimension))
        drawn = drawn.replace(_heading(dimension), escape(heading))
    return drawn


def _heading(dimension: str) -> str:
    return f"@{dimension}@"


def _keep(lake: Lake, name: str, numbers: Sequence[Any], draw: Callable[[], dict[str, Any]]) -> str:
    mark = f"<!-- {name} {fingerprint([STYLE, numbers])} -->\n"
    path = lake.path("reports", f"{name}.svg")
    kept = lake.files.cat_file(path).decode() if lake.files.exists(path) else ""
    if not kept.startswith(mark):
        import vl_convert

        kept = mark + vl_convert.vegalite_to_svg(json.dumps(draw()))
        lake.write_atomic(path, kept.encode())
    return kept.removeprefix(mark)


def _lines(shares: Sequence[Share]) -> dict[str, Any]:
    import altair as alt

    rows = [{"dimension": s.dimension, "night": s.night, "percent": float(s.percent)} for s in shares if s.asked]
    panels = [
        _line(alt, _heading(str(name)), [r for r in rows if r["dimension"] == name])
        for name in dict.fromkeys(r["dimension"] for r in rows)
    ]
    found: dict[str, Any] = (
        alt.concat(*panels, columns=3, spacing={"row": 18, "column": 40}).resolve_scale(x="shared", y="independent")
        .properties(background="transparent").configure_view(stroke=None).configure_axis(labelFont="sans-serif").to_dict()
    )  # fmt: skip
    return found


def _line(alt: Any, title: str, rows: list[dict[str, Any]]) -> Any:
    """Nights of one dimension, oldest first; the scale ends at 100."""
    nights = alt.Axis(title=None, labelAngle=-60, labelOverlap=True, labelFontSize=10, domain=False)
    scale = alt.Scale(domain=[min(95.0, *(r["percent"] for r in rows), 95.0), 100], nice=False)
    lines = alt.Chart(alt.Data(values=rows)).mark_line(color="#0072b2", strokeWidth=2, point={"size": 24, "color": "#0072b2"}).encode(
        x=alt.X("night:N", axis=nights),
        y=alt.Y("percent:Q", scale=scale, axis=alt.Axis(title=None, tickCount=4, labelFontSize=10, domain=False)),
    )  # fmt: skip
    heading = alt.TitleParams(title, anchor="start", font="sans-serif", fontSize=12, offset=6)
    return lines.properties(width=250, height=90, title=heading)


def _rows(bars: Sequence[Bar]) -> dict[str, Any]:
    import altair as alt

    rows = [
        {"dataset": b.dataset, "night": b.night, "kind": KINDS[n][0], "order": n, "rows": rows}
        for b in bars
        for n, rows in enumerate((b.good, b.duplicates, b.set_aside))
    ]
    colours = alt.Color(
        "kind:N", legend=None, scale=alt.Scale(domain=[k for k, _ in KINDS], range=[c for _, c in KINDS])
    )
    panels = [
        _panel(alt, name, [r for r in rows if r["dataset"] == name], colours)
        for name in sorted({b.dataset for b in bars})
    ]
    whole = alt.concat(*panels, columns=2, spacing={"row": 22, "column": 50}).resolve_scale(
        x="independent", y="independent", color="shared"
    )
    found: dict[str, Any] = (
        whole.properties(background="transparent")
        .configure_view(stroke=None)
        .configure_axis(labelFont="sans-serif")
        .to_dict()
    )
    return found


def _panel(alt: Any, dataset: str, rows: list[dict[str, Any]], colours: Any) -> Any:
    """Nights of one dataset, newest first."""
    nights = alt.Axis(title=None, ticks=False, domain=False, labelPadding=6, labelFontSize=11)
    scale = alt.Axis(title=None, tickCount=3, format=",d", labelFontSize=10, domain=False)
    bars = alt.Chart(alt.Data(values=rows)).mark_bar(size=13).encode(
        y=alt.Y("night:N", sort="descending", axis=nights),
        x=alt.X("sum(rows):Q", axis=scale),
        color=colours,
        order=alt.Order("order:Q"),
    )  # fmt: skip
    heading = alt.TitleParams(dataset, anchor="start", font="sans-serif", fontSize=12, offset=6)
    return bars.properties(width=WIDTH, height=alt.Step(STEP), title=heading)
