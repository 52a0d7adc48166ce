"""Updating parts of records by uid."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from psycopg import sql

from syncflow.sandbox.schedulehub.entity import Entity
from syncflow.sandbox.schedulehub.parents import Held, held_parents, missing_parent, parent_failure, parent_uids
from syncflow.sandbox.schedulehub.records import Cells, RecordError, read_changes
from syncflow.sandbox.schedulehub.staging import STAGE, Failure, fill_stage, write_halving
from syncflow.sandbox.schedulehub.tables import SQL_TYPES, Db, Tables


@dataclass(frozen=True)
class Change:
    position: int
    uid: str
    cells: Cells

    @property
    def shape(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Which columns and references it changes; changes of one shape are written together."""
        return tuple(self.cells.values), tuple(self.cells.parents)


def update_records(db: Db, tables: Tables, entity: Entity, updates: Sequence[tuple[object, object]]) -> list[Failure]:
    """Apply (uid, data) in order; members that `data` does not have stay as they are."""
    changes, failures = _read_all(entity, updates)
    while changes:
        firsts: dict[str, Change] = {}
        for one in changes:
            firsts.setdefault(one.uid, one)
        chosen = {one.position for one in firsts.values()}
        failures += _write_round(db, tables, entity, list(firsts.values()))
        changes = [one for one in changes if one.position not in chosen]
    return failures


def read_uid(value: object) -> str:
    """A uid in canonical form; RecordError when it is none."""
    try:
        return str(UUID(str(value)))
    except ValueError as error:
        raise RecordError(f"{value!a} is no uid.", "not_found") from error


def _read_all(entity: Entity, updates: Sequence[tuple[object, object]]) -> tuple[list[Change], list[Failure]]:
    changes: list[Change] = []
    failures: list[Failure] = []
    for position, (uid, data) in enumerate(updates):
        try:
            changes.append(Change(position, read_uid(uid), read_changes(entity, data)))
        except RecordError as error:
            failures.append(Failure(position, str(error), error.code, error.ref))
    return changes, failures


def _write_round(db: Db, tables: Tables, entity: Entity, changes: list[Change]) -> list[Failure]:
    held = held_parents(db, tables, entity, (one.cells for one in changes))
    failures: list[Failure] = []
    shapes: dict[tuple[tuple[str, ...], tuple[str, ...]], list[Change]] = {}
    for one in changes:
        ref = missing_parent(one.cells, held)
        if ref is None:
            shapes.setdefault(one.shape, []).append(one)
        else:
            failures.append(parent_failure(one.position, one.cells, ref))
    for same in shapes.values():
        failures += _write_shape(db, tables, entity, same, held)
    return failures


def _write_shape(db: Db, tables: Tables, entity: Entity, changes: list[Change], held: Held) -> list[Failure]:
    names, refs = changes[0].shape
    columns = [("_bridge_uid", "uuid"), *((name, _sql_type(entity, name)) for name in names)]
    columns += [(f"{ref}_uid", "uuid") for ref in refs]
    sets = [sql.SQL("{0} = s.{0}").format(sql.Identifier(name)) for name, _ in columns[1:]]
    statement = sql.SQL(
        "UPDATE {} t SET _bridge_updated_at = now(){} FROM {} s WHERE t._bridge_uid = s._bridge_uid "
        "RETURNING t._bridge_uid::text"
    ).format(tables.sql_name(entity.name), sql.SQL("").join(sql.SQL(", {}").format(one) for one in sets), STAGE)

    def write(rows: Sequence[Change]) -> list[Failure]:
        cells = ((one.uid, *one.cells.values.values(), *parent_uids(refs, one.cells, held)) for one in rows)
        fill_stage(db, columns, cells)
        written = {uid for (uid,) in db.execute(statement).fetchall()}
        return [_not_found(one) for one in rows if one.uid not in written]

    return write_halving(db, changes, write, lambda one, error, code: Failure(one.position, error, code))


def _sql_type(entity: Entity, name: str) -> str:
    if name == "_bridge_deleted_at":
        return "timestamptz"
    column = entity.by_name.get(name)
    return "text" if column is None else SQL_TYPES[column.type]


def _not_found(one: Change) -> Failure:
    return Failure(one.position, f"There is no record with the uid {one.uid}.", "not_found")
