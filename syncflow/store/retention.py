"""What the books need not keep: batches that ended long ago, and the queue rows that were closed long ago.

Never taken: open rows of the queues and withheld deletions with the batches that they come from; decisions that hold;
the newest batch of an entity, its last completed one, and whatever the cycle of a schedule that is not complete needs.
"""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from syncflow.model import BatchStatus, SyncType
from syncflow.store import alerts, background_schedules
from syncflow.store.failed_records import OVERRIDES
from syncflow.store.tables import background_sync_schedule as schedules
from syncflow.store.tables import erp_sync_state, failed_records, pending_children, withheld_deletes
from syncflow.store.tables import sync_batches as table

AT_ONCE = 500
"""Batches that are removed in one statement."""
_ENDED = (BatchStatus.COMPLETED, BatchStatus.COMPLETED_WITH_ERRORS, BatchStatus.FAILED, BatchStatus.CANCELLED)


@dataclass(frozen=True)
class Removed:
    """How many rows were removed."""

    batches: int = 0
    failed_records: int = 0
    pending_children: int = 0
    withheld: int = 0
    nights: int = 0
    alerts: int = 0

    @property
    def total(self) -> int:
        return sum(vars(self).values())


def remove_old(connection: Connection, before: datetime) -> Removed:
    """Remove what ended before this time (UTC)."""
    failed = failed_records.delete().where(
        failed_records.c.resolved_at < before,
        failed_records.c.resolution.not_in(OVERRIDES),
    )
    # A row that was given up stands for its failed record: it says which parent was looked for.
    given_up = sa.exists().where(
        failed_records.c.entity_name == pending_children.c.child_entity,
        failed_records.c.key_hash == pending_children.c.child_key_hash,
        failed_records.c.resolved_at.is_(None),
    )
    pending = pending_children.delete().where(pending_children.c.resolved_at < before, ~given_up)
    settled = withheld_deletes.c.state.in_(("discarded", "superseded")) | withheld_deletes.c.outcome.is_not(None)
    withheld = withheld_deletes.delete().where(withheld_deletes.c.decided_at < before, settled)
    return Removed(
        failed_records=connection.execute(failed).rowcount,
        pending_children=connection.execute(pending).rowcount,
        withheld=connection.execute(withheld).rowcount,
        nights=background_schedules.forget_nights(connection, before.date()),
        alerts=alerts.forget(connection, before),
    )


def remove_batches(connection: Connection, before: datetime) -> int:
    """Remove batches that ended before this time (UTC), AT_ONCE at most, the oldest first; call it until there are
    none."""
    newer = table.alias()
    is_newest = ~sa.exists().where(
        newer.c.entity_name == table.c.entity_name,
        newer.c.sync_type != SyncType.RETRY,
        newer.c.requested_at > table.c.requested_at,
    )
    needed = sa.or_(
        is_newest & (table.c.sync_type != SyncType.RETRY),
        sa.exists().where(erp_sync_state.c.last_completed_batch == table.c.uid),
        sa.exists().where(failed_records.c.batch_uid == table.c.uid),
        sa.exists().where(pending_children.c.batch_uid == table.c.uid),
        sa.exists().where(withheld_deletes.c.batch_uid == table.c.uid),
        table.c.uid.in_(background_schedules.batches_of_open_cycles(connection)),
    )
    old = (
        sa.select(table.c.uid)
        .where(table.c.completed_at < before, table.c.status.in_(_ENDED), ~needed)
        .order_by(table.c.completed_at)
        .limit(AT_ONCE)
    )
    return connection.execute(table.delete().where(table.c.uid.in_(old))).rowcount


def cancel_orphans(connection: Connection) -> int:
    """Slices and passes of schedules that were removed cannot go on: they are put away."""
    gone = ~sa.exists().where(schedules.c.uid == table.c.schedule_uid)
    waiting = table.c.status.in_((BatchStatus.QUEUED, BatchStatus.INTERRUPTED))
    orphans = table.update().where(table.c.schedule_uid.is_not(None), gone, waiting)
    return connection.execute(orphans.values(status=BatchStatus.CANCELLED, completed_at=sa.func.now())).rowcount
