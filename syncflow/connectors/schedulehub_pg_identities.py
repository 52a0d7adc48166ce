"""Reads the identities of all rows of a table: many rows in one value, so that none of them costs a round in Python."""

from collections.abc import Iterator

import polars as pl
from psycopg import sql

from syncflow.connectors.outcomes import UNKNOWN_HASH
from syncflow.connectors.postgres import Connection
from syncflow.connectors.schedulehub_pg_table import BRIDGE_DATA, BRIDGE_DELETED_AT, BRIDGE_KEY, BRIDGE_ROWVERSION
from syncflow.identities import Identities, words, words_of_digits

_PAGES_AT_ONCE = 500
"""PostgreSQL's pages of 8 kB; they hold some thousand rows, whose text is read without a pause for other threads."""
_KEY_DIGITS, _DATA_DIGITS = 32, 64
_END = "\x01"
"""Stands behind a rowversion; stage 3 leaves no such character in a text."""
_PAGES = "SELECT pg_relation_size(to_regclass(%s)) / current_setting('block_size')::int"
_ONE_SNAPSHOT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"


def read_identities(connection: Connection, name: sql.Identifier, *, with_rowversion: bool) -> Iterator[Identities]:
    """All living rows of a table, as of one moment; uids are left out, since the table is addressed by key.

    Runs inside the caller's transaction, which has to be a new one. A row whose key hash is none is nobody's of
    SyncFlow and left out; a data hash that is none is unknown.
    """
    connection.execute(_ONE_SNAPSHOT)
    found = connection.execute(_PAGES, (name.as_string(connection),)).fetchone()
    pages = int(str(found[0])) if found is not None and found[0] is not None else 0
    for start in range(0, pages, _PAGES_AT_ONCE):
        try:
            yield _read(connection, name, start, with_rowversion=with_rowversion, only_digits=False)
        except ValueError:
            # Looking at every character costs as much as all the rest, and finds something only where somebody wrote
            # into the columns by hand.
            yield _read(connection, name, start, with_rowversion=with_rowversion, only_digits=True)


def _read(
    connection: Connection, name: sql.Identifier, start: int, *, with_rowversion: bool, only_digits: bool
) -> Identities:
    """The rows on some pages. Raises ValueError for a hash that is none, unless `only_digits` has them sorted out."""
    digits = "octet_length({0}) = {1} AND {0} !~ '[^0-9a-f]'" if only_digits else "octet_length({0}) = {1}"
    key, data = sql.Identifier(BRIDGE_KEY), sql.Identifier(BRIDGE_DATA)
    statement = sql.SQL(
        "SELECT string_agg({key} || CASE WHEN {is_data} THEN {data} ELSE {unknown} END || {version}, '') FROM {name}"
        " WHERE ctid >= %s::tid AND ctid < %s::tid AND {deleted} IS NULL AND {is_key}"
    ).format(
        key=key,
        is_key=sql.SQL(digits).format(key, sql.Literal(_KEY_DIGITS)),
        data=data,
        is_data=sql.SQL(digits).format(data, sql.Literal(_DATA_DIGITS)),
        unknown=sql.Literal(UNKNOWN_HASH),
        version=_version() if with_rowversion else sql.Literal(""),
        name=name,
        deleted=sql.Identifier(BRIDGE_DELETED_AT),
    )
    row = connection.execute(statement, (f"({start},0)", f"({start + _PAGES_AT_ONCE},0)")).fetchone()
    text = "" if row is None or row[0] is None else str(row[0])
    return _with_versions(text) if with_rowversion else _without_versions(text)


def _version() -> sql.Composed:
    return sql.SQL("coalesce({}, '') || {}").format(sql.Identifier(BRIDGE_ROWVERSION), sql.Literal(_END))


def _without_versions(text: str) -> Identities:
    both = words_of_digits(text, (_KEY_DIGITS + _DATA_DIGITS) // 16)
    return Identities(both[:, :2].copy(), both[:, 2:].copy())


def _with_versions(text: str) -> Identities:
    rows = pl.Series([text[:-1]] if text else [], dtype=pl.String).str.split(_END).explode()
    version = rows.str.slice(_KEY_DIGITS + _DATA_DIGITS)
    return Identities(
        keys=words(rows.str.head(_KEY_DIGITS), 2),
        data=words(rows.str.slice(_KEY_DIGITS, _DATA_DIGITS), 4),
        rowversion=version.set(version == "", None),
    )
