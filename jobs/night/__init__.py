"""A night: which stages are owed, in which order they run, and what they leave in the ledger.

The only place that composes stages. Every stage can be repeated; a finished one is recognised by its ledger line and by the table
that the line names. Read `stages.py` first.
"""

from jobs.night.arrivals import extract
from jobs.night.build import run_gold
from jobs.night.figure import trace_figure
from jobs.night.inbox import look_into_inbox
from jobs.night.opened import Night, Selection
from jobs.night.publish import is_release_owed, run_release
from jobs.night.restore import restore
from jobs.night.stages import process
from jobs.night.standing import marts
from jobs.night.supply import list_wanted
from jobs.night.upkeep import maintain
from jobs.night.waiting import list_waiting
from jobs.night.work import deliveries, is_small, owed

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
    "owed",
    "process",
    "restore",
    "run_gold",
    "run_release",
    "trace_figure",
]
