"""Approvals: what is held waits here for a named person, and blocks no later night.

Triage at two in the morning.

- **decide waits** (Required Actions): a delivery or a gold table fails a critical rule. Read its message and the page of the
  delivery (`lake report`), then approve with your reason, or reject: nothing changes, and a corrected delivery takes its place.
- **approve fails**: no reason was given (clear `decide` to be asked again), or it was decided in another way meanwhile; `lake status` shows what is held.

`lake approve ID --by NAME --reason WHY` does the same by hand.
"""

from __future__ import annotations

from typing import Any

from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import DAG, Param, PartitionedAssetTimetable, get_current_context, task, task_group
from airflow.sdk.exceptions import AirflowSkipException

from dags.assets import held_asset
from dags.defaults import CITY, DEFAULTS
from dags.typed import SPARK, CannotHelp, ask, lake

HELD = held_asset(CITY.name)

with DAG(
    dag_id="approvals",
    schedule=PartitionedAssetTimetable(assets=HELD),
    max_active_runs=16,
    tags=[CITY.name, "decisions"],
    doc_md=__doc__,
    **DEFAULTS,
) as approvals_dag:

    @task(task_id="find", doc_md="`lake status`: what the event named and is still held.")
    def find() -> list[dict[str, str]]:
        """What is asked of each: id, dataset, business date, subject and text."""
        events = get_current_context()["triggering_asset_events"][HELD]
        named = {ident for event in events for ident in event.extra.get("ids", ())}
        return [_question(line) for line in ask("status")["held"] if line["id"] in named]

    def _question(line: dict[str, Any]) -> dict[str, str]:
        about = " ".join(str(line[k]) for k in ("dataset", "date", "rev") if line[k])
        body = "\n\n".join(f"**{k}** {v}" for k, v in line["error"].items() if v)
        subject = f"{line['id']}: accept {about} although it fails {line['code']}?"
        where = {"dataset": line["dataset"], "business_date": line["date"]}
        return {"ident": line["id"], **where, "subject": subject, "body": body}

    @task(task_id="approve", pool=SPARK, doc_md="`lake approve ID --by NAME --reason WHY`")
    def approve(ident: str, answer: Any) -> None:
        if not answer or answer["chosen_options"] != [ApprovalOperator.APPROVE]:
            raise AirflowSkipException("rejected: a corrected delivery takes its place")
        reason = str(answer["params_input"].get("reason") or "")
        if not reason:
            raise CannotHelp("an approval needs a reason; clear the task decide to be asked again")
        lake("approve", ident, f"--by={answer['responded_by_user']['name']}", f"--reason={reason}")

    @task(
        task_id="finish",
        pool=SPARK,
        doc_md="`lake retry --date D --dataset D`, or `lake release`: goes on with what was held, and publishes.",
    )
    def finish(dataset: str, business_date: str) -> None:
        one = ["--date", business_date, "--dataset", dataset]  # another night of it may wait for an answer of its own
        lake(*(["release"] if dataset.startswith("gold.") else ["retry", *one]))

    @task_group(group_id="question")
    def question(ident: str, dataset: str, business_date: str, subject: str, body: str) -> None:
        """One question and what follows its answer. Its texts come from data and people, and no template is made of them."""
        decide = ApprovalOperator(
            task_id="decide",
            subject=subject,
            body=body,
            params={"reason": Param(None, type=["null", "string"], minLength=3, maxLength=500, title="Why")},
            retries=0,
            doc_md="Approve or reject on the page Required Actions.",
        )
        approve(ident, decide.output) >> finish(dataset, business_date)

    question.expand_kwargs(find())
