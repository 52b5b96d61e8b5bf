"""What may stand in no file of the project: a real person's number, a real company's code, a place on somebody's machine."""

from __future__ import annotations

import gzip
import re
import subprocess
from functools import cache
from pathlib import Path

import pytest
from stdnum.cn import ric, uscc
from stdnum.exceptions import InvalidComponent

from tests.policies.source_trees import PROJECT

PROVINCES = "(?:1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|71|8[1-2])"
PERSON = re.compile(rf"(?<![0-9A-Za-z])({PROVINCES}[0-9]{{15}}[0-9Xx])(?![0-9A-Za-z])")
COMPANY = re.compile(
    rf"(?<![0-9A-Za-z])([0-9A-HJ-NPQRTUWXY]{{2}}{PROVINCES}[0-9]{{4}}[0-9A-HJ-NPQRTUWXY]{{10}})(?![0-9A-Za-z])"
)
MACHINE = re.compile(r"(?<![\w.:/$}{~-])/(?:work|home|root|Users|mnt|opt/venv)/[\w.-]+")
REGISTRY = re.compile(
    r"https?://(?!pypi\.org|files\.pythonhosted\.org|repo1?\.maven\.(?:apache\.)?org)[^\s\"'/]*(?:artifactory|nexus|pypi|mirror|registry|proxy)[^\s\"'/]*",
    re.I,
)


def is_person(text: str) -> bool:
    """GB 11643-1999: the last character checks the first seventeen; the birthday is a real one."""
    try:
        ric.get_birth_date(text)
    except InvalidComponent:
        return False
    return bool(ric.calc_check_digit(text) == text[17].upper())


def is_company(text: str) -> bool:
    """GB 32100-2015: the last character checks the first seventeen."""
    return bool(uscc.calc_check_digit(text) == text[17])


@cache
def tracked() -> tuple[Path, ...]:
    """Files that version control has or would take."""
    found = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    names = found.stdout.splitlines() if found.returncode == 0 else []
    return tuple(p for p in (PROJECT / n for n in names) if p.is_file())


@cache
def contents() -> tuple[tuple[Path, str], ...]:
    return tuple((path, _text(path)) for path in tracked())


def _text(path: Path) -> str:
    data = path.read_bytes()
    return (gzip.decompress(data) if path.suffix == ".gz" else data).decode("utf-8", "replace")


def test_the_scanner_knows_valid_codes_from_others() -> None:
    assert is_person("09990119810228" + "0012")
    assert not is_person("09990119810228" + "0010")
    assert not is_person("09990119810229" + "0018")
    assert is_company("91099901" + "MA0TERT08Q")
    assert not is_company("91099902" + "7654321A60")


@pytest.mark.long
def test_no_file_holds_a_valid_number_of_a_person_or_code_of_a_company_of_a_real_province() -> None:
    found = []
    for path, text in contents():
        found += [f"{path.relative_to(PROJECT)} person" for x in PERSON.findall(text) if is_person(x)]
        found += [f"{path.relative_to(PROJECT)} company" for x in COMPANY.findall(text) if is_company(x)]
    assert found == []


def test_no_file_names_a_place_on_somebodys_machine() -> None:
    ours = Path(__file__).name
    found = [
        f"{p.relative_to(PROJECT)}: {m}"
        for p, text in contents()
        if p.suffix not in (".gz", ".xlsx") and p.name != ours
        for m in MACHINE.findall(text)
    ]
    assert found == []


def test_no_file_names_a_private_registry() -> None:
    ours = Path(__file__).name
    found = [
        f"{p.relative_to(PROJECT)}: {m}"
        for p, text in contents()
        if p.suffix not in (".gz", ".xlsx") and p.name != ours
        for m in REGISTRY.findall(text)
    ]
    assert found == []
