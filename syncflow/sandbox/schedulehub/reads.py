"""Records as JSON, made by PostgreSQL itself, so that numbers stay digit for digit."""

from collections.abc import Iterator, Sequence

from psycopg import sql
from psycopg.abc import Buffer

from syncflow.sandbox.schedulehub.entity import Column, Entity
from syncflow.sandbox.schedulehub.tables import Db, Tables

_ROWS_A_CHUNK = 5_000


def find_records(db: Db, tables: Tables, entity: Entity, key_hashes: Sequence[str]) -> list[bytes]:
    """The records of these key hashes, each as a JSON object; soft-deleted ones with their `deleted_at`."""
    known = [one for one in key_hashes if "\0" not in one and one.isascii()]
    return _select(db, tables, entity, sql.SQL("_bridge_erp_key_hash = ANY(%s)"), known)


def find_by_uid(db: Db, tables: Tables, entity: Entity, uid: str) -> bytes | None:
    rows = _select(db, tables, entity, sql.SQL("_bridge_uid = ANY(%s::uuid[])"), [uid])
    return rows[0] if rows else None


def stream_identities(db: Db, tables: Tables, entity: Entity) -> Iterator[bytes]:
    """All identities as NDJSON in chunks of some thousand lines: `uid`, `erp_key_hash`, `erp_data_hash`,
    `erp_rowversion`, and `deleted_at` for soft-deleted records alone."""
    query = sql.SQL(
        "COPY (SELECT json_strip_nulls(row_to_json(r)) FROM (SELECT _bridge_uid AS uid,"
        " _bridge_erp_key_hash AS erp_key_hash, _bridge_erp_data_hash AS erp_data_hash,"
        " _bridge_erp_rowversion AS erp_rowversion, _bridge_deleted_at AS deleted_at FROM {}) r) TO STDOUT"
    ).format(tables.sql_name(entity.name))
    lines: list[Buffer] = []
    with db.cursor().copy(query) as copy:
        for line in copy:
            lines.append(line)
            if len(lines) == _ROWS_A_CHUNK:
                yield _unescaped(lines)
                lines = []
    if lines:
        yield _unescaped(lines)


def _unescaped(lines: list[Buffer]) -> bytes:
    """COPY doubles backslashes; JSON text holds nothing else that COPY would escape."""
    return b"".join(bytes(line) for line in lines).replace(b"\\\\", b"\\")


def _select(db: Db, tables: Tables, entity: Entity, where: sql.SQL, values: list[str]) -> list[bytes]:
    members = [
        sql.SQL("_bridge_uid AS uid"),
        *(_member(column) for column in entity.columns),
        *(sql.Identifier(parent.column) for parent in entity.parents),
        sql.SQL(
            "_bridge_erp_key_hash AS erp_key_hash, _bridge_erp_data_hash AS erp_data_hash,"
            " _bridge_erp_rowversion AS erp_rowversion, _bridge_erp_ref_str AS erp_ref_str,"
            " _bridge_created_at AS created_at, _bridge_updated_at AS updated_at, _bridge_deleted_at AS deleted_at"
        ),
    ]
    query = sql.SQL("SELECT row_to_json(r)::text FROM (SELECT {} FROM {} WHERE {}) r").format(
        sql.SQL(", ").join(members), tables.sql_name(entity.name), where
    )
    return [text.encode() for (text,) in db.execute(query, [values]).fetchall()]


def _member(column: Column) -> sql.Composable:
    name = sql.Identifier(column.name)
    return sql.SQL("encode({0}, 'hex') AS {0}").format(name) if column.type == "bytes" else name
