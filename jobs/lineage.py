"""OpenLineage events: what each stage read and made, column by column, and what was checked.

Two events a stage that ran, START and COMPLETE or FAIL, in a file of their own below `audit/lineage`, one JSON object a line as
OpenLineage's file transport writes them. The events come from our own plan: contracts, the ledger line, the versions that the stage
read. Nothing is sent anywhere. Ids and times are functions of the delivery and the run's clock: the same work, the same events.
https://openlineage.io/docs/spec/object-model
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from openlineage.client import facet_v2 as facets
from openlineage.client.event_v2 import InputDataset, Job, OutputDataset, Run, RunEvent, RunState, set_producer
from openlineage.client.serde import Serde

from jobs.cities import City
from jobs.contracts import Contract
from jobs.lake import Lake
from jobs.ledger import Line
from jobs.lineage_facets import assertions, column_lineage, metrics, rule_columns, schema

STAGES = ("landing", "bronze", "silver", "gold", "release")
DONE = ("accepted", "built", "released")
PARENT, ROOT = (
    "OPENLINEAGE_PARENT_ID",
    "OPENLINEAGE_ROOT_PARENT_ID",
)  # `namespace/job/run`, as Airflow's provider spells them
_OURS = uuid.uuid5(uuid.NAMESPACE_URL, "urn:city-lakehouse")
_WRITTEN = {"bronze": ("bronze",), "silver": ("inserted", "changed"), "gold": ("rows",)}
set_producer("urn:city-lakehouse")


@dataclass(frozen=True)
class Work:
    """A stage that ran: its ledger line, the contract it is about (a release has none), and the versions of the tables that it read."""

    city: City
    line: Line
    contract: Contract | None = None
    reads: Mapping[str, int] = field(default_factory=dict)

    @property
    def job(self) -> str:
        table = (
            self.contract.name if self.contract and self.line.stage == "gold" else self.contract and self.contract.table
        )
        return f"{self.line.stage}.{table}" if table else self.line.stage

    @property
    def run_id(self) -> str:
        """Of dataset, business date, revision and stage, so that who has the ledger can work it out; each try of it is the same run.

        A gold table and a release have no revision: the run's clock is in its place.
        """
        x = self.line
        when = x.at if x.stage in ("gold", "release") else str(x.revision)
        return str(uuid.uuid5(_OURS, "/".join([self.city.name, self.job, x.business_date, when])))


def write_events(lake: Lake, work: Work) -> str:
    """Write the events of one stage; returns the path of their file."""
    at, tried = work.line.at, f"{work.line.at[11:19].replace(':', '')}-{work.line.attempt}"
    path = lake.path("audit", "lineage", at[:10], f"{work.job}-{tried}-{work.run_id}.jsonl")
    lake.write_atomic(path, "".join(f"{Serde.to_json(e)}\n" for e in make_events(work)).encode())
    return path


def make_events(work: Work) -> list[RunEvent]:
    """START, and COMPLETE, or FAIL for what is held, refused or failed."""
    end = RunState.COMPLETE if work.line.outcome in DONE else RunState.FAIL
    return [
        _event(work, RunState.START, _run_facets(work), {}),
        _event(work, end, {**_run_facets(work), **_end_facets(work)}, _checked(work)),
    ]


def _event(
    work: Work, state: RunState, run: Mapping[str, facets.RunFacet], checked: Mapping[str, Any]
) -> RunEvent:  # fmt: skip
    city, what = work.city.name, facets.job_type_job.JobTypeJobFacet("BATCH", "CITY_LAKEHOUSE", "STAGE")
    ended = state is not RunState.START
    return RunEvent(
        eventTime=work.line.at,
        eventType=state,
        run=Run(work.run_id, dict(run)),
        job=Job(city, work.job, {"jobType": what}),
        inputs=[InputDataset(city, name, facets=_version(v)) for name, v in _inputs(work).items()],
        outputs=[_output(work, name, checked, ended) for name in _outputs(work)],
    )


def _inputs(work: Work) -> dict[str, int]:
    table, stage = work.contract.table if work.contract else "", work.line.stage
    before = {"landing": "inbox", "bronze": "landing"}
    return {f"{before[stage]}.{table}": -1} if stage in before else dict(work.reads)


def _outputs(work: Work) -> list[str]:
    """What the stage writes; a table of set-aside records where there are some."""
    counts = work.line.counts
    if work.contract is None:
        return ["audit.releases"]
    aside = counts.get({"bronze": "refused", "silver": "set_aside"}.get(work.line.stage, ""), 0)
    return [work.job, *([f"quarantine.{work.contract.table}"] if aside else [])]


def _output(work: Work, name: str, checked: Mapping[str, Any], ended: bool) -> OutputDataset:
    if work.contract is None or name != work.job:
        return OutputDataset(work.city.name, name)
    line, city = work.line, work.city.name
    about = {
        "schema": schema(work.contract, line.stage),
        "columnLineage": column_lineage(work.contract, line.stage, city),
    }
    rows = sum(int(line.counts.get(n, 0)) for n in _WRITTEN.get(line.stage, ()))
    written = ended and bool(line.table)
    statistics = facets.output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(rows)
    wrote: dict[str, facets.OutputDatasetFacet] = {"outputStatistics": statistics} if written else {}
    version = _version(line.table_version if written else -1)
    return OutputDataset(city, name, wrote, facets={**about, **version, **checked})


def _version(number: int) -> dict[str, facets.DatasetFacet]:
    return {"version": facets.dataset_version_dataset.DatasetVersionDatasetFacet(str(number))} if number >= 0 else {}


def _checked(work: Work) -> dict[str, Any]:
    if not work.contract or not work.line.results:
        return {}
    columns = rule_columns(work.contract)
    return {"dataQualityAssertions": assertions(work.line, columns), "dataQualityMetrics": metrics(work.line, columns)}


def _run_facets(work: Work) -> dict[str, facets.RunFacet]:
    line, found = work.line, dict[str, facets.RunFacet]()
    told = {"run": line.run_id, "try": str(line.attempt), "revision": str(line.revision or ""), "sha256": line.sha256}
    tag = facets.tags_run.TagsRunFacetFields
    found["tags"] = facets.tags_run.TagsRunFacet([tag(k, v, "CITY_LAKEHOUSE") for k, v in told.items() if v])
    if line.business_date:
        start = datetime.fromisoformat(line.business_date).replace(tzinfo=ZoneInfo(work.city.timezone))
        end = start + timedelta(days=1)
        found["nominalTime"] = facets.nominal_time_run.NominalTimeRunFacet(start.isoformat(), end.isoformat())
    if parent := _parent():
        found["parent"] = parent
    return found


def _parent() -> facets.parent_run.ParentRunFacet | None:
    """The task that typed the command, and its run of the DAG, where a scheduler says so."""
    parts, names = os.environ.get(PARENT, ""), facets.parent_run
    if not parts:
        return None
    namespace, job, run = parts.rsplit("/", 2)
    root_namespace, root_job, root_run = (os.environ.get(ROOT) or parts).rsplit("/", 2)
    root = names.Root(names.RootRun(root_run), names.RootJob(root_namespace, root_job))
    return names.ParentRunFacet(names.Run(run), names.Job(namespace, job), root)


def _end_facets(work: Work) -> dict[str, facets.RunFacet]:
    error = work.line.error
    if not error:
        return {}
    said = " ".join(str(error.get(part, "")) for part in ("code", "title", "place") if error.get(part))
    return {"errorMessage": facets.error_message_run.ErrorMessageRunFacet(said, "PYTHON")}
