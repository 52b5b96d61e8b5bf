"""The project's own modules as syntax trees: what they import, call and spell."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]


@cache
def modules() -> dict[str, ast.Module]:
    """Every module of `jobs` by its dotted name."""
    paths = sorted((PROJECT / "jobs").rglob("*.py"))
    return {
        ".".join(p.relative_to(PROJECT).with_suffix("").parts).removesuffix(".__init__"): ast.parse(
            p.read_text("utf-8")
        )
        for p in paths
    }


@cache
def imports_of(name: str) -> frozenset[str]:
    """What a module imports, also inside functions; `from jobs import x` counts as jobs.x."""
    found: set[str] = set()
    for node in ast.walk(modules()[name]):
        if isinstance(node, ast.Import):
            found |= {a.name for a in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= (
                {f"{node.module}.{a.name}" for a in node.names}
                if node.module in ("jobs", "pyspark.sql")
                else {node.module}
            )
    return frozenset(found)


def own(name: str) -> frozenset[str]:
    return frozenset(x for x in imports_of(name) if x.split(".")[0] == "jobs")


@cache
def called(name: str) -> frozenset[str]:
    """Names of called functions and methods, without what stands before the dot."""
    found = set()
    for node in ast.walk(modules()[name]):
        if isinstance(node, ast.Call):
            found.add(node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", ""))
    return frozenset(found)


def texts(name: str) -> list[str]:
    """String constants of a module, docstrings left out."""
    tree = modules()[name]
    owners = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    docs = {
        id(n.body[0].value)
        for n in ast.walk(tree)
        if isinstance(n, owners) and n.body and isinstance(n.body[0], ast.Expr)
    }
    return [
        n.value
        for n in ast.walk(tree)
        if isinstance(n, ast.Constant) and isinstance(n.value, str) and id(n) not in docs
    ]
