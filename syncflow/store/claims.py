"""Who works on a batch (reliability, "two processes want the same batch" and what follows).

An advisory lock on a connection of the worker's own says that it lives: it goes with the connection, so that the work
of a process that died is free at once. A heartbeat on the same connection says that it is awake: the lock of a host
that vanished or of a process that is suspended stays, but its lease runs out, and a successor ends the old session and
takes over. Every claim has a new epoch, and no write under an old one succeeds.
"""

import os
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from uuid import UUID

import psycopg
import sqlalchemy as sa
import structlog

from syncflow.errors import BusyError, ClaimLost, SyncFlowError
from syncflow.store import sync_batches
from syncflow.store.database import Database

LEASE_SECONDS = 15.0
"""Without a heartbeat for so long, a worker counts as gone although its session stands."""
_BEATS_A_LEASE = 4
_HAND_OVER_SECONDS = 5.0
_BEAT = "UPDATE sync_batches SET heartbeat_at = clock_timestamp() WHERE uid = %s AND claim_epoch = %s"
_HOLDER = sa.text(
    "SELECT l.pid, b.worker, b.heartbeat_at < clock_timestamp() - make_interval(secs => :lease) AS silent "
    "FROM pg_locks l, sync_batches b WHERE b.uid = :batch AND l.locktype = 'advisory' AND l.granted "
    "AND l.objsubid = 1 AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) "
    "AND (l.classid::bigint << 32 | l.objid::bigint) = :key"
)

_END_SESSIONS = sa.text(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
    "WHERE application_name = :worker AND datname = current_database() AND pid <> pg_backend_pid()"
)


def worker_name() -> str:
    """The name of this process for the books and for PostgreSQL (`application_name`, 63 bytes at most); no other
    process ever has the same."""
    return f"syncflow {os.getpid()}.{secrets.token_hex(4)} {socket.gethostname()}".encode()[:63].decode(errors="ignore")


class Claim:
    """A held batch. `taken` is the batch as it stood when it was taken, with its epoch."""

    def __init__(self, taken: sync_batches.Claimed, lease: float) -> None:
        self.taken = taken
        self._lease = lease
        self._beaten_at = _awake_and_asleep()

    def check(self) -> None:
        """Right before something is sent: whether the lease still runs; asks nobody. Raises ClaimLost when the process
        was asleep for so long that somebody else may have taken over."""
        if _awake_and_asleep() - self._beaten_at > self._lease:
            raise ClaimLost(
                "This process did not run for more than {lease} seconds, so that the batch "
                "{batch} may be another one's by now; it sends nothing more. To see who goes on with "
                "it: syncflow status",
                lease=f"{self._lease:g}",
                batch=self.taken.batch.uid,
            )

    def beat_until(self, ended: threading.Event, database: Database, own: psycopg.Connection) -> None:
        """Keep the lease until the end, or until somebody has taken over. A session that broke off is opened anew."""
        with ExitStack() as sessions:
            while not ended.wait(self._lease / _BEATS_A_LEASE):
                began = _awake_and_asleep()
                try:
                    if own.closed:
                        own = sessions.enter_context(database.dedicated())
                        _locked(own, _lock_key(self.taken.batch.uid))
                    kept = own.execute(_BEAT, (self.taken.batch.uid, self.taken.epoch)).rowcount
                except (psycopg.Error, SyncFlowError) as error:
                    structlog.get_logger().warning("a heartbeat failed", error=str(error).strip())
                    own.close()
                    continue
                if not kept:
                    return
                self._beaten_at = began


@contextmanager
def claimed(database: Database, batch: UUID, lease: float = LEASE_SECONDS) -> Iterator[Claim]:
    """Hold a batch for as long as the block runs. Raises BusyError when a living process holds it or
    another batch of its entity is running, UsageError when it has ended."""
    with database.dedicated() as own:
        if not _taken_over(database, own, batch, lease):
            holder = holder_of(database, batch)
            if holder:
                raise BusyError(
                    "The batch {batch} is being worked on by another process ({holder}). Watch it with: syncflow "
                    "status {batch}",
                    batch=batch,
                    holder=holder,
                )
            raise BusyError(
                "The batch {batch} is being worked on by another process. Watch it with: syncflow status {batch}",
                batch=batch,
            )
        claim = Claim(_take(database, batch), lease)
        ended = threading.Event()
        beating = threading.Thread(target=claim.beat_until, args=(ended, database, own), name="heartbeat", daemon=True)
        beating.start()
        try:
            yield claim
        finally:
            ended.set()
            beating.join()


@contextmanager
def alone_with(database: Database, group: UUID) -> Iterator[bool]:
    """Whether nobody else carries out this group of batches for as long as the block runs."""
    with database.dedicated() as own:
        yield _locked(own, ~_lock_key(group))  # the complement: a group may have the uid of its only batch


def held_elsewhere(database: Database, batch: UUID, lease: float = LEASE_SECONDS) -> bool:
    """Whether a living process works on a batch."""
    holder = _holder(database, batch, lease)
    return holder is not None and not holder.silent


def holder_of(database: Database, batch: UUID) -> str | None:
    """The name of who works on a batch; None when nobody does."""
    holder = _holder(database, batch, LEASE_SECONDS)
    return None if holder is None else str(holder.worker or "unknown")


def abandoned(database: Database, lease: float = LEASE_SECONDS) -> list[UUID]:
    """Batches that say they are running, but that no living process works on, the oldest first."""
    with database.begin() as connection:
        running = sync_batches.running(connection)
    return [batch for batch in running if not held_elsewhere(database, batch, lease)]


def _take(database: Database, batch: UUID) -> sync_batches.Claimed:
    """The batch under a new epoch. What sessions a former worker has are ended first: one that is suspended in the
    middle of a transaction would hold up everybody for as long as it sleeps."""
    with database.begin() as connection:
        former = sync_batches.worker_of(connection, batch)
    former = None if former == database.application else former
    if former is not None:
        structlog.get_logger().warning("a batch is taken over", batch=str(batch), worker=former)
        with database.begin() as connection:
            connection.execute(_END_SESSIONS, {"worker": former})
    with database.begin() as connection:
        taken = sync_batches.claim(connection, batch, database.application)
    return replace(taken, former=former)


def _taken_over(database: Database, own: psycopg.Connection, batch: UUID, lease: float) -> bool:
    """Whether the lock is ours now: it was free, or its holder's lease has run out and its session was ended."""
    key = _lock_key(batch)
    if _locked(own, key):
        return True
    holder = _holder(database, batch, lease)
    if holder is not None and not holder.silent:
        return False
    if holder is not None:
        own.execute("SELECT pg_terminate_backend(%s)", [holder.pid])
    return _in_time(lambda: _locked(own, key))


def _locked(own: psycopg.Connection, key: int) -> bool:
    row = own.execute("SELECT pg_try_advisory_lock(%s)", [key]).fetchone()
    return row is not None and bool(row[0])


def _holder(database: Database, batch: UUID, lease: float) -> "sa.Row[tuple[int, str | None, bool]] | None":
    # Looked up, not tried: taking the lock, if only for a moment, would keep off who wants to work on the batch.
    with database.begin() as connection:
        return connection.execute(_HOLDER, {"batch": batch, "key": _lock_key(batch), "lease": lease}).first()


def _in_time(happened: Callable[[], bool]) -> bool:
    end = time.monotonic() + _HAND_OVER_SECONDS
    while not (done := happened()) and time.monotonic() < end:
        time.sleep(0.05)
    return done


def _awake_and_asleep() -> float:
    """Seconds on a clock that also runs while the machine sleeps, and that nobody sets."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def _lock_key(batch: UUID) -> int:
    """The 64 random bits of the uid (RFC 9562, version 7) as PostgreSQL's bigint."""
    return int.from_bytes(batch.bytes[8:], signed=True)
