"""The night columns of `sync_batches`: which part of which schedule's cycle a batch is, and until when it may work.

A night has one slice (`background`) and at most one pass over what changed (`incremental`): a unique index sees to it,
however many processes ask. What a person asks for beside them is by hand.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import Connection, RowMapping
from sqlalchemy.dialects.postgresql import insert

from syncflow.model import Batch, BatchStatus, SyncType
from syncflow.schedules import NightEnd
from syncflow.store import batch_chunks, notices
from syncflow.store.tables import background_nights
from syncflow.store.tables import background_sync_schedule as schedules
from syncflow.store.tables import batch_chunks as chunks
from syncflow.store.tables import sync_batches as table

_WAITING = (BatchStatus.QUEUED, BatchStatus.INTERRUPTED)
_WELL = (BatchStatus.COMPLETED, BatchStatus.COMPLETED_WITH_ERRORS)


@dataclass(frozen=True)
class NightTerms:
    """Which part of a cycle a batch is. `night` is the local date on which its night begins, `nights_left` counts the
    nights in which the cycle is to be finished, this one among them. `window_end` (UTC) is None for one that a person
    began outside the window (`by_hand`)."""

    schedule: UUID
    cycle: int
    night: date
    nights_left: int
    window_end: datetime | None
    by_hand: bool = False


@dataclass(frozen=True)
class NightBatch:
    """A batch of a night as it stands. `touched_at` (UTC) is its last sign of life, None before it began; `stopped`
    says that a person has stopped it; `reason` is why its last work ended (slices)."""

    uid: UUID
    sync_type: SyncType
    terms: NightTerms
    status: BatchStatus
    touched_at: datetime | None
    stopped: bool
    reason: NightEnd | None = None


@dataclass(frozen=True)
class Gate:
    """Whether a batch of a night may begin something: not behind `window_end`, and not when its schedule is paused,
    disabled or gone (`active`)."""

    window_end: datetime | None
    active: bool


_TURN = sa.text("SELECT pg_try_advisory_xact_lock(hashtextextended('syncflow round ' || current_schema(), 0))")


def take_turn(connection: Connection) -> bool:
    """Whether this transaction may decide what is asked for: one at a time does, until its end."""
    return bool(connection.execute(_TURN).scalar_one())


def request(connection: Connection, batch: Batch, terms: NightTerms) -> bool:
    """Queue a batch of a night for any process with a worker. False when the night has one already."""
    statement = insert(table).values(
        uid=batch.uid,
        batch_group=batch.uid,
        entity_name=batch.entity_name,
        sync_type=batch.sync_type,
        delta_strategy=batch.delta_strategy,
        source_system=batch.source_system,
        status=BatchStatus.QUEUED,
        requested_by=batch.requested_by,
        requested_at=batch.requested_at,
        **_columns(terms),
    )
    made = connection.execute(statement.on_conflict_do_nothing().returning(table.c.uid)).first() is not None
    if made:
        notices.notify(connection, notices.BATCH, batch=str(batch.uid), entity=batch.entity_name)
    return made


def put_off(connection: Connection, uid: UUID, terms: NightTerms) -> None:
    """An unfinished pass goes on in another night. The caller queues it."""
    connection.execute(table.update().where(table.c.uid == uid, table.c.status.in_(_WAITING)).values(**_columns(terms)))


def move_end(connection: Connection, uid: UUID, window_end: datetime) -> None:
    """The window of a batch ends at another time: somebody has changed the schedule."""
    connection.execute(table.update().where(table.c.uid == uid).values(window_end=window_end))


def begin_cycle(connection: Connection, uid: UUID, cycle: int) -> None:
    """The batch belongs to this cycle from now on."""
    connection.execute(table.update().where(table.c.uid == uid).values(cycle=cycle))


def terms_of(connection: Connection, uid: UUID) -> NightTerms | None:
    """None for a batch that is no night's."""
    row = connection.execute(_LISTED.where(table.c.uid == uid, table.c.schedule_uid.is_not(None))).mappings().first()
    return None if row is None else _terms(row)


def gate(connection: Connection, uid: UUID) -> Gate:
    query = (
        sa.select(table.c.window_end, sa.func.coalesce(schedules.c.enabled & ~schedules.c.paused, False))
        .select_from(table.outerjoin(schedules, schedules.c.uid == table.c.schedule_uid))
        .where(table.c.uid == uid)
    )
    return Gate(*connection.execute(query).one())


def newest(connection: Connection) -> dict[UUID, list[NightBatch]]:
    """By schedule, the newest slice and the newest pass that were not begun by hand."""
    kind = (table.c.schedule_uid, table.c.sync_type)
    place = sa.func.row_number().over(partition_by=kind, order_by=(table.c.night.desc(), table.c.requested_at.desc()))
    ranked = sa.select(table.c.uid, place.label("place")).where(table.c.schedule_uid.is_not(None), ~table.c.by_hand)
    first = ranked.subquery()
    wanted = sa.select(first.c.uid).where(first.c.place == 1)
    found: dict[UUID, list[NightBatch]] = {}
    for each in _night_batches(connection, table.c.uid.in_(wanted)):
        found.setdefault(each.terms.schedule, []).append(each)
    return found


def unfinished(connection: Connection, schedule: UUID, sync_type: SyncType) -> list[NightBatch]:
    """Batches of a schedule that can be gone on with, or are being worked on, the oldest first."""
    open_ = table.c.status.in_((*_WAITING, BatchStatus.RUNNING, BatchStatus.CANCELLING))
    return _night_batches(connection, (table.c.schedule_uid == schedule) & open_ & (table.c.sync_type == sync_type))


def close_former(connection: Connection, schedule: UUID, batch: UUID, now: datetime) -> list[UUID]:
    """End the slices before this one that nobody works on: what they have settled stands, and this one goes on where
    they ended. Under a new epoch nobody writes to them any more. Gives those that were closed."""
    clean = table.c.rows_failed == table.c.rows_ignored
    status = sa.case(
        (table.c.plan.is_(None), BatchStatus.CANCELLED.value),
        (clean, BatchStatus.COMPLETED.value),
        else_=BatchStatus.COMPLETED_WITH_ERRORS.value,
    )
    former = (table.c.schedule_uid == schedule, table.c.sync_type == SyncType.BACKGROUND, table.c.uid != batch)
    statement = (
        table.update()
        .where(*former, table.c.status.in_(_WAITING))
        .values(status=status, completed_at=now, claim_epoch=table.c.claim_epoch + 1, stopped=False)
        .returning(table.c.uid, table.c.entity_name)
    )
    closed = connection.execute(statement).all()
    for uid, entity in closed:
        notices.notify(connection, notices.BATCH, batch=str(uid), entity=entity)
    return [uid for uid, _ in closed]


def left_intents(connection: Connection, schedule: UUID, batch: UUID) -> list[bytes]:
    """Intents without an outcome that earlier slices of a schedule have left behind."""
    query = sa.select(chunks.c.intent).where(chunks.c.batch_uid.in_(_former(schedule, batch)), _IN_DOUBT)
    return [bytes(intent) for intent in connection.execute(query.order_by(chunks.c.batch_uid)).scalars()]


def forget_intents(connection: Connection, schedule: UUID, batch: UUID) -> None:
    """Another slice has taken them over."""
    connection.execute(chunks.delete().where(chunks.c.batch_uid.in_(_former(schedule, batch)), _IN_DOUBT))


def seen_keys(connection: Connection, schedule: UUID, cycle: int, sync_types: Sequence[SyncType]) -> Iterator[bytes]:
    """The key hashes that the batches of a cycle have settled, 16 bytes each, a chunk at a time."""
    for uid in _of_cycle(connection, schedule, cycle, sync_types):
        yield from batch_chunks.seen_keys(connection, uid)


def forget_seen_keys(connection: Connection, schedule: UUID, before: int) -> None:
    """The keys of the cycles before this one are not needed any more."""
    ours = sa.select(table.c.uid).where(table.c.schedule_uid == schedule, table.c.cycle < before)
    emptied = chunks.update().where(chunks.c.batch_uid.in_(ours), sa.func.octet_length(chunks.c.seen_keys) > 0)
    connection.execute(emptied.values(seen_keys=b""))


def inserted(connection: Connection, schedule: UUID, cycle: int) -> int:
    """Rows that the batches of a cycle have inserted."""
    total = sa.func.coalesce(sa.func.sum(table.c.rows_inserted), 0)
    return int(
        connection.execute(
            sa.select(total).where(table.c.schedule_uid == schedule, table.c.cycle == cycle)
        ).scalar_one()
    )


def since_beginning(connection: Connection, uid: UUID) -> list[UUID]:
    """All batches of the entity since the cycle of this one began, its own among them: a row that one of them has read
    was there. None for a batch that is no night's."""
    own = connection.execute(
        sa.select(table.c.entity_name, table.c.schedule_uid, table.c.cycle).where(table.c.uid == uid)
    ).one()
    if own.schedule_uid is None:
        return []
    began = sa.select(schedules.c.cycle_started_at).where(schedules.c.uid == own.schedule_uid).scalar_subquery()
    of_cycle = (table.c.schedule_uid == own.schedule_uid) & (table.c.cycle == own.cycle)
    query = sa.select(table.c.uid).where(
        table.c.entity_name == own.entity_name, of_cycle | (table.c.requested_at >= began)
    )
    return list(connection.execute(query).scalars())


def pass_watermark(connection: Connection, schedule: UUID, cycle: int) -> str | None:
    """The rowversion up to which everything that a cycle's cursor has passed is settled: the source's maximum as read
    before the last pass of the cycle that was completed, or else before its first page."""
    ours = (table.c.schedule_uid == schedule, table.c.cycle == cycle, table.c.watermark_after.is_not(None))
    passes = (table.c.sync_type == SyncType.INCREMENTAL, table.c.status.in_(_WELL), table.c.rows_fetched > 0)
    last = sa.select(table.c.watermark_after).where(*ours, *passes).order_by(table.c.requested_at.desc()).limit(1)
    slices = sa.select(table.c.watermark_after).where(*ours, table.c.sync_type == SyncType.BACKGROUND)
    first = slices.order_by(table.c.requested_at, table.c.uid).limit(1)
    found: str | None = connection.execute(last).scalar() or connection.execute(first).scalar()
    return found


def _of_cycle(connection: Connection, schedule: UUID, cycle: int, sync_types: Sequence[SyncType]) -> list[UUID]:
    query = sa.select(table.c.uid).where(
        table.c.schedule_uid == schedule, table.c.cycle == cycle, table.c.sync_type.in_(sync_types)
    )
    return list(connection.execute(query.order_by(table.c.requested_at, table.c.uid)).scalars())


def _former(schedule: UUID, batch: UUID) -> sa.Select[tuple[UUID]]:
    return sa.select(table.c.uid).where(
        table.c.schedule_uid == schedule, table.c.sync_type == SyncType.BACKGROUND, table.c.uid != batch
    )


_IN_DOUBT = chunks.c.state == batch_chunks.INTENT

_LISTED = sa.select(
    table.c.uid,
    table.c.sync_type,
    table.c.schedule_uid,
    table.c.cycle,
    table.c.night,
    table.c.nights_left,
    table.c.window_end,
    table.c.by_hand,
    table.c.status,
    table.c.heartbeat_at,
    table.c.stopped,
)


def _night_batches(connection: Connection, wanted: sa.ColumnElement[bool]) -> list[NightBatch]:
    query = _LISTED.add_columns(background_nights.c.reason).outerjoin_from(
        table, background_nights, background_nights.c.batch_uid == table.c.uid
    )
    rows = connection.execute(query.where(wanted).order_by(table.c.night, table.c.requested_at, table.c.uid)).mappings()
    return [
        NightBatch(
            uid=row["uid"],
            sync_type=SyncType(row["sync_type"]),
            terms=_terms(row),
            status=BatchStatus(row["status"]),
            touched_at=row["heartbeat_at"],
            stopped=row["stopped"],
            reason=None if row["reason"] is None else NightEnd(row["reason"]),
        )
        for row in rows
    ]


def _terms(row: RowMapping) -> NightTerms:
    return NightTerms(
        schedule=row["schedule_uid"],
        cycle=row["cycle"],
        night=row["night"],
        nights_left=row["nights_left"],
        window_end=row["window_end"],
        by_hand=row["by_hand"],
    )


def _columns(terms: NightTerms) -> dict[str, object]:
    return {
        "schedule_uid": terms.schedule,
        "cycle": terms.cycle,
        "night": terms.night,
        "nights_left": terms.nights_left,
        "window_end": terms.window_end,
        "by_hand": terms.by_hand,
    }
