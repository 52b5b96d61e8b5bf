"""A city with one dataset a case of the catalogue: one run then handles them all, and no broken one may stop another."""

from __future__ import annotations

from pathlib import Path

from tests.faults.case import STANDING, Case, file
from tests.faults.cases import CASES
from tests.little import CONTRACT, HOLD, SUITE

CITY = "faulty"
DIVISIONS = "code,name,valid_from,valid_to\n099901,First,,\n099907,Seventh,,2025-01-01\n"
COLUMNS = f"""\
      - {{name: text, logicalType: string, classification: public, description: A text.}}
      - {{name: amount, logicalType: number, physicalType: "decimal(18,2)", classification: public, description: An amount.}}
      - {{name: day, logicalType: date, classification: public, description: A day.}}
{HOLD}"""


def write_city(root: Path) -> Path:
    """Write contracts and suites of all cases; returns the root to name in LAKE_CONF."""
    standing = Case("standing", "the good night", file(""), "accepted", dataset=STANDING)
    for case in (standing, *[c for c in CASES if c.name != STANDING]):
        source, name = case.name.split(".")
        _write(root / "conf" / "cities" / CITY / source / f"{name}.odcs.yaml", _contract(case))
        if case.suite is not None:
            _write(
                root / "expectations" / CITY / source / f"{name}.yaml", case.suite or SUITE.format(dataset=case.name)
            )
    _write(
        root / "conf" / "cities" / CITY / "city.yaml",
        "name: faulty\ntitle: Faulty city\ntimezone: Asia/Shanghai\ngold: []\n",
    )
    _write(root / "conf" / "cities" / CITY / "divisions.csv", DIVISIONS)
    return root


def _contract(case: Case) -> str:
    source, name = case.name.split(".")
    text = CONTRACT.format(
        dataset=case.name,
        source=source,
        name=name,
        mode="snapshot",
        mostly=case.mostly,
        extra=case.extra,
        columns=case.columns + COLUMNS,
    )
    tokens = ", ".join(f'"{t}"' for t in case.null_tokens)
    return text.replace("encoding: utf-8", f"encoding: {case.encoding}").replace('value: ["-"]', f"value: [{tokens}]")


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
