"""`pending_children`: rows that wait for a parent, with their payload; at most one open line a key."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql import insert

from syncflow.store.tables import pending_children as table


@dataclass(frozen=True)
class PendingRow:
    """A row whose parent is missing: the first missing one, if there are several. `child_payload` is the raw row as a
    JSON text; `parent_ref` names the reference, `parent_key` reads like `order_no=4711`."""

    child_key_hash: str
    parent_entity: str
    parent_ref: str
    parent_bk_hash: str
    parent_key: str
    child_payload: str


@dataclass(frozen=True)
class Waiting:
    """An open line: who waits, and for whom."""

    uid: UUID
    child_entity: str
    child_key_hash: str
    parent_entity: str
    parent_bk_hash: str
    parent_key: str
    child_payload: dict[str, str | None]


def put(connection: Connection, batch: UUID, child: str, rows: Sequence[PendingRow], now: datetime) -> None:
    """A newer version of a waiting row replaces the older one."""
    if not rows:
        return
    common = {"batch_uid": batch, "child_entity": child, "created_at": now, "updated_at": now}
    statement = insert(table)
    replaced = {name: statement.excluded[name] for name in PendingRow.__dataclass_fields__ if name != "child_key_hash"}
    upsert = statement.on_conflict_do_update(
        index_elements=[table.c.child_entity, table.c.child_key_hash],
        index_where=table.c.resolved_at.is_(None),
        set_={**replaced, "batch_uid": batch, "updated_at": now},
    )
    connection.execute(upsert, [{**common, **asdict(row)} for row in rows])


def any_open(connection: Connection, child: str) -> bool:
    query = sa.select(sa.literal(1)).where(table.c.child_entity == child, table.c.resolved_at.is_(None)).limit(1)
    return connection.execute(query).first() is not None


def close(connection: Connection, child: str, keys: Iterable[str], now: datetime) -> int:
    """These rows wait no longer: they are loaded, or stand as failed records."""
    wanted = sa.cast(list(keys), sa.ARRAY(sa.Text))
    statement = table.update().where(
        table.c.child_entity == child, table.c.resolved_at.is_(None), table.c.child_key_hash == sa.any_(wanted)
    )
    return connection.execute(statement.values(resolved_at=now, updated_at=now)).rowcount


def supersede(connection: Connection, child: str, batch: UUID, now: datetime) -> int:
    """After a complete extract: lines that this batch did not renew speak of rows that are gone."""
    statement = table.update().where(
        table.c.child_entity == child, table.c.resolved_at.is_(None), table.c.batch_uid != batch
    )
    return connection.execute(statement.values(resolved_at=now, updated_at=now)).rowcount


def awaited_parents(connection: Connection, parent: str, limit: int, after: str = "") -> list[str]:
    """Distinct key hashes of an entity's rows that children wait for, in order, a page at a time."""
    query = (
        sa.select(table.c.parent_bk_hash)
        .distinct()
        .where(table.c.parent_entity == parent, table.c.resolved_at.is_(None), table.c.parent_bk_hash > after)
        .order_by(table.c.parent_bk_hash)
        .limit(limit)
    )
    return list(connection.execute(query).scalars())


def waiting_for(connection: Connection, parent: str, parent_keys: Iterable[str]) -> list[Waiting]:
    """The children that wait for these parents."""
    wanted = sa.cast(list(parent_keys), sa.ARRAY(sa.Text))
    columns = [table.c[name] for name in Waiting.__dataclass_fields__]
    query = sa.select(*columns).where(
        table.c.parent_entity == parent, table.c.resolved_at.is_(None), table.c.parent_bk_hash == sa.any_(wanted)
    )
    return [Waiting(**row) for row in connection.execute(query.order_by(table.c.child_entity, table.c.uid)).mappings()]


def open_keys(connection: Connection) -> set[tuple[str, str]]:
    """(child entity, key hash) of all rows that wait."""
    query = sa.select(table.c.child_entity, table.c.child_key_hash).where(table.c.resolved_at.is_(None))
    return {(row.child_entity, row.child_key_hash) for row in connection.execute(query)}
