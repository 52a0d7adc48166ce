"""ScheduleHub's own PostgreSQL as a Target: the entity tables written by COPY and set-wise SQL."""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from copy import copy
from datetime import datetime

import polars as pl
from psycopg import sql

from syncflow.chunk import DATA, KEY, OPERATION, REF, ROWVERSION, UID, Operation
from syncflow.connectors.outcomes import UNKNOWN_HASH, in_doubt, together
from syncflow.connectors.postgres import CommitUnknown, Connection, Database
from syncflow.connectors.retrying import StopCheck
from syncflow.connectors.schedulehub_pg_ddl import Prepared, prepare_table, rehearse_table
from syncflow.connectors.schedulehub_pg_delete import UNKNOWN, delete_rows, living_children
from syncflow.connectors.schedulehub_pg_identities import read_identities
from syncflow.connectors.schedulehub_pg_indexes import INDEXED, Indexes
from syncflow.connectors.schedulehub_pg_load import Loader
from syncflow.connectors.schedulehub_pg_rows import (
    plain_columns,
    read_deleted,
    read_values,
    table_rows,
    with_parent_uids,
)
from syncflow.connectors.schedulehub_pg_table import (
    BRIDGE_DATA,
    BRIDGE_DELETED_AT,
    BRIDGE_KEY,
    BRIDGE_REF,
    BRIDGE_ROWVERSION,
    BRIDGE_UID,
    Column,
    catalog,
    qualified,
)
from syncflow.connectors.waves import waves
from syncflow.errors import ConfigurationError, RetriableError
from syncflow.i18n.texts import Text
from syncflow.identities import Identities
from syncflow.model import DriftMode, TargetTable
from syncflow.protocols import DELETE_SCHEMA, FOUND_SCHEMA, Rehearsal

_ASKED_AT_ONCE = 50_000


class ScheduleHubPostgres:
    """Keeps the promises of `protocols.Target`; thread-safe. The tables stand in `schema`, one an entity."""

    lists_identities = True

    def __init__(self, database: Database, schema: str) -> None:
        self._database = database
        self._schema = schema
        self._catalogs: dict[str, Mapping[str, Column]] = {}
        self._unindexed: set[str] = set()

    @property
    def name(self) -> str:
        return self._database.address

    def check(self) -> str:
        return self._database.run(
            Text("Asking for its version"), lambda connection: f"PostgreSQL {connection.info.server_version // 10000}"
        )

    def clock(self) -> datetime | None:
        """What time it is there."""

        def work(connection: Connection) -> datetime | None:
            row = connection.execute("SELECT clock_timestamp()").fetchone()
            return row[0] if row is not None and isinstance(row[0], datetime) else None

        return self._database.run(Text("Asking for the time"), work)

    def offers(self) -> None:
        """It has no capabilities: SyncFlow does everything itself."""

    def keeps_keys_once(self, entity: str) -> bool:
        """Whether no `erp_key_hash` can stand twice in an entity's table; one that is not there yet will be made so."""

        def work(connection: Connection) -> bool:
            if not catalog(connection, self._schema, entity):
                return True
            return BRIDGE_KEY not in self._indexes(connection, entity).missing()

        return self._database.run(Text("Looking at the indexes of {table}", table=entity), work)

    def close(self) -> None:
        self._database.close()

    def until(self, should_stop: StopCheck) -> "ScheduleHubPostgres":
        same = copy(self)
        same._database = self._database.until(should_stop)
        return same

    def evict(self, worker: str) -> None:
        self._database.run(
            Text("Ending the sessions of a former worker"),
            lambda connection: connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE application_name = %s AND datname = current_database()",
                (worker,),
            ),
        )

    def prepare(self, table: TargetTable, drift: DriftMode) -> tuple[str, ...]:
        def work(connection: Connection) -> Prepared:
            unindexed = table.entity in self._unindexed
            prepared = prepare_table(connection, self._schema, table, drift, unindexed=unindexed)
            self._catalogs[table.entity] = catalog(connection, self._schema, table.entity)
            return prepared

        try:
            prepared = self._database.run(Text("Preparing the table {table}", table=table.entity), work)
        except RetriableError:
            self._catalogs.pop(table.entity, None)
            raise
        if prepared.unindexed:
            self._unindexed.add(table.entity)
        return prepared.said

    def rehearse(self, table: TargetTable, drift: DriftMode) -> Rehearsal:
        return self._database.run(
            Text("Looking at the table {table}", table=table.entity),
            lambda connection: rehearse_table(connection, self._schema, table, drift),
        )

    def finish_load(self, table: TargetTable) -> int:
        if table.entity not in self._unindexed:
            return 0
        merged = 0
        if BRIDGE_KEY in self._build_indexes(table.entity):
            merged = self._database.run(
                Text("Merging rows of {table}", table=table.entity),
                lambda connection: self._indexes(connection, table.entity).merge_doubled(
                    self._catalog(connection, table.entity)
                ),
            )
            self._build_indexes(table.entity)
        self._unindexed.discard(table.entity)
        return merged

    def identities(self, table: TargetTable, *, with_rowversion: bool) -> Iterator[Identities]:
        """Read at once, so that neither a transaction nor a connection is held while they are worked on."""
        name = qualified(self._schema, table.entity)
        parts = self._database.run(
            Text("Listing the rows of {table}", table=table.entity),
            lambda connection: list(read_identities(connection, name, with_rowversion=with_rowversion)),
        )
        return iter(parts)

    def find(self, table: TargetTable, keys: pl.Series) -> pl.DataFrame:
        def work(connection: Connection) -> pl.DataFrame:
            parts = (keys[start : start + _ASKED_AT_ONCE] for start in range(0, keys.len(), _ASKED_AT_ONCE))
            return pl.concat([pl.DataFrame(schema=FOUND_SCHEMA), *(self._find(connection, table, p) for p in parts)])

        return self._database.run(Text("Looking up rows of {table}", table=table.entity), work)

    def values(self, table: TargetTable, keys: pl.Series) -> pl.DataFrame:
        def work(connection: Connection) -> pl.DataFrame:
            existing = catalog(connection, self._schema, table.entity)
            columns = {column.name: existing[column.name] for column in table.columns if column.name in existing}
            return read_values(connection, qualified(self._schema, table.entity), columns, keys.to_list())

        return self._database.run(Text("Looking at rows of {table}", table=table.entity), work)

    def deleted_at(self, table: TargetTable, keys: pl.Series) -> pl.DataFrame:
        name = qualified(self._schema, table.entity)
        return self._database.run(
            Text("Looking at deleted rows of {table}", table=table.entity),
            lambda connection: read_deleted(connection, name, keys.to_list()),
        )

    def living_children(self, table: TargetTable, keys: pl.Series) -> pl.DataFrame:
        return self._database.run(
            Text("Looking for the children of {table}", table=table.entity),
            lambda connection: living_children(connection, self._schema, table, keys.to_list()),
        )

    def write(self, table: TargetTable, rows: pl.DataFrame) -> pl.DataFrame:
        try:
            return self._database.run(
                Text("Writing to {table}", table=table.entity), lambda connection: self._write(connection, table, rows)
            )
        except CommitUnknown as error:
            return in_doubt(error.result, str(error))

    def delete(self, table: TargetTable, rows: pl.DataFrame, *, soft: bool) -> pl.DataFrame:
        keys: list[str] = rows[KEY].unique().to_list()
        try:
            return self._database.run(
                Text("Deleting from {table}", table=table.entity),
                lambda connection: delete_rows(connection, self._schema, table, keys, soft=soft),
            )
        except CommitUnknown as error:
            return pl.DataFrame({KEY: keys, "state": UNKNOWN, "message": str(error)}, schema=DELETE_SCHEMA)

    def _write(self, connection: Connection, table: TargetTable, rows: pl.DataFrame) -> pl.DataFrame:
        # A constraint that somebody deferred would fail the whole transaction at its end, for one row's sake.
        connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
        existing = self._catalog(connection, table.entity)
        loader = Loader(connection, qualified(self._schema, table.entity), plain_columns(existing))
        outcomes: list[pl.DataFrame] = []
        for wave in waves(table, rows):
            ready, missing = with_parent_uids(connection, self._schema, table, wave)
            outcomes += missing
            is_new = ready[OPERATION] == Operation.INSERT
            inserts = ready if is_new.all() else ready.filter(is_new)
            outcomes += loader.insert(table_rows(table, existing, inserts, new=True))
            if inserts.height < ready.height:
                updates = ready.filter(pl.col(OPERATION) == Operation.UPDATE)
                outcomes += loader.update(table_rows(table, existing, updates, new=False))
        return together(outcomes)

    def _catalog(self, connection: Connection, entity: str) -> Mapping[str, Column]:
        if entity not in self._catalogs:
            found = catalog(connection, self._schema, entity)
            if not found:
                raise ConfigurationError(
                    "ScheduleHub's database has no table {entity} in the schema {schema}; a sync prepares it.",
                    entity=entity,
                    schema=self._schema,
                )
            self._catalogs[entity] = found
        return self._catalogs[entity]

    def _build_indexes(self, entity: str) -> list[str]:
        """Both at once, each on a connection of its own. The columns whose values stand twice."""

        def build(column: str) -> str | None:
            return self._database.run(
                Text("Building the index of {table} on {column}", table=entity, column=column),
                lambda connection: self._build_index(connection, entity, column),
            )

        with ThreadPoolExecutor(len(INDEXED), thread_name_prefix=f"index-{entity}") as pool:
            results = list(pool.map(build, INDEXED))
        return [column for column, doubled in zip(INDEXED, results, strict=True) if doubled is not None]

    def _build_index(self, connection: Connection, entity: str, column: str) -> str | None:
        indexes = self._indexes(connection, entity)
        return indexes.build(column) if column in indexes.missing() else None

    def _indexes(self, connection: Connection, entity: str) -> Indexes:
        return Indexes(connection, self._schema, entity)

    def _find(self, connection: Connection, table: TargetTable, keys: pl.Series) -> pl.DataFrame:
        statement = sql.SQL(
            "SELECT {key}, coalesce({data}, {unknown}), {rowversion}, {uid}::text, {ref} FROM {name} "
            "WHERE {key} = ANY(%s) AND {deleted} IS NULL"
        ).format(
            key=sql.Identifier(BRIDGE_KEY),
            data=sql.Identifier(BRIDGE_DATA),
            unknown=sql.Literal(UNKNOWN_HASH),
            rowversion=sql.Identifier(BRIDGE_ROWVERSION),
            uid=sql.Identifier(BRIDGE_UID),
            ref=sql.Identifier(BRIDGE_REF),
            name=qualified(self._schema, table.entity),
            deleted=sql.Identifier(BRIDGE_DELETED_AT),
        )
        found = connection.execute(statement, (keys.to_list(),)).fetchall()
        columns = (KEY, DATA, ROWVERSION, UID, REF)
        frame = pl.DataFrame(found, schema=dict.fromkeys(columns, pl.String), orient="row")
        return frame.select(FOUND_SCHEMA.names())
