"""A DAG a department: every night its deliveries are landed, read into bronze, judged and folded into silver.

Triage at two in the morning. The failed task's log ends with the lake's own message and the command to type next.

- **extract waits**: the department has not delivered; nothing to do before its cut-off. After it the dataset is recorded as not
  delivered and the run goes on.
- **extract fails**: the delivery is refused (exit code 4). Ask for a new one; it goes into `<date>.r<N>` beside the first.
- **bronze or silver fails at once**: the delivery is held (exit code 3). Look with `lake quarantine show --dataset D`; decide on the
  page Required Actions, or type `lake approve ID --by NAME --reason WHY` and clear the task.
- **a task is up for retry**: a crash or a busy lake (exit codes 1 and 5). Airflow types the same command again.
- **a night again**: clear its run; a finished night writes nothing.

A dataset that fails stops no other. Figures without it are published at the city's publication hour.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import (
    DAG,
    AssetAlias,
    CronPartitionTimetable,
    PokeReturnValue,
    TaskGroup,
    TriggerRule,
    get_current_context,
    task,
)
from airflow.sdk.exceptions import AirflowSkipException

from dags.alerts import alert
from dags.assets import gate_asset, held_asset, silver_asset
from dags.defaults import CITY, DEFAULTS, TASKS
from dags.links import link_to_report
from dags.typed import NOT_YET, SPARK, ask, lake, list_held, partition_key
from jobs.cities import City, load_contracts
from jobs.contracts import Contract
from jobs.due import published_at

NIGHTLY = "5 0 * * *"


def make_dag(city: City, source: str, contracts: Sequence[Contract]) -> DAG:
    """The nights of one department; partition key is the business date."""
    with DAG(
        dag_id=source,
        schedule=CronPartitionTimetable(NIGHTLY, timezone=city.timezone, run_offset=-1, key_format="%Y-%m-%d"),
        max_active_runs=3,
        tags=[city.name, "source", source],
        doc_md=_doc(contracts),
        **{**DEFAULTS, "default_args": {**TASKS, "owner": contracts[0].owner}},
    ) as dag:
        _reopen(city, source, [_dataset_group(c) for c in contracts])
    return dag


def _doc(contracts: Sequence[Contract]) -> str:
    rows = [
        f"| {c.dataset} | {c.title} | {c.owner} | `{c.due.schedule}` + {c.due.latency_hours} h |" for c in contracts
    ]
    return "\n".join([__doc__ or "", "| dataset | | owner | due |", "|---|---|---|---|", *rows])


def _dataset_group(contract: Contract) -> tuple[Any, Any]:
    """The tasks of one dataset; returns the first and the one that makes silver."""
    with TaskGroup(contract.name, tooltip=contract.title):
        outcome = link_to_report(_extract(contract)())
        read = link_to_report(_bronze(contract)())
        last = link_to_report(_silver(contract)(outcome))
        outcome >> read >> last
        [read, last] >> _held(contract)()
    return outcome, last


def _extract(contract: Contract) -> Any:
    @task.sensor(
        task_id="extract",
        mode="reschedule",
        pool=SPARK,
        poke_interval=300,
        timeout=timedelta(days=3).total_seconds(),
        doc_md=f"`lake extract --date D --dataset {contract.dataset}`",
    )
    def extract() -> PokeReturnValue:
        day = partition_key()
        said = ask("extract", "--date", day, "--dataset", contract.dataset)
        done = said["exit"] != NOT_YET
        outcome = said.get("outcomes", {}).get(contract.dataset)
        if done and outcome == "not_delivered":
            alert("late", what=contract.dataset, source=contract.source, business_date=day, text=contract.owner)
        return PokeReturnValue(is_done=done, xcom_value=outcome)

    return extract


def _bronze(contract: Contract) -> Any:
    @task(task_id="bronze", pool=SPARK, doc_md=f"`lake bronze --date D --dataset {contract.dataset}`")
    def bronze() -> None:
        lake("bronze", "--date", partition_key(), "--dataset", contract.dataset)

    return bronze


def _silver(contract: Contract) -> Any:
    asset = silver_asset(contract)

    @task(task_id="silver", pool=SPARK, outlets=[asset], doc_md=f"`lake silver --date D --dataset {contract.dataset}`")
    def silver(outcome: str) -> None:
        lake("silver", "--date", partition_key(), "--dataset", contract.dataset)
        get_current_context()["outlet_events"][asset].extra = {"outcome": outcome}

    return silver


def _held(contract: Contract) -> Any:
    asset = held_asset(contract.city)

    @task(
        task_id="held",
        trigger_rule=TriggerRule.ONE_FAILED,
        outlets=[asset],
        doc_md="Asks for a decision on what is held.",
    )
    def held() -> None:
        ids = list_held(contract.dataset, partition_key())
        if not ids:
            raise AirflowSkipException("nothing is held")
        get_current_context()["outlet_events"][asset].extra = {"ids": ids}

    return held


def _reopen(city: City, source: str, datasets: Sequence[tuple[Any, Any]]) -> None:
    """A delivery after the publication hour opens the gate of its night again, once a run."""
    alias = AssetAlias(f"late.{source}")

    @task(task_id="reopen_gold", trigger_rule=TriggerRule.ALL_DONE, outlets=[alias], doc_md=_reopen.__doc__)
    def reopen_gold(outcomes: list[str | None]) -> None:
        if "delivered" in outcomes and datetime.now(ZoneInfo(city.timezone)) > published_at(city, partition_key()):
            get_current_context()["outlet_events"][alias].add(gate_asset(city.name), extra={"late": source})

    last = [done for _, done in datasets]
    complete = EmptyOperator(
        task_id="complete", trigger_rule=TriggerRule.NONE_FAILED, doc_md="Fails where a task has failed."
    )
    last >> reopen_gold([outcome for outcome, _ in datasets]) >> complete
    last >> complete


CONTRACTS = list(load_contracts(CITY.name).values())
for name in sorted({c.source for c in CONTRACTS}):
    globals()[name] = make_dag(CITY, name, [c for c in CONTRACTS if c.source == name])
