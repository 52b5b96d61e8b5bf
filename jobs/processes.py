"""Processes by number and beginning, so that another one with the same number is not taken for one that is gone."""

from __future__ import annotations

import os
import select
from pathlib import Path


def started(pid: int) -> str:
    """When a process began, as the kernel counts it; empty where it is gone, or ended and nobody has asked how (a zombie)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        return "" if fields[0] == "Z" else fields[19]
    except (OSError, IndexError):
        return ""


def wait_for_end(pid: int, began: str, seconds: float) -> bool:
    """Wait until a process that began then is gone; whether it is."""
    if not began or started(pid) != began:
        return True
    try:
        watched = os.pidfd_open(pid)
    except OSError:
        return True
    try:
        select.select([watched], [], [], seconds)
    finally:
        os.close(watched)
    return started(pid) != began
