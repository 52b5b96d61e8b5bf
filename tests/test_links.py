"""Links between departments as people use them: what waits, what a person decides, what was measured, and where it is said."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from bs4 import BeautifulSoup
from deltalake import write_deltalake

from jobs.cities import PROJECT, load_contracts, load_gold
from jobs.contracts import fingerprint
from jobs.ledger import DECISION, Decision, Ledger, Run, all_lines, decisions_on_links, read_decisions
from jobs.report import write_report
from jobs.synthetic.nights import write_nights
from jobs.synthetic.world import World as City
from tests.commands import Command, typed_at
from tests.laws.contents import digests
from tests.little import World, no_session, write_person_key

VALLEY = "valley"
DATASETS = ("market.enterprise", "tax.payment", "employment.insurance", "land.parcel", "services.approval")
GOLD = ("dim_enterprise", "entity_link", "enterprise_360", "enterprise_coverage")
WHO = ("--by", "A. Clerk", "--reason", "asked the department", "--now", "2026-02-01T13:00:00Z")


@dataclass(frozen=True)
class Valley:
    """A lake of a city that has the datasets which name enterprises, the truth of it, and a way to make another lake of it."""

    world: World
    truth: Path
    other: Callable[[], World]


def write_valley(root: Path) -> Path:
    """Optics Valley with the datasets and gold tables that links need, as a city of its own."""
    source, target = PROJECT / "conf" / "cities" / "optics_valley", root / "conf" / "cities" / VALLEY
    for dataset in DATASETS:
        name = f"{dataset.replace('.', '/')}.odcs.yaml"
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        (target / name).write_text((source / name).read_text("utf-8").replace("optics_valley", VALLEY), "utf-8")
        suite = f"{dataset.replace('.', '/')}.yaml"
        (root / "expectations" / VALLEY / suite).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(PROJECT / "expectations" / "optics_valley" / suite, root / "expectations" / VALLEY / suite)
    shutil.copy(source / "divisions.csv", target)
    city = (source / "city.yaml").read_text("utf-8").replace("optics_valley", VALLEY).split("gold:")[0]
    (target / "city.yaml").write_text(f"{city}gold: [{', '.join(GOLD)}]\n", "utf-8")
    return root


def _names_datasets(waiting: dict[str, Any]) -> bool:
    return all(waiting[name].rpartition(".")[0] in DATASETS for name in ("column", "parent"))


def keep_of_truth(truth: Path) -> None:
    """Leave of what is true what is about the datasets and tables of the valley."""
    for path in (truth / "deliveries.jsonl", truth.parent / "faults" / "register.jsonl"):
        kept = [line for line in path.read_text("utf-8").splitlines() if json.loads(line)["dataset"] in DATASETS]
        path.write_text("".join(f"{line}\n" for line in kept), "utf-8")
    waits = truth / "pending.jsonl"
    kept = [line for line in waits.read_text("utf-8").splitlines() if _names_datasets(json.loads(line))]
    waits.write_text("".join(f"{line}\n" for line in kept), "utf-8")
    for path in (truth / "gold").iterdir():
        if path.stem not in GOLD:
            path.unlink()


@pytest.fixture(scope="module")
def valley(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Valley]:
    """One night, published; three codes wait for a decision."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("valley")
        patch.setenv("LAKE_PERSON_KEY_FILE", str(write_person_key(folder)))
        patch.setenv("XDG_STATE_HOME", str(folder / "state"))
        patch.setenv("LAKE_CONF", str(write_valley(folder / "conf")))
        write_nights(City(23, Decimal("0.005"), date(2026, 1, 5), 1), "light", folder / "city", lambda: None)
        keep_of_truth(folder / "city" / "truth")

        def make(name: str) -> World:
            return World(folder / name, lambda: request.getfixturevalue("spark"), VALLEY)

        world = make("lake")
        for dataset in DATASETS:
            part = dataset.replace(".", "/")
            shutil.copytree(folder / "city" / "inbox" / part, world.inbox / part)
        assert world.run(now="2026-02-01T12:00:00Z", release=True).problems == []
        yield Valley(world, folder / "city" / "truth", lambda: make("other"))


@pytest.fixture
def lake(valley: Valley, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    command = typed_at(valley.world, monkeypatch, capsys)
    monkeypatch.setenv("LAKE_CITY", VALLEY)
    return command


def queue(lake: Command) -> list[dict[str, str]]:
    rows: list[dict[str, str]] = json.loads(lake("links", "list", "--json")[1])["rows"]
    return rows


def about(row: dict[str, Any]) -> tuple[str, ...]:
    return ("--source-system", row["source_system"], "--source-key", row["source_key"])


def page(world: World) -> BeautifulSoup:
    """The page of the newest release, in English."""
    path = (
        Path(write_report(world.lake, load_contracts(VALLEY), load_gold(VALLEY), "Valley")).parent / "en" / "releases"
    )
    newest = max(path.glob("*.html"), key=lambda p: int(p.stem))
    return BeautifulSoup(newest.read_text("utf-8"), "html.parser")


def link_of(world: World, row: dict[str, Any]) -> tuple[Any, ...]:
    where = (row["source_system"], row["source_key"])
    (found,) = [r for r in world.rows("entity_link", "gold") if (r["source_system"], r["source_key"]) == where]
    return (found["entity_id"], found["proposed_id"], found["method"], found["reviewed_by"])


def unlinked(world: World) -> int:
    (row,) = world.rows("enterprise_coverage", "gold")
    return int(row["unlinked_keys"])


@pytest.mark.spark
@pytest.mark.slow
def test_what_waits_is_listed_with_codes_and_scores_and_no_name(valley: Valley, lake: Command) -> None:
    waiting = queue(lake)
    assert [(r["source_system"], r["score"], r["decided"]) for r in waiting] == [
        ("employment", "0.7500", ""), ("employment", "0.8500", ""), ("land", "0.8000", "")
    ]  # fmt: skip
    said = lake("links", "list")[1]
    assert all(r["source_key"] in said and r["proposed_id"] in said for r in waiting)
    assert "光谷" not in said
    assert "3 links between departments wait for a decision: lake links list" in lake("status")[1]


@pytest.mark.spark
@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("mend",), "E002", "list, accept or reject"),
        (("accept", "--source-key", "x"), "E002", "--source-system --source-key --by --reason"),
        (("accept", "--source-system", "tax", "--source-key", "x", *WHO), "E004", "a code that is not linked by code"),
    ],
)
def test_a_decision_about_nothing_is_refused(
    valley: Valley, lake: Command, arguments: tuple[str, ...], code: str, says: str
) -> None:
    status, _, said = lake("links", *arguments)
    assert (status, said.split()[0]) == (2, code)
    assert says in said
    assert read_decisions(valley.world.lake) == []


@pytest.mark.spark
@pytest.mark.slow
def test_only_an_enterprise_of_the_register_can_be_accepted_and_a_code_of_it_needs_no_decision(
    valley: Valley, lake: Command
) -> None:
    unknown = lake("links", "accept", *about(queue(lake)[0]), "--entity-id", "91099901MA0TERT08Q", *WHO)
    coded = next(r for r in valley.world.rows("entity_link", "gold") if r["method"] == "code")
    known = lake("links", "reject", *about(coded), *WHO)
    assert [(code, said.split()[0]) for code, _, said in (unknown, known)] == [(2, "E004")] * 2
    assert "a code of the register" in unknown[2]
    assert "the register has the code" in known[2]


def test_a_city_without_links_has_none_to_review(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, said = typed_at(world, monkeypatch, capsys)("links", "list")
    assert (code, said.split()[0]) == (2, "E004")
    assert "a city with gold.entity_link" in said


@pytest.mark.spark
@pytest.mark.slow
def test_what_is_measured_stands_on_the_page_of_the_release_and_changes_nothing_else(
    valley: Valley, lake: Command
) -> None:
    line = page(valley.world).select_one("[data-links]")
    assert line is not None
    assert "not measured" in line.get_text()
    before = valley.world.versions()
    code, out, _ = lake("verify", "--truth", str(valley.truth), "--json")
    found = json.loads(out)
    assert (code, found["different"]) == (0, 0)
    line = page(valley.world).select_one("[data-links=measured]")
    assert line is not None
    fields = {f: line.select_one(f"[data-field={f}]").get_text() for f in ("precision", "recall")}  # type: ignore[union-attr]
    assert fields == {f: found[f] for f in ("precision", "recall")}
    assert lake("verify", "--truth", str(valley.truth))[0] == 0
    changed = {name: v - before[name] for name, v in valley.world.versions().items() if v != before[name]}
    assert changed == {"audit.ledger": 1}, "measured twice, written once"
    assert "N107 Nothing to do." in lake("plan")[1]
    assert World(valley.world.inbox.parent, no_session, VALLEY).run(release=True).lines == []
    noted = [x for x in all_lines(valley.world.lake.table("audit", "ledger")) if x.stage == "verify"]
    assert [(x.outcome, x.counts["release"], x.counts["waiting"]) for x in noted] == [("equal", 1, 3)]


@pytest.mark.spark
@pytest.mark.slow
def test_decisions_change_the_figures_at_the_next_run_and_outlast_a_lake_that_is_lost(
    valley: Valley, lake: Command
) -> None:
    world, (accepted, rejected, left) = valley.world, queue(lake)
    before, entity = unlinked(world), accepted["proposed_id"]
    assert lake("links", "accept", *about(accepted), *WHO)[0] == 0
    assert lake("links", "reject", *about(rejected), *WHO)[0] == 0
    assert [r["decided"] for r in queue(lake)] == [
        f"accept {entity} by A. Clerk", f"reject {rejected['proposed_id']} by A. Clerk", ""
    ]  # fmt: skip
    assert "release" in lake("plan")[1]
    assert world.run(now="2026-02-02T12:00:00Z", release=True).problems == []
    assert link_of(world, accepted) == (entity, None, "decision", "A. Clerk")
    assert link_of(world, rejected) == (None, None, "none", "A. Clerk")
    assert link_of(world, left) == (None, left["proposed_id"], "review", None)
    assert unlinked(world) == before - 1
    assert queue(lake) == [left]
    assert json.loads(lake("status", "--json")[1])["links_waiting"] == 1
    decisions = page(world).select("[data-decision]")
    assert sorted(d.select("td")[0].get_text() for d in decisions) == ["accept", "reject"]
    assert World(world.inbox.parent, no_session, VALLEY).run(release=True).lines == [], "again is nothing"

    rebuilt = valley.other()
    for part in (("landing",), ("audit", "decisions")):
        shutil.copytree(Path(world.lake.base, *part), Path(rebuilt.lake.base, *part), dirs_exist_ok=True)
    rebuilt.run(release=True)
    assert digests(rebuilt) == digests(world)


def decide(ledger: Ledger, kind: str, entity: str, key: str = "k") -> None:
    ledger.decide(Decision(kind, f"who said {entity}", "", source_system="tax", source_key=key, entity_id=entity))


def counting(ledger: Ledger) -> list[tuple[str, str, str]]:
    return sorted((d["source_key"], d["decision"], d["entity_id"]) for d in decisions_on_links(ledger.decisions))


def test_of_the_decisions_on_a_code_the_newest_counts_and_what_was_rejected_stays_rejected(world: World) -> None:
    ledger = Ledger(world.lake, Run("test", 1, datetime(2026, 1, 1, tzinfo=UTC)))
    seen = []
    for kind, entity in (("accept", "A"), ("reject", "A"), ("reject", "B"), ("accept", "B"), ("accept", "B")):
        decide(ledger, kind, entity)
        seen.append([row[1:] for row in counting(ledger)])
    assert seen == [
        [("accept", "A")], [("reject", "A")], [("reject", "A"), ("reject", "B")], [("accept", "B")], [("accept", "B")]
    ]  # fmt: skip
    assert len(read_decisions(world.lake)) == 4, "the same one twice in a row is nothing"
    decide(ledger, "reject", "C", key="other")
    assert counting(ledger) == [("k", "accept", "B"), ("other", "reject", "C")]


def test_decisions_that_were_written_before_links_had_any_are_read_as_they_were(world: World) -> None:
    old = Decision(
        "approve", "A. Clerk", "checked", "reg.things", "2025-01-01", 1, "sha", at=datetime(2025, 1, 2, tzinfo=UTC)
    )
    of_links = ("source_system", "source_key", "entity_id")
    row = {k: v for k, v in vars(old).items() if k not in of_links} | {"id": "0123456789ab"}
    schema = pa.schema([field for field in DECISION if field.name not in of_links])
    write_deltalake(world.lake.table("audit", "decisions"), pa.Table.from_pylist([row], schema))
    decide(Ledger(world.lake, Run("test", 1, datetime(2026, 1, 1, tzinfo=UTC))), "accept", "A")
    first, second = read_decisions(world.lake)
    assert first == old
    assert (second.source_system, second.source_key, second.entity_id) == ("tax", "k", "A")


def test_the_id_of_a_decision_that_is_not_on_a_link_is_what_it_was_before_there_were_any() -> None:
    decision = Decision("approve", "A. Clerk", "checked", "reg.things", "2025-01-01", 1, "sha")
    names = ("kind", "dataset", "business_date", "revision", "sha256", "file", "record", "rule", "values_sha256", "table", "input_fingerprint")  # fmt: skip
    assert decision.id == fingerprint({name: getattr(decision, name) for name in names})[:12]
