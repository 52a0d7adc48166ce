"""What was done since a time, added up over the batches that ended."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from syncflow.model import SyncType
from syncflow.store.overview import ENDED
from syncflow.store.tables import sync_batches as table


@dataclass(frozen=True)
class Work:
    """Of one entity. `batches` are those of syncs, `retries` those of queued rows; the rows are of both. `seconds` is
    the time from beginning to end, added up, and `rows_per_second` what was read in it, both of syncs alone."""

    entity: str
    batches: int
    retries: int
    failed_batches: int
    fetched: int
    inserted: int
    updated: int
    deleted: int
    unchanged: int
    pending: int
    failed: int
    seconds: float
    rows_per_second: float


_ROWS = ("fetched", "inserted", "updated", "deleted", "unchanged", "pending", "failed")


def work_since(connection: Connection, since: datetime) -> list[Work]:
    """In the order of names."""
    synced = table.c.sync_type != SyncType.RETRY
    seconds = sa.extract("epoch", table.c.completed_at - table.c.started_at)
    query = (
        sa.select(
            table.c.entity_name.label("entity"),
            sa.func.count().filter(synced).label("batches"),
            sa.func.count().filter(~synced).label("retries"),
            sa.func.count().filter(table.c.status == "failed").label("failed_batches"),
            *(sa.func.sum(table.c[f"rows_{name}"]).label(name) for name in _ROWS),
            sa.func.coalesce(sa.func.sum(seconds).filter(synced), 0).label("seconds"),
            sa.func.coalesce(sa.func.sum(table.c.rows_fetched).filter(synced), 0).label("synced"),
        )
        .where(table.c.completed_at >= since, table.c.status.in_(ENDED))
        .group_by(table.c.entity_name)
        .order_by(table.c.entity_name)
    )
    return [_work(row) for row in connection.execute(query).mappings()]


def _work(row: sa.RowMapping) -> Work:
    seconds = float(row["seconds"])
    return Work(
        entity=row["entity"],
        batches=row["batches"],
        retries=row["retries"],
        failed_batches=row["failed_batches"],
        **{name: int(row[name]) for name in _ROWS},
        seconds=round(seconds, 3),
        rows_per_second=round(int(row["synced"]) / seconds, 1) if seconds > 0 else 0.0,
    )
