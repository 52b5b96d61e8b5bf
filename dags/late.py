"""Late and corrected extracts: what arrives after its night was published is taken, and that night is published once more.

Triage at two in the morning.

- **find skips the rest**: nothing has arrived for a published night.
- **take fails**: as a night's own tasks do; the message ends with the command to type.
"""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from airflow.sdk import DAG, CronTriggerTimetable, task

from dags.defaults import CITY, DEFAULTS
from dags.typed import SPARK, ask, lake
from jobs.due import is_date, published_at

EVERY = "*/15 * * * *"

with DAG(
    dag_id="late",
    schedule=CronTriggerTimetable(EVERY, timezone=CITY.timezone),
    max_active_runs=1,
    tags=[CITY.name, "source"],
    doc_md=__doc__,
    **DEFAULTS,
) as late_dag:

    @task(task_id="find", doc_md="`lake plan`: deliveries that nobody has taken, of nights that were published.")
    def find() -> list[str]:
        now = datetime.now(ZoneInfo(CITY.timezone))
        dates = {step[2] for step in ask("plan")["steps"] if step[0] == "land" and step[3] != "still arriving"}
        return sorted(d for d in dates if is_date(d) and published_at(CITY, d) < now)

    @task(
        task_id="take",
        pool=SPARK,
        doc_md="`lake run --date D`: lands, judges, folds, builds and publishes what changed.",
    )
    def take(business_date: str) -> None:
        lake("run", "--date", business_date)

    take.expand(business_date=find())
