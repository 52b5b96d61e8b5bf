"""Which source columns each column of a Spark plan is made of: what flows into its value, and what only decides about it.

Walks the analysed plan, which is what the builder of a mart says before Spark rearranges it. `direct`: the value is taken or computed
from this column. `indirect`: the column only decides, in the condition of a CASE, as what is counted, as an order or a window.
What filters, joins, groups or sorts rows decides about every column of a table, and is returned apart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pyspark.sql import DataFrame

# Their result is one of their arguments, or an array of them: a struct keeps its fields.
KEEPING = {
    "Max", "Min", "First", "Last", "AnyValue", "CollectList", "CollectSet", "AggregateExpression", "SortArray", "ElementAt", "TryElementAt",
    "CreateArray", "Coalesce", "Cast", "ArrayDistinct", "Concat", "Alias", "GetArrayItem", "KnownNotNull",
}  # fmt: skip
COUNTS = {"Count", "CountIf"}


@dataclass(frozen=True)
class Flow:
    """Source columns of a value; of a struct or an array of structs also those of each field."""

    direct: frozenset[str] = frozenset()
    indirect: frozenset[str] = frozenset()
    fields: Mapping[str, Flow] = field(default_factory=dict)

    @property
    def all(self) -> frozenset[str]:
        return self.direct | self.indirect

    def with_indirect(self, more: Iterable[str]) -> Flow:
        return Flow(self.direct, self.indirect.union(more), {n: f.with_indirect(more) for n, f in self.fields.items()})


def merge(flows: Iterable[Flow], *, keep: bool = False) -> Flow:
    """Put flows together; `keep` where the value is one of them, so that its fields are too."""
    found = list(flows)
    direct = frozenset().union(*[f.direct for f in found])
    indirect = frozenset().union(*[f.indirect for f in found])
    parts = [f.fields for f in found if f.fields] if keep else []
    names = set(parts[0]) if parts and all(set(p) == set(parts[0]) for p in parts) else set()
    return Flow(direct, indirect, {n: merge((p[n] for p in parts), keep=True) for n in names})


def flows_of(frame: DataFrame, leaf: Callable[[str], Flow]) -> tuple[dict[str, Flow], frozenset[str]]:
    """Flow of each column of a frame, and the columns that filter, join, group or sort; `leaf` knows columns marked by `mark`."""
    plan, deciding = frame._jdf.queryExecution().analyzed(), set[str]()
    known = _walk(plan, leaf, deciding)
    return {a.name(): known[_id(a)] for a in _list(plan.output())}, frozenset(deciding)


def mark(frame: DataFrame, name: str) -> DataFrame:
    """Give the columns of an input names by which the walk knows them, and take these away again."""
    return frame.toDF(*[f"{name}/{c}" for c in frame.columns]).toDF(*frame.columns)


def _walk(node: Any, leaf: Callable[[str], Flow], deciding: set[str]) -> dict[int, Flow]:
    """Flows of a node's attributes by their id, those of its children among them."""
    output = _list(node.output())
    if output and all("/" in a.name() for a in output):
        return {_id(a): leaf(a.name()) for a in output}
    children = _list(node.children())
    known: dict[int, Flow] = {_id(a): Flow() for a in output} if not children else {}
    parts = [_walk(c, leaf, deciding) for c in children]
    for part in parts:
        known.update(part)
    kind = node.nodeName()
    if kind == "Union":
        rows = [[part[_id(a)] for a in _list(c.output())] for part, c in zip(parts, children, strict=True)]
        known.update({_id(a): merge(flows, keep=True) for a, *flows in zip(output, *rows, strict=True)})
    elif kind == "Generate":
        made = _flow(node.generator(), known)
        known.update({_id(a): made.fields.get(a.name(), made) for a in _list(node.generatorOutput())})
    else:
        for expression in _list(node.expressions()):
            if _kind(expression) == "Alias":
                known[_id(expression)] = _flow(expression, known)
            elif _kind(expression) != "AttributeReference" or kind not in ("Project", "Aggregate", "Window"):
                deciding |= _flow(expression, known).all
        for expression in _list(node.groupingExpressions()) if kind == "Aggregate" else []:
            deciding |= _flow(expression, known).all
    return known


def _flow(expression: Any, known: Mapping[int, Flow]) -> Flow:
    kind = _kind(expression)
    if kind == "AttributeReference":
        return known[_id(expression)]
    if kind == "NamedLambdaVariable":  # what is not bound below is an element of an argument, and flows with it
        return known.get(_id(expression), Flow())
    if kind in ("ArrayTransform", "ArrayFilter"):
        return _flow_of_elements(expression, kind, known)
    flows = [_flow(c, known) for c in _list(expression.children())]
    return flows[0] if kind == "Inline" else _combine(expression, kind, flows)


def _combine(expression: Any, kind: str, flows: list[Flow]) -> Flow:
    """The flow of an expression from those of its children."""
    whole = merge(flows, keep=kind in KEEPING)
    if kind == "CreateNamedStruct":
        names = [str(n.eval(None)) for n in _list(expression.nameExprs())]
        return Flow(whole.direct, whole.indirect, dict(zip(names, flows[1::2], strict=True)))
    if kind == "GetStructField":
        return flows[0].fields.get(expression.extractFieldName(), whole)
    if kind == "If":
        return merge(flows[1:], keep=True).with_indirect(flows[0].all)
    if kind == "CaseWhen":  # condition, value, ..., and the value of ELSE where there is one
        pairs = len(flows) - len(flows) % 2
        values = [*flows[1:pairs:2], *flows[pairs:]]
        return merge(values, keep=True).with_indirect(merge(flows[0:pairs:2]).all)
    if kind in ("MaxBy", "MinBy", "WindowExpression"):
        return flows[0].with_indirect(merge(flows[1:]).all)
    return Flow(indirect=whole.all) if kind in COUNTS else whole


def _flow_of_elements(expression: Any, kind: str, known: Mapping[int, Flow]) -> Flow:
    """Of each element of an array: what a function makes of it, or the element itself where the function only chooses."""
    source, function = _flow(expression.argument(), known), expression.function()
    inside = dict(known) | {_id(a): source for a in _list(function.arguments())[:1]}
    inside |= {_id(a): Flow() for a in _list(function.arguments())[1:]}
    made = _flow(function.function(), inside)
    return made if kind == "ArrayTransform" else source.with_indirect(made.all)


def _list(sequence: Any) -> list[Any]:
    return [sequence.apply(n) for n in range(sequence.length())]


def _id(attribute: Any) -> int:
    return int(attribute.exprId().id())


def _kind(expression: Any) -> str:
    return str(expression.getClass().getSimpleName())
