"""Gold tables that say which names and codes of the departments are one enterprise."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.marts.names import legal_form, trade_name, without_form, written
from jobs.marts.rows import stack

IN_FORCE, PROPOSED = "0.9", "0.65"  # the least scores of a link, and of one that waits for a person
_KEY = ["source_system", "source_key"]


def entity_link(
    tax_payment: DataFrame,
    employment_insurance: DataFrame,
    land_parcel: DataFrame,
    services_approval: DataFrame,
    market_enterprise: DataFrame,
    decisions: DataFrame,
) -> DataFrame:
    """Link every code under which a department knows an enterprise to the register.

    A code that the register has is the enterprise: contracts set aside what has a wrong check character, so it is the
    right code, and neither names nor decisions change that. A code that the register does not have is mistyped or of
    elsewhere. Then a person's decision counts; else candidates are the enterprises with the same trade name (the name
    without legal form, city, 原 and branch), each scored by what is written beside the code:

    | evidence   |                                                                                       | points |
    |------------|---------------------------------------------------------------------------------------|--------|
    | name       | the same but for blanks, brackets, width and the words of the legal form              | 0.80   |
    |            | the trade name only is the same: no city, a former name (原), a branch                | 0.60   |
    | legal form | the name tells the form that the register has                                         | 0.10   |
    | address    | the same, or one goes on where the other ends                                         | 0.10   |
    |            | the source delivers none (only land does)                                             | 0.05   |

    The best candidate is the link from 0.90 on; from 0.65 on it is proposed, and no figure rests on it until a person
    accepts it. Two that are equally good, and everything else, are no link: the code is pending.

    Grain: source_system x source_key. Columns: entity_id (uscc of the register; null without link), proposed_id (uscc
    that waits for a decision), method (code, decision, name, review, none), score (1.0000 by code and decision, 0.0000
    for none), valid_from (the day on which the enterprise was established), valid_to (null: in force), reviewed_by (who
    decided; null for nobody).
    """
    keys = _keys(tax_payment, employment_insurance, land_parcel, services_approval)
    known = keys.join(_by_code(market_enterprise), "source_key", "left").join(
        F.broadcast(_decided(decisions, market_enterprise)), _KEY, "left"
    )
    is_open = F.col("_code").isNull() & F.col("_accepted").isNull()
    asked = known.withColumns(
        {name: F.when(is_open, written(F.col(name))) for name in ("_name", "_address")}
    ).withColumn("_trade_name", trade_name(F.col("_name")))
    found = asked.join(_by_trade_name(market_enterprise), "_trade_name", "left").withColumn("_best", _best())
    return found.select(*_KEY, *_columns())


def _columns() -> list[Column]:
    """Give the columns beside the key. The first of these holds: code, decision, name, review, none."""
    is_coded, is_decided = F.col("_code").isNotNull(), F.col("_accepted_id").isNotNull()
    score = F.coalesce(F.col("_best.score"), _points("0"))
    is_named, is_proposed = score >= _points(IN_FORCE), score >= _points(PROPOSED)
    method = (
        F.when(is_coded, "code").when(is_decided, "decision").when(is_named, "name").when(is_proposed, "review")
    ).otherwise("none")
    sure, unsure = _points("1"), F.when(is_proposed, score).otherwise(_points("0"))
    named = F.when(is_named, F.col("_best"))
    return [
        F.coalesce("_code", "_accepted_id", named["uscc"]).alias("entity_id"),
        F.when(method == "review", F.col("_best.uscc")).alias("proposed_id"),
        method.alias("method"),
        F.when(is_coded | is_decided, sure).otherwise(unsure).alias("score"),
        F.coalesce("_code_since", "_accepted_since", named["established_date"]).alias("valid_from"),
        F.lit(None).cast("date").alias("valid_to"),
        F.when(method.isin("decision", "none"), F.col("_reviewed_by")).alias("reviewed_by"),
    ]


def _keys(taxes: DataFrame, insurance: DataFrame, parcels: DataFrame, approvals: DataFrame) -> DataFrame:
    """Give the codes of every source, each with the greatest of the names and of the addresses that stand beside it."""
    none = F.lit(None).cast("string")
    return stack(
        _keys_of("tax", taxes, "uscc", F.col("taxpayer_name"), none),
        _keys_of("employment", insurance, "uscc", F.col("employer_name"), none),
        _keys_of("land", parcels, "holder_uscc", F.col("holder_name"), F.col("holder_address")),
        _keys_of("services", approvals, "applicant_uscc", none, none),
    )


def _keys_of(source_system: str, rows: DataFrame, key: str, name: Column, address: Column) -> DataFrame:
    """Give the codes of a source. Spark sorts all rows for the greatest of texts, so they are made few before."""
    coded = rows.where(F.col(key).isNotNull())
    seen = coded.select(F.col(key).alias("source_key"), name.alias("_name"), address.alias("_address")).distinct()
    greatest = seen.groupBy("source_key").agg(F.max("_name").alias("_name"), F.max("_address").alias("_address"))
    return greatest.select(F.lit(source_system).alias("source_system"), "source_key", "_name", "_address")


def _by_code(register: DataFrame) -> DataFrame:
    return register.select(
        F.col("uscc").alias("source_key"), F.col("uscc").alias("_code"), F.col("established_date").alias("_code_since")
    )


def _decided(decisions: DataFrame, register: DataFrame) -> DataFrame:
    """Give what was decided about a key: accepted (with what the register has of it, if it has it) or rejected, by whom."""
    is_accepted = F.col("decision") == "accept"
    by_key = decisions.groupBy(*_KEY).agg(
        F.max(F.when(is_accepted, F.col("entity_id"))).alias("_accepted"),
        F.collect_set(F.when(~is_accepted, F.col("entity_id"))).alias("_rejected"),
        F.max("decided_by").alias("_reviewed_by"),
    )
    known = register.select(
        F.col("uscc").alias("_accepted"),
        F.col("uscc").alias("_accepted_id"),
        F.col("established_date").alias("_accepted_since"),
    )
    return by_key.join(known, "_accepted", "left")


def _by_trade_name(register: DataFrame) -> DataFrame:
    """Give the enterprises that bear a trade name, as one array: a key meets those only."""
    name = written(F.col("enterprise_name"))
    bearer = F.struct(
        "uscc",
        "established_date",
        "legal_form",
        without_form(name).alias("name"),
        written(F.col("address")).alias("address"),
    )
    return register.groupBy(trade_name(name).alias("_trade_name")).agg(F.collect_list(bearer).alias("_bearers"))


def _best() -> Column:
    """Give the bearer with the best score that nobody rejected; null where there is none, or two are equally good."""
    rejected = F.coalesce("_rejected", F.array().cast("array<string>"))
    left = F.filter("_bearers", lambda b: ~F.array_contains(rejected, b["uscc"]))
    scored = F.transform(left, lambda b: F.struct(_score(b).alias("score"), b["uscc"], b["established_date"]))
    ranked = F.sort_array(scored, asc=False)
    first, second = F.try_element_at(ranked, F.lit(1)), F.try_element_at(ranked, F.lit(2))
    return F.when(second.isNull() | (second["score"] < first["score"]), first)


def _score(bearer: Column) -> Column:
    """Add up the points of the evidence; they have two decimals, so nothing is rounded."""
    has_name = without_form(F.col("_name")) == bearer["name"]
    has_form = legal_form(F.col("_name")) == bearer["legal_form"]
    here, there = F.col("_address"), bearer["address"]
    has_address = F.startswith(here, there) | F.startswith(there, here)
    name = F.when(has_name, _points("0.8")).otherwise(_points("0.6"))
    form = F.when(has_form, _points("0.1")).otherwise(_points("0"))
    address = F.when(has_address.isNull(), _points("0.05")).when(has_address, _points("0.1")).otherwise(_points("0"))
    return (name + form + address).cast("decimal(5,4)")


def _points(value: str) -> Column:
    return F.lit(value).cast("decimal(5,4)")
