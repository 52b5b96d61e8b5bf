"""E19: a command with an unusable business date is refused before anything is read or written."""

from __future__ import annotations

from pathlib import Path

import pytest

from jobs.cli import main

NOW = "2025-02-13T00:10:00+08:00"  # in Shanghai; in UTC it is still the 12th


@pytest.fixture
def root(tmp_path: Path, little_conf: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LAKE_CONF", str(little_conf))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "lake"


def run(root: Path, monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    given = ["--city", "little", "--root", str(root), "--inbox", str(root.parent / "inbox"), "--now", NOW]
    monkeypatch.setattr("sys.argv", ["lake", *words, *given])
    with pytest.raises(SystemExit) as left:
        main()
    return int(left.value.code or 0)


@pytest.mark.parametrize("command", ["run", "extract", "plan"])
@pytest.mark.parametrize("text", ["None", "2024-13-01", "2025-02-30", "20250212", "2025-2-12", "2025-02-14"])
def test_an_unusable_business_date_is_refused_before_any_lake_exists(
    root: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], command: str, text: str
) -> None:
    assert run(root, monkeypatch, command, "--date", text) == 2
    assert "E005" in capfd.readouterr().err
    assert not root.exists()
    assert not (root.parent / "state").exists()


@pytest.mark.parametrize(
    "words",
    [
        ("extract", "--date", ""),
        ("bronze", "--date", "", "--dataset", "reg.things"),
        ("backfill", "--from", "", "--to", "2025-01-01"),
    ],
)
def test_an_empty_business_date_is_no_date(
    root: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    assert run(root, monkeypatch, *words) == 2
    assert "E005" in capfd.readouterr().err
    assert not root.exists()


@pytest.mark.parametrize("words", [("extract",), ("bronze", "--dataset", "reg.things")])
def test_a_command_that_needs_a_business_date_says_that_it_is_missing(
    root: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    assert run(root, monkeypatch, *words) == 2
    assert "Missing parameter: date" in capfd.readouterr().err
    assert not root.exists()
