"""Figures over all batches and queues, for who wants to see at a glance whether all is well."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from syncflow.model import BatchStatus, SyncType
from syncflow.store.tables import failed_records, pending_children, sync_batches, withheld_deletes

ENDED = (BatchStatus.COMPLETED, BatchStatus.COMPLETED_WITH_ERRORS, BatchStatus.FAILED)


@dataclass(frozen=True)
class QueueFigures:
    """Open rows of a queue, and since when the oldest stands there (UTC). `by_themselves` are tried again without
    anybody's help."""

    rows: int
    oldest: datetime | None
    by_themselves: int = 0


@dataclass(frozen=True)
class Bucket:
    """What the batches that ended in this slice of time did; `seconds` is the sum of their durations."""

    start: datetime
    batches: int
    rows: int
    failed: int
    seconds: float

    @property
    def success(self) -> float | None:
        """The share of rows that did not fail, 0 to 1; None where there was no row."""
        return None if self.rows == 0 else (self.rows - self.failed) / self.rows

    @property
    def rate(self) -> float:
        """Rows a second of work."""
        return self.rows / self.seconds if self.seconds > 0 else 0.0


@dataclass(frozen=True)
class Queues:
    """Counted at `as_of` (UTC). `failed_by_entity` are open failed records that nobody but a person will mend."""

    failed: QueueFigures
    pending: QueueFigures
    withheld: QueueFigures
    failed_by_entity: dict[str, int]
    as_of: datetime


def failed(connection: Connection) -> QueueFigures:
    table = failed_records
    query = sa.select(
        sa.func.count(), sa.func.min(table.c.created_at), sa.func.count(table.c.next_retry_at)
    ).where(table.c.resolved_at.is_(None))  # fmt: skip
    rows, oldest, by_themselves = connection.execute(query).one()
    return QueueFigures(rows, oldest, by_themselves)


def pending(connection: Connection) -> QueueFigures:
    table = pending_children
    query = sa.select(sa.func.count(), sa.func.min(table.c.created_at)).where(table.c.resolved_at.is_(None))
    rows, oldest = connection.execute(query).one()
    return QueueFigures(rows, oldest, rows)


def failed_by_entity(connection: Connection) -> dict[str, int]:
    """Open failed records that nobody but a person will mend."""
    table = failed_records
    query = sa.select(table.c.entity_name, sa.func.count().label("rows")).where(
        table.c.resolved_at.is_(None), table.c.next_retry_at.is_(None)
    )
    return {row.entity_name: row.rows for row in connection.execute(query.group_by(table.c.entity_name))}


def withheld(connection: Connection) -> QueueFigures:
    table = withheld_deletes
    query = sa.select(sa.func.count(), sa.func.min(table.c.created_at)).where(table.c.state == "withheld")
    rows, oldest = connection.execute(query).one()
    return QueueFigures(rows, oldest)


def series(connection: Connection, since: datetime, seconds: int) -> list[Bucket]:
    """Slices of so many seconds since then, the oldest first; those in which no batch ended are left out."""
    table = sync_batches
    start = sa.func.to_timestamp(sa.func.floor(sa.extract("epoch", table.c.completed_at) / seconds) * seconds)
    query = (
        sa.select(
            start.label("start"),
            sa.func.count().label("batches"),
            sa.func.sum(table.c.rows_fetched).label("rows"),
            sa.func.sum(table.c.rows_failed).label("failed"),
            sa.func.sum(sa.extract("epoch", table.c.completed_at - table.c.started_at)).label("seconds"),
        )
        .where(table.c.completed_at >= since, table.c.sync_type != SyncType.RETRY, table.c.status.in_(ENDED))
        .group_by(start)
        .order_by(start)
    )
    return [
        Bucket(row.start, row.batches, int(row.rows or 0), int(row.failed or 0), float(row.seconds or 0.0))
        for row in connection.execute(query)
    ]
