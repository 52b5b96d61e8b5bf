"""The page of the catalogue: written from the entries and a run, and read back."""

from __future__ import annotations

from collections.abc import Mapping

from tests.faults.listed import CATALOGUE, ENTRIES, Entry
from tests.policies.source_trees import PROJECT

PAGE = PROJECT / "tests" / "faults" / "README.md"
NOT_RUN = "not run"
HEAD = """\
# The catalogue of faults

Every fault that is foreseen, what must become of it, the tests that say so, and how they ended when this page was last written. `python -m tests.faults` runs them all and writes it; `python -m tests.faults C F4` runs a group and a case and leaves the other results. Nobody writes here by hand: `test_page.py` holds the page against the entries.

`cases.py` and `hostile.py` are the table of cases that go through the whole pipeline: a case has an id, a title, how it is delivered, and its outcome: code, counts, rows of silver, set-aside records, notices. `conftest.py` delivers all of them into one lake with a dataset a case and runs them together, so that a broken file of one department is seen to stop no other. `test_catalogue.py` holds each case against the table, that no table changes where none may, and every message against its nine parts. To extend: add a `Case`, and an entry in `listed.py`. `lake explain CODE` tells cause and remedy of each code.

| case | what is injected | what must become of it | tests | result |
|---|---|---|---|---|
"""
FOOT = """
The nine silent corruptions of Spark's readers: GB18030 is C1, swapped headers D5, quoted line breaks C5, a cut file S4, names S5, headers and quotes C16 and C6, digits S7 and `test_casts.py`, empty quoted text C14, the machine's zone `test_time_zone.py`. Every file of the robustness corpus, where it is at hand, ends as `tests/formats/robustness.csv` says.
"""


def write_page(results: Mapping[str, str]) -> str:
    """The text of the page, with the result of each entry by its id."""
    return HEAD + "".join(_row(e, results.get(e.id, NOT_RUN)) for e in ENTRIES) + FOOT


def read_results(page: str) -> dict[str, str]:
    """Results by id, of the entries that are as they were when the page was written."""
    rows = dict(line.removesuffix(" |").rsplit(" | ", 1) for line in page.splitlines() if line.startswith("| "))
    starts = {e.id: _row(e, NOT_RUN).rsplit(" | ", 1)[0] for e in ENTRIES}
    return {id: rows[start] for id, start in starts.items() if start in rows}


def _row(entry: Entry, result: str) -> str:
    own = [f"`test_catalogue.py`: {', '.join(entry.cases)}"] if entry.cases else []
    named = [_name(test) for test in entry.tests]
    tests = "; ".join([*own, *named])
    cells = (entry.id, entry.injected, entry.outcome, tests, result)
    return f"| {' | '.join(cells)} |\n"


def _name(test: str) -> str:
    """A test as a sentence, behind its file."""
    path, name = test.split("::")
    where = path.rsplit("/", 1)[-1] if path.startswith("tests/faults/") else path.removeprefix("tests/")
    return f"`{where}`: {name.removeprefix('test_').replace('_', ' ')}"


def entries_of(words: list[str]) -> list[Entry]:
    """Entries of some cases or groups; all where there is no word."""
    return [e for e in ENTRIES if not words or e.id in words or e.id[0] in words]


def tests_of(entries: list[Entry]) -> list[str]:
    """What pytest is told to run for some entries; of nights under Airflow, which build on each other, all."""
    named = {
        test.partition("::")[0] if test.startswith("tests/airflow/") else test for e in entries for test in e.tests
    }
    return sorted(named | ({CATALOGUE} if any(e.cases for e in entries) else set()))
