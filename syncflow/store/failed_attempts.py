"""`failed_records` that are tried again: which are due, what is sent, when the next attempt is."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import Connection

from syncflow.store.failed_filter import among
from syncflow.store.tables import failed_records as table

UNREADABLE_STAGE = "s1_fetch"
"""What could not be even decoded is not mended by another configuration."""


@dataclass(frozen=True)
class Record:
    """An open record that is tried again. `raw_data` is the JSON text of the row as the source sent it,
    `batch_uid` the batch that read it there."""

    uid: UUID
    key_hash: str | None
    raw_hash: str
    raw_data: str
    stage_failed: str
    error_message: str
    retry_count: int
    batch_uid: UUID


def open_ones(connection: Connection, uids: Sequence[UUID]) -> list[Record]:
    """Those of the records that are still open, the oldest first."""
    columns = [sa.cast(table.c[part.name], sa.Text) if part.name == "raw_data" else table.c[part.name]
               for part in fields(Record)]  # fmt: skip
    query = sa.select(*columns).where(among(list(uids)), table.c.resolved_at.is_(None)).order_by(table.c.uid)
    return [Record(*row) for row in connection.execute(query)]


def open_entities(connection: Connection) -> list[str]:
    """The entities that have open records at all, in the order of names."""
    query = sa.select(table.c.entity_name).distinct().where(table.c.resolved_at.is_(None))
    return list(connection.execute(query.order_by(table.c.entity_name)).scalars())


def due(connection: Connection, entity: str, plan_hash: str, now: datetime) -> list[UUID]:
    """Records of an entity that are to be tried again by themselves: their next attempt has come, or they failed under
    another configuration than today's (`plan_hash`)."""
    may_pass = table.c.temporary & (table.c.next_retry_at <= now)
    changed = (
        table.c.plan_hash.is_distinct_from(plan_hash)
        & (table.c.stage_failed != UNREADABLE_STAGE)
        & (sa.func.coalesce(table.c.next_retry_at, now) <= now)
    )
    query = sa.select(table.c.uid).where(
        table.c.entity_name == entity, table.c.resolved_at.is_(None), may_pass | changed
    )
    return list(connection.execute(query.order_by(table.c.uid)).scalars())


def postpone(connection: Connection, uids: Sequence[UUID], until: datetime) -> None:
    """Records whose attempt broke off before it came to them; it does not count."""
    if uids:
        open_ones = table.update().where(among(list(uids)), table.c.resolved_at.is_(None))
        connection.execute(open_ones.values(next_retry_at=until))
