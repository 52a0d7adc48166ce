"""The two indexes of an entity's table: the primary key on the uid, and the unique index on the key hash.

An empty table is loaded without them, which is about three times as fast, and gets them when the load ends; a key that
somebody else inserted meanwhile is found out only then.
"""

from collections.abc import Iterable, Mapping

import psycopg
from psycopg import sql

from syncflow.connectors.postgres import Connection
from syncflow.connectors.schedulehub_pg_table import (
    BRIDGE_CREATED_AT,
    BRIDGE_KEY,
    BRIDGE_UID,
    BRIDGE_UPDATED_AT,
    LONGEST_NAME,
    qualified,
)

INDEXED = (BRIDGE_UID, BRIDGE_KEY)
_HAS_UNIQUE = """
    SELECT EXISTS (
        SELECT FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
        WHERE i.indrelid = to_regclass(%s) AND i.indisunique AND i.indisvalid AND i.indpred IS NULL
          AND i.indnkeyatts = 1 AND a.attname = %s
    )
"""
_HAS_PRIMARY_KEY = "SELECT EXISTS (SELECT FROM pg_index WHERE indrelid = to_regclass(%s) AND indisprimary)"
_BUILD_MEMORY = "256MB"
"""For each of the two indexes while it is built, where PostgreSQL would take less: a million keys are sorted in it."""
_MORE_MEMORY = """
    SELECT set_config('maintenance_work_mem', %s, true)
    WHERE pg_size_bytes(current_setting('maintenance_work_mem')) < pg_size_bytes(%s)
"""
_SUFFIX = {BRIDGE_UID: "_pkey", BRIDGE_KEY: f"_{BRIDGE_KEY}"}
_DOUBLED = sql.Identifier("pg_temp", "syncflow_doubled")


class Indexes:
    """Works inside the caller's transaction on the table of one entity."""

    def __init__(self, connection: Connection, schema: str, entity: str) -> None:
        self._connection = connection
        self._schema = schema
        self._entity = entity
        self._name = qualified(schema, entity)
        self._quoted = self._name.as_string(connection)

    def missing(self) -> list[str]:
        """The columns of INDEXED without a unique index."""
        return [column for column in INDEXED if not self._holds(_HAS_UNIQUE, self._quoted, column)]

    def drop_if_empty(self) -> bool:
        """Whether the table is empty and now has no index that SyncFlow made; False where it is in use."""
        try:
            with self._connection.transaction():
                self._run("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE NOWAIT", self._name)
                if self._holds(f"SELECT EXISTS (SELECT FROM {self._quoted})"):
                    return False
                self._run(
                    "ALTER TABLE {} DROP CONSTRAINT IF EXISTS {}", self._name, sql.Identifier(self._index(BRIDGE_UID))
                )
                self._run("DROP INDEX IF EXISTS {}", sql.Identifier(self._schema, self._index(BRIDGE_KEY)))
        except (psycopg.errors.LockNotAvailable, psycopg.errors.DependentObjectsStillExist):
            return False
        return True

    def build(self, column: str) -> str | None:
        """Build one index; where values stand twice, none is built and PostgreSQL's word for it is returned. Other
        transactions may read the table meanwhile, and build the other index."""
        self._connection.execute("SET LOCAL statement_timeout = 0")
        # The other index is built at the same time: helpers of both would stand in each other's way.
        self._connection.execute("SET LOCAL max_parallel_maintenance_workers = 0")
        self._connection.execute(_MORE_MEMORY, (_BUILD_MEMORY, _BUILD_MEMORY))
        name = sql.Identifier(self._index(column))
        try:
            with self._connection.transaction():
                self._run("CREATE UNIQUE INDEX {} ON {} ({})", name, self._name, sql.Identifier(column))
        except psycopg.errors.UniqueViolation as error:
            return str(error.diag.message_detail)
        if column == BRIDGE_UID and not self._holds(_HAS_PRIMARY_KEY, self._quoted):
            self._run("ALTER TABLE {} ADD CONSTRAINT {} PRIMARY KEY USING INDEX {}", self._name, name, name)
        return None

    def merge_doubled(self, columns: Iterable[str]) -> int:
        """Make one row of those with the same key: the oldest, whose uid others may know, with the values (`columns`)
        of the newest. How many rows went."""
        self._run("LOCK TABLE {} IN SHARE ROW EXCLUSIVE MODE", self._name)
        names = {
            "doubled": _DOUBLED,
            "table": self._name,
            "key": sql.Identifier(BRIDGE_KEY),
            "uid": sql.Identifier(BRIDGE_UID),
            "created": sql.Identifier(BRIDGE_CREATED_AT),
            "updated": sql.Identifier(BRIDGE_UPDATED_AT),
        }
        self._named(
            "CREATE TEMPORARY TABLE syncflow_doubled ON COMMIT DROP AS SELECT {key},"
            " (array_agg({uid} ORDER BY {created}, {uid}))[1] AS oldest,"
            " (array_agg({uid} ORDER BY {created} DESC, {uid} DESC))[1] AS newest"
            " FROM {table} GROUP BY {key} HAVING count(*) > 1",
            names,
        )
        kept = {BRIDGE_UID, BRIDGE_KEY, BRIDGE_CREATED_AT, BRIDGE_UPDATED_AT}
        listed = [sql.Identifier(name) for name in columns if name not in kept]
        assignments = sql.SQL(", ").join(sql.SQL("{0} = n.{0}").format(name) for name in listed)
        self._named(
            "UPDATE {table} o SET {assignments}, {updated} = now() FROM {doubled} d JOIN {table} n ON n.{key} = d.{key}"
            " AND n.{uid} = d.newest WHERE o.{key} = d.{key} AND o.{uid} = d.oldest",
            {**names, "assignments": assignments},
        )
        return self._named(
            "DELETE FROM {table} o USING {doubled} d WHERE o.{key} = d.{key} AND o.{uid} <> d.oldest", names
        )

    def _index(self, column: str) -> str:
        suffix = _SUFFIX[column]
        return self._entity.encode()[: LONGEST_NAME - len(suffix)].decode("utf-8", "ignore") + suffix

    def _holds(self, question: str, *values: str) -> bool:
        row = self._connection.execute(question.encode(), values or None).fetchone()
        return row is not None and bool(row[0])

    def _run(self, statement: str, *parts: sql.Composable) -> None:
        self._connection.execute(sql.SQL(statement).format(*parts))

    def _named(self, statement: str, parts: Mapping[str, sql.Composable]) -> int:
        return self._connection.execute(sql.SQL(statement).format(**parts)).rowcount
