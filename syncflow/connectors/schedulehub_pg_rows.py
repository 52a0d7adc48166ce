"""Turns a chunk's canonical text into what PostgreSQL reads, and keys of parents into their uids."""

from collections.abc import Mapping, Sequence

import polars as pl
from psycopg import sql

from syncflow.chunk import DATA, KEY, PARENT, REF, ROW, ROWVERSION
from syncflow.connectors.outcomes import parent_missing
from syncflow.connectors.postgres import Connection
from syncflow.connectors.schedulehub_pg_table import (
    BRIDGE_DATA,
    BRIDGE_DELETED_AT,
    BRIDGE_KEY,
    BRIDGE_REF,
    BRIDGE_ROWVERSION,
    BRIDGE_UID,
    Column,
    qualified,
    uid_column,
)
from syncflow.connectors.schedulehub_pg_types import as_text
from syncflow.model import TargetTable
from syncflow.uuid7 import uuid7_column

_PLAIN_TYPES = ("bigint", "integer", "smallint", "numeric", "boolean", "date", "timestamp", "uuid")
_SIX_DIGITS = len("2024-01-02T03:04:05.123456+00:00")
_SURPLUS_DIGITS = r"(\.\d{6})\d+"


def with_parent_uids(
    connection: Connection, schema: str, table: TargetTable, rows: pl.DataFrame
) -> tuple[pl.DataFrame, list[pl.DataFrame]]:
    """The rows whose parents are all there, with a `<ref>_uid` column each, and PARENT_MISSING for the others."""
    missing: list[pl.DataFrame] = []
    for ref, entity in table.parents:
        uids = _uids(connection, schema, entity, rows[PARENT + ref].drop_nulls().unique())
        rows = rows.join(uids.rename({"uid": uid_column(ref)}), left_on=PARENT + ref, right_on="key", how="left")
        lost = pl.col(PARENT + ref).is_not_null() & pl.col(uid_column(ref)).is_null()
        missing.append(parent_missing(rows.filter(lost), ref, entity))
        rows = rows.filter(~lost)
    return rows, missing


def _uids(connection: Connection, schema: str, entity: str, keys: pl.Series) -> pl.DataFrame:
    """(key, uid) of the parents among `keys` that are there and alive; none where their table is not there yet."""
    uid_schema = {"key": pl.String, "uid": pl.String}
    name = qualified(schema, entity)
    there = connection.execute("SELECT to_regclass(%s) IS NOT NULL", (name.as_string(connection),)).fetchone()
    if keys.is_empty() or there is None or not there[0]:
        return pl.DataFrame(schema=uid_schema)
    statement = sql.SQL("SELECT {key}, {uid}::text FROM {name} WHERE {key} = ANY(%s) AND {deleted} IS NULL").format(
        key=sql.Identifier(BRIDGE_KEY),
        uid=sql.Identifier(BRIDGE_UID),
        name=name,
        deleted=sql.Identifier(BRIDGE_DELETED_AT),
    )
    found = connection.execute(statement, (keys.to_list(),)).fetchall()
    return pl.DataFrame(found, schema=uid_schema, orient="row")


def read_values(
    connection: Connection, name: sql.Identifier, columns: Mapping[str, Column], keys: Sequence[str]
) -> pl.DataFrame:
    """KEY and these columns as canonical text, of the rows of these keys that are there and alive."""
    texts = [
        sql.SQL(as_text(sql.Identifier(column.name).as_string(connection), column.type)) for column in columns.values()
    ]
    statement = sql.SQL("SELECT {} FROM {} WHERE {} = ANY(%s) AND {} IS NULL").format(
        sql.SQL(", ").join([sql.Identifier(BRIDGE_KEY), *texts]),
        name,
        sql.Identifier(BRIDGE_KEY),
        sql.Identifier(BRIDGE_DELETED_AT),
    )
    found = connection.execute(statement, (list(keys),)).fetchall()
    return pl.DataFrame(found, schema=dict.fromkeys((KEY, *columns), pl.String), orient="row")


def read_deleted(connection: Connection, name: sql.Identifier, keys: Sequence[str]) -> pl.DataFrame:
    """KEY and `deleted_at` (UTC, as text) of those rows of these keys that are softly deleted."""
    statement = sql.SQL(
        "SELECT {key}, to_char({deleted} AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') || ' UTC' FROM {name}"
        " WHERE {key} = ANY(%s) AND {deleted} IS NOT NULL"
    ).format(key=sql.Identifier(BRIDGE_KEY), deleted=sql.Identifier(BRIDGE_DELETED_AT), name=name)
    found = connection.execute(statement, (list(keys),)).fetchall()
    return pl.DataFrame(found, schema={KEY: pl.String, "deleted_at": pl.String}, orient="row")


def plain_columns(existing: Mapping[str, Column]) -> frozenset[str]:
    """The columns whose text, as `table_rows` makes it, has nothing in it that COPY would have to escape."""
    hashes = {BRIDGE_KEY, BRIDGE_DATA, BRIDGE_UID}
    return frozenset(
        column.name for column in existing.values() if column.name in hashes or column.type.startswith(_PLAIN_TYPES)
    )


def table_rows(table: TargetTable, existing: Mapping[str, Column], rows: pl.DataFrame, *, new: bool) -> pl.DataFrame:
    """ROW and the table's columns by their names there; `new` rows get a uid. `existing` is the table's catalog."""
    frame = rows.select(
        pl.col(ROW),
        pl.col(KEY).alias(BRIDGE_KEY),
        pl.col(DATA).alias(BRIDGE_DATA),
        pl.col(ROWVERSION).alias(BRIDGE_ROWVERSION),
        pl.col(REF).alias(BRIDGE_REF),
        *(_value(rows, column.name, existing[column.name].type) for column in table.columns),
        *(pl.col(uid_column(ref)) for ref, _ in table.parents),
    )
    return frame.with_columns(uuid7_column(frame.height).alias(BRIDGE_UID)) if new else frame


def _value(rows: pl.DataFrame, name: str, postgres_type: str) -> pl.Expr:
    """Fractions of a second are cut to six digits, not rounded (pipeline, stage 5); bytes get PostgreSQL's prefix."""
    if postgres_type == "bytea":
        return ("\\x" + pl.col(name)).alias(name)
    longest = rows[name].str.len_bytes().max()
    if postgres_type.startswith("timestamp") and isinstance(longest, int) and longest > _SIX_DIGITS - len("+00:00"):
        return pl.col(name).str.replace(_SURPLUS_DIGITS, "$1")
    return pl.col(name)
