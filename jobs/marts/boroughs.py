"""The five boroughs: the one place where code, name and county meet.

`conf/cities/new_york/city.yaml` lists the same districts for people and reports; a test holds the two together.
Source: borough codes of the New York City Department of Finance; county codes of FIPS 6-4.
"""

from __future__ import annotations

from dataclasses import dataclass

from pyspark.sql import Column
from pyspark.sql import functions as F


@dataclass(frozen=True)
class Borough:
    """A borough and the county that covers the same ground."""

    code: str
    name: str
    county_fips: str
    county_name: str


BOROUGHS = (
    Borough("1", "Manhattan", "061", "New York County"),
    Borough("2", "Bronx", "005", "Bronx County"),
    Borough("3", "Brooklyn", "047", "Kings County"),
    Borough("4", "Queens", "081", "Queens County"),
    Borough("5", "Staten Island", "085", "Richmond County"),
)


def borough_name(written: Column) -> Column:
    """Give the borough's name in title case for a name in any case; unknown for anything else."""
    names = F.create_map(*[F.lit(text) for b in BOROUGHS for text in (b.name.upper(), b.name)])
    return F.coalesce(names[F.upper(written)], F.lit("unknown"))


def code_of_county(county_fips: Column) -> Column:
    """Give the borough code of a three-digit county code; null outside the city."""
    return F.create_map(*[F.lit(text) for b in BOROUGHS for text in (b.county_fips, b.code)])[county_fips]


def code_of_county_name(county_name: Column) -> Column:
    """Give the borough code of a name such as `Kings County`; null outside the city."""
    return F.create_map(*[F.lit(text) for b in BOROUGHS for text in (b.county_name, b.code)])[county_name]
