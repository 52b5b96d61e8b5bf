"""What the crash tests print at their end: how many kills, where they hit, how many left something."""

from __future__ import annotations

from collections import Counter

import pytest


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = [r for found in terminalreporter.stats.values() for r in found if isinstance(r, pytest.TestReport)]
    kills = [
        (str(value), r.passed) for r in reports if r.when == "call" for k, value in r.user_properties if k == "killed"
    ]
    if not kills:
        return
    left = sum(not passed for _, passed in kills)
    terminalreporter.section("kills")
    terminalreporter.line(f"{len(kills)} kills; {left} of them were not finished by typing the same command again")
    for where, count in sorted(Counter(where for where, _ in kills).items()):
        terminalreporter.line(f"{count:5} {where}")
