"""What README says exists: commands, options, paths, codes, variables, and a department that can be copied from it."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

import jobs.cli  # noqa: F401 - registers the commands that run nights
from jobs.ask import app
from jobs.cities import PROJECT, load_contracts
from jobs.error_codes import CODES
from jobs.lint import lint_city
from jobs.suites import load_suite

README = (PROJECT / "README.md").read_text("utf-8")
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BLOCKS = [(kind, text) for kind, text in BLOCK.findall(README)]
PROSE = BLOCK.sub("", README)
SPANS = re.findall(r"`([^`\n]+)`", PROSE)
COMMANDS: dict[str, Any] = typer.main.get_command(app).commands  # type: ignore[attr-defined]


def section(title: str) -> str:
    return README.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]


def first_cells(title: str) -> list[str]:
    """First cells of the rows of a section's table."""
    rows = [line for line in section(title).splitlines() if line.startswith("|")]
    return [row.split("|")[1].strip() for row in rows[2:]]


def typed_lines() -> list[str]:
    lines = [line for kind, text in BLOCKS if kind == "sh" for line in text.splitlines()]
    lines += [line[2:] for kind, text in BLOCKS if not kind for line in text.splitlines() if line.startswith("$ ")]
    return [line for line in lines if line.startswith("lake ") and line != "lake --help"]


@pytest.mark.parametrize("line", typed_lines())
def test_a_command_of_a_block_can_be_typed(line: str) -> None:
    name, *rest = shlex.split(line, comments=True)[1:]
    COMMANDS[name].make_context(name, rest)


@pytest.mark.parametrize("span", sorted({s for s in SPANS if s.startswith("lake ")}))
def test_a_command_in_a_sentence_exists_with_its_options(span: str) -> None:
    _, name, *rest = span.split()
    known = {option for p in COMMANDS[name].params for option in p.opts}
    assert {word for word in rest if word.startswith("-")} - known == set()


def test_an_option_in_a_sentence_exists() -> None:
    known = {option for c in COMMANDS.values() for p in c.params for option in p.opts}
    assert {s for s in SPANS if s.startswith("--")} - known == set()


def test_every_command_is_named() -> None:
    named = set(re.findall(r"\blake ([a-z]+)", README))
    assert set(COMMANDS) - named == set()


def test_every_make_target_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (PROJECT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"^make ([a-z-]+)|`make ([a-z-]+)`", README, re.MULTILINE)) != set()
    named = {a or b for a, b in re.findall(r"^make ([a-z-]+)|`make ([a-z-]+)`", README, re.MULTILINE)}
    assert named - targets == set()


@pytest.mark.parametrize("cell", first_cells("The map"))
def test_a_path_of_the_map_exists(cell: str) -> None:
    missing = [path for path in re.findall(r"`([^`]+)`", cell) if not (PROJECT / path).exists()]
    assert missing == []


@pytest.mark.parametrize("link", sorted({x for x in re.findall(r"\]\(([^)]+)\)", README) if "://" not in x}))
def test_a_link_leads_somewhere(link: str) -> None:
    assert (PROJECT / link).is_file()


def test_pictures_are_small_and_all_of_them_are_shown() -> None:
    pictures = {p.name: p.stat().st_size for p in (PROJECT / "docs").glob("*.png")}
    shown = README + (PROJECT / "dags" / "README.md").read_text("utf-8")
    assert set(pictures) == set(re.findall(r"\(\.{0,2}/?docs/([\w.-]+)\)", shown))
    assert max(pictures.values()) < 300_000


def test_the_exit_codes_are_those_of_the_program() -> None:
    assert {int(cell) for cell in first_cells("Exit codes")} == {0} | {c.exit for c in CODES.values()}


def test_every_code_exists() -> None:
    assert set(re.findall(r"\b[ENWQ][0-9]{3}\b", README)) - set(CODES) == set()


@pytest.mark.parametrize("cell", first_cells("When something does not work"))
def test_a_code_stands_beside_its_own_title(cell: str) -> None:
    code, title = cell.split(" ", 1)
    assert title == CODES[code].title


def test_every_variable_is_explained_and_read() -> None:
    """LAKE_SPARK_TEST is for the tests of the project only."""
    code = "".join(path.read_text("utf-8") for path in sorted((PROJECT / "jobs").rglob("*.py")))
    read = set(re.findall(r"\bLAKE_[A-Z_]+\b", code)) - {"LAKE_SPARK_TEST"}
    explained = {cell.strip("`") for cell in first_cells("Configuration by environment")}
    assert {name for name in explained if name.startswith("LAKE_")} == read


@pytest.fixture
def copied_department(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The YAML blocks of README as files, each under the name in its first line."""
    for kind, text in BLOCKS:
        if kind == "yaml":
            path = tmp_path / text.splitlines()[0].removeprefix("# ")
            path.parent.mkdir(parents=True)
            path.write_text(text, "utf-8")
    monkeypatch.setenv("LAKE_CONF", str(tmp_path))
    return tmp_path


def test_the_department_copied_from_this_page_passes_lint(copied_department: Path) -> None:
    assert lint_city("new_york") == []
    trees = load_contracts("new_york")["parks.trees"]
    assert load_suite(trees).bronze
    assert trees.key == ("tree_id",)


def test_every_yaml_block_is_a_file_of_the_example() -> None:
    blocks = [text for kind, text in BLOCKS if kind == "yaml"]
    assert [text.splitlines()[0] for text in blocks] == [
        "# conf/cities/new_york/parks/trees.odcs.yaml",
        "# expectations/new_york/parks/trees.yaml",
    ]
    assert all(isinstance(yaml.safe_load(text), dict) for text in blocks)
