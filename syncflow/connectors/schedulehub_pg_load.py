"""Writes prepared rows by COPY, in bulk, and finds by splitting the rows that PostgreSQL refuses."""

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import polars as pl
import psycopg
from psycopg import sql

from syncflow.chunk import ROW
from syncflow.connectors.copy_text import copy_text
from syncflow.connectors.outcomes import done, outcome
from syncflow.connectors.postgres import Connection, is_row_error
from syncflow.connectors.schedulehub_pg_table import (
    BRIDGE_DELETED_AT,
    BRIDGE_KEY,
    BRIDGE_UID,
    BRIDGE_UPDATED_AT,
)
from syncflow.i18n.catalog import N_
from syncflow.i18n.texts import Text
from syncflow.protocols import WriteState

_STAGE = sql.Identifier("pg_temp", "syncflow_stage")
_LINE = re.compile(r"COPY [^\n]*?, line (\d+)")
_COLUMN = re.compile(r", column ([^\n]+?)(?:: |$)", re.MULTILINE)
_LONGEST_MESSAGE = 500
_COPIED_AT_ONCE = 10_000
"""Rows; their text fits into a processor's cache."""
_Outcomes = list[pl.DataFrame]


@dataclass(frozen=True)
class Found:
    """Keys that a table holds: alive, and deleted softly."""

    alive: pl.Series
    deleted: pl.Series


def found_keys(connection: Connection, name: sql.Identifier, keys: Sequence[str]) -> Found:
    statement = sql.SQL("SELECT {}, {} IS NULL FROM {} WHERE {} = ANY(%s)").format(
        sql.Identifier(BRIDGE_KEY), sql.Identifier(BRIDGE_DELETED_AT), name, sql.Identifier(BRIDGE_KEY)
    )
    rows = connection.execute(statement, (list(keys),)).fetchall()
    return Found(
        pl.Series([key for key, alive in rows if alive], dtype=pl.String),
        pl.Series([key for key, alive in rows if not alive], dtype=pl.String),
    )


class Loader:
    """Works inside the caller's transaction on one table. The frames that it is given have ROW and, by their names in
    the table, the columns to write as text that PostgreSQL reads."""

    def __init__(self, connection: Connection, name: sql.Identifier, plain: Collection[str]) -> None:
        """`plain` as `copy_text` says."""
        self._connection = connection
        self._name = name
        self._plain = plain
        self._staged: list[str] | None = None

    def insert(self, rows: pl.DataFrame) -> _Outcomes:
        """KEY_EXISTS for keys that the table holds; one that was deleted softly is revived."""
        outcomes: _Outcomes = []

        def send(part: pl.DataFrame) -> _Outcomes:
            self._copy(self._name, part)
            return [done(part)]

        def resolve(part: pl.DataFrame, error: psycopg.Error) -> list[pl.DataFrame] | None:
            if not isinstance(error, psycopg.errors.UniqueViolation):
                return None
            found = found_keys(self._connection, self._name, part[BRIDGE_KEY].to_list())
            key = pl.col(BRIDGE_KEY)
            if found.alive.is_empty() and found.deleted.is_empty():
                return None
            exists = part.filter(key.is_in(found.alive.implode()))
            outcomes.append(outcome(exists, WriteState.KEY_EXISTS, N_("ScheduleHub holds this key already")))
            outcomes.extend(self._update(part.filter(key.is_in(found.deleted.implode())), revive=True))
            return [part.filter(~key.is_in(pl.concat([found.alive, found.deleted]).implode()))]

        outcomes.extend(self._isolated(rows, send, resolve))
        return outcomes

    def update(self, rows: pl.DataFrame) -> _Outcomes:
        """KEY_GONE for keys that the table does not hold, or holds as softly deleted."""
        return self._update(rows, revive=False)

    def _update(self, rows: pl.DataFrame, *, revive: bool) -> _Outcomes:
        if rows.is_empty():
            return []
        columns = [name for name in rows.columns if name not in (ROW, BRIDGE_UID)]
        self._open_stage(columns)

        def send(part: pl.DataFrame) -> _Outcomes:
            self._connection.execute(sql.SQL("TRUNCATE {}").format(_STAGE))
            self._copy(_STAGE, part.select(ROW, *columns))
            if self._apply_stage(columns, revive=revive) == part.height:
                return [done(part)]
            found = found_keys(self._connection, self._name, part[BRIDGE_KEY].to_list())
            held = pl.col(BRIDGE_KEY).is_in(found.alive.implode())
            gone = outcome(part.filter(~held), WriteState.KEY_GONE, N_("ScheduleHub no longer holds this key"))
            return [done(part.filter(held)), gone]

        return self._isolated(rows, send, lambda _part, _error: None)

    def _open_stage(self, columns: list[str]) -> None:
        if self._staged == columns:
            return
        self._connection.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(_STAGE))
        self._connection.execute(
            sql.SQL("CREATE TEMPORARY TABLE {} ON COMMIT DROP AS SELECT {} FROM {} WITH NO DATA").format(
                sql.Identifier("syncflow_stage"), _listed(columns), self._name
            )
        )
        self._staged = columns

    def _apply_stage(self, columns: list[str], *, revive: bool) -> int:
        """How many rows of the table took what the stage says."""
        assignments = sql.SQL(", ").join(
            sql.SQL("{0} = s.{0}").format(sql.Identifier(name)) for name in columns if name != BRIDGE_KEY
        )
        statement = sql.SQL(
            "UPDATE {table} t SET {assignments}, {updated_at} = now(), {deleted_at} = NULL FROM {stage} s "
            "WHERE t.{key} = s.{key} AND t.{deleted_at} IS {state}"
        ).format(
            table=self._name,
            assignments=assignments,
            updated_at=sql.Identifier(BRIDGE_UPDATED_AT),
            deleted_at=sql.Identifier(BRIDGE_DELETED_AT),
            stage=_STAGE,
            key=sql.Identifier(BRIDGE_KEY),
            state=sql.SQL("NOT NULL" if revive else "NULL"),
        )
        return self._connection.execute(statement).rowcount

    def _isolated(
        self,
        rows: pl.DataFrame,
        send: Callable[[pl.DataFrame], _Outcomes],
        resolve: Callable[[pl.DataFrame, psycopg.Error], list[pl.DataFrame] | None],
    ) -> _Outcomes:
        """Send all rows, each part under a savepoint; a part that fails for its rows' sake is split until exactly the
        rows that are to blame are left. `resolve` may know better what to send after an error."""
        outcomes: _Outcomes = []
        parts = [rows]
        while parts:
            part = parts.pop()
            if part.is_empty():
                continue
            try:
                with self._connection.transaction():
                    outcomes.extend(send(part))
            except psycopg.Error as error:
                if not is_row_error(error):
                    raise
                rest = resolve(part, error)
                if rest is None and part.height == 1:
                    outcomes.append(_rejected(part, error))
                parts.extend(reversed(rest if rest is not None else _split(part, error)))
        return outcomes

    def _copy(self, name: sql.Identifier, rows: pl.DataFrame) -> None:
        columns = [column for column in rows.columns if column != ROW]
        statement = sql.SQL("COPY {} ({}) FROM STDIN").format(name, _listed(columns))
        with self._connection.cursor() as cursor, cursor.copy(statement) as copy:
            for part in rows.select(columns).iter_slices(_COPIED_AT_ONCE):
                copy.write(copy_text(part, self._plain))


def _listed(columns: Sequence[str]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, columns))


def _split(part: pl.DataFrame, error: psycopg.Error) -> list[pl.DataFrame]:
    """Around the line that PostgreSQL names; in halves where it names none."""
    if part.height == 1:
        return []
    match = _LINE.search(error.diag.context or "")
    line = int(match[1]) - 1 if match else part.height // 2
    return [part[:line], part[line : line + 1], part[line + 1 :]]


def _rejected(row: pl.DataFrame, error: psycopg.Error) -> pl.DataFrame:
    named = _COLUMN.search(error.diag.context or "")
    said = ". ".join(filter(None, (error.diag.message_primary, error.diag.message_detail)))
    return outcome(
        row,
        WriteState.REJECTED,
        str(Text("PostgreSQL refuses the row: {reason}", reason=said))[:_LONGEST_MESSAGE],
        field=error.diag.column_name or (named[1] if named else None),
        error_type=type(error).__name__,
    )
