"""`sync_batches`: one line a run of an entity. Every write of a running batch names its claim epoch."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import Connection, RowMapping
from sqlalchemy.exc import IntegrityError

from syncflow.errors import BusyError, ClaimLost, UsageError
from syncflow.model import Batch, BatchStatus, Counters, DeltaStrategy, SyncType
from syncflow.store import notices
from syncflow.store.tables import sync_batches as table

OPEN = (BatchStatus.RUNNING, BatchStatus.CANCELLING)
_OWN = sa.func.current_setting("application_name")
_NOW = sa.func.clock_timestamp()
"""The database's clock, which all that share it go by."""
RESUMABLE = (BatchStatus.QUEUED, BatchStatus.INTERRUPTED, *OPEN)

_COUNTS = {
    "fetched": "rows_fetched",
    "normalized": "rows_normalized",
    "validated": "rows_validated",
    "mapped": "rows_mapped",
    "inserted": "rows_inserted",
    "updated": "rows_updated",
    "unchanged": "rows_unchanged",
    "duplicate": "rows_duplicate",
    "pending": "rows_pending",
    "failed": "rows_failed",
    "ignored": "rows_ignored",
    "delete_candidates": "delete_candidates",
    "deleted": "rows_deleted",
    "withheld": "deletes_withheld",
    "refused": "deletes_refused",
    "still_at_source": "deletes_still_at_source",
}


@dataclass(frozen=True)
class Claimed:
    """What a claim gives: the batch as it stands now (whoever worked on it before), the epoch to write under, and the
    snapshot of a plan that was made before, if it was."""

    batch: Batch
    epoch: int
    plan: bytes | None
    former: str | None = None
    """The worker that was still at it, as far as the books say."""


def create(connection: Connection, batch: Batch) -> None:
    """Queue a batch for this process to work on."""
    connection.execute(
        table.insert().values(
            uid=batch.uid,
            entity_name=batch.entity_name,
            sync_type=batch.sync_type,
            delta_strategy=batch.delta_strategy,
            source_system=batch.source_system,
            status=batch.status,
            requested_by=batch.requested_by,
            requested_at=batch.requested_at,
            batch_group=batch.batch_group,
            claim_epoch=0,
            worker=_OWN,
            **_counts(batch.counters),
        )
    )
    _tell(connection, batch.uid, batch.entity_name)


def enqueue(connection: Connection, uid: UUID, group: UUID | None = None) -> bool:
    """Let any process with a worker go on with a batch that was interrupted, or that nobody began; whether it is so.
    `group` is what it is carried out with from now on, None what it was asked for with."""
    together = {} if group is None else {"batch_group": group}
    statement = (
        table.update()
        .where(table.c.uid == uid, table.c.status.in_((BatchStatus.INTERRUPTED, BatchStatus.QUEUED)))
        .values(status=BatchStatus.QUEUED, worker=None, stopped=False, **together)
        .returning(table.c.entity_name)
    )
    row = connection.execute(statement).first()
    if row is not None:
        _tell(connection, uid, row.entity_name)
    return row is not None


def take_queued(connection: Connection, groups: int) -> list[Batch]:
    """Batches that wait for any process to work on them, the oldest first, of so many groups at most: from now on they
    wait for this one. What waits for a process that is gone is among them; groups of which a batch is running are not.
    One process takes at a time, so that no group is split between two."""
    connection.execute(_TAKING)
    begun = sa.select(_GROUP).where(table.c.status.in_(OPEN), table.c.sync_type != SyncType.RETRY)
    oldest = sa.select(_GROUP).where(*_free(), _GROUP.not_in(begun)).group_by(_GROUP)
    chosen = oldest.order_by(sa.func.min(table.c.requested_at), _GROUP).limit(groups)
    return _take(connection, _GROUP.in_(chosen))


def take_with(connection: Connection, groups: Collection[UUID]) -> list[Batch]:
    """The same for what is left of these groups."""
    connection.execute(_TAKING)
    return _take(connection, _GROUP.in_(groups))


def _take(connection: Connection, which: sa.ColumnElement[bool]) -> list[Batch]:
    statement = table.update().where(*_free(), which).values(worker=_OWN).returning(table)
    taken = [_batch(row) for row in connection.execute(statement).mappings()]
    return sorted(taken, key=lambda batch: (batch.requested_at, batch.uid))


def _free() -> tuple[sa.ColumnElement[bool], ...]:
    """What no living process has taken; retries left out, whose rows stand in a queue."""
    return table.c.status == BatchStatus.QUEUED, table.c.sync_type != SyncType.RETRY, ~_is_there(table.c.worker)


_GROUP = sa.func.coalesce(table.c.batch_group, table.c.uid)
_TAKING = sa.text("SELECT pg_advisory_xact_lock(hashtextextended('syncflow take ' || current_schema(), 0))")


def give_back(connection: Connection, uids: Sequence[UUID]) -> None:
    """What this process took and did not begin waits for any process again. Nobody is told: whoever looks finds it."""
    ours = (table.c.uid.in_(uids), table.c.status == BatchStatus.QUEUED, table.c.worker == _OWN)
    connection.execute(table.update().where(*ours).values(worker=None))


def _is_there(worker: sa.ColumnElement[str | None]) -> sa.ColumnElement[bool]:
    """Whether a process of this name has a session on this database."""
    sessions = sa.table("pg_stat_activity", sa.column("application_name", sa.Text), sa.column("datname", sa.Text))
    here = sessions.c.datname == sa.func.current_database()
    return sa.exists().where(here, sessions.c.application_name == worker)


def get(connection: Connection, uid: UUID) -> Batch | None:
    row = connection.execute(sa.select(table).where(table.c.uid == uid)).mappings().first()
    return None if row is None else _batch(row)


def as_claimed(connection: Connection, uid: UUID) -> Claimed | None:
    """What a claim of this batch would give, without taking it; None when there is no such batch."""
    row = connection.execute(sa.select(table).where(table.c.uid == uid)).mappings().first()
    return None if row is None else Claimed(_batch(row), row["claim_epoch"], row["plan"] and bytes(row["plan"]))


def find(connection: Connection, beginning: str) -> list[Batch]:
    """Batches whose uid begins with these characters (hyphens and case do not matter)."""
    text = sa.func.replace(sa.cast(table.c.uid, sa.Text), "-", "")
    wanted = beginning.replace("-", "").lower()
    rows = connection.execute(sa.select(table).where(text.startswith(wanted, autoescape=True)).limit(20)).mappings()
    return [_batch(row) for row in rows]


def recent(connection: Connection, entity: str | None, limit: int) -> list[Batch]:
    """The newest first."""
    query = sa.select(table).order_by(table.c.requested_at.desc(), table.c.uid.desc()).limit(limit)
    if entity is not None:
        query = query.where(table.c.entity_name == entity)
    return [_batch(row) for row in connection.execute(query).mappings()]


def latest_of_each(connection: Connection) -> dict[str, Batch]:
    """The newest batch of every entity, retries left out."""
    newest_first = (table.c.requested_at.desc(), table.c.uid.desc())
    place = sa.func.row_number().over(partition_by=table.c.entity_name, order_by=newest_first)
    ranked = sa.select(table.c.uid, place.label("place")).where(table.c.sync_type != SyncType.RETRY).subquery()
    query = sa.select(table).join(ranked, ranked.c.uid == table.c.uid).where(ranked.c.place == 1)
    return {row["entity_name"]: _batch(row) for row in connection.execute(query).mappings()}


def unfinished(connection: Connection, entity: str) -> Batch | None:
    """The batch of an entity that can be gone on with, or is being worked on; the oldest if there are several. Parts
    of nights are none of them: they go on in their window alone."""
    ordinary = (table.c.sync_type != SyncType.RETRY, table.c.schedule_uid.is_(None))
    query = (
        sa.select(table)
        .where(table.c.entity_name == entity, table.c.status.in_(RESUMABLE), *ordinary)
        .order_by(table.c.requested_at, table.c.uid)
        .limit(1)
    )
    row = connection.execute(query).mappings().first()
    return None if row is None else _batch(row)


def at_work(connection: Connection, entity: str) -> UUID | None:
    """The batch of an entity that says it is running: there is one at most."""
    return connection.execute(
        sa.select(table.c.uid).where(table.c.entity_name == entity, table.c.status.in_(OPEN))
    ).scalar()


def stopped_by_hand(connection: Connection) -> frozenset[UUID]:
    """Interrupted batches that a person has stopped: they wait for one to go on."""
    query = sa.select(table.c.uid).where(table.c.status == BatchStatus.INTERRUPTED, table.c.stopped)
    return frozenset(connection.execute(query).scalars())


def go_on(connection: Connection, uids: Collection[UUID]) -> None:
    """Somebody wants these batches to go on, although they were stopped. One that is at work is not waited for."""
    connection.execute(table.update().where(table.c.uid.in_(uids), table.c.stopped).values(stopped=False))


def running_retries(connection: Connection, entity: str) -> list[UUID]:
    """Retries of an entity that say they are running."""
    query = sa.select(table.c.uid).where(
        table.c.entity_name == entity, table.c.status.in_(OPEN), table.c.sync_type == SyncType.RETRY
    )
    return list(connection.execute(query).scalars())


def release(connection: Connection, uid: UUID, status: BatchStatus, epoch: int | None = None) -> None:
    """End a batch whose process is gone; a new epoch keeps that process from writing, should it wake up. Nothing is
    done where the batch has another epoch than `epoch` by now: another process has taken it over."""
    known = sa.true() if epoch is None else table.c.claim_epoch == epoch
    statement = table.update().where(table.c.uid == uid, table.c.status.in_(OPEN), known)
    values = statement.values(status=status, claim_epoch=table.c.claim_epoch + 1).returning(table.c.entity_name)
    row = connection.execute(values).first()
    if row is not None:
        _tell(connection, uid, row.entity_name)


def worker_of(connection: Connection, uid: UUID) -> str | None:
    """Who says to be at work on a batch; None when nobody does."""
    query = sa.select(table.c.worker).where(table.c.uid == uid, table.c.status.in_(OPEN))
    return connection.execute(query).scalar()


def running(connection: Connection) -> list[UUID]:
    """Batches that say they are running, the oldest first; retries left out, whose rows stand in a queue."""
    query = sa.select(table.c.uid).where(table.c.status.in_(OPEN), table.c.sync_type != SyncType.RETRY)
    return list(connection.execute(query.order_by(table.c.requested_at, table.c.uid)).scalars())


def claim(connection: Connection, uid: UUID, worker: str) -> Claimed:
    """Take a batch: it is running from now on, under a new epoch. `worker` names its sessions. Raises
    BusyError when another batch of the same entity is running, UsageError when this one has ended or was stopped."""
    statement = (
        table.update()
        .where(table.c.uid == uid, table.c.status.in_(RESUMABLE), ~table.c.stopped)
        .values(
            status=BatchStatus.RUNNING,
            claim_epoch=table.c.claim_epoch + 1,
            started_at=sa.func.coalesce(table.c.started_at, sa.func.now()),
            heartbeat_at=_NOW,
            error_message=None,
            worker=worker,
        )
        .returning(table)
    )
    try:
        row = connection.execute(statement).mappings().first()
    except IntegrityError as error:
        raise BusyError(
            "Another batch of this entity is running. See it with: syncflow status. Stop it with: syncflow stop BATCH"
        ) from error
    if row is None:
        raise UsageError(
            "The batch {batch} has ended or was stopped, or there is no such batch. See: syncflow history", batch=uid
        )
    _tell(connection, uid, row["entity_name"])
    return Claimed(_batch(row), row["claim_epoch"], None if row["plan"] is None else bytes(row["plan"]))


def keep_plan(
    connection: Connection,
    uid: UUID,
    epoch: int,
    plan: bytes,
    plan_hash: str,
    watermarks: tuple[str | None, str | None],
) -> None:
    """Keep the snapshot of the plan and the watermarks before and after."""
    before, after = watermarks
    _write(connection, uid, epoch, plan=plan, plan_hash=plan_hash, watermark_before=before, watermark_after=after)


def advance(connection: Connection, uid: UUID, epoch: int, counters: Counters) -> BatchStatus:
    """The totals so far; gives the status, which turns CANCELLING when somebody asked the batch to stop."""
    return _write(connection, uid, epoch, heartbeat_at=_NOW, **_counts(counters))


def beat(connection: Connection, uid: UUID, epoch: int) -> BatchStatus:
    return _write(connection, uid, epoch, heartbeat_at=_NOW)


def end(connection: Connection, uid: UUID, epoch: int, ended: Batch) -> None:
    """Write the end of a batch: status, message and notes; INTERRUPTED has no completed_at. The counters stand there
    already, written together with the checkpoint that they belong to."""
    _write(
        connection,
        uid,
        epoch,
        status=ended.status,
        completed_at=ended.completed_at,
        heartbeat_at=_NOW,
        success_rate=round(ended.counters.success_rate, 3),
        error_message=ended.error_message,
        notes=list(ended.notes),
    )
    _tell(connection, uid, ended.entity_name)


def ask_to_stop(connection: Connection, uid: UUID, *, keep: bool = False) -> BatchStatus | None:
    """A running batch turns CANCELLING, one that was to go on INTERRUPTED again, another queued or an interrupted one
    CANCELLED; gives the new status, None when the batch has ended already. With `keep` an interrupted one has."""
    goes_on = (table.c.status == BatchStatus.QUEUED) & table.c.started_at.is_not(None)
    status = sa.case(
        (table.c.status.in_(OPEN), BatchStatus.CANCELLING.value),
        (goes_on, BatchStatus.INTERRUPTED.value),
        else_=BatchStatus.CANCELLED.value,
    )
    statement = (
        table.update()
        .where(table.c.uid == uid, table.c.status.in_((BatchStatus.QUEUED, *OPEN) if keep else RESUMABLE))
        .values(status=status, stopped=True)
        .returning(table.c.status, table.c.entity_name)
    )
    row = connection.execute(statement).first()
    if row is None:
        return None
    _tell(connection, uid, row.entity_name)
    return BatchStatus(row.status)


def _tell(connection: Connection, uid: UUID, entity: str) -> None:
    notices.notify(connection, notices.BATCH, batch=str(uid), entity=entity)


def _write(connection: Connection, uid: UUID, epoch: int, **values: object) -> BatchStatus:
    statement = (
        table.update()
        .where(table.c.uid == uid, table.c.claim_epoch == epoch)
        .values(**values)
        .returning(table.c.status)
    )
    row = connection.execute(statement).first()
    if row is None:
        raise ClaimLost(
            "The batch {batch} was taken over by another process; this one stops and sends nothing more.", batch=uid
        )
    return BatchStatus(row.status)


def _counts(counters: Counters) -> dict[str, int]:
    return {column: getattr(counters, name) for name, column in _COUNTS.items()}


def _batch(row: RowMapping) -> Batch:
    notes: Sequence[str] = row["notes"] or ()
    return Batch(
        uid=row["uid"],
        entity_name=row["entity_name"],
        sync_type=SyncType(row["sync_type"]),
        delta_strategy=DeltaStrategy(row["delta_strategy"]),
        source_system=row["source_system"],
        status=BatchStatus(row["status"]),
        requested_by=row["requested_by"],
        requested_at=row["requested_at"],
        started_at=row["started_at"],
        completed_at=row["completed_at"],
        claim_epoch=row["claim_epoch"],
        heartbeat_at=row["heartbeat_at"],
        counters=Counters(**{name: row[column] for name, column in _COUNTS.items()}),
        error_message=row["error_message"],
        notes=tuple(notes),
        batch_group=row["batch_group"],
        plan_hash=row["plan_hash"],
        watermark_before=row["watermark_before"],
        watermark_after=row["watermark_after"],
    )
