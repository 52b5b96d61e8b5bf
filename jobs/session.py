"""The one place that makes a Spark session: embedded in this process, or attached to a server."""

from __future__ import annotations

import atexit
import logging
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from pyspark.sql import SparkSession

from jobs import store
from jobs.archive import archive_options
from jobs.setup import DELTA_PINS, PROJECT, S3_PINS, find_jars, java_home, spark_home

# Half of the CPU of a short run, four times that of a long one: for small nights, questions and tests. Its code cache is 48 MB where
# nobody says more; two nights fill that, and nothing is compiled from then on.
_SMALL_JAVA = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -XX:ReservedCodeCacheSize=240m"

# Wide rows are short-lived: this collector needs a fifth less CPU for them than the default one. Java compiles what has run four times
# as often as it would by itself: a night that starts cold needs less CPU, and a warm one no more. All memory is given to it at once, since
# where it may grow it collects everything before it does (tests/bench/README.md).
_LARGE_JAVA = "-XX:+UseParallelGC -XX:CompileThresholdScaling=4"


def attach(address: str, session: str) -> SparkSession:
    """A session of this id on the Connect server at `sc://host:port`; what a server that is gone leaves undone fails within seconds."""
    from pyspark.sql.connect.client.retries import DefaultPolicy

    _quieten()
    spark = SparkSession.builder.remote(
        f"{address.rstrip('/')}{'' if '/;' in address else '/'};session_id={session}"
    ).create()
    spark.client.set_retry_policies([DefaultPolicy(max_retries=6, max_backoff=2000)])
    return spark


def _quieten() -> None:
    """Keep a failed query's trace, which Spark's client writes to stderr, off the terminal."""
    logging.getLogger("SQLQueryContextLogger").setLevel(logging.CRITICAL)


def detach(spark: SparkSession) -> None:
    """Give up a session on a server, with all it kept there; one in this process lives on."""
    if type(spark).__module__.startswith("pyspark.sql.connect"):
        spark.stop()


def open_session(
    app_name: str = "city-lakehouse", *, small: bool = False, root: str = "", conf: Mapping[str, str] | None = None
) -> SparkSession:
    """Return the session of this process, starting Spark in it where there is none, for a lake at `root` (default LAKE_ROOT).

    Its settings are conf/spark-defaults.conf, then the properties file that LAKE_SPARK_CONF names (for instance another
    `spark.master`). `conf` replaces all of these settings.
    """
    if running := SparkSession.getActiveSession():
        return running
    _set_environment()
    _quieten()
    builder = SparkSession.builder.appName(app_name)
    for key, value in (conf or session_conf(small=small, root=root)).items():
        builder = builder.config(key, value)
    return builder.getOrCreate()


def session_conf(*, small: bool = False, root: str = "") -> dict[str, str]:
    """Join the settings: the shared file, then what machine and lake decide, then LAKE_SPARK_CONF; the last word wins."""
    is_remote = store.is_object_store(root or os.environ.get("LAKE_ROOT", ""))
    conf = read_conf(PROJECT / "conf" / "spark-defaults.conf")
    own = read_conf(Path(named)) if (named := os.environ.get("LAKE_SPARK_CONF")) else {}
    memory = (conf | own)["spark.driver.memory"]
    conf |= _machine_conf(small, memory) | (store.spark_settings() if is_remote else {}) | own
    return _sent_jars(conf["spark.master"], is_remote=is_remote) | conf


def _sent_jars(master: str, *, is_remote: bool) -> dict[str, str]:
    """Jars that Spark loads itself and sends to executors: Delta's where these are on other machines, S3's for object storage.

    They are not on the driver's class path, which the archive of classes fits only as it was when it was made.
    """
    jars = [] if master.startswith("local") else find_jars(DELTA_PINS)
    jars += find_jars(S3_PINS) if is_remote else []
    return {"spark.jars": ",".join(str(jar) for jar in jars)} if jars else {}


def read_conf(path: Path) -> dict[str, str]:
    """Read `key value` or `key=value` lines, as spark-submit does."""
    lines = (line.strip() for line in path.read_text().splitlines())
    pairs = (re.split(r"\s*[=\s]\s*", line, maxsplit=1) for line in lines if line and not line.startswith("#"))
    return dict(pairs)


def _machine_conf(small: bool, memory: str) -> dict[str, str]:
    is_small = small or bool(os.environ.get("LAKE_SPARK_TEST"))
    java = [f"-Dlog4j2.configurationFile={PROJECT / 'conf' / 'log4j2.properties'}", *archive_options()]
    java += [_SMALL_JAVA] if is_small else [_LARGE_JAVA, f"-Xms{memory}"]
    return {
        "spark.driver.extraClassPath": os.pathsep.join(str(jar) for jar in find_jars()),
        "spark.driver.extraJavaOptions": " ".join(java),
        "spark.sql.warehouse.dir": _temporary_folder(),
    }


def _set_environment() -> None:
    """Name this Python, this Spark and a usable Java, whatever else the machine has."""
    os.environ["SPARK_HOME"] = str(spark_home())
    os.environ["JAVA_HOME"] = str(java_home())
    os.environ["PYSPARK_PYTHON"] = os.environ["PYSPARK_DRIVER_PYTHON"] = sys.executable
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")


@cache
def _temporary_folder() -> str:
    """Spark wants a folder for tables without a path; we have none, so it lives as long as this process."""
    folder = tempfile.mkdtemp(prefix="lake-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def driver_pid() -> int:
    """Process id of the embedded driver JVM; 0 where the session is attached to a server."""
    from pyspark import SparkContext

    gateway = SparkContext._gateway
    process = getattr(gateway, "proc", None)
    return int(process.pid) if process else 0
