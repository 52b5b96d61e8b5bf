"""Rows of the departments as rows of enterprises, by the links of gold.entity_link."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F


def add_enterprise(
    rows: DataFrame, key: str, source_system: str, gold_entity_link: DataFrame, enterprises: DataFrame
) -> DataFrame:
    """Add the columns of the enterprise to which a source's key is linked; null where it is linked to none.

    Links are as many as enterprises, payments and persons many times more: so the links go to the rows, and no row
    moves. The column `uscc` of `enterprises` becomes `entity_id`.
    """
    links = gold_entity_link.where(F.col("source_system") == source_system).select("source_key", "entity_id")
    linked = links.join(enterprises.withColumnRenamed("uscc", "entity_id"), "entity_id")
    return rows.withColumnRenamed(key, "source_key").join(F.broadcast(linked), "source_key", "left")
