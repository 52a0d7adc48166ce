"""Deletes rows by key, hard or softly, and refuses those that living rows still refer to."""

from typing import LiteralString

import polars as pl
import psycopg
from psycopg import sql

from syncflow.chunk import KEY
from syncflow.connectors.postgres import Connection, is_row_error
from syncflow.connectors.schedulehub_pg_table import (
    BRIDGE_DELETED_AT,
    BRIDGE_KEY,
    BRIDGE_UID,
    BRIDGE_UPDATED_AT,
    catalog,
    qualified,
    uid_column,
)
from syncflow.i18n.texts import Text
from syncflow.model import ChildRef, TargetTable
from syncflow.protocols import DELETE_SCHEMA, LIVING_SCHEMA

DELETED, REFUSED, UNKNOWN = "deleted", "refused", "unknown"

_REFERRING = """
    SELECT p.{key}, c.{key} FROM {child} c JOIN {parent} p ON c.{ref} = p.{uid}
    WHERE p.{key} = ANY(%(keys)s) AND c.{deleted} IS NULL
"""
_LIVING_CHILDREN = """
    SELECT p.{key}, count(*) FROM {child} c JOIN {parent} p ON c.{ref} = p.{uid}
    WHERE p.{key} = ANY(%(keys)s) AND c.{deleted} IS NULL AND NOT ({own} AND c.{key} = ANY(%(keys)s))
    GROUP BY 1
"""


def delete_rows(
    connection: Connection, schema: str, table: TargetTable, keys: list[str], *, soft: bool
) -> pl.DataFrame:
    """What became of each key, in DELETE_SCHEMA. Runs inside the caller's transaction."""
    refused = _refused(connection, schema, table, keys)
    told = refused["key"].to_list()
    rest = sorted(set(keys) - set(told))
    statement = _statement(qualified(schema, table.entity), soft=soft)
    failed = _delete(connection, statement, rest)
    lost = [key for key, _ in failed]
    return pl.concat(
        [
            _lines(told, REFUSED, refused["reason"]),
            _lines(lost, REFUSED, pl.Series([reason for _, reason in failed], dtype=pl.String)),
            _lines([key for key in rest if key not in set(lost)], DELETED, None),
        ]
    )


def living_children(connection: Connection, schema: str, table: TargetTable, keys: list[str]) -> pl.DataFrame:
    """The living rows that refer to these ones, in LIVING_SCHEMA."""
    found = [
        (parent, child.entity, child.ref, own)
        for child in table.children
        if _is_referred_to(connection, schema, child)
        for parent, own in _ask(connection, _REFERRING, schema, table, child, keys)
    ]
    return pl.DataFrame(found, schema=LIVING_SCHEMA, orient="row")


def _lines(keys: list[str], state: str, messages: pl.Series | None) -> pl.DataFrame:
    frame = pl.DataFrame({KEY: pl.Series(keys, dtype=pl.String)})
    message = pl.lit(None, dtype=pl.String) if messages is None else messages
    return frame.with_columns(pl.lit(state).alias("state"), message.alias("message")).match_to_schema(DELETE_SCHEMA)


def _refused(connection: Connection, schema: str, table: TargetTable, keys: list[str]) -> pl.DataFrame:
    """(key, reason) of the keys with living children. A child in the same table that goes along does not count,
    unless it has to stay itself."""
    refused: dict[str, str] = {}
    while True:
        going = [key for key in keys if key not in refused]
        found = {
            key: reason
            for child in table.children
            for key, reason in _with_children(connection, schema, table, child, going)
        }
        refused.update(found)
        if not found:
            return pl.DataFrame(list(refused.items()), schema={"key": pl.String, "reason": pl.String}, orient="row")


def _with_children(
    connection: Connection, schema: str, table: TargetTable, child: ChildRef, keys: list[str]
) -> list[tuple[str, str]]:
    if not keys or not _is_referred_to(connection, schema, child):
        return []
    rows = _ask(connection, _LIVING_CHILDREN, schema, table, child, keys)
    return [(str(key), str(_referred_to(child, str(count)))) for key, count in rows]


def _referred_to(child: ChildRef, rows: str) -> Text:
    return Text("{rows} living {entity} refer to it ({ref})", rows=rows, entity=child.entity, ref=child.ref)


def _is_referred_to(connection: Connection, schema: str, child: ChildRef) -> bool:
    return uid_column(child.ref) in catalog(connection, schema, child.entity)


def _ask(
    connection: Connection, question: LiteralString, schema: str, table: TargetTable, child: ChildRef, keys: list[str]
) -> list[tuple[object, ...]]:
    statement = sql.SQL(question).format(
        key=sql.Identifier(BRIDGE_KEY),
        uid=sql.Identifier(BRIDGE_UID),
        deleted=sql.Identifier(BRIDGE_DELETED_AT),
        ref=sql.Identifier(uid_column(child.ref)),
        child=qualified(schema, child.entity),
        parent=qualified(schema, table.entity),
        own=sql.SQL("true" if child.entity == table.entity else "false"),
    )
    return connection.execute(statement, {"keys": keys}).fetchall()


def _statement(name: sql.Identifier, *, soft: bool) -> sql.Composed:
    if not soft:
        return sql.SQL("DELETE FROM {} WHERE {} = ANY(%s)").format(name, sql.Identifier(BRIDGE_KEY))
    return sql.SQL(
        "UPDATE {name} SET {deleted_at} = now(), {updated_at} = now() WHERE {key} = ANY(%s) AND {deleted_at} IS NULL"
    ).format(
        name=name,
        deleted_at=sql.Identifier(BRIDGE_DELETED_AT),
        updated_at=sql.Identifier(BRIDGE_UPDATED_AT),
        key=sql.Identifier(BRIDGE_KEY),
    )


def _delete(connection: Connection, statement: sql.Composed, keys: list[str]) -> list[tuple[str, str]]:
    """(key, reason) of those that the database refuses, by a foreign key or a trigger of somebody's."""
    refused: list[tuple[str, str]] = []
    parts = [keys]
    while parts:
        part = parts.pop()
        if not part:
            continue
        try:
            with connection.transaction():
                connection.execute(statement, (part,))
        except psycopg.Error as error:
            if not is_row_error(error):
                raise
            if len(part) == 1:
                said = ". ".join(filter(None, (error.diag.message_primary, error.diag.message_detail)))
                refused.append((part[0], f"PostgreSQL refuses to delete it: {said}"))
            else:
                parts += [part[: len(part) // 2], part[len(part) // 2 :]]
    return refused
