"""Cast and judge: delivered strings to typed rows, with the rules that each row breaks as a bitmask.

Spark's casts guess (`try_cast('1.5' as decimal(18,0))` is 2, `'12:30'` as a timestamp is today), so every logical type has one
lexical pattern that a value must match before it is cast. A value that does not match, or does not fit, is unconverted: null, and
marked in `_unconverted_<column>`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.contracts import Column as Declared
from jobs.contracts import Contract

BITS = 60
LINEAGE = ("_business_date", "_revision", "_file", "_record")
_ISO_FORMATS = ("", "yyyy-MM-dd", "yyyy-MM-dd HH:mm:ss")
_PARTS = {"yyyy": r"(\d{4})", "MM": r"(\d{2})", "dd": r"(\d{2})", "HH": r"(\d{2})", "mm": r"(\d{2})", "ss": r"(\d{2})", "M": r"(\d{1,2})", "d": r"(\d{1,2})", "H": r"(\d{1,2})"}  # fmt: skip
_ISO_DATE = r"^\d{4}-\d{2}-\d{2}\z"  # `$` also stands before a last line break
_ISO_LOCAL = r"^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?\z"
_ISO_INSTANT = r"^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|[+-]\d{2}:\d{2})\z"


def cast_columns(rows: DataFrame, contract: Contract, *, proven: bool = False) -> DataFrame:
    """Give each declared column its type; null tokens become null, and what does not convert is marked.

    Returns the lineage columns, the contract's columns, and `_unconverted_<column>` for each column that is not a string. `proven`
    rows were cast before and every value of theirs converted, so no pattern is asked again: a third of the cost of a cast.
    Expressions are SQL text: one message to the JVM instead of a dozen a column.
    """
    cast_one = cast_proven if proven else cast_value
    text = [f"{_without_tokens(c.name, contract.null_tokens)} AS `_text_{c.name}`" for c in contract.columns]
    typed = [f"{cast_one(f'`_text_{c.name}`', c)} AS `{c.name}`" for c in contract.columns]
    cast = [c.name for c in contract.columns if c.spark_type != "string"]
    marks = [f"`_text_{n}` IS NOT NULL AND `{n}` IS NULL AS `_unconverted_{n}`" for n in cast]
    rows = rows.selectExpr(*LINEAGE, *text)
    rows = rows.selectExpr(*LINEAGE, *typed, *[f"`_text_{n}`" for n in cast])
    return rows.selectExpr(*LINEAGE, *[f"`{c.name}`" for c in contract.columns], *marks)


def literal(text: str) -> str:
    """A text as Spark's SQL writes it."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _without_tokens(name: str, tokens: Sequence[str]) -> str:
    """A delivered text, null where it is one of the contract's null tokens."""
    if tuple(tokens) == ("",):
        return f"nullif(`{name}`, '')"
    listed = ", ".join(literal(t.strip()) for t in tokens)
    return f"CASE WHEN `{name}` NOT IN ({listed}) THEN `{name}` END"


def cast_value(value: str, column: Declared) -> str:
    """One value by the lexical pattern of its type; null where it does not match or does not fit."""
    kind = column.spark_type
    if kind == "string":
        return value
    if kind == "boolean":
        return f"CASE WHEN {value} IN ('true', 'false') THEN CAST({value} AS boolean) END"
    if _is_whole(kind):
        # What `try_cast` refuses costs it an exception, so that it is not asked where there is a point. The text of a whole number
        # is mostly the delivered one, and costs less than a pattern.
        whole, with_zeros = literal(r"^-?\d+\z"), literal(r"^-?\d+\.0*\z")
        cast, point = f"try_cast({value} AS {kind})", f"contains({value}, '.')"
        plain = f"CASE WHEN CAST({cast} AS string) = {value} OR {value} RLIKE {whole} THEN {cast} END"
        zeros = f"CASE WHEN {value} RLIKE {with_zeros} THEN {_cast_by_decimal(value, kind)} END"
        return f"if({point}, {zeros}, {plain})"
    return f"CASE WHEN {value} RLIKE {literal(_pattern(column))} THEN {_cast_matched(value, column)} END"


def cast_proven(value: str, column: Declared) -> str:
    """One value that `cast_value` converts: the same cast without its pattern."""
    kind = column.spark_type
    if _is_whole(kind):
        return f"if(contains({value}, '.'), {_cast_by_decimal(value, kind)}, try_cast({value} AS {kind}))"
    return value if kind == "string" else _cast_matched(value, column)


def _is_time(kind: str) -> bool:
    return kind == "date" or kind.startswith("timestamp")


def _is_whole(kind: str) -> bool:
    return not (_is_time(kind) or kind in ("string", "boolean") or kind.startswith("decimal"))


def _cast_by_decimal(value: str, kind: str) -> str:
    """A whole number with zeros after its point: Spark's own cast of it to an integer is null."""
    return f"try_cast(try_cast({value} AS decimal(38,0)) AS {kind})"


def _cast_matched(value: str, column: Declared) -> str:
    if not _is_time(column.spark_type) or column.format in _ISO_FORMATS:
        return f"try_cast({value} AS {column.spark_type})"
    pattern, iso = read_format(column.format)
    return f"try_cast(regexp_replace({value}, {literal(pattern)}, {literal(iso)}) AS {column.spark_type})"


def _pattern(column: Declared) -> str:
    kind = column.spark_type
    if kind.startswith("decimal"):
        return rf"^-?\d+(\.\d{{0,{column.scale}}}0*)?\z"
    if column.format not in _ISO_FORMATS:
        return read_format(column.format)[0]
    return {"date": _ISO_DATE, "timestamp_ntz": _ISO_LOCAL}.get(kind, _ISO_INSTANT)


def read_format(pattern: str) -> tuple[str, str]:
    """A format such as `MM/dd/yyyy` as a regular expression and the ISO text made of its groups."""
    regex = ""
    order: list[str] = []
    for token in re.findall(r"yyyy|MM|dd|HH|mm|ss|M|d|H|.", pattern):
        if token in _PARTS:
            regex, order = regex + _PARTS[token], [*order, token[0]]
        else:
            regex += re.escape(token)
    group = {letter: f"${n}" for n, letter in enumerate(order, 1)}
    day = f"{group['y']}-{group['M']}-{group['d']}"
    time = ":".join(group.get(x, "00") for x in "Hms")
    return rf"^{regex}\z", f"{day} {time}" if "H" in group else day


def bit_masks(conditions: Sequence[str], name: str) -> list[str]:
    """SQL of the bitmask columns `<name>_0`, `<name>_1`, ...: bit n of them is set where condition n holds."""
    groups = [conditions[i : i + BITS] for i in range(0, max(len(conditions), 1), BITS)]
    return [f"{_mask(group)} AS `{name}_{i}`" for i, group in enumerate(groups)]


def _mask(group: Sequence[str]) -> str:
    return " | ".join(f"CASE WHEN {c} THEN {1 << i}L ELSE 0L END" for i, c in enumerate(group)) or "0L"


def mask_names(count: int, name: str) -> list[str]:
    return [f"{name}_{i}" for i in range((max(count, 1) + BITS - 1) // BITS)]


def is_any_set(name: str, count: int) -> str:
    """SQL of whether one of the first `count` bits of the bitmasks `<name>_n` is set."""
    of = [min(count - first, BITS) for first in range(0, count, BITS)]
    return " OR ".join(f"`{name}_{i}` & {(1 << n) - 1}L != 0" for i, n in enumerate(of)) or "false"


def spell_rules(ids: Sequence[str]) -> Column:
    """The ids of the rules that a row breaks, as an array; for set-aside rows only, they are few."""
    names = mask_names(len(ids), "_rules")
    found = [
        F.when(F.col(names[i // BITS]).bitwiseAND(F.lit(1 << (i % BITS))) != 0, F.lit(rule))
        for i, rule in enumerate(ids)
    ]
    return F.array_compact(F.array(*found)) if found else F.array().cast("array<string>")
