"""From a parent's key hash to its uid."""

from collections.abc import Sequence

import polars as pl
from psycopg import sql

from syncflow.sandbox.schedulehub.columns import PARENT
from syncflow.sandbox.schedulehub.entity import Entity, ParentRef
from syncflow.sandbox.schedulehub.staging import POSITION, Failure
from syncflow.sandbox.schedulehub.tables import Db, Tables

MISSING = "_bridge_missing"
"""The name of the first reference whose parent is not held; NULL where all are."""
MISSING_KEY = "_bridge_missing_key"
"""That parent's key hash."""


def with_parents(db: Db, tables: Tables, entity: Entity, cells: pl.DataFrame) -> pl.DataFrame:
    """The rows with the uid of each parent whose key hash they have a column for, and MISSING and MISSING_KEY. A
    soft-deleted parent is not held."""
    nothing = pl.lit(None, dtype=pl.String)
    known = cells.with_columns(nothing.alias(MISSING), nothing.alias(MISSING_KEY))
    named = [parent for parent in entity.parents if PARENT + parent.name in cells.columns]
    entities = tables.load(db) if any(_is_named(cells, parent) for parent in named) else {}
    for parent in named:
        there = parent.entity in entities and _is_named(cells, parent)
        uids = _uids(db, tables, parent, cells[PARENT + parent.name]) if there else _no_uids(parent)
        known = known.join(uids, left_on=PARENT + parent.name, right_on="key", how="left", maintain_order="left")
        lost = pl.col(MISSING).is_null() & pl.col(PARENT + parent.name).is_not_null() & pl.col(parent.column).is_null()
        known = known.with_columns(
            pl.when(lost).then(pl.lit(parent.name)).otherwise(MISSING).alias(MISSING),
            pl.when(lost).then(PARENT + parent.name).otherwise(MISSING_KEY).alias(MISSING_KEY),
        )
    return known


def orphan_failures(orphans: pl.DataFrame) -> list[Failure]:
    return [
        Failure(position, f"The parent '{ref}' with the key hash {key_hash} is not here.", "parent_not_found", ref)
        for position, ref, key_hash in orphans.select(POSITION, MISSING, MISSING_KEY).rows()
    ]


def _is_named(cells: pl.DataFrame, parent: ParentRef) -> bool:
    return cells[PARENT + parent.name].null_count() < cells.height


def _no_uids(parent: ParentRef) -> pl.DataFrame:
    return pl.DataFrame(schema={"key": pl.String, parent.column: pl.String})


def _uids(db: Db, tables: Tables, parent: ParentRef, hashes: pl.Series) -> pl.DataFrame:
    query = sql.SQL(
        "SELECT _bridge_erp_key_hash, _bridge_uid::text FROM {} "
        "WHERE _bridge_erp_key_hash = ANY(%s) AND _bridge_deleted_at IS NULL"
    )
    found = db.execute(query.format(tables.sql_name(parent.entity)), [printable(hashes.drop_nulls().unique())])
    return pl.DataFrame(found.fetchall(), schema={"key": pl.String, parent.column: pl.String}, orient="row")


def printable(key_hashes: Sequence[str] | pl.Series) -> list[str]:
    """Those that a key hash can be: others are held nowhere, and some cannot even be asked for."""
    return [one for one in key_hashes if "\0" not in one and one.isascii()]
