"""From a published figure back to its files, on the crashes of New York as two releases: the extract, and the corrected one."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from bs4 import BeautifulSoup
from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from jobs import delta
from jobs import night as nights
from jobs.cities import PROJECT, load_contracts, load_gold
from jobs.evidence import write_evidence
from jobs.lake import Lake
from jobs.marts import traffic
from jobs.release import read_releases
from jobs.report import write_report
from tests.commands import Command, typed_at
from tests.figures import expected
from tests.little import World, no_session

pytestmark = [pytest.mark.spark, pytest.mark.slow]
SHIPPED = PROJECT / "tests" / "data" / "new_york" / "traffic" / "crashes"
NIGHTS = {1: "2024-09-16", 2: "2025-02-12"}
BROOKLYN = ("gold.crash_daily", "--key", "borough_name=Brooklyn,crash_date=2024-07-01")


@pytest.fixture(scope="module")
def crashes(spark: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The two extracts of the police, each published by a release of its own; tests must not change this lake."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("crashes")
        patch.setenv("XDG_STATE_HOME", str(folder / "state"))
        patch.delenv("LAKE_CONF", raising=False)
        world = World(folder, lambda: spark, "new_york")
        world.inbox = PROJECT / "tests" / "data" / "new_york"
        for date, now in zip(NIGHTS.values(), ("2024-09-17T12:00:00Z", "2025-02-13T12:00:00Z"), strict=True):
            night = world.run(date, dataset="traffic.crashes", now=now, release=True)
            assert night.problems == []
        yield world


@pytest.fixture
def command(crashes: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    return _type_at(crashes, monkeypatch, capsys)


@pytest.fixture
def copy(crashes: World, tmp_path: Path) -> World:
    """The same lake, to be changed."""
    copied = World(tmp_path, crashes.open_session, "new_york")
    shutil.copytree(crashes.lake.base, copied.lake.base, dirs_exist_ok=True)
    return copied


def _type_at(world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    call = typed_at(world, monkeypatch, capsys)
    monkeypatch.setenv("LAKE_CITY", "new_york")
    return call


def answer(said: tuple[int, str, str]) -> dict[str, Any]:
    code, out, err = said
    assert code == 0, err
    found: dict[str, Any] = json.loads(out)
    return found


def delivered(date: str) -> pd.DataFrame:
    """The records of a shipped file as published, by pandas alone; the index is the record number."""
    records = expected.crash_records(date)
    return records.set_index(pd.RangeIndex(1, len(records) + 1))


def crashes_of(release: int, borough: str, day: str) -> pd.DataFrame:
    records = delivered(NIGHTS[release])
    return records[(records["BOROUGH"] == borough) & (records["CRASH DATE"] == day)]


# ---- trace -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("release", "name", "written"), [(1, "Brooklyn", "BROOKLYN"), (2, "unknown", "")])
def test_a_figure_leads_to_the_very_records_of_the_files_that_were_delivered(
    command: Command, release: int, name: str, written: str
) -> None:
    key = f"borough_name={name},crash_date=2024-07-01"
    said = answer(command("trace", "gold.crash_daily", "--key", key, "--release", str(release), "--json"))
    wanted, rows = crashes_of(release, written, "07/01/2024"), said["rows"]["silver.traffic_crashes"]
    assert {r["collision_id"] for r in rows} == set(wanted["COLLISION_ID"])
    assert said["values"]["crashes"] == str(len(rows)) == str(len(wanted))
    for row in rows:
        assert delivered(row["_business_date"]).at[int(row["_record"]), "COLLISION_ID"] == row["collision_id"]
    for d in said["deliveries"]:
        (shipped,) = SHIPPED.glob(f"{d['business_date']}/*.csv.gz")
        (file,) = d["files"]
        assert file["sha256"] == hashlib.sha256(shipped.read_bytes()).hexdigest()
        assert file["records"] == sorted(int(r["_record"]) for r in rows if r["_business_date"] == d["business_date"])


def test_a_mart_that_cannot_be_followed_stands_on_whole_tables_and_says_so(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    followed = traffic.crash_daily
    monkeypatch.setattr(traffic, "crash_daily", _reading(lambda crashes: followed(crashes.repartition(1))))
    said = answer(command("trace", *BROOKLYN, "--json"))
    (source,) = said["sources"]
    assert (source["narrowed"], source["rows"], source["of"]) == (False, 1_897, 1_897)
    assert [(d["business_date"], d["whole"]) for d in said["deliveries"]] == [(date, True) for date in NIGHTS.values()]
    assert "not narrowed" in command("trace", *BROOKLYN)[1]


def test_a_window_that_looks_at_other_rows_is_noticed_by_making_the_figure_again(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows of other boroughs, which no mark tells of, are needed: without them the figure is another."""
    followed = traffic.crash_daily

    def crash_daily(traffic_crashes: DataFrame) -> DataFrame:
        found = followed(traffic_crashes).withColumn("_rows", F.count("*").over(Window.partitionBy(F.lit(0))))
        return found.withColumn("crashes", F.when(F.col("_rows") > 1, F.col("crashes")).otherwise(0)).drop("_rows")

    monkeypatch.setattr(traffic, "crash_daily", crash_daily)
    assert not answer(command("trace", *BROOKLYN, "--json"))["sources"][0]["narrowed"]


def test_a_figure_that_does_not_follow_from_its_rows_is_refused(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    followed = traffic.crash_daily
    doubled = _reading(lambda crashes: followed(crashes).withColumn("crashes", F.col("crashes") * 2))
    monkeypatch.setattr(traffic, "crash_daily", doubled)
    code, _, said = command("trace", *BROOKLYN)
    assert (code, "E621" in said, "crashes" in said) == (1, True, True), said


def _reading(build: Callable[[Any], Any]) -> Callable[..., Any]:
    def crash_daily(traffic_crashes: Any) -> Any:
        return build(traffic_crashes)

    return crash_daily


def test_rows_of_a_former_version_that_are_gone_are_named_with_the_way_to_have_them_again(
    copy: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command, path = _type_at(copy, monkeypatch, capsys), Path(copy.lake.table("silver", "traffic_crashes"))
    kept = {str(f["path"]) for f in delta.list_files(str(path), copy.version("traffic.crashes")) or ()}
    for file in path.rglob("*.parquet"):
        if file.relative_to(path).as_posix() not in kept:
            file.unlink()
    code, _, said = command("trace", *BROOKLYN, "--release", "1")
    assert (code, "E620" in said, "lake rebuild --to DIR --release 1" in said) == (1, True, True), said
    assert command("trace", *BROOKLYN, "--release", "2")[0] == 0


@pytest.mark.parametrize(
    ("key", "code", "named"),
    [
        ("borough_name=Brooklyn", "E002", "crash_date"),
        ("borough_name=Brooklyn,crash_date=July", "E002", "crash_date"),
        ("borough_name=Brooklyn,crash_date=2020-01-01", "E004", "none with that key"),
        ("Brooklyn", "E002", "COLUMN=VALUE"),
    ],
)
def test_a_key_that_no_row_has_is_said_before_java_starts(
    crashes: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], key: str, code: str, named: str
) -> None:
    monkeypatch.setattr("jobs.connect.open_driver", no_session)
    _, _, said = _type_at(crashes, monkeypatch, capsys)("trace", "gold.crash_daily", "--key", key)
    assert (code in said, named in said) == (True, True), said


def test_a_figure_about_deliveries_stands_on_receipts(command: Command) -> None:
    for release, known in ((1, 1), (2, 2)):
        key = f"dataset=traffic.crashes,business_date={NIGHTS[1]}"
        said = answer(command("trace", "gold.dataset_freshness", "--key", key, "--release", str(release), "--json"))
        assert (said["sources"], said["given"], len(said["receipts"])) == ([], ["receipts"], known)


# ---- evidence --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def evidence(crashes: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The evidence of one figure, of rows from both nights."""
    night = crashes.run_nothing()
    figure = nights.trace_figure(night, "crash_daily", {"borough_name": "unknown", "crash_date": "2024-07-01"}, None)
    folder = tmp_path_factory.mktemp("evidence") / "figure"
    write_evidence(figure, crashes.lake, night.city, folder)
    return folder


def verify(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    """As an auditor types it, where there is no lake and no Java."""
    world = World(folder.parent / "elsewhere", no_session)
    shutil.rmtree(world.lake.root)
    monkeypatch.setattr("jobs.connect.open_driver", no_session)
    return _type_at(world, monkeypatch, capsys)("trace", "--verify", str(folder), "--json")


def test_evidence_holds_without_a_lake(
    evidence: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    said = answer(verify(evidence, monkeypatch, capsys))
    rows = len((evidence / "rows" / "traffic_crashes.jsonl").read_text().splitlines())
    assert (said["records"], said["unread"]) == (rows, 0)
    assert rows == len(crashes_of(2, "", "07/01/2024"))


def test_the_page_of_the_evidence_needs_nothing_else(evidence: Path) -> None:
    page = BeautifulSoup((evidence / "index.html").read_text("utf-8"), "html.parser")
    figures = {str(x["data-figure"]): x.get_text() for x in page.select("[data-figure]")}
    manifest = json.loads((evidence / "manifest.json").read_text("utf-8"))
    assert figures == manifest["values"]
    leads = [str(x.get("href", x.get("src"))) for x in page.select("[href], [src]")]
    assert [x for x in leads if not x.startswith("#")] == ["zh/index.html"], "the same in the other language"
    assert (evidence / "zh" / "index.html").is_file()


def _edit(name: str, old: str, new: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        text = (folder / name).read_text("utf-8")
        assert old in text
        (folder / name).write_text(text.replace(old, new, 1), "utf-8")

    return change


def _reseal(change: Callable[[Path], None], name: str) -> Callable[[Path], None]:
    """Change a file, and let the manifest state its new hash: who forges evidence would do that."""

    def change_both(folder: Path) -> None:
        before = hashlib.sha256((folder / name).read_bytes()).hexdigest()
        change(folder)
        _edit("manifest.json", before, hashlib.sha256((folder / name).read_bytes()).hexdigest())(folder)

    return change_both


def _move_record(folder: Path) -> None:
    said = json.loads((folder / "manifest.json").read_text("utf-8"))
    records = said["deliveries"][0]["files"][0]["records"]
    records[0] = next(n for n in range(1, 2_000) if n not in records)
    (folder / "manifest.json").write_text(json.dumps(said), "utf-8")


FORGED: dict[str, Callable[[Path], object]] = {
    "a figure of the page": _edit("index.html", 'data-figure="persons_injured">', 'data-figure="persons_injured">1'),
    "a figure of the page, sealed again": _reseal(_edit("index.html", 'data-figure="persons_injured">', 'data-figure="persons_injured">1'), "index.html"),
    "a figure of the page in the other language": _reseal(_edit("zh/index.html", 'data-figure="persons_injured">', 'data-figure="persons_injured">1'), "zh/index.html"),
    "a figure of the manifest": _edit("manifest.json", '"persons_killed": "', '"persons_killed": "1'),
    "a row": _edit("rows/traffic_crashes.jsonl", '"collision_id": "4', '"collision_id": "5'),
    "a landed file": lambda folder: next((folder / "landed").iterdir()).write_bytes(b"other"),
    "a landed file is lost": lambda folder: next((folder / "landed").iterdir()).unlink(),
    "a file more": lambda folder: (folder / "note.txt").write_text("hello"),
    "the place of a record": _move_record,
    "no manifest": lambda folder: (folder / "manifest.json").unlink(),
}  # fmt: skip


@pytest.mark.parametrize("forged", FORGED)
def test_forged_evidence_is_refused(
    evidence: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], forged: str
) -> None:
    folder = Path(shutil.copytree(evidence, tmp_path / "figure"))
    FORGED[forged](folder)
    code, out, said = verify(folder, monkeypatch, capsys)
    assert (code, json.loads(out)["error"]["code"]) == (1, "E622"), said


# ---- diff ------------------------------------------------------------------------------------------------------------


def figures_of(date: str) -> pd.DataFrame:
    """Crashes and persons hurt by borough and day of a shipped file, by pandas alone. One row a key and figure."""
    records = delivered(date)
    key = [records["BOROUGH"].map(lambda text: text.title() or "unknown"), pd.to_datetime(records["CRASH DATE"])]
    hurt = {
        f"persons_{what}": records[f"NUMBER OF PERSONS {what.upper()}"].astype(int) for what in ("injured", "killed")
    }
    found = pd.DataFrame({"crashes": 1, **hurt}).groupby(key).sum().stack()
    found.index.names = ["borough_name", "crash_date", "column"]
    return found


def test_a_corrected_extract_restates_exactly_the_figures_that_its_changed_records_touch(command: Command) -> None:
    """The second extract has one new record and 21 changed ones; what they change in gold is counted here from the files."""
    was, now = (figures_of(date) for date in NIGHTS.values())
    wanted = {
        (borough, f"{day:%Y-%m-%d}", column, str(old), str(now.get((borough, day, column))))
        for (borough, day, column), old in was.items()
        if now.get((borough, day, column)) != old
    }
    restated = answer(command("diff", "1", "2", "--json"))["restated"]
    found = [(*r["key"].values(), r["column"], r["old"], r["new"]) for r in restated]
    assert sorted(found) == sorted(wanted)
    assert {(r["release"], r["table"]) for r in restated} == {(2, "crash_daily")}
    behind = {(d["dataset"], d["business_date"], d["revision"]) for r in restated for d in r["deliveries"]}
    assert behind == {("traffic.crashes", NIGHTS[2], 1)}

    first, second = (delivered(date).set_index("COLLISION_ID") for date in NIGHTS.values())
    changed = (second.reindex(first.index) != first).any(axis=1)
    touched = pd.concat(
        [first[changed], second.loc[first.index[changed]], second.loc[second.index.difference(first.index)]]
    )
    assert len(touched) == 2 * 21 + 1
    keys = {(b.title() or "unknown", f"{pd.Timestamp(d):%Y-%m-%d}") for b, d in zip(touched["BOROUGH"], touched["CRASH DATE"], strict=True)}  # fmt: skip
    assert {x[:2] for x in found} <= keys


def test_the_page_of_a_release_shows_what_diff_lists(crashes: World, command: Command, tmp_path: Path) -> None:
    restated = answer(command("diff", "1", "2", "--json"))["restated"]
    linked = Lake(str(tmp_path / "linked"), "new_york")
    Path(linked.base).mkdir(parents=True)
    for zone in ("landing", "bronze", "silver", "quarantine", "gold", "audit"):
        Path(linked.base, zone).symlink_to(Path(crashes.lake.base, zone))
    index = write_report(linked, load_contracts("new_york"), load_gold("new_york"), "New York")
    page = BeautifulSoup(Path(index).with_name("releases").joinpath("2.html").read_text("utf-8"), "html.parser")
    shown = [
        (x["data-restated"], *[x.select(f"[data-field={name}]")[0].get_text(strip=True) for name in ("key", "column", "old", "new", "deliveries")])
        for x in page.select("tr[data-restated]")
    ]  # fmt: skip
    wanted = [(r["table"], json.dumps(r["key"]), r["column"], r["old"], r["new"], f"traffic.crashes {NIGHTS[2]}") for r in restated]  # fmt: skip
    assert shown == wanted


def test_two_releases_in_the_wrong_order_and_one_that_is_none_are_refused(command: Command) -> None:
    assert [command("diff", *pair)[0] for pair in (("2", "1"), ("1", "1"), ("1", "9"))] == [2, 2, 2]


# ---- digest and rebuild ----------------------------------------------------------------------------------------------


def test_a_release_is_verified_by_its_own_versions(
    copy: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A figure of release 1 is written over by hand, in a file that is as good as any other."""
    command, path = _type_at(copy, monkeypatch, capsys), copy.lake.table("gold", "crash_daily")
    first, second = (r.tables["crash_daily"].version for r in read_releases(copy.lake))
    old, new = ({str(f["path"]) for f in delta.list_files(path, version) or ()} for version in (first, second))
    assert [command("digest", "--release", number)[0] for number in ("1", "2")] == [0, 0]
    (file,) = old - new
    rows = pq.read_table(Path(path, file))
    forged = rows.set_column(2, "crashes", pc.add(rows["crashes"], 1))
    pq.write_table(forged, Path(path, file))
    code, _, said = command("digest", "--release", "1")
    assert (code, "E602" in said, "gold.crash_daily" in said, "release 1" in said) == (6, True, True, True), said
    assert command("digest", "--release", "2")[0] == 0


def test_an_earlier_release_is_rebuilt_from_landing_and_decisions_with_equal_digests(
    crashes: World, command: Command, tmp_path: Path
) -> None:
    target = tmp_path / "rebuilt"
    said = answer(command("rebuild", "--to", str(target), "--release", "1", "--json"))
    released = {f"gold.{t.table}": t.digest for t in read_releases(crashes.lake)[0].tables.values() if t.version >= 0}
    assert {name: t["rebuilt"] for name, t in said["tables"].items()} == released
    assert (said["different"], len(released)) == (0, 2)
    (again,) = read_releases(Lake(str(target), "new_york"))
    assert [d[1] for d in again.tables["crash_daily"].stands_on] == [NIGHTS[1]]
    code, _, error = command("rebuild", "--to", str(target))
    assert (code, "E002" in error) == (2, True), "what is there is not written over"
