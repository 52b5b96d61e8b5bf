"""A night: which stages are owed, in which order they run, and what they leave in the ledger.

The only place that composes stages. Every stage can be repeated; a finished one is recognised by its ledger line and by the table
that the line names. Read `stages.py` first. A part is imported when it is first asked for: a command that reads needs no Spark.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from jobs.night.opened import Night, Selection

if TYPE_CHECKING:
    from jobs.night.arrivals import extract
    from jobs.night.build import run_gold
    from jobs.night.causes import name_causes
    from jobs.night.figure import trace_figure
    from jobs.night.inbox import look_into_inbox
    from jobs.night.publish import is_release_owed, run_release
    from jobs.night.restore import run_restore
    from jobs.night.stages import process
    from jobs.night.standing import marts
    from jobs.night.supply import list_wanted
    from jobs.night.upkeep import maintain
    from jobs.night.waiting import list_waiting
    from jobs.night.work import deliveries, is_small, owed

_PARTS = {
    "deliveries": "work",
    "extract": "arrivals",
    "is_release_owed": "publish",
    "is_small": "work",
    "list_waiting": "waiting",
    "list_wanted": "supply",
    "look_into_inbox": "inbox",
    "maintain": "upkeep",
    "marts": "standing",
    "name_causes": "causes",
    "owed": "work",
    "process": "stages",
    "run_gold": "build",
    "run_release": "publish",
    "run_restore": "restore",
    "trace_figure": "figure",
}
__all__ = [
    "Night",
    "Selection",
    "deliveries",
    "extract",
    "is_release_owed",
    "is_small",
    "list_waiting",
    "list_wanted",
    "look_into_inbox",
    "maintain",
    "marts",
    "name_causes",
    "owed",
    "process",
    "run_gold",
    "run_release",
    "run_restore",
    "trace_figure",
]


def __getattr__(name: str) -> Any:
    if name not in _PARTS:
        raise AttributeError(name)
    return getattr(import_module(f"{__name__}.{_PARTS[name]}"), name)
