"""Inserting and upserting whole records."""

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl
import psycopg
from psycopg import sql

from syncflow.sandbox.schedulehub.batches import Batch, Columns, Sent
from syncflow.sandbox.schedulehub.columns import UID, cells_frame, each_key_once, read_columns, read_each, whole_names
from syncflow.sandbox.schedulehub.entity import Entity
from syncflow.sandbox.schedulehub.parents import MISSING, MISSING_KEY, orphan_failures, with_parents
from syncflow.sandbox.schedulehub.records import BRIDGE_COLUMNS, Cells, read_record
from syncflow.sandbox.schedulehub.staging import (
    POSITION,
    STAGE,
    Failure,
    copy_rows,
    fill_stage,
    is_row_error,
    write_halving,
)
from syncflow.sandbox.schedulehub.tables import SQL_TYPES, Db, Tables
from syncflow.sandbox.schedulehub.uuid7 import uuid7s

_KEY = BRIDGE_COLUMNS["erp_key_hash"]


@dataclass(frozen=True)
class Written:
    """Counts of rows written, and the records that were not."""

    inserted: int
    updated: int
    failures: list[Failure]


def insert_records(db: Db, tables: Tables, entity: Entity, batch: Batch) -> Written:
    """Insert; a key that is held already fails with `duplicate_key`."""
    writer = _Writer(db, tables, entity)
    cells, failures = _read_all(entity, batch)
    failures += _in_rounds(writer, cells, writer.insert)
    return Written(writer.inserted, 0, failures)


def upsert_records(db: Db, tables: Tables, entity: Entity, batch: Batch) -> Written:
    """Insert, or replace every member of the record of the same key. The last record of a key in a request wins."""
    writer = _Writer(db, tables, entity)
    cells, failures = _read_all(entity, batch)
    for once in each_key_once(cells, _KEY):
        failures += _in_rounds(writer, once, writer.upsert)
    return Written(writer.inserted, writer.updated, failures)


def _read_all(entity: Entity, batch: Batch) -> tuple[pl.DataFrame, list[Failure]]:
    """The cells of whole records, each with the uid that it gets when it is new."""

    def read_one(sent: Sent) -> Cells:
        return read_record(entity, sent.data)

    if isinstance(batch, Columns):
        cells, failures = read_columns(entity, batch, read_one, whole=True)
    else:
        read, failures = read_each(enumerate(batch.entries), read_one)
        cells = cells_frame(read, whole_names(entity))
    return cells.with_columns(uuid7s(cells.height).alias(UID)), failures


def _in_rounds(writer: "_Writer", new: pl.DataFrame, write: Callable[[pl.DataFrame], list[Failure]]) -> list[Failure]:
    """Write records after their parents, which may stand earlier in the same request."""
    failures: list[Failure] = []
    while new.height:
        known = with_parents(writer.db, writer.tables, writer.entity, new)
        waiting = _waiting(writer.entity, known)
        is_ready, is_waiting = pl.col(MISSING).is_null(), pl.col(POSITION).is_in(waiting)
        failures += orphan_failures(known.filter(~is_ready & ~is_waiting))
        ready = known.filter(is_ready)
        if ready.height:
            failures += write(ready)
        new = new.filter(is_waiting)
    return failures


def _waiting(entity: Entity, known: pl.DataFrame) -> list[int]:
    """The positions of records whose missing parent stands before them and is written, or waits, itself."""
    own = {parent.name for parent in entity.parents if parent.entity == entity.name}
    if not known[MISSING].is_in(list(own)).any():
        return []
    earlier: set[str] = set()
    waiting: list[int] = []
    for position, key_hash, ref, parent in known.select(POSITION, _KEY, MISSING, MISSING_KEY).iter_rows():
        if ref is not None:
            if ref not in own or parent not in earlier:
                continue
            waiting.append(position)
        earlier.add(key_hash)
    return waiting


class _Writer:
    """Writes records whose parents are known into one table."""

    def __init__(self, db: Db, tables: Tables, entity: Entity) -> None:
        self.db, self.tables, self.entity = db, tables, entity
        self.inserted = self.updated = 0
        self._types = {
            UID: "uuid",
            **{name: "timestamptz" if name == "_bridge_deleted_at" else "text" for name in BRIDGE_COLUMNS.values()},
            **{column.name: SQL_TYPES[column.type] for column in entity.columns},
            **{parent.column: "uuid" for parent in entity.parents},
        }

    def insert(self, new: pl.DataFrame) -> list[Failure]:
        if self._copied(new):
            return []
        statement = self._statement(sql.SQL("DO NOTHING RETURNING _bridge_uid::text"))

        def write(rows: pl.DataFrame) -> list[Failure]:
            fill_stage(self.db, self._types, rows)
            written = pl.Series([uid for (uid,) in self.db.execute(statement).fetchall()], dtype=pl.String)
            self.inserted += len(written)
            is_written = pl.col(UID).is_in(written.str.replace_all("-", "", literal=True).implode())
            return [_duplicate(*row) for row in rows.filter(~is_written).select(POSITION, _KEY).rows()]

        return write_halving(self.db, new, write)

    def upsert(self, new: pl.DataFrame) -> list[Failure]:
        if self._copied(new):
            return []
        changed = [name for name in self._types if name not in (UID, _KEY)]
        sets = sql.SQL(", ").join(sql.SQL("{0} = EXCLUDED.{0}").format(sql.Identifier(name)) for name in changed)
        statement = self._statement(
            sql.SQL("DO UPDATE SET _bridge_updated_at = now(), {} RETURNING xmax = 0").format(sets)
        )

        def write(rows: pl.DataFrame) -> list[Failure]:
            fill_stage(self.db, self._types, rows)
            was_new = [bool(fresh) for (fresh,) in self.db.execute(statement).fetchall()]
            self.inserted += sum(was_new)
            self.updated += len(was_new) - sum(was_new)
            return []

        return write_halving(self.db, new, write)

    def _copied(self, new: pl.DataFrame) -> bool:
        """Whether all rows went in at once, as they do where all keys are new and all values good. In the order of
        their keys they find their places in the index close together."""
        try:
            with self.db.transaction():
                copy_rows(self.db, self.tables.sql_name(self.entity.name), new.select(list(self._types)).sort(_KEY))
        except psycopg.Error as error:
            if not is_row_error(error):
                raise
            return False
        self.inserted += new.height
        return True

    def _statement(self, on_conflict: sql.Composable) -> sql.Composed:
        names = sql.SQL(", ").join(map(sql.Identifier, self._types))
        return sql.SQL("INSERT INTO {} ({}) SELECT {} FROM {} ON CONFLICT (_bridge_erp_key_hash) {}").format(
            self.tables.sql_name(self.entity.name), names, names, STAGE, on_conflict
        )


def _duplicate(position: int, key_hash: str) -> Failure:
    return Failure(position, f"The key hash {key_hash} is held already.", "duplicate_key")
