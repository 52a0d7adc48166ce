"""Inserting and upserting whole records."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from psycopg import sql

from syncflow.sandbox.schedulehub.entity import Entity
from syncflow.sandbox.schedulehub.parents import (
    Held,
    held_parents,
    missing_parent,
    parent_failure,
    parent_uids,
)
from syncflow.sandbox.schedulehub.records import BRIDGE_COLUMNS, Cells, RecordError, read_record
from syncflow.sandbox.schedulehub.staging import STAGE, Failure, fill_stage, write_halving
from syncflow.sandbox.schedulehub.tables import SQL_TYPES, Db, Tables
from syncflow.sandbox.schedulehub.uuid7 import uuid7s

_KEY = "_bridge_erp_key_hash"


@dataclass(frozen=True)
class New:
    """A record to write, with the uid that it gets when it is new."""

    position: int
    uid: str
    cells: Cells

    @property
    def key_hash(self) -> str:
        return str(self.cells.values[_KEY])


@dataclass(frozen=True)
class Written:
    """Counts of rows written, and the records that were not."""

    inserted: int
    updated: int
    failures: list[Failure]


def insert_records(db: Db, tables: Tables, entity: Entity, records: Sequence[object]) -> Written:
    """Insert; a key that is held already fails with `duplicate_key`."""
    writer = _Writer(db, tables, entity)
    new, failures = read_all(entity, records)
    failures += _in_rounds(writer, new, writer.insert)
    return Written(writer.inserted, 0, failures)


def upsert_records(db: Db, tables: Tables, entity: Entity, records: Sequence[object]) -> Written:
    """Insert, or replace every member of the record of the same key. The last record of a key in a request wins."""
    writer = _Writer(db, tables, entity)
    new, failures = read_all(entity, records)
    while new:
        firsts = list({one.key_hash: one for one in reversed(new)}.values())[::-1]
        chosen = {one.position for one in firsts}
        failures += _in_rounds(writer, firsts, writer.upsert)
        new = [one for one in new if one.position not in chosen]
    return Written(writer.inserted, writer.updated, failures)


def read_all(entity: Entity, records: Sequence[object]) -> tuple[list[New], list[Failure]]:
    new: list[New] = []
    failures: list[Failure] = []
    for position, (uid, record) in enumerate(zip(uuid7s(len(records)), records, strict=True)):
        try:
            new.append(New(position, uid, read_record(entity, record)))
        except RecordError as error:
            failures.append(Failure(position, str(error), error.code, error.ref))
    return new, failures


def _in_rounds(writer: "_Writer", new: list[New], write: Callable[[list[New], Held], list[Failure]]) -> list[Failure]:
    """Write records after their parents, which may stand earlier in the same request."""
    failures: list[Failure] = []
    while new:
        held = held_parents(writer.db, writer.tables, writer.entity, (one.cells for one in new))
        ready, waiting, orphans = _split(writer.entity, new, held)
        failures += orphans
        if ready:
            failures += write(ready, held)
        new = waiting
    return failures


def _split(entity: Entity, new: list[New], held: Held) -> tuple[list[New], list[New], list[Failure]]:
    own = {parent.name for parent in entity.parents if parent.entity == entity.name}
    earlier: set[str] = set()
    ready: list[New] = []
    waiting: list[New] = []
    orphans: list[Failure] = []
    for one in new:
        ref = missing_parent(one.cells, held)
        if ref is None:
            ready.append(one)
        elif ref in own and one.cells.parents[ref] in earlier:
            waiting.append(one)
        else:
            orphans.append(parent_failure(one.position, one.cells, ref))
            continue
        earlier.add(one.key_hash)
    return ready, waiting, orphans


class _Writer:
    """Writes records whose parents are known into one table."""

    def __init__(self, db: Db, tables: Tables, entity: Entity) -> None:
        self.db, self.tables, self.entity = db, tables, entity
        self.inserted = self.updated = 0
        self._refs = [parent.name for parent in entity.parents]
        self._values = [*BRIDGE_COLUMNS.values(), *(column.name for column in entity.columns)]
        self._columns = [
            ("_bridge_uid", "uuid"),
            *((name, "timestamptz" if name == "_bridge_deleted_at" else "text") for name in BRIDGE_COLUMNS.values()),
            *((column.name, SQL_TYPES[column.type]) for column in entity.columns),
            *((parent.column, "uuid") for parent in entity.parents),
        ]

    def insert(self, new: list[New], held: Held) -> list[Failure]:
        statement = self._statement(sql.SQL("DO NOTHING RETURNING _bridge_uid::text"))

        def write(rows: Sequence[New]) -> list[Failure]:
            self._stage(rows, held)
            written = {uid for (uid,) in self.db.execute(statement).fetchall()}
            self.inserted += len(written)
            return [_duplicate(one) for one in rows if one.uid not in written]

        return write_halving(self.db, new, write, _failed)

    def upsert(self, new: list[New], held: Held) -> list[Failure]:
        changed = [name for name, _ in self._columns if name not in ("_bridge_uid", _KEY)]
        sets = sql.SQL(", ").join(sql.SQL("{0} = EXCLUDED.{0}").format(sql.Identifier(name)) for name in changed)
        statement = self._statement(
            sql.SQL("DO UPDATE SET _bridge_updated_at = now(), {} RETURNING xmax = 0").format(sets)
        )

        def write(rows: Sequence[New]) -> list[Failure]:
            self._stage(rows, held)
            was_new = [bool(fresh) for (fresh,) in self.db.execute(statement).fetchall()]
            self.inserted += sum(was_new)
            self.updated += len(was_new) - sum(was_new)
            return []

        return write_halving(self.db, new, write, _failed)

    def _stage(self, rows: Sequence[New], held: Held) -> None:
        cells = (
            (one.uid, *map(one.cells.values.get, self._values), *parent_uids(self._refs, one.cells, held))
            for one in rows
        )
        fill_stage(self.db, self._columns, cells)

    def _statement(self, on_conflict: sql.Composable) -> sql.Composed:
        names = sql.SQL(", ").join(sql.Identifier(name) for name, _ in self._columns)
        return sql.SQL("INSERT INTO {} ({}) SELECT {} FROM {} ON CONFLICT (_bridge_erp_key_hash) {}").format(
            self.tables.sql_name(self.entity.name), names, names, STAGE, on_conflict
        )


def _duplicate(one: New) -> Failure:
    return Failure(one.position, f"The key hash {one.key_hash} is held already.", "duplicate_key")


def _failed(one: New, error: str, code: str) -> Failure:
    return Failure(one.position, error, code)
