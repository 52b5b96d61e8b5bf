"""A link from a task to the report page of what it worked on; `lake pages` serves it."""

from __future__ import annotations

import os
from typing import Any

from airflow.sdk import BaseOperatorLink

from jobs.due import is_date


def pages_address() -> str:
    """Where readers find the report pages."""
    return (os.environ.get("LAKE_PAGES_URL") or "http://127.0.0.1:8090").rstrip("/")


class ReportLink(BaseOperatorLink):
    """The page of a dataset and a night, its newest revision; the index of pages where there is no dataset."""

    name = "Report"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        night = str(ti_key.get_template_context()["dag_run"].partition_key or "")
        dataset = ".".join((operator.dag.dag_id, *operator.task_id.split(".")[:-1]))
        return f"{pages_address()}/datasets/{dataset}/{night}" if is_date(night) and "." in dataset else pages_address()


def link_to_report(task: Any) -> Any:
    """Give a task made by a decorator the link; returns the task."""
    task.operator.operator_extra_links = (ReportLink(),)
    return task
