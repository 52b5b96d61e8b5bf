"""Upkeep, once a week: small files are joined, and files that no kept version needs are removed.

Triage at two in the morning.

- **maintain fails**: nothing is lost; type `lake maintain` again. It never removes a file that a kept release stands on.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from airflow.sdk import DAG, CronTriggerTimetable, task

from dags.typed import SPARK, city_name, lake, tell_failure
from jobs.contracts import load_city

CITY = load_city(city_name())
WEEKLY = "0 12 * * SAT"
ARGS = {"retries": 3, "retry_delay": timedelta(minutes=10), "owner": "data_bureau", "on_failure_callback": tell_failure}

with DAG(
    dag_id="maintenance",
    schedule=CronTriggerTimetable(WEEKLY, timezone=CITY.timezone),
    start_date=datetime(2024, 1, 1, tzinfo=ZoneInfo(CITY.timezone)),
    catchup=False,
    max_active_runs=1,
    default_args=ARGS,
    tags=[CITY.name, "upkeep"],
    doc_md=__doc__,
) as maintenance_dag:

    @task(task_id="maintain", pool=SPARK, doc_md="`lake maintain`")
    def maintain() -> None:
        lake("maintain")

    maintain()
