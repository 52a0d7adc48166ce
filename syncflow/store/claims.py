"""Who works on a batch: an advisory lock on the worker's own connection. It goes with the connection, so that the work
of a process that died is free at once."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from syncflow.errors import BusyError
from syncflow.store import sync_batches
from syncflow.store.database import Database


@contextmanager
def claimed(database: Database, batch: UUID, now: datetime) -> Iterator[sync_batches.Claimed]:
    """Hold a batch for as long as the block runs. Raises BusyError when a living process holds it or
    another batch of its entity is running, UsageError when it has ended."""
    with database.dedicated() as own:
        held = own.execute("SELECT pg_try_advisory_lock(%s)", [_lock_key(batch)]).fetchone()
        if held is None or not held[0]:
            raise BusyError(
                f"The batch {batch} is being worked on by another process. Watch it with: syncflow status {batch}"
            )
        with database.begin() as connection:
            claim = sync_batches.claim(connection, batch, now)
        yield claim


def held_elsewhere(database: Database, batch: UUID) -> bool:
    """Whether a living process works on a batch."""
    key = _lock_key(batch)
    # Looked up, not tried: taking the lock, if only for a moment, would keep off who wants to work on the batch.
    query = sa.text(
        "SELECT EXISTS (SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 1 "
        "AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) "
        "AND (classid::bigint << 32 | objid::bigint) = :key)"
    )
    with database.begin() as connection:
        return bool(connection.execute(query, {"key": key}).scalar_one())


def _lock_key(batch: UUID) -> int:
    """The 64 random bits of the uid (RFC 9562, version 7) as PostgreSQL's bigint."""
    return int.from_bytes(batch.bytes[8:], signed=True)
