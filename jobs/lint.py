"""What must be true of every contract and suite before anything runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from string import Formatter

from jobs.bronze import layout_of
from jobs.cities import load_city, load_contracts, load_gold
from jobs.codes import CODES, NO_DIVISIONS, coded
from jobs.column_lineage import FILE_NAME, bronze_origins, headers
from jobs.contracts import MODES, Contract, fingerprint
from jobs.days import KINDS
from jobs.divisions import FILE, load_divisions
from jobs.errors import LakeError
from jobs.extract import SECRETS
from jobs.gold import ABOUT_ROW_COUNT, GIVEN, Mart, find_mart, order_marts
from jobs.judge import find_steps
from jobs.manifests import OF_FILE, OF_WHOLE, TOTALS
from jobs.suites import DIMENSIONS, NO_CONDITION, ROW_RULES, Rule, derive_rules, load_suite

CLASSES = ("public", "internal", "confidential", "person")
RELEASE_RETENTION_YEARS = 5


def lint_city(city: str) -> list[str]:
    """Every fault of a city's configuration, one sentence each; empty where there is none."""
    load_city(city)
    datasets = load_contracts(city)
    found = [f"{c.dataset}: {fault}" for c in datasets.values() for fault in _lint(_lint_dataset, c)]
    found += [f"{c.dataset}: {fault}" for c in load_gold(city).values() for fault in _lint(_lint_gold, c)]
    names = {f"{c.dataset}.{x.name}" for c in datasets.values() for x in c.columns}
    found += [
        f"gold.{g.name}.{x.name}: no silver column {s}"
        for g in load_gold(city).values()
        for x in g.columns
        for s in x.sources
        if s not in names
    ]
    return found + _lint_rule_ids(city)


def _lint(check: Callable[[Contract], Iterator[str]], contract: Contract) -> list[str]:
    try:
        return list(check(contract))
    except LakeError as error:
        return [f"{error.code} {error.expected}: {error.actual}"]


def _lint_dataset(contract: Contract) -> Iterator[str]:
    yield from _lint_columns(contract)
    if contract.mode not in MODES:
        yield f"mode {contract.mode} is none of {', '.join(MODES)}"
    if contract.mode == "partition" and not contract.period:
        yield "a partition dataset names its period"
    if contract.mode == "changes" and not (contract.sequence and contract.operation):
        yield "a changes dataset names its sequence and operation"
    names = {c.name for c in contract.columns}
    for what, name in (("period", contract.period), ("sequence", contract.sequence), ("operation", contract.operation)):
        if name and name not in names:
            yield f"{what} {name} is no column"
    yield from (f"control sum {s} is no column" for s in contract.control_sums if s not in names)
    if "inbox" not in contract.places:
        yield "no server called inbox"
    yield from _lint_live(contract)
    yield from _lint_parents(contract)
    yield from _lint_bands(contract)
    yield from _lint_manifest(contract)
    yield from _lint_row_date(contract)
    yield from _lint_origins(contract)
    if contract.due.retention_years < RELEASE_RETENTION_YEARS:
        yield f"kept {contract.due.retention_years} years, but releases stand on it for {RELEASE_RETENTION_YEARS}"
    yield from (
        f"{c.name} is classified person: silver holds its token, so it is a text, and no period, sequence or operation"
        for c in contract.columns
        if c.classification == "person"
        and (c.spark_type != "string" or c.name in (contract.period, contract.sequence, contract.operation))
    )
    needy = [c.name for c in coded(contract) if c.format not in NO_DIVISIONS]
    if needy and not load_divisions(contract.city):
        yield f"{', '.join(needy)}: the city has no {FILE}, so every code would be wrong"
    find_steps(contract)
    if "inbox" in contract.places:
        layout_of(contract)
    suite = load_suite(contract)
    yield from _lint_rules(contract, (*suite.bronze, *suite.silver))


def _lint_parents(contract: Contract) -> Iterator[str]:
    """What rows wait for is counted and named: the key of one column of a dataset, and no person."""
    for column in contract.columns:
        dataset, _, key = column.parent.rpartition(".")
        other = load_contracts(contract.city).get(dataset)
        if column.parent and (other is None or other.key != (key,)):
            yield f"{column.name} names {column.parent}, which is not the key of a dataset"
        elif column.parent and (column.spark_type != "string" or column.classification == "person"):
            yield f"{column.name} names {column.parent}, so it is a text, and no person"


def _lint_bands(contract: Contract) -> Iterator[str]:
    """What a delivery is compared with must be something that a delivery has."""
    if not 0 <= contract.volume_band <= 1:
        yield f"volumeBand {contract.volume_band} is no share"
    if contract.volume_band and contract.mode == "changes":
        yield "volumeBand: what changes in a night has no usual number"
    for column, factor in contract.shift_factor.items():
        if column not in contract.control_sums:
            yield f"shiftFactor of {column}, which is no control sum"
        if factor <= 1:
            yield f"shiftFactor {factor} of {column} is not greater than 1"


def _lint_row_date(contract: Contract) -> Iterator[str]:
    dated = contract.row_date
    if dated and not any(c.name == dated.column and c.logical_type in ("date", "timestamp") for c in contract.columns):
        yield f"rowDate {dated.column} is no column with a date"
    if dated and min(dated.before, dated.after) < 0:
        yield f"rowDate {dated.column}: days before and after are counted from 0"


def _lint_manifest(contract: Contract) -> Iterator[str]:
    """A manifest of another form names what it has by our names."""
    declared = contract.manifest
    if not declared:
        return
    if not str(declared.get("name", "")).endswith((".json", ".csv")):
        yield "manifest: a name that ends in .json or .csv"
    known = {*OF_FILE, *OF_WHOLE, *(f"files.{name}" for name in OF_FILE)}
    unknown = [k for k in declared.get("fields", {}) if k not in known]
    unknown += [k for k in declared if k not in ("name", "encoding", "fields", *TOTALS)]
    yield from (f"manifest: {k} is no field of a manifest" for k in unknown)
    headers = {c.header for c in contract.delivered}
    yield from (
        f"manifest: {h} is no delivered column" for k in TOTALS for h in declared.get(k, {}) if h not in headers
    )


def _lint_live(contract: Contract) -> Iterator[str]:
    """A night that is fetched must be readable as the same night in the inbox is."""
    inbox, live = contract.places.get("inbox"), contract.places.get("live")
    if inbox is None or live is None:
        return
    if live.type not in SECRETS:
        yield f"the server live has the type {live.type}: one of {', '.join(SECRETS)}"
        return
    missing = [s for s in SECRETS[live.type] if not live.secrets.get(s)]
    if missing:
        yield f"the server live names no variable for {', '.join(missing)}"
    if (live.format, live.delimiter, live.encoding) != (inbox.format, inbox.delimiter, inbox.encoding):
        yield "the server live has another format, delimiter or encoding than the inbox"


def _lint_gold(contract: Contract) -> Iterator[str]:
    yield from _lint_columns(contract)
    suite = load_suite(contract)
    yield from _lint_rules(contract, suite.gold)
    mart = find_mart(contract, suite)
    known = (
        {c.table for c in load_contracts(contract.city).values()}
        | {f"gold_{t}" for t in load_gold(contract.city)}
        | set(GIVEN)
    )
    fields = [f for _, f, _, _ in Formatter().parse(str(contract.properties.get("statement", ""))) if f]
    names = {c.name for c in contract.columns}
    yield from (f"the statement names {f}, which is no column" for f in fields if f not in names)
    yield from (f"the mart reads {name}, which this city does not have" for name in mart.reads if name not in known)
    silver = {f"{c.dataset}.{x.name}" for c in load_contracts(contract.city).values() for x in c.columns}
    yield from (
        f"it conserves {column} of {source}: both must be columns, and the mart must read the latter"
        for column, source in contract.conserves.items()
        if column not in names or source not in silver or source.rpartition(".")[0].replace(".", "_") not in mart.reads
    )
    yield from _lint_days(contract, mart)
    order_marts([find_mart(c, load_suite(c)) for c in load_gold(contract.city).values()])


def _lint_origins(contract: Contract) -> Iterator[str]:
    """Every column of silver comes from a delivered one, or from the file's name."""
    known = {*headers(contract), FILE_NAME}
    for name, origins in bronze_origins(contract).items():
        if not origins:
            yield f"{name}: no delivered column of this name, and no transformSourceObjects that names others"
        yield from (f"{name}: no delivered column {o}" for o in origins if o not in known)


def _lint_days(contract: Contract, mart: Mart) -> Iterator[str]:
    """What must hold for a table to be the same whether it is built by days or whole."""
    if not contract.incremental:
        return
    if contract.period not in contract.key or contract.column(contract.period).spark_type not in KINDS:
        yield "an incremental table has a date or local time in its key as its period"
    if given := [name for name in mart.reads if name in GIVEN]:
        yield f"an incremental table does not read {', '.join(given)}: they change for every day"
    for rule in mart.suite.gold:
        if rule.type not in ROW_RULES and not rule.type.startswith(ABOUT_ROW_COUNT):
            yield f"rule {rule.id}: {rule.type} asks of the whole table, and only some days of it are read"
        elif rule.severity == "critical" and "mostly" in rule.kwargs:
            yield f"rule {rule.id}: a share of the rows of some days is not that of the table, so it cannot be critical"
    yield from _lint_dating(contract, mart)


def _lint_dating(contract: Contract, mart: Mart) -> Iterator[str]:
    """The columns that say to which days a row belongs, of each table that is read by days."""
    known = load_gold(contract.city).values()
    dated = {c.table: c for c in load_contracts(contract.city).values()} | {f"gold_{c.name}": c for c in known}
    for name, columns in contract.incremental.items():
        read = dated.get(name) if name in mart.reads else None
        for column in columns:
            if read is None or not _is_dated(read, column):
                yield f"incremental: {name}.{column} is no date or local time of events or of a gold table that the mart reads"
        if read and all(c.name != columns[0] or not c.required for c in read.columns):
            yield f"incremental: {name}.{columns[0]} is not required, and rows without it belong to no day"
    if contract.every_day_of and contract.every_day_of not in contract.incremental:
        yield f"everyDayOf: {contract.every_day_of} is not read by days"


def _is_dated(contract: Contract, column: str) -> bool:
    """Whether the log has the column's least and greatest value in each file."""
    is_kept = contract.source == "gold" or contract.mode == "events"
    return is_kept and any(c.name == column and c.spark_type in KINDS for c in contract.columns)


def _lint_columns(contract: Contract) -> Iterator[str]:
    if not contract.owner:
        yield "no team: whom to ask?"
    if not contract.grain:
        yield "no dataGranularityDescription"
    if not contract.key:
        yield "no primary key"
    for column in contract.columns:
        if not column.description:
            yield f"{column.name} has no description"
        if column.classification not in CLASSES:
            yield f"{column.name} is classified {column.classification or 'nothing'}: one of {', '.join(CLASSES)}"
        if column.spark_type == "string" and column.format and column.format not in CODES:
            yield f"{column.name} has the format {column.format}: one of {', '.join(CODES)}"
        if column.spark_type in ("float", "double"):
            yield f"{column.name} is a float: give a decimal"


def _lint_rules(contract: Contract, rules: tuple[Rule, ...]) -> Iterator[str]:
    implied = {_meaning(r) for r in derive_rules(contract)}
    for rule in rules:
        if rule.derived:
            continue
        if rule.quarantine and rule.type not in ROW_RULES:
            yield f"rule {rule.id}: {rule.type} cannot set rows aside"
        if "row_condition" in rule.kwargs and rule.type in NO_CONDITION:
            yield f"rule {rule.id}: Great Expectations counts {rule.type} over all rows, whatever its row_condition"
        if rule.severity not in ("critical", "warning", "info"):
            yield f"rule {rule.id}: severity {rule.severity}"
        if rule.dimension not in DIMENSIONS:
            yield f"rule {rule.id}: dimension {rule.dimension} is none of {', '.join(DIMENSIONS)}"
        if _meaning(rule) in implied and (
            rule.quarantine or (rule.severity == "critical" and "mostly" not in rule.kwargs)
        ):
            yield f"rule {rule.id} repeats what the contract declares of {rule.kwargs.get('column')}"


def _meaning(rule: Rule) -> str:
    """What a rule asks of a row, without the share of rows that must pass."""
    return fingerprint([rule.type, {k: v for k, v in rule.kwargs.items() if k != "mostly"}])


def _lint_rule_ids(city: str) -> list[str]:
    seen: dict[str, str] = {}
    found = []
    for contract in (*load_contracts(city).values(), *load_gold(city).values()):
        try:
            suite = load_suite(contract)
        except LakeError:
            continue
        for rule in (*suite.bronze, *suite.silver, *suite.gold):
            if rule.id in seen:
                found.append(f"{contract.dataset}: rule {rule.id} is also one of {seen[rule.id]}")
            seen[rule.id] = contract.dataset
    return found
