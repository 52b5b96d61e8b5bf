"""What each page of the report was made from, kept beside the pages: whether some are owed is known without the modules that make them."""

from __future__ import annotations

import json
from collections.abc import Mapping

from jobs.lake import Lake

MARKS = "pages.json"
NEWEST = "newest ledger line"


def read_marks(lake: Lake) -> Mapping[str, str]:
    """What each page was made from, by its name: a page is made again where that is another."""
    path = lake.path("reports", MARKS)
    found: Mapping[str, str] = json.loads(lake.files.cat_file(path)) if lake.files.exists(path) else {}
    return found


def is_owed(lake: Lake, newest: int) -> bool:
    """Whether the pages do not know the newest line of the ledger: a command was stopped before it had written them."""
    return read_marks(lake).get(NEWEST, "0") != str(newest)
