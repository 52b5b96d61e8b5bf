"""Gold: one release a night, when every dataset of the city has said what became of it, or at the publication hour.

Triage at two in the morning.

- **plan skips the rest**: nothing changed since the last release; there is nothing to do.
- **gold fails at once**: a gold table is held by its own critical suite (exit code 3). Readers keep its last released version.
  `lake status` shows its id for `lake approve`.
- **a department is missing**: the release names what is stale or not delivered and why. Its late delivery publishes that night once
  more, by itself.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from airflow.sdk import DAG, AssetAll, CronPartitionTimetable, PartitionedAssetTimetable, task

from dags.assets import gate_asset, silver_assets
from dags.typed import ask, city_name, lake
from jobs.contracts import load_city

CITY = load_city(city_name())
GATE = gate_asset(CITY.name)
START = datetime(2024, 1, 1, tzinfo=ZoneInfo(CITY.timezone))
ARGS = {"retries": 3, "retry_delay": timedelta(minutes=2), "retry_exponential_backoff": True, "owner": "data_bureau"}

with DAG(
    dag_id="gold",
    schedule=PartitionedAssetTimetable(assets=AssetAll(*silver_assets(CITY.name)) | GATE),
    start_date=START,
    catchup=False,
    max_active_runs=1,
    default_args=ARGS,
    tags=[CITY.name, "gold"],
    doc_md=__doc__,
) as gold_dag:

    @task.short_circuit(task_id="plan", doc_md="`lake plan`: goes on only where a release would say something new.")
    def plan() -> bool:
        return bool(ask("plan")["release_owed"])

    @task(task_id="gold", pool="lake", doc_md="`lake gold`")
    def gold() -> None:
        lake("gold")

    @task(task_id="release", pool="lake", doc_md="`lake release`")
    def release() -> None:
        lake("release")

    @task(task_id="report", doc_md="`lake report`")
    def report() -> None:
        lake("report")

    plan() >> gold() >> release() >> report()

with DAG(
    dag_id="gold_cutoff",
    schedule=CronPartitionTimetable(
        "{1} {0} * * *".format(*(int(x) for x in CITY.publication.split(":"))),
        timezone=CITY.timezone,
        run_offset=-1,
        key_format="%Y-%m-%d",
    ),
    start_date=START,
    catchup=False,
    default_args=ARGS,
    tags=[CITY.name, "gold"],
    doc_md="At the publication hour what there is gets published; the release names what is missing.",
) as cutoff_dag:

    @task(task_id="open_gate", outlets=[GATE])
    def open_gate() -> None:
        """Nothing but the event."""

    open_gate()
