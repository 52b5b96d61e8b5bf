"""Import the DAG files as the DAG processor does, in a process of its own without a database, and print what they hold as JSON."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

DAGS = Path(__file__).resolve().parents[2] / "dags"
HEAVY = ("pyspark", "pandas", "pyarrow", "deltalake", "delta", "great_expectations")


def _names(condition: Any) -> Iterator[str]:
    for part in getattr(condition, "objects", [condition]):
        if hasattr(part, "objects"):
            yield from _names(part)
        elif part is not None:
            yield part.name


def main() -> None:
    from airflow.dag_processing.dagbag import DagBag
    from airflow.serialization.serialized_objects import DagSerialization

    began = time.process_time()
    bag = DagBag(str(DAGS), collect_dags=False)
    bag.collect_dags(str(DAGS))
    seconds = time.process_time() - began
    found = {
        dag.dag_id: {
            "tags": sorted(dag.tags),
            "doc": dag.doc_md or "",
            "schedule": type(dag.timetable).__name__,
            "waits_for": sorted(set(_names(getattr(dag.timetable, "asset_condition", None)))),
            "max_active_runs": dag.max_active_runs,
            "serialized": bool(DagSerialization.to_dict(dag)),
            "tasks": {
                t.task_id: {
                    "owner": t.owner,
                    "retries": t.retries,
                    "pool": t.pool,
                    "reschedule": getattr(t, "mode", "") == "reschedule",
                    "upstream": sorted(t.upstream_task_ids),
                    "outlets": sorted(getattr(o, "name", "") for o in t.outlets),
                    "links": sorted(link.name for link in t.operator_extra_links),
                    "trigger_rule": str(getattr(t.trigger_rule, "value", t.trigger_rule)),
                }
                for t in dag.tasks
            },
        }
        for dag in bag.dags.values()
    }
    heavy = [m for m in HEAVY if m in sys.modules]
    print(json.dumps({"errors": bag.import_errors, "dags": found, "heavy": heavy, "seconds": seconds}))


if __name__ == "__main__":
    main()
