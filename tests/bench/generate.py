"""An invented traffic night: sensors that report every five minutes for nine days, with bad rows and copies; the same for every run."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pc_csv

BUSINESS_DATE = "2024-09-10"
FIRST_DAY = date(2024, 9, 1)
DAYS, FILES = 9, 8
A_DAY = 288  # every five minutes
BAD_SHARE, COPY_SHARE = 0.005, 0.02
PAIRS = 50  # rows with another value for a known key, and good rows beside a bad one of their key
COLUMNS = ("sensor_id", "measured_at", "direction", "volume", "speed", "occupancy", "status")
KINDS: tuple[tuple[str, str], ...] = (
    ("measured_at", "yesterday"),
    ("measured_at", "2024-09-31 00:05:00"),
    ("sensor_id", ""),
    ("sensor_id", "sensor 7"),
    ("direction", "UP"),
    ("volume", "-5"),
    ("volume", "12a"),
    ("speed", "912.5"),
    ("occupancy", "12,5"),
)


def write_night(folder: Path, rows: int) -> Path:
    """Write the delivery folder under an inbox unless it is there; returns the inbox."""
    inbox = folder / f"inbox-{rows}"
    delivery = inbox / "bench" / "sensor" / BUSINESS_DATE
    done = inbox / "done"
    if done.exists():
        return inbox
    _write_files(make_rows(rows), delivery, FILES)
    done.touch()
    return inbox


def write_day(inbox: Path, number: int, rows: int) -> str:
    """Deliver one day of a history, in one file; returns its business date, the day after."""
    day = FIRST_DAY + timedelta(days=number)
    business_date = (day + timedelta(days=1)).isoformat()
    _write_files(make_rows(rows, day, 1), inbox / "bench" / "sensor" / business_date, 1)
    return business_date


def _write_files(table: pa.Table, folder: Path, files: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    size = -(-table.num_rows // files)
    options = pc_csv.WriteOptions(quoting_style="all_valid")
    for n in range(files):
        pc_csv.write_csv(table.slice(n * size, size), folder / f"sensors-{n + 1}.csv", options)


def make_rows(rows: int, first: date = FIRST_DAY, days: int = DAYS) -> pa.Table:
    """`rows` good and bad rows, then copies and contradicting rows, in order of time with the copies anywhere. All text."""
    random = np.random.default_rng(20240910)
    sensors = -(-rows // (days * A_DAY))
    number = np.arange(rows)
    cells = _measure(random, _spell_times(first, days)[number // sensors], number // sensors, number % sensors)
    bad = random.choice(rows, int(rows * BAD_SHARE), replace=False)
    good = np.setdiff1d(number, bad)
    for n, (column, text) in enumerate(KINDS):
        cells[column][bad[n :: len(KINDS)]] = text
    copies = random.choice(good, int(rows * COPY_SHARE), replace=False)
    rivals = random.choice(good, min(PAIRS, rows // 400), replace=False)
    beside = bad[5 :: len(KINDS)][:PAIRS]  # a negative volume: the key can be read
    found = {c: np.concatenate([v, v[copies], v[rivals], v[beside]]) for c, v in cells.items()}
    found["volume"][rows + len(copies) :] = "7777"
    place = np.concatenate([number, random.uniform(0, rows, len(copies) + len(rivals) + len(beside))])
    order = np.argsort(place, kind="stable")
    return pa.table({c: pa.array(found[c][order], pa.string()) for c in COLUMNS})


def _spell_times(first: date, days: int) -> np.ndarray:
    minutes = np.datetime64(first.isoformat(), "m") + np.arange(days * A_DAY) * 5
    return np.array([str(t).replace("T", " ") + ":00" for t in minutes], dtype=object)


def _measure(
    random: np.random.Generator, times: np.ndarray, step: np.ndarray, sensor: np.ndarray
) -> dict[str, np.ndarray]:
    """Good rows: volumes follow the hour; a tenth of the occupancies is missing, which is allowed."""
    names = np.array([f"S{n:06}" for n in range(int(sensor.max()) + 1)], dtype=object)
    size = len(step)
    wave = 1.2 + np.sin((step % A_DAY) / A_DAY * 2 * np.pi - 1.5)
    volume = random.poisson(60 * wave)
    speed = np.clip(random.normal(500, 120, size), 20, 1200).astype(int)
    occupancy = random.integers(0, 10_001, size)
    found = {
        "sensor_id": names[sensor],
        "measured_at": times,
        "direction": np.array(["N", "E", "S", "W"], dtype=object)[sensor % 4],
        "volume": _spell(0, 1000)[np.clip(volume, 0, 999)],
        "speed": _spell(1, 1300)[speed],
        "occupancy": _spell(2, 10_001)[occupancy],
        "status": np.array(["measured", "estimated"], dtype=object)[(random.random(size) < 0.03).astype(int)],
    }
    found["occupancy"][random.random(size) < 0.1] = ""
    return found


def _spell(scale: int, count: int) -> np.ndarray:
    """The numbers 0 to count - 1 as text with `scale` digits after the point."""
    return np.array([f"{n / 10**scale:.{scale}f}" for n in range(count)], dtype=object)
