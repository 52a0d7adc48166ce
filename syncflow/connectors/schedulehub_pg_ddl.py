"""Creates and widens the tables of entities; nothing is ever dropped or narrowed."""

from collections.abc import Iterator
from dataclasses import dataclass

import psycopg
from psycopg import sql

from syncflow.connectors.outcomes import UNKNOWN_HASH
from syncflow.connectors.postgres import Connection
from syncflow.connectors.schedulehub_pg_indexes import INDEXED, Indexes
from syncflow.connectors.schedulehub_pg_table import (
    BRIDGE_COLUMNS,
    BRIDGE_DATA,
    BRIDGE_KEY,
    BRIDGE_UID,
    Column,
    catalog,
    check_names,
    qualified,
    uid_column,
)
from syncflow.connectors.schedulehub_pg_types import POSTGRES_TYPE, conversion, widened
from syncflow.errors import ConfigurationError
from syncflow.i18n.texts import Text
from syncflow.model import DriftMode, TargetTable
from syncflow.protocols import Rehearsal

_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('syncflow:prepare', 0))"
_KIND = "SELECT relkind FROM pg_class WHERE oid = to_regclass(%s)"
_DROPPED = "SELECT EXISTS (SELECT FROM pg_attribute WHERE attrelid = to_regclass(%s) AND attnum > 0 AND attisdropped)"
_CANNOT_ALTER = ("0A000", "2BP01")
"""A view or a generated column depends on the column."""


@dataclass(frozen=True)
class Prepared:
    """`said`: what was changed, a sentence each. `unindexed`: the table is empty, and its indexes are put off."""

    said: tuple[str, ...]
    unindexed: bool


def prepare_table(
    connection: Connection, schema: str, table: TargetTable, drift: DriftMode, *, unindexed: bool
) -> Prepared:
    """Make the table take `table`; `unindexed` says that its indexes are put off already. Runs inside the caller's
    transaction.

    Raises ConfigurationError as `Target.prepare` says.
    """
    check_names(table)
    connection.execute(_LOCK)
    preparation = _Preparation(connection, schema, table, drift)
    said = list(preparation.columns())
    unindexed = unindexed or preparation.put_off_indexes()
    made = [] if unindexed else preparation.add_missing_indexes()
    return Prepared(tuple(said + made), unindexed)


def rehearse_table(connection: Connection, schema: str, table: TargetTable, drift: DriftMode) -> Rehearsal:
    """What `prepare_table` would do, by the catalog alone: nothing is changed or locked. Raises what it would raise for
    the table's form."""
    check_names(table)
    return _Preparation(connection, schema, table, drift).rehearsal()


class _Preparation:
    def __init__(self, connection: Connection, schema: str, table: TargetTable, drift: DriftMode) -> None:
        self._connection = connection
        self._schema = schema
        self._table = table
        self._drift = drift
        self._name = qualified(schema, table.entity)
        self._quoted = self._name.as_string(connection)
        self._indexes = Indexes(connection, schema, table.entity)

    def columns(self) -> Iterator[str]:
        """Have a table with all columns."""
        existing = catalog(self._connection, self._schema, self._table.entity)
        if not existing:
            yield from self._create()
            return
        self._check(existing)
        yield from self._add_columns(existing)
        yield from self._change_types(existing)

    def rehearsal(self) -> Rehearsal:
        existing = catalog(self._connection, self._schema, self._table.entity)
        if not existing:
            return Rehearsal(exists=False)
        if not self._table.columns:
            return Rehearsal(exists=True)
        self._check(existing)
        missing, changes = self._missing(existing), self._changes(existing)
        said = [f"the column {name} ({type_}) would be added" for name, type_ in missing.items()]
        said += [f"the column {each.name} would be widened from {each.type} to {new}" for each, new in changes]
        return Rehearsal(True, tuple(said), rewrites=bool(changes) or (bool(missing) and self._has_dropped()))

    def put_off_indexes(self) -> bool:
        """Let an empty table be loaded without indexes. Not where rows look up their parents in the table itself, nor
        where nobody may change the table."""
        refers_to_itself = any(entity == self._table.entity for _, entity in self._table.parents)
        return not refers_to_itself and self._drift is not DriftMode.FREEZE and self._indexes.drop_if_empty()

    def _create(self) -> Iterator[str]:
        self._run("CREATE SCHEMA IF NOT EXISTS {}", sql.Identifier(self._schema))
        columns = [*BRIDGE_COLUMNS.items(), *self._wanted().items()]
        listed = sql.SQL(", ").join(sql.SQL("{} {}").format(sql.Identifier(n), sql.SQL(t)) for n, t in columns)
        self._run("CREATE TABLE {} ({})", self._name, listed)
        for column in INDEXED:
            self._indexes.build(column)
        yield str(Text("The table {table} was created.", table=self._quoted))

    def _wanted(self) -> dict[str, str]:
        data = {column.name: POSTGRES_TYPE[column.type] for column in self._table.columns}
        return {**data, **{uid_column(name): "uuid" for name, _ in self._table.parents}}

    def _check(self, existing: dict[str, Column]) -> None:
        """Raises ConfigurationError for a table that is not one of the bridge's, or that can take no row of ours."""
        kind = self._connection.execute(_KIND, (self._quoted,)).fetchone()
        if kind is None or kind[0] not in ("r", "p", b"r", b"p") or not {BRIDGE_UID, BRIDGE_KEY} <= existing.keys():
            raise ConfigurationError(
                "{table} in ScheduleHub's database is not a table that SyncFlow can load: it has no "
                "{uid} and {key}. Rename it, or give the entity another name.",
                table=self._quoted,
                uid=BRIDGE_UID,
                key=BRIDGE_KEY,
            )
        ours = BRIDGE_COLUMNS.keys() | self._wanted().keys()
        for column in existing.values():
            if column.required and not column.has_default and column.name not in ours:
                raise ConfigurationError(
                    "The table {table} in ScheduleHub's database requires a value for {column}, which "
                    "{entity} does not bring. Map a field to it, give it a default, or drop its NOT NULL.",
                    table=self._quoted,
                    column=column.name,
                    entity=self._table.entity,
                )

    def _add_columns(self, existing: dict[str, Column]) -> Iterator[str]:
        missing = self._missing(existing)
        if not missing:
            return
        listed = ", ".join(f"{name} ({type_})" for name, type_ in missing.items())
        for name, type_ in missing.items():
            self._run("ALTER TABLE {} ADD COLUMN {} {}", self._name, sql.Identifier(name), sql.SQL(type_))
        yield str(Text("The table {table} had no column {column}: it was added.", table=self._quoted, column=listed))
        if self._has_dropped():
            # It may be one of the dropped columns: what the rows had in it is lost, although their hashes say nothing.
            yield self._forget_hashes()

    def _missing(self, existing: dict[str, Column]) -> dict[str, str]:
        """The columns that the table lacks, with their types."""
        missing = {name: type_ for name, type_ in {**BRIDGE_COLUMNS, **self._wanted()}.items() if name not in existing}
        if missing:
            listed = ", ".join(f"{name} ({type_})" for name, type_ in missing.items())
            self._refuse_if_frozen(Text("has no column {columns}", columns=listed), Text("Add it"))
        return missing

    def _has_dropped(self) -> bool:
        dropped = self._connection.execute(_DROPPED, (self._quoted,)).fetchone()
        return dropped is not None and bool(dropped[0])

    def _changes(self, existing: dict[str, Column]) -> list[tuple[Column, str]]:
        """The columns that must become wider, with their new types."""
        changes = [
            (column, new)
            for name, wanted in self._wanted().items()
            if (column := existing.get(name)) is not None and (new := self._widened(column, wanted)) != column.type
        ]
        for column, new in changes:
            self._refuse_if_frozen(
                Text(
                    "has the column {column} as {type}, but its values need {needed}",
                    column=column.name,
                    type=column.type,
                    needed=new,
                ),
                Text("Change it to {type}", type=new),
            )
        return changes

    def _change_types(self, existing: dict[str, Column]) -> Iterator[str]:
        changes = self._changes(existing)
        for column, new in changes:
            self._change_type(column, new)
            said = Text("The column {column} of {table} was widened from {type} to {new}.", column=column.name,
                        table=self._quoted, type=column.type, new=new)  # fmt: skip
            yield str(said)
        if changes:
            # Values may have been cut when somebody narrowed the column.
            yield self._forget_hashes()

    def _widened(self, column: Column, wanted: str) -> str:
        if wanted == "uuid" and column.type != "uuid":
            raise ConfigurationError(
                "The column {column} of {table} in ScheduleHub's database is {type}, but must be "
                "uuid, since it holds the uid of a parent. Rename it; SyncFlow then adds its own.",
                column=column.name,
                table=self._quoted,
                type=column.type,
            )
        return widened(column.type, wanted)

    def _change_type(self, column: Column, new: str) -> None:
        name = sql.Identifier(column.name)
        using = conversion(name.as_string(self._connection), column.type, new)
        try:
            self._run("ALTER TABLE {} ALTER COLUMN {} TYPE {} USING {}", self._name, name, sql.SQL(new), sql.SQL(using))
        except psycopg.Error as error:
            if error.sqlstate not in _CANNOT_ALTER:
                raise
            raise ConfigurationError(
                "The column {column} of {table} in ScheduleHub's database is {type} and cannot be "
                "widened to {new}: {reason} ({detail}). "
                "Drop what depends on it, run the sync, and make it again.",
                column=column.name,
                table=self._quoted,
                type=column.type,
                new=new,
                reason=error.diag.message_primary,
                detail=error.diag.message_detail,
            ) from error

    def _refuse_if_frozen(self, what: Text, remedy: Text) -> None:
        if self._drift is DriftMode.FREEZE:
            raise ConfigurationError(
                "The table {table} in ScheduleHub's database {what}, and {entity} is frozen. "
                "{remedy} by hand, or set the entity's drift mode to evolve.",
                table=self._quoted,
                what=what,
                entity=self._table.entity,
                remedy=remedy,
            )

    def _forget_hashes(self) -> str:
        self._run("UPDATE {} SET {} = {}", self._name, sql.Identifier(BRIDGE_DATA), sql.Literal(UNKNOWN_HASH))
        return str(Text("The next whole extract writes every row of {table} again.", table=self._quoted))

    def add_missing_indexes(self) -> list[str]:
        said = []
        for column in self._indexes.missing():
            self._refuse_if_frozen(Text("has no unique index on {column}", column=column), Text("Make it"))
            doubled = self._indexes.build(column)
            if doubled is not None:
                raise ConfigurationError(
                    "The table {table} in ScheduleHub's database holds one {column} twice: {doubled} Delete "
                    "the rows that are too many; SyncFlow writes them again if needed.",
                    table=self._quoted,
                    column=column,
                    doubled=doubled,
                )
            made = Text("The table {table} had no unique index on {column}: it was made.", table=self._quoted,
                        column=column)  # fmt: skip
            said.append(str(made))
        return said

    def _run(self, statement: str, *parts: sql.Composable) -> None:
        self._connection.execute(sql.SQL(statement).format(*parts))
