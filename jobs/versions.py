"""Which versions of a table hold the same rows: joining small files makes a version, and changes none of them."""

from __future__ import annotations

from jobs import delta

JOIN = "OPTIMIZE"


def joins(path: str, after: int) -> set[int]:
    """Versions after one whose commits joined small files: their rows are those of the version before."""
    table = delta.open_table(path)
    if table is None or table.version() <= after:
        return set()
    head = table.version()
    return {head - n for n, commit in enumerate(table.history(head - after)) if commit.get("operation") == JOIN}


def rows_since(path: str, version: int) -> int:
    """The oldest version with the rows of a version: the one before its small files were joined, however often."""
    table = delta.open_table(path)
    while table is not None and version > 0:
        commits = table.history(table.version() - version + 1)
        if len(commits) <= table.version() - version or commits[-1].get("operation") != JOIN:
            break
        version -= 1
    return version


def rows_until(path: str, version: int) -> int:
    """The newest version with the rows of a version: its files are the fewest, and go last."""
    joined = joins(path, version)
    while version + 1 in joined:
        version += 1
    return version
