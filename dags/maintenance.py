"""Upkeep, once a week: the audit tables are sealed, small files are joined, files that no kept version needs are removed, and every byte is looked at.

Triage at two in the morning.

- **checkpoint fails with E610**: an audit table is not what was written; the message names the first bad entry. Upkeep does not
  run, so that what shows it stays. Change nothing, and tell the auditor; nights go on.
- **maintain fails**: nothing is lost; type `lake maintain` again. It never removes a file that a kept release stands on.
- **fsck fails**: the lake is damaged. Its message says which file, and what to type; nights stop with the same message where they would
  read what is damaged.
"""

from __future__ import annotations

from airflow.sdk import DAG, CronTriggerTimetable, task

from dags.defaults import CITY, DEFAULTS
from dags.typed import SPARK, lake

WEEKLY = "0 12 * * SAT"

with DAG(
    dag_id="maintenance",
    schedule=CronTriggerTimetable(WEEKLY, timezone=CITY.timezone),
    max_active_runs=1,
    tags=[CITY.name, "upkeep"],
    doc_md=__doc__,
    **DEFAULTS,
) as maintenance_dag:

    @task(task_id="checkpoint", pool=SPARK, doc_md="`lake audit checkpoint`")
    def checkpoint() -> None:
        lake("audit", "checkpoint")

    @task(task_id="maintain", pool=SPARK, doc_md="`lake maintain`")
    def maintain() -> None:
        lake("maintain")

    @task(task_id="fsck", pool=SPARK, doc_md="`lake fsck --full`")
    def fsck() -> None:
        lake("fsck", "--full")

    checkpoint() >> maintain()
    fsck()
