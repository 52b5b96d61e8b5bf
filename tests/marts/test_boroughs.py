"""The boroughs of the marts are the districts of the city."""

from __future__ import annotations

from pathlib import Path

import yaml

from jobs.marts.boroughs import BOROUGHS

CITY = Path(__file__).resolve().parents[2] / "conf" / "cities" / "new_york" / "city.yaml"


def test_boroughs_are_the_districts_of_the_city() -> None:
    districts = yaml.safe_load(CITY.read_text("utf-8"))["districts"]
    listed = [(d["code"], d["name"], d["properties"]["county_fips"], d["properties"]["county_name"]) for d in districts]
    assert listed == [(b.code, b.name, b.county_fips, b.county_name) for b in BOROUGHS]
