"""Figures of the books for who looks every few seconds: cheap, whatever they hold."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import Connection

from syncflow.model import BatchStatus, SyncType
from syncflow.store.overview import ENDED
from syncflow.store.sync_batches import RESUMABLE
from syncflow.store.tables import batch_chunks, withheld_deletes
from syncflow.store.tables import sync_batches as table
from syncflow.store.withheld_deletes import WITHHELD

_WELL = (BatchStatus.COMPLETED, BatchStatus.COMPLETED_WITH_ERRORS)


def batches_by_status(connection: Connection) -> dict[str, int]:
    """All statuses, also those that no batch has."""
    rows = connection.execute(sa.select(table.c.status, sa.func.count().label("n")).group_by(table.c.status))
    return {**{str(status): 0 for status in BatchStatus}, **{row.status: row.n for row in rows}}


def in_doubt(connection: Connection) -> int:
    """Rows that are being sent, or were, and whose outcome is not in the books yet."""
    open_ = sa.select(table.c.uid).where(table.c.status.in_(RESUMABLE))
    rows = sa.select(sa.func.coalesce(sa.func.sum(batch_chunks.c.rows), 0)).where(
        batch_chunks.c.batch_uid.in_(open_), batch_chunks.c.state == "intent"
    )
    return int(connection.execute(rows).scalar_one())


def last_success(connection: Connection) -> Iterator[tuple[str, datetime]]:
    """When the last batch of each entity that went well ended; retries left out."""
    query = (
        sa.select(table.c.entity_name, sa.func.max(table.c.completed_at).label("at"))
        .where(table.c.status.in_(_WELL), table.c.sync_type != SyncType.RETRY)
        .group_by(table.c.entity_name)
        .order_by(table.c.entity_name)
    )
    return ((row.entity_name, row.at) for row in connection.execute(query))


def oldest_request(connection: Connection) -> datetime | None:
    """Since when the oldest batch waits for a worker."""
    query = sa.select(sa.func.min(table.c.requested_at)).where(
        table.c.status == BatchStatus.QUEUED, table.c.sync_type != SyncType.RETRY
    )
    found: datetime | None = connection.execute(query).scalar_one()
    return found


@dataclass(frozen=True)
class LastEnd:
    """How the newest batch of an entity that has come to an end ended."""

    entity: str
    batch: UUID
    status: BatchStatus
    error_message: str | None


def last_ends(connection: Connection) -> list[LastEnd]:
    """Retries left out, and batches that a person put away."""
    newest_first = (table.c.completed_at.desc(), table.c.uid.desc())
    place = sa.func.row_number().over(partition_by=table.c.entity_name, order_by=newest_first)
    ranked = sa.select(table.c.uid, place.label("place")).where(
        table.c.status.in_(ENDED), table.c.sync_type != SyncType.RETRY
    )
    last = ranked.subquery()
    query = (
        sa.select(table.c.entity_name, table.c.uid, table.c.status, table.c.error_message)
        .join(last, last.c.uid == table.c.uid)
        .where(last.c.place == 1)
        .order_by(table.c.entity_name)
    )
    return [
        LastEnd(row.entity_name, row.uid, BatchStatus(row.status), row.error_message)
        for row in connection.execute(query)
    ]


def withheld_by_entity(connection: Connection) -> dict[str, int]:
    """Deletions that wait for somebody's word."""
    query = sa.select(withheld_deletes.c.entity_name, sa.func.count().label("n"))
    query = query.where(withheld_deletes.c.state == WITHHELD).group_by(withheld_deletes.c.entity_name)
    return {row.entity_name: row.n for row in connection.execute(query.order_by(withheld_deletes.c.entity_name))}


def changed_by_day(connection: Connection, now: datetime, since: datetime) -> dict[str, dict[int, bool]]:
    """Whether the batches of each entity that went well brought anything, by stretches of 24 hours back from now: 0 is
    the last one. Stretches in which none ended are left out."""
    day = sa.cast(sa.func.floor(sa.extract("epoch", now - table.c.completed_at) / 86_400), sa.Integer)
    brought = sa.func.sum(table.c.rows_inserted + table.c.rows_updated + table.c.rows_deleted)
    query = (
        sa.select(table.c.entity_name, day.label("day"), brought.label("rows"))
        .where(table.c.completed_at > since, table.c.completed_at <= now)
        .where(table.c.status.in_(_WELL), table.c.sync_type != SyncType.RETRY)
        .group_by(table.c.entity_name, day)
    )
    found: dict[str, dict[int, bool]] = {}
    for row in connection.execute(query):
        found.setdefault(row.entity_name, {})[row.day] = row.rows > 0
    return found
