"""Updating parts of records by uid."""

from collections.abc import Iterator, Sequence
from uuid import UUID

import polars as pl
from psycopg import sql

from syncflow.sandbox.schedulehub.batches import Batch, Columns, Sent
from syncflow.sandbox.schedulehub.columns import PARENT, UID, cells_frame, each_key_once, read_columns, read_each
from syncflow.sandbox.schedulehub.entity import Entity
from syncflow.sandbox.schedulehub.parents import MISSING, orphan_failures, with_parents
from syncflow.sandbox.schedulehub.records import Cells, RecordError, read_changes
from syncflow.sandbox.schedulehub.staging import POSITION, STAGE, Failure, fill_stage, write_halving
from syncflow.sandbox.schedulehub.tables import SQL_TYPES, Db, Tables


def update_records(db: Db, tables: Tables, entity: Entity, batch: Batch) -> list[Failure]:
    """Apply the updates in order; members that `data` does not have stay as they are."""
    shapes, failures = _read_all(entity, batch)
    for once in _each_uid_once(shapes):
        known = [with_parents(db, tables, entity, shape) for shape in once]
        for shape in known:
            failures += orphan_failures(shape.filter(pl.col(MISSING).is_not_null()))
            failures += _write_shape(db, tables, entity, shape.filter(pl.col(MISSING).is_null()))
    return failures


def read_uid(value: object) -> str:
    """A uid in canonical form; RecordError when it is none."""
    try:
        return str(UUID(str(value)))
    except ValueError as error:
        raise RecordError(f"{value!a} is no uid.", "not_found") from error


def _read_all(entity: Entity, batch: Batch) -> tuple[list[pl.DataFrame], list[Failure]]:
    """The changes in a frame for each set of columns and references that are changed together: UID stands among the
    columns."""

    def read_one(sent: Sent) -> Cells:
        uid, cells = read_uid(sent.uid), read_changes(entity, sent.data)
        return Cells({UID: uid, **cells.values}, cells.parents)

    if isinstance(batch, Columns):
        cells, failures = read_columns(entity, batch, read_one, whole=False)
        return [cells], failures
    read, failures = read_each(enumerate(batch.entries), read_one)
    shapes: dict[tuple[str, ...], list[tuple[int, Cells]]] = {}
    for position, one in read:
        shape = (*one.values, *(PARENT + ref for ref in one.parents))
        shapes.setdefault(shape, []).append((position, one))
    return [cells_frame(cells, names) for names, cells in shapes.items()], failures


def _each_uid_once(shapes: Sequence[pl.DataFrame]) -> Iterator[list[pl.DataFrame]]:
    """The shapes in rounds: each changes a record once, and the earlier change of a record is in an earlier round."""
    if not shapes:
        return
    changes = pl.concat([shape.select(POSITION, UID) for shape in shapes]).sort(POSITION)
    for once in each_key_once(changes, UID):
        yield [shape.join(once, on=POSITION, how="semi", maintain_order="left") for shape in shapes]


def _write_shape(db: Db, tables: Tables, entity: Entity, changes: pl.DataFrame) -> list[Failure]:
    if changes.is_empty():
        return []
    types = _types(entity, changes.columns)
    sets = (sql.SQL(", {0} = s.{0}").format(sql.Identifier(name)) for name in types if name != UID)
    statement = sql.SQL(
        "UPDATE {} t SET _bridge_updated_at = now(){} FROM {} s WHERE t._bridge_uid = s._bridge_uid "
        "RETURNING t._bridge_uid::text"
    ).format(tables.sql_name(entity.name), sql.SQL("").join(sets), STAGE)

    def write(rows: pl.DataFrame) -> list[Failure]:
        fill_stage(db, types, rows)
        written = pl.Series([uid for (uid,) in db.execute(statement).fetchall()], dtype=pl.String)
        lost = rows.filter(~pl.col(UID).is_in(written.implode()))
        return [_not_found(*row) for row in lost.select(POSITION, UID).rows()]

    return write_halving(db, changes, write)


def _types(entity: Entity, names: Sequence[str]) -> dict[str, str]:
    """The columns to write with their SQL types."""
    types = {UID: "uuid", "_bridge_deleted_at": "timestamptz"}
    types |= {column.name: SQL_TYPES[column.type] for column in entity.columns}
    types |= {parent.column: "uuid" for parent in entity.parents}
    written = [name for name in names if not name.startswith((PARENT, MISSING)) and name != POSITION]
    return {name: types.get(name, "text") for name in written}


def _not_found(position: int, uid: str) -> Failure:
    return Failure(position, f"There is no record with the uid {uid}.", "not_found")
