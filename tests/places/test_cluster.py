"""A night on a standalone cluster gives what one in a single process gives, by a properties file alone."""

from __future__ import annotations

import json
import os
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from jobs.setup import java_home, spark_home
from tests.places.conftest import run_first_night
from tests.servers import answers, free_ports, running, wait_until

pytestmark = [pytest.mark.spark, pytest.mark.slow]

WORKERS = 2


@dataclass(frozen=True)
class Cluster:
    """A master, asked by its page in JSON, and the properties file that names it."""

    page: str
    conf: Path

    def state(self) -> dict[str, Any]:
        with urllib.request.urlopen(f"{self.page}/json/", timeout=5) as answer:
            found: dict[str, Any] = json.load(answer)
        return found


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A master and two workers of one core each, from the installed Spark."""
    folder, (port, page_port) = tmp_path_factory.mktemp("cluster"), free_ports(2)
    env = os.environ | {
        "JAVA_HOME": str(java_home()), "SPARK_HOME": str(spark_home()), "SPARK_LOCAL_IP": "127.0.0.1", "SPARK_CONF_DIR": str(folder),
        "SPARK_DAEMON_MEMORY": "256m",
    }  # fmt: skip
    spark_class, deploy = str(spark_home() / "bin" / "spark-class"), "org.apache.spark.deploy"
    master = [spark_class, f"{deploy}.master.Master", "--host", "127.0.0.1", "--port", str(port), "--webui-port", str(page_port)]  # fmt: skip
    conf = folder / "cluster.conf"
    conf.write_text(
        f"spark.master            spark://127.0.0.1:{port}\nspark.driver.host       127.0.0.1\nspark.executor.memory   1g\n"
    )
    found = Cluster(f"http://127.0.0.1:{page_port}", conf)
    with ExitStack() as stack:
        stack.enter_context(running(master, folder / "master.log", lambda: answers(found.page), env))
        for number in range(WORKERS):
            worker = [
                spark_class, f"{deploy}.worker.Worker", "--host", "127.0.0.1", "--webui-port", "0", "--cores", "1", "--memory", "1g",
                "--work-dir", str(folder / f"work-{number}"), f"spark://127.0.0.1:{port}",
            ]  # fmt: skip
            stack.enter_context(running(worker, folder / f"worker-{number}.log", lambda: True, env))
        wait_until(lambda: found.state()["aliveworkers"] == WORKERS, 60, lambda: str(found.state()))
        yield found


def test_a_night_on_a_cluster_has_the_digests_of_one_in_a_single_process(
    cluster: Cluster, plain_env: dict[str, str], digests_on_disk: dict[str, str], tmp_path: Path
) -> None:
    env = plain_env | {"LAKE_ROOT": str(tmp_path / "lake"), "LAKE_SPARK_CONF": str(cluster.conf)}
    assert run_first_night(env) == digests_on_disk
    done = cluster.state()["completedapps"]
    assert [(app["name"], app["cores"], app["state"]) for app in done] == [("city-lakehouse", WORKERS, "FINISHED")]
