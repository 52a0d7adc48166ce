"""What was worked on since a moment: the batches of a night."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import Connection

from syncflow.model import Batch, BatchStatus
from syncflow.store import sync_batches
from syncflow.store.tables import sync_batches as table

UNDER_WAY = (BatchStatus.QUEUED, BatchStatus.RUNNING, BatchStatus.CANCELLING)


def worked_since(connection: Connection, since: datetime) -> list[Batch]:
    """Batches that ended, or last gave a sign of life, since then, and those that are under way; the oldest first."""
    last = sa.func.coalesce(table.c.completed_at, table.c.heartbeat_at, table.c.requested_at)
    query = sa.select(table.c.uid).where((last >= since) | table.c.status.in_(UNDER_WAY))
    uids: list[UUID] = list(connection.execute(query.order_by(table.c.requested_at, table.c.uid)).scalars())
    found = (sync_batches.get(connection, uid) for uid in uids)
    return [batch for batch in found if batch is not None]
