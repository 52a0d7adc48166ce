"""Records as JSON, made by PostgreSQL itself, so that numbers stay digit for digit, or as columns of text."""

import io
from collections.abc import Iterator, Sequence

import polars as pl
from psycopg import sql
from psycopg.abc import Buffer

from syncflow.sandbox.schedulehub.entity import Column, Entity
from syncflow.sandbox.schedulehub.parents import printable
from syncflow.sandbox.schedulehub.tables import Db, Tables

_LINES_A_CHUNK = 5_000
_ROWS_A_FRAME = 50_000
_TIMES = ("created_at", "updated_at", "deleted_at")
_HELD = ("erp_key_hash", "erp_data_hash", "erp_rowversion", "erp_ref_str", *_TIMES)
IDENTITY = pl.Schema(dict.fromkeys(("uid", "erp_key_hash", "erp_data_hash", "erp_rowversion", "deleted_at"), pl.String))


def find_records(db: Db, tables: Tables, entity: Entity, key_hashes: Sequence[str]) -> list[bytes]:
    """The records of these key hashes, each as a JSON object; soft-deleted ones with their `deleted_at`."""
    return _select(db, tables, entity, sql.SQL("_bridge_erp_key_hash = ANY(%s)"), printable(key_hashes))


def find_by_uid(db: Db, tables: Tables, entity: Entity, uid: str) -> bytes | None:
    rows = _select(db, tables, entity, sql.SQL("_bridge_uid = ANY(%s::uuid[])"), [uid])
    return rows[0] if rows else None


def find_columns(db: Db, tables: Tables, entity: Entity, key_hashes: Sequence[str]) -> pl.DataFrame:
    """The same records in columns of text as JSON has it; booleans as Boolean."""
    members = {
        "uid": sql.SQL("_bridge_uid"),
        **{column.name: _text(column) for column in entity.columns},
        **{parent.column: sql.Identifier(parent.column) for parent in entity.parents},
        **{name: _in_json(name) if name in _TIMES else sql.Identifier(f"_bridge_{name}") for name in _HELD},
    }
    query = sql.SQL("SELECT {} FROM {} WHERE _bridge_erp_key_hash = ANY({})").format(
        sql.SQL(", ").join(members.values()), tables.sql_name(entity.name), sql.Literal(printable(key_hashes))
    )
    schema = pl.Schema(dict.fromkeys(members, pl.String))
    found = pl.concat([pl.DataFrame(schema=schema), *_frames(db, query, schema)])
    return found.with_columns(pl.col(c.name) == "true" for c in entity.columns if c.type == "boolean")


def stream_identities(db: Db, tables: Tables, entity: Entity) -> Iterator[bytes]:
    """All identities as NDJSON in chunks of some thousand lines: `uid`, `erp_key_hash`, `erp_data_hash`,
    `erp_rowversion`, and `deleted_at` for soft-deleted records alone."""
    query = sql.SQL(
        "COPY (SELECT json_strip_nulls(row_to_json(r)) FROM (SELECT _bridge_uid AS uid,"
        " _bridge_erp_key_hash AS erp_key_hash, _bridge_erp_data_hash AS erp_data_hash,"
        " _bridge_erp_rowversion AS erp_rowversion, _bridge_deleted_at AS deleted_at FROM {}) r) TO STDOUT"
    ).format(tables.sql_name(entity.name))
    for lines in _copied(db, query, _LINES_A_CHUNK):
        # COPY doubles backslashes; JSON text holds nothing else that COPY would escape.
        yield lines.replace(b"\\\\", b"\\")


def identity_frames(db: Db, tables: Tables, entity: Entity) -> Iterator[pl.DataFrame]:
    """All identities in columns, as IDENTITY says; `deleted_at` is NULL for records that are alive."""
    query = sql.SQL(
        "SELECT _bridge_uid, _bridge_erp_key_hash, _bridge_erp_data_hash, _bridge_erp_rowversion, {} FROM {}"
    ).format(_in_json("deleted_at"), tables.sql_name(entity.name))
    return _frames(db, query, IDENTITY)


def _frames(db: Db, query: sql.Composed, schema: pl.Schema) -> Iterator[pl.DataFrame]:
    """What a query finds, as text, some ten thousand rows at a time."""
    for lines in _copied(db, sql.SQL("COPY ({}) TO STDOUT (FORMAT csv)").format(query), _ROWS_A_FRAME):
        yield pl.read_csv(io.BytesIO(lines), has_header=False, schema=schema)


def _copied(db: Db, query: sql.Composed, rows: int) -> Iterator[bytes]:
    """What COPY sends, so many rows at a time."""
    lines: list[Buffer] = []
    with db.cursor().copy(query) as copy:
        for line in copy:
            lines.append(line)
            if len(lines) == rows:
                yield b"".join(lines)
                lines = []
    if lines:
        yield b"".join(lines)


def _select(db: Db, tables: Tables, entity: Entity, where: sql.SQL, values: list[str]) -> list[bytes]:
    members = [
        sql.SQL("_bridge_uid AS uid"),
        *(_member(column) for column in entity.columns),
        *(sql.Identifier(parent.column) for parent in entity.parents),
        *(sql.SQL("{} AS {}").format(sql.Identifier(f"_bridge_{name}"), sql.Identifier(name)) for name in _HELD),
    ]
    query = sql.SQL("SELECT row_to_json(r)::text FROM (SELECT {} FROM {} WHERE {}) r").format(
        sql.SQL(", ").join(members), tables.sql_name(entity.name), where
    )
    return [text.encode() for (text,) in db.execute(query, [values]).fetchall()]


def _member(column: Column) -> sql.Composable:
    name = sql.Identifier(column.name)
    return sql.SQL("encode({0}, 'hex') AS {0}").format(name) if column.type == "bytes" else name


def _text(column: Column) -> sql.Composable:
    name = sql.Identifier(column.name)
    if column.type == "bytes":
        return sql.SQL("encode({}, 'hex')").format(name)
    if column.type == "boolean":
        return sql.SQL("{}::text").format(name)
    return _json_text(name) if column.type in ("date", "timestamp", "timestamptz") else name


def _in_json(name: str) -> sql.Composable:
    return _json_text(sql.Identifier(f"_bridge_{name}"))


def _json_text(name: sql.Composable) -> sql.Composable:
    """A date-time as JSON has it, which is ISO 8601."""
    return sql.SQL("to_json({}) #>> '{{}}'").format(name)
