"""Polars and delta-rs by hand: the same files, the same checks, the same outputs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from tests.bench.generate import BUSINESS_DATE, COLUMNS
from tests.bench.measure import Meter

KEY = ("sensor_id", "measured_at")
LINEAGE = ("_file", "_record")
TYPES = {"volume": pl.Int32, "speed": pl.Decimal(5, 1), "occupancy": pl.Decimal(5, 2)}
PATTERNS = {
    "measured_at": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?$",
    "volume": r"^-?[0-9]+(\.0*)?$",
    "speed": r"^-?[0-9]+(\.[0-9]{0,1}0*)?$",
    "occupancy": r"^-?[0-9]+(\.[0-9]{0,2}0*)?$",
}
c = pl.col
RULES = {
    "bench.sensor.sensor_id.required": c("sensor_id").is_null(),
    "bench.sensor.sensor_id.pattern": ~c("sensor_id").str.contains("^S[0-9]{6}$"),
    "bench.sensor.measured_at.type": c("bad_measured_at"),
    "bench.sensor.measured_at.required": c("measured_at").is_null(),
    "bench.sensor.direction.required": c("direction").is_null(),
    "bench.sensor.direction.enum": ~c("direction").is_in(["N", "E", "S", "W"]),
    "bench.sensor.volume.type": c("bad_volume"),
    "bench.sensor.volume.required": c("volume").is_null(),
    "bench.sensor.volume.minimum": c("volume") < 0,
    "bench.sensor.volume.maximum": c("volume") > 10_000,
    "bench.sensor.speed.type": c("bad_speed"),
    "bench.sensor.speed.required": c("speed").is_null(),
    "bench.sensor.speed.minimum": c("speed") < 0,
    "bench.sensor.speed.maximum": c("speed") > 250,
    "bench.sensor.occupancy.type": c("bad_occupancy"),
    "bench.sensor.occupancy.minimum": c("occupancy") < 0,
    "bench.sensor.occupancy.maximum": c("occupancy") > 100,
    "bench.sensor.status.required": c("status").is_null(),
    "bench.sensor.s2": c("status").str.len_chars() < 2,
}
MOSTLY = {"bench.sensor.s2": 1.0}


def run(_spark: Any, inbox: Path, root: Path, meter: Meter) -> dict[str, Any]:
    """The whole night: what is many goes through Polars' streaming engine, what is odd is few and looked at in memory."""
    files = sorted((inbox / "bench" / "sensor" / BUSINESS_DATE).glob("*.csv"))
    with meter.stage("bronze"):
        pl.concat([_scan(f) for f in files]).sink_delta(root / "bronze")
    with meter.stage("silver"):
        bronze = pl.scan_delta(root / "bronze")
        columns = [*COLUMNS, *LINEAGE, _is_bad().alias("bad")]
        judged = _typed(bronze).select(columns).collect(engine="streaming").with_row_index("id")
        verdicts = _settle(judged)
        aside = judged.join(verdicts.filter(c("verdict") != "duplicate"), on="id").select(*LINEAGE, "verdict")
        spelled = _spell(bronze, aside)
        _check(judged, verdicts, spelled)
        spelled.write_delta(root / "quarantine")
        day = pl.lit(BUSINESS_DATE).str.to_date().alias("_business_date")
        good = judged.join(verdicts, on="id", how="anti")
        good.select(*COLUMNS, day, pl.lit(1).alias("_revision"), *LINEAGE).write_delta(root / "silver")
    with meter.stage("gold and release"):
        _gold(root)
    return {}


def _scan(file: Path) -> pl.LazyFrame:
    """Strings with file and record number; a file that cannot be read whole stops the night."""
    texts = dict.fromkeys(COLUMNS, pl.String)
    rows = pl.scan_csv(file, schema=texts, row_index_name="_record", row_index_offset=1, empty_string_is_null=False)
    day = pl.lit(BUSINESS_DATE).str.to_date().alias("_business_date")
    return rows.select(*COLUMNS, pl.lit(file.name).alias("_file"), c("_record").cast(pl.Int64), day, pl.lit(1).alias("_revision"))  # fmt: skip


def _typed(bronze: pl.LazyFrame) -> pl.LazyFrame:
    """What was delivered as `raw_*`, the values by their types, and whether one was there and did not convert as `bad_*`."""
    rows = bronze.rename({name: f"raw_{name}" for name in COLUMNS})
    rows = rows.with_columns(pl.when(c(f"raw_{n}") != "").then(c(f"raw_{n}")).alias(n) for n in COLUMNS)
    matched = {name: pl.when(c(name).str.contains(p)).then(c(name)) for name, p in PATTERNS.items()}
    cast = {name: _cast(name, text) for name, text in matched.items()}
    return rows.with_columns(
        *[value.alias(name) for name, value in cast.items()],
        *[(c(name).is_not_null() & value.is_null()).alias(f"bad_{name}") for name, value in cast.items()],
    )


def _cast(name: str, text: pl.Expr) -> pl.Expr:
    if name == "measured_at":
        usual = text.str.to_datetime("%Y-%m-%d %H:%M:%S", time_unit="us", strict=False)
        other = pl.when(usual.is_null()).then(text.str.replace("T", " ", literal=True))
        shapes = ("%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M")
        return pl.coalesce(usual, *[other.str.to_datetime(s, time_unit="us", strict=False) for s in shapes])
    if name == "volume":  # a whole number may have zeros after its point
        return text.cast(pl.Float64, strict=False).cast(TYPES[name], strict=False)
    return text.cast(TYPES[name], strict=False)


def _is_bad() -> pl.Expr:
    return pl.any_horizontal(*RULES.values()).fill_null(value=False)


def _settle(judged: pl.DataFrame) -> pl.DataFrame:
    """The rows that are not good, by id, with what they are: few, so everything else is an anti-join."""
    key = pl.when(pl.all_horizontal(c(k).is_not_null() for k in KEY)).then(pl.struct(*KEY).hash())
    several = judged.filter(key.is_duplicated() & key.is_not_null())
    copies = several.filter(~c("bad")).sort(LINEAGE)
    is_first = pl.struct(*COLUMNS).is_first_distinct()
    first = copies.filter(is_first).with_columns(pl.len().over(KEY).alias("n"))
    spoiled = several.filter("bad").select(*KEY).unique()
    taken = first.filter(c("n") == 1).join(spoiled, on=KEY, how="semi")
    found = {
        "aside": judged.filter("bad"), "duplicate": copies.filter(~is_first), "Q801": first.filter(c("n") > 1), "Q802": taken,
    }  # fmt: skip
    return pl.concat([rows.select("id", pl.lit(name).alias("verdict")) for name, rows in found.items()])


def _spell(bronze: pl.LazyFrame, aside: pl.DataFrame) -> pl.DataFrame:
    """Set-aside rows with their rules and the record as it was delivered."""
    ids = [pl.when(rule).then(pl.lit(name)) for name, rule in RULES.items()]
    own = pl.when(c("verdict") != "aside").then(c("verdict"))
    delivered = pl.struct(c(f"raw_{name}").alias(name) for name in COLUMNS).struct.json_encode()
    rows = _typed(bronze.join(aside.lazy(), on=LINEAGE))
    return rows.select(
        *LINEAGE,
        pl.concat_list(*ids, own).list.drop_nulls().alias("_rules"),
        pl.struct(*KEY).struct.json_encode().alias("_key"),
        delivered.alias("_delivered"),
    ).collect(engine="streaming")


def _check(judged: pl.DataFrame, verdicts: pl.DataFrame, spelled: pl.DataFrame) -> None:
    """Shares of broken rules against what is allowed, and the sums."""
    rows, volume, speed, occupancy = judged.select(
        pl.len(), c("volume").sum(), c("speed").sum().alias("speeds"), c("occupancy").count()
    ).row(0)
    assert volume and speed and occupancy >= 0.8 * rows
    found = dict(spelled.select(c("_rules").explode().value_counts()).unnest("_rules").iter_rows())
    assert all(found.get(rule, 0) <= (1 - MOSTLY.get(rule, 0.99)) * rows for rule in RULES), found
    assert verdicts.select((c("verdict") == "Q801").sum()).item() <= 0.01 * rows


def _gold(root: Path) -> None:
    sums = [pl.len().cast(pl.Int64).alias("readings"), c("volume").cast(pl.Int64).sum(), c("speed").cast(pl.Decimal(18, 1)).sum().alias("speeds")]  # fmt: skip
    rows = pl.scan_delta(root / "silver").group_by("sensor_id", c("measured_at").dt.date().alias("day")).agg(sums)
    rows.collect(engine="streaming").write_delta(root / "gold")
    made = pl.read_delta(str(root / "gold"))
    odd = (~c("readings").is_between(1, 288)) | (c("volume") < 0) | (c("speeds") < 0)
    assert made.height and not made.select("sensor_id", "day").is_duplicated().any() and not made.filter(odd).height
