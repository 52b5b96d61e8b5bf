"""The catalogue is complete, its page is what it says, and every code of it can be explained."""

from __future__ import annotations

import ast
import re

import pytest

from jobs.error_codes import CODES
from tests.commands import typed_at
from tests.faults.cases import CASES
from tests.faults.listed import ENTRIES, OWED, Entry
from tests.faults.page import PAGE, read_results, write_page
from tests.little import World
from tests.policies.source_trees import PROJECT

NAMED = sorted(
    set(re.findall(r"\b[ENQW]\d{3}\b", " ".join(e.outcome for e in ENTRIES))) | {c.code for c in CASES if c.code}
)


def functions_of(path: str) -> set[str]:
    tree = ast.parse((PROJECT / path).read_text("utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_every_fault_that_is_owed_has_a_test() -> None:
    tested = {e.id for e in ENTRIES if e.cases or e.tests}
    assert set(OWED) - tested == set()
    assert len({e.id for e in ENTRIES}) == len(ENTRIES)


def test_every_case_belongs_to_an_entry() -> None:
    assert {c.id for c in CASES} == {name for e in ENTRIES for name in e.cases}


@pytest.mark.parametrize("entry", [e for e in ENTRIES if e.tests], ids=lambda e: e.id)
def test_a_test_that_an_entry_names_exists(entry: Entry) -> None:
    missing = [test for test in entry.tests if test.split("::")[1] not in functions_of(test.split("::")[0])]
    assert missing == []


def test_the_page_is_what_the_entries_say_and_no_result_of_it_is_a_failure() -> None:
    page = PAGE.read_text("utf-8")
    results = read_results(page)
    assert page == write_page(results), "python -m tests.faults writes it"
    assert {id: result for id, result in results.items() if result != "passed"} == {}


@pytest.mark.parametrize("code", NAMED)
def test_every_code_of_the_catalogue_can_be_explained(
    code: str, world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    exit_code, out, _ = typed_at(world, monkeypatch, capsys)("explain", code)
    told = dict(line.split(":", 1) for line in out.splitlines()[1:])
    assert exit_code == 0
    assert out.startswith(f"{code} {CODES[code].title}")
    assert all(told[part].strip() for part in ("cause", "remedy"))
