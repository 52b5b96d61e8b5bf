"""Run the tests of the catalogue's entries and write the page with their results: `python -m tests.faults [GROUP or CASE ...]`."""

from __future__ import annotations

import sys
from collections import defaultdict

import pytest

from tests.faults.listed import CATALOGUE, Entry
from tests.faults.page import NOT_RUN, PAGE, entries_of, read_results, tests_of, write_page


class Results:
    """How each test ended, by its id without parameters, and each case of the catalogue by its own."""

    def __init__(self) -> None:
        self.of: dict[str, set[str]] = defaultdict(set)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" or report.outcome != "passed":
            name, _, parameters = report.nodeid.partition("[")
            self.of[name].add(report.outcome)
            if name.startswith(CATALOGUE) and parameters:
                self.of[parameters.split(":")[0]].add(report.outcome)

    def say(self, entry: Entry) -> str:
        """One word for an entry, each of whose tests and cases has run."""
        ended = [self.of.get(name, {NOT_RUN}) for name in (*entry.cases, *entry.tests)]
        words = set().union(*ended)
        return next((word for word in ("failed", NOT_RUN, "passed") if word in words), "skipped")


def main() -> int:
    entries = entries_of(sys.argv[1:])
    found = Results()
    code = pytest.main(
        ["-q", "-n", "2", "--dist", "loadfile", "-p", "no:cacheprovider", *tests_of(entries)], plugins=[found]
    )
    before = read_results(PAGE.read_text("utf-8"))
    PAGE.write_text(write_page(before | {e.id: found.say(e) for e in entries}), "utf-8")
    return int(code)


if __name__ == "__main__":
    sys.exit(main())
