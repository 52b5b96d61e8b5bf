"""The compose file keeps the rules of a careful server: nothing floating, nobody root, nothing open, no password written down."""

from __future__ import annotations

import json
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from compose_spec import PyCompose

from jobs.cities import PROJECT
from tests.docker.compose import FOLDER, image_env, one_shots, services, source

NAMES = sorted(services())
SERVERS = sorted(set(NAMES) - one_shots())
LOCK = re.compile(r"^([\w.\-]+)(?:\[[^]]*\])?==([^\s;\\]+)[ ]*(;[^\\\n]*)?", re.MULTILINE)


def test_the_file_is_what_the_compose_specification_allows() -> None:
    filled = source() | {"services": services()}
    PyCompose.from_yaml(yaml.safe_dump(filled, sort_keys=False)).validate()


def test_every_service_that_the_set_up_needs_is_there() -> None:
    assert set(NAMES) == {
        "store", "bucket", "connect", "pages", "postgres", "airflow-database", "airflow-api", "airflow-scheduler",
        "airflow-dag-processor", "airflow-triggerer", "sql",
    }  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_an_image_is_pinned_by_its_tag(name: str) -> None:
    assert re.fullmatch(r"[\w./-]+:\d+\.\d+[\w.-]*", services()[name]["image"])


@pytest.mark.parametrize("line", re.findall(r"^FROM (\S+)", (FOLDER / "Dockerfile").read_text(), re.M))
def test_a_base_image_is_pinned_or_a_stage_of_this_file(line: str) -> None:
    stages = re.findall(r"^FROM \S+ AS (\S+)", (FOLDER / "Dockerfile").read_text(), re.M)
    assert line in stages or re.fullmatch(r"[\w./-]+:\d+\.\d+\.\d+[\w.-]*", line)


@pytest.mark.parametrize("name", NAMES)
def test_nothing_runs_as_root_or_can_become_root(name: str) -> None:
    service = services()[name]
    assert int(service["user"].split(":")[0]) > 0
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["read_only"] is True
    assert not service.get("privileged", False)


def test_every_final_image_ends_as_an_ordinary_user() -> None:
    text = (FOLDER / "Dockerfile").read_text()
    finals = {s["build"]["target"] for s in services().values() if "build" in s}
    stages = dict(re.findall(r"^FROM \S+ AS (\S+)\n(.*?)(?=^FROM |\Z)", text, re.M | re.S))
    assert {t: re.findall(r"^USER (\S+)", stages[t], re.M)[-1:] for t in finals} == {t: ["10001:10001"] for t in finals}


@pytest.mark.parametrize("name", SERVERS)
def test_a_server_says_whether_it_is_well(name: str) -> None:
    check = services()[name]["healthcheck"]
    assert check["test"][0] == "CMD"
    assert {"interval", "timeout", "retries"} <= set(check)


@pytest.mark.parametrize("name", NAMES)
def test_a_published_port_is_on_loopback(name: str) -> None:
    assert [p for p in services()[name].get("ports", ()) if not p.startswith("127.0.0.1:")] == []


@pytest.mark.parametrize("name", NAMES)
def test_no_password_is_written_down(name: str) -> None:
    """What sounds like a secret is a file below /run/secrets, or a command that reads one."""
    sounds = re.compile(r"PASSWORD|SECRET|TOKEN|_KEY\b|_KEY_|CONN|CREDENTIALS", re.I)
    env = services()[name].get("environment", {})
    secret = {k: v for k, v in env.items() if sounds.search(k) and "PASSWORDS_FILE" not in k}
    assert {k: v for k, v in secret.items() if "/run/secrets/" not in v} == {}
    assert not re.search(r"://[^/\s:@]+:(?!%s)[^/\s@]+@", json.dumps(services()[name]))


@pytest.mark.parametrize("name", NAMES)
def test_a_service_is_given_the_secrets_that_it_reads_and_no_others(name: str) -> None:
    service = services()[name]
    read = set(re.findall(r"/run/secrets/(\w+)", json.dumps([service.get("command"), service.get("environment")])))
    assert set(service.get("secrets", ())) == read


def test_the_one_thing_that_must_be_given_is_the_inbox() -> None:
    with pytest.raises(KeyError, match="LAKE_INBOX"):
        services({})


def test_every_volume_is_named_and_used() -> None:
    used = {v.split(":")[0] for s in services().values() for v in s.get("volumes", ()) if not v.startswith("/")}
    assert used == set(source()["volumes"])


def test_the_secrets_script_makes_every_secret_once_and_only_for_its_owner(tmp_path: Path) -> None:
    script = [sys.executable, str(FOLDER / "make_secrets.py"), str(tmp_path / "secrets")]
    subprocess.run(script, check=True, capture_output=True)
    made = {p.name: p.read_bytes() for p in (tmp_path / "secrets").iterdir()}
    assert set(made) == {Path(s["file"]).name for s in source()["secrets"].values()}
    assert stat.S_IMODE((tmp_path / "secrets").stat().st_mode) == 0o700
    assert "All secrets are there." in subprocess.run(script, check=True, capture_output=True, text=True).stdout
    assert {p.name: p.read_bytes() for p in (tmp_path / "secrets").iterdir()} == made


def test_two_machines_have_no_secret_in_common(tmp_path: Path) -> None:
    for name in ("one", "two"):
        subprocess.run(
            [sys.executable, str(FOLDER / "make_secrets.py"), str(tmp_path / name)], check=True, capture_output=True
        )
    assert [
        p.name for p in (tmp_path / "one").iterdir() if p.read_bytes() == (tmp_path / "two" / p.name).read_bytes()
    ] == []


def test_version_control_never_takes_a_secret() -> None:
    ignored = subprocess.run(["git", "check-ignore", "-q", "docker/secrets/x"], cwd=PROJECT, check=False).returncode
    assert ignored in (0, 128)  # 128: not a clone


def test_the_dockerfile_has_no_lint() -> None:
    found = subprocess.run(
        [Path(sys.executable).with_name("hadolint"), FOLDER / "Dockerfile"], capture_output=True, text=True, check=False
    )
    assert (found.returncode, found.stdout) == (0, "")


def test_airflows_image_has_the_versions_that_are_tested() -> None:
    tested = dict(x[:2] for x in LOCK.findall((PROJECT / "requirements-dev.lock").read_text()) if not x[2])
    image = {x[0]: x[1] for x in LOCK.findall((FOLDER / "requirements-airflow.lock").read_text()) if not x[2]}
    plain = {x[0]: x[1] for x in LOCK.findall((PROJECT / "requirements.lock").read_text()) if not x[2]}
    assert {k: v for k, v in image.items() if tested.get(k) != v} == {}
    assert set(plain) <= set(image)
    assert "apache-airflow" in image


def test_the_images_start_with_the_projects_code_on_their_path() -> None:
    assert image_env("airflow")["PYTHONPATH"] == image_env("lake")["PYTHONPATH"] == "/opt/lake"
