"""Deleting records by uid; a parent with living children stays."""

from collections.abc import Mapping, Sequence

from psycopg import sql

from syncflow.sandbox.schedulehub.entity import Entity, ParentRef
from syncflow.sandbox.schedulehub.records import RecordError
from syncflow.sandbox.schedulehub.staging import Failure
from syncflow.sandbox.schedulehub.tables import Db, Tables
from syncflow.sandbox.schedulehub.updates import read_uid

Children = list[tuple[Entity, ParentRef]]


def delete_records(db: Db, tables: Tables, entity: Entity, uids: Sequence[object]) -> list[Failure]:
    """Delete what has no living children. Children that go in the same call or are soft-deleted do not count."""
    wanted, failures = _read_uids(uids)
    blocked: dict[str, str] = {}
    children = _children_of(tables.load(db), entity.name)
    while True:
        doomed = [uid for uid in wanted if uid not in blocked]
        found = _blocking(db, tables, entity, children, doomed)
        blocked |= found
        if not found:
            break
    for child, ref in children:
        _cut(db, tables, child, ref, doomed)
    statement = sql.SQL("DELETE FROM {} WHERE _bridge_uid = ANY(%s::uuid[]) RETURNING _bridge_uid::text")
    gone = {uid for (uid,) in db.execute(statement.format(tables.sql_name(entity.name)), [doomed]).fetchall()}
    for uid, position in wanted.items():
        if uid in blocked:
            failures.append(Failure(position, f"Records of '{blocked[uid]}' still refer to {uid}.", "has_children"))
        elif uid not in gone:
            failures.append(Failure(position, f"There is no record with the uid {uid}.", "not_found"))
    return failures


def _read_uids(uids: Sequence[object]) -> tuple[dict[str, int], list[Failure]]:
    wanted: dict[str, int] = {}
    failures: list[Failure] = []
    for position, uid in enumerate(uids):
        try:
            wanted.setdefault(read_uid(uid), position)
        except RecordError as error:
            failures.append(Failure(position, str(error), error.code))
    return wanted, failures


def _children_of(entities: Mapping[str, Entity], parent: str) -> Children:
    return [(one, ref) for one in entities.values() for ref in one.parents if ref.entity == parent]


def _blocking(db: Db, tables: Tables, entity: Entity, children: Children, doomed: list[str]) -> dict[str, str]:
    """The uids that living children refer to, each with the name of the child's entity."""
    blocked: dict[str, str] = {}
    for child, ref in children:
        query = sql.SQL(
            "SELECT DISTINCT {0}::text FROM {1} WHERE {0} = ANY(%s::uuid[]) AND _bridge_deleted_at IS NULL"
            " AND NOT _bridge_uid = ANY(%s::uuid[])"
        ).format(sql.Identifier(ref.column), tables.sql_name(child.name))
        going = doomed if child.name == entity.name else []
        blocked |= dict.fromkeys((uid for (uid,) in db.execute(query, [doomed, going]).fetchall()), child.name)
    return blocked


def _cut(db: Db, tables: Tables, child: Entity, ref: ParentRef, doomed: list[str]) -> None:
    """Soft-deleted children lose their reference to a parent that goes for good."""
    statement = sql.SQL("UPDATE {0} SET {1} = NULL WHERE {1} = ANY(%s::uuid[]) AND _bridge_deleted_at IS NOT NULL")
    db.execute(statement.format(tables.sql_name(child.name), sql.Identifier(ref.column)), [doomed])
