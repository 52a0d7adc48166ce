"""`pending_children` for people: pages, counts, one row with its payload, and who waits for whom."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from uuid import UUID

import numpy as np
import sqlalchemy as sa
from sqlalchemy import Connection

from syncflow.identities import Words, words_of_bytes
from syncflow.store.beginnings import begins_with
from syncflow.store.pending_filter import PendingFilter, conditions
from syncflow.store.tables import failed_records
from syncflow.store.tables import pending_children as table


@dataclass(frozen=True)
class PendingChild:
    """A waiting row as it is listed. `retry_count` of `max_retries` times its parent was looked for in vain after it
    had a chance to arrive; it is not looked for by itself before `next_retry_at` (None: with the next sync)."""

    uid: UUID
    batch_uid: UUID
    child_entity: str
    child_key_hash: str
    parent_entity: str
    parent_ref: str
    parent_key: str
    parent_bk_hash: str
    retry_count: int
    max_retries: int
    next_retry_at: datetime | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True)
class PendingDetail(PendingChild):
    """The same with the row as the source sent it."""

    child_payload: dict[str, str | None]
    tried_at: datetime


@dataclass(frozen=True)
class MissingParent:
    """A parent that rows wait for. `failed_message` is that of its own failed record, which is about `failed_field` (or
    none), `awaits_entity` and `awaits_key` name the parent that it waits for itself; None where it does neither.
    `since` is when the first row began to wait for it."""

    entity: str
    bk_hash: str
    key: str
    since: datetime
    failed_uid: UUID | None
    failed_message: str | None
    failed_field: str | None
    awaits_entity: str | None
    awaits_key: str | None


def page(
    connection: Connection, chosen: PendingFilter, after: UUID | None, limit: int, skip: int = 0
) -> list[PendingChild]:
    """The newest first; `after` is the last uid of the page before. `skip` leaves out so many rows first; it costs
    time for each of them."""
    which = conditions(chosen)
    if after is not None:
        which.append(table.c.uid < after)
    query = sa.select(*_columns(PendingChild)).where(*which).order_by(table.c.uid.desc()).limit(limit).offset(skip)
    return [PendingChild(**row) for row in connection.execute(query).mappings()]


def payloads(connection: Connection, uids: Sequence[UUID]) -> dict[UUID, dict[str, str | None]]:
    """The rows as the source sent them."""
    query = sa.select(table.c.uid, table.c.child_payload).where(table.c.uid.in_(uids))
    return {row.uid: row.child_payload for row in connection.execute(query)}


def count(connection: Connection, chosen: PendingFilter) -> int:
    query = sa.select(sa.func.count()).select_from(table).where(*conditions(chosen))
    return int(connection.execute(query).scalar_one())


def rank(connection: Connection, chosen: PendingFilter, uid: UUID) -> int | None:
    """How many rows stand before this one in a list; None when it is not in it."""
    which = conditions(chosen)
    if connection.execute(sa.select(table.c.uid).where(*which, table.c.uid == uid)).first() is None:
        return None
    return int(connection.execute(sa.select(sa.func.count()).where(*which, table.c.uid > uid)).scalar_one())


def detail(connection: Connection, uid: UUID) -> PendingDetail | None:
    """None for a row that waits no longer."""
    query = sa.select(*_columns(PendingDetail)).where(table.c.uid == uid, table.c.resolved_at.is_(None))
    row = connection.execute(query).mappings().first()
    return None if row is None else PendingDetail(**row)


def beginning_with(connection: Connection, beginning: str, limit: int) -> list[UUID]:
    """Open lines by the beginning of their uid."""
    query = sa.select(table.c.uid).where(begins_with(table.c.uid, beginning), table.c.resolved_at.is_(None))
    return list(connection.execute(query.order_by(table.c.uid).limit(limit)).scalars())


def waits(connection: Connection) -> Words:
    """All open lines, of shape (lines, 4): the key hash of the row that waits, and that of its parent."""
    pair = sa.func.decode(table.c.child_key_hash, "hex").op("||")(sa.func.decode(table.c.parent_bk_hash, "hex"))
    query = sa.select(sa.func.string_agg(pair, sa.literal(b"", sa.LargeBinary))).where(table.c.resolved_at.is_(None))
    joined = connection.execute(query).scalar_one()
    return np.empty((0, 4), np.uint64) if joined is None else words_of_bytes(bytes(joined), 4)


def missing_parents(connection: Connection, hashes: Sequence[str]) -> list[MissingParent]:
    """What the queues know of these parents (key hashes), in no order."""
    wanted = sa.cast(list(hashes), sa.ARRAY(sa.Text))
    awaited = (
        sa.select(table.c.parent_entity, table.c.parent_bk_hash, sa.func.min(table.c.parent_key).label("key"))
        .add_columns(sa.func.min(table.c.created_at).label("since"))
        .where(table.c.resolved_at.is_(None), table.c.parent_bk_hash == sa.any_(wanted))
        .group_by(table.c.parent_entity, table.c.parent_bk_hash)
        .subquery()
    )
    record = failed_records.alias("record")
    own = table.alias("own")
    failed = sa.and_(
        record.c.entity_name == awaited.c.parent_entity,
        sa.func.coalesce(record.c.key_hash, record.c.raw_hash) == awaited.c.parent_bk_hash,
        record.c.resolved_at.is_(None),
    )
    waiting = sa.and_(
        own.c.child_entity == awaited.c.parent_entity,
        own.c.child_key_hash == awaited.c.parent_bk_hash,
        own.c.resolved_at.is_(None),
    )
    query = sa.select(
        awaited.c.parent_entity.label("entity"),
        awaited.c.parent_bk_hash.label("bk_hash"),
        awaited.c.key,
        awaited.c.since,
        record.c.uid.label("failed_uid"),
        record.c.error_message.label("failed_message"),
        record.c.field.label("failed_field"),
        own.c.parent_entity.label("awaits_entity"),
        own.c.parent_key.label("awaits_key"),
    ).select_from(awaited.outerjoin(record, failed).outerjoin(own, waiting))
    return [MissingParent(**row) for row in connection.execute(query).mappings()]


def _columns(kind: type[PendingChild]) -> list[sa.Column[object]]:
    return [table.c[part.name] for part in fields(kind)]
