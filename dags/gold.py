"""Gold: one release a night, when every dataset of the city has said what became of it, or at the publication hour.

Triage at two in the morning.

- **plan skips the rest**: nothing changed since the last release; there is nothing to do.
- **gold fails at once**: a gold table is held by its own critical suite (exit code 3). The other tables are released; readers keep
  its last released version. The page Required Actions asks for a decision; `lake approve` takes one too.
- **a department is missing**: the release names what is stale or not delivered and why. Its late delivery publishes that night once
  more, by itself.
"""

from __future__ import annotations

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import (
    DAG,
    AssetAll,
    CronPartitionTimetable,
    PartitionedAssetTimetable,
    TriggerRule,
    get_current_context,
    task,
)
from airflow.sdk.exceptions import AirflowSkipException

from dags.alerts import alert
from dags.assets import gate_asset, held_asset, silver_assets
from dags.defaults import CITY, DEFAULTS
from dags.links import link_to_report
from dags.typed import SPARK, ask, lake, list_held, partition_key

GATE = gate_asset(CITY.name)
HELD = held_asset(CITY.name)

with DAG(
    dag_id="gold",
    schedule=PartitionedAssetTimetable(assets=AssetAll(*silver_assets(CITY.name)) | GATE),
    max_active_runs=1,
    tags=[CITY.name, "gold"],
    doc_md=__doc__,
    **DEFAULTS,
) as gold_dag:

    @task.short_circuit(task_id="plan", doc_md="`lake plan`: goes on only where a release would say something new.")
    def plan() -> bool:
        return bool(ask("plan")["release_owed"])

    @task(task_id="gold", pool=SPARK, doc_md="`lake gold`")
    def gold() -> None:
        lake("gold")

    @task(
        task_id="release",
        pool=SPARK,
        trigger_rule=TriggerRule.ALL_DONE,
        doc_md="`lake release`: also where a table is held; its readers keep the last one.",
    )
    def release() -> None:
        lake("release")

    @task(task_id="report", doc_md="`lake report --changed`")
    def report() -> None:
        lake("report", "--changed")

    @task(
        task_id="held", trigger_rule=TriggerRule.ONE_FAILED, outlets=[HELD], doc_md="Asks for decisions on held tables."
    )
    def held() -> None:
        ids = list_held()
        if not ids:
            raise AirflowSkipException("nothing is held")
        get_current_context()["outlet_events"][HELD].extra = {"ids": ids}

    complete = EmptyOperator(
        task_id="complete", trigger_rule=TriggerRule.NONE_FAILED, doc_md="Fails where a task has failed."
    )
    built, reported = gold(), link_to_report(report())
    plan() >> built >> release() >> reported >> complete
    built >> [held(), complete]

with DAG(
    dag_id="gold_cutoff",
    schedule=CronPartitionTimetable(
        "{1} {0} * * *".format(*(int(x) for x in CITY.publication.split(":"))),
        timezone=CITY.timezone,
        run_offset=-1,
        key_format="%Y-%m-%d",
    ),
    tags=[CITY.name, "gold"],
    doc_md="At the publication hour what there is gets published; the release names what is missing.",
    **DEFAULTS,
) as cutoff_dag:

    @task(
        task_id="open_gate",
        outlets=[GATE],
        doc_md="Opens the gate of its night, and alerts where gold is not published yet.",
    )
    def open_gate() -> None:
        day = partition_key()
        if ask("plan")["release_owed"]:
            alert("unpublished", what="gold", source="gold", business_date=day, text="what there is gets published now")

    open_gate()
