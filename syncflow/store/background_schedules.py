"""`background_sync_schedule` and `background_nights`: which table is synced in slices, how far its cycle is, and what
each night brought. A person's change names the version that was read; progress names the cycle, and only goes on."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import Connection, RowMapping
from sqlalchemy.dialects.postgresql import insert

from syncflow.schedules import BackgroundSchedule, NightEnd, NightRecord
from syncflow.store.tables import background_nights
from syncflow.store.tables import background_sync_schedule as table

_SAME = ("uid", "window_start", "window_end", "time_zone", "days_to_complete", "enabled", "paused", "cycle",
         "cycle_started_at", "current_offset", "last_key", "nights", "source_rows", "rows_per_night", "plan_hash",
         "version")  # fmt: skip


@dataclass(frozen=True)
class Progress:
    """Where a cycle stands after a chunk: `offset` rows are settled in the whole cycle, and it goes on at `last_key`;
    `rows` of them by this batch, in so many `seconds` of work."""

    schedule: UUID
    cycle: int
    batch: UUID
    offset: int
    last_key: Mapping[str, object]
    rows: int
    seconds: float


def load_all(connection: Connection) -> dict[str, BackgroundSchedule]:
    """All schedules by entity, in the order of names."""
    rows = connection.execute(sa.select(table).order_by(table.c.entity_name)).mappings()
    return {row["entity_name"]: _schedule(row) for row in rows}


def get(connection: Connection, entity: str) -> BackgroundSchedule | None:
    row = connection.execute(sa.select(table).where(table.c.entity_name == entity)).mappings().first()
    return None if row is None else _schedule(row)


def create(connection: Connection, schedule: BackgroundSchedule, now: datetime) -> bool:
    """Begin a schedule; False when its entity has one already."""
    statement = insert(table).values(
        uid=schedule.uid, entity_name=schedule.entity, version=1, updated_at=now, **_configured(schedule)
    )
    created = statement.on_conflict_do_nothing(index_elements=["entity_name"]).returning(table.c.uid)
    return connection.execute(created).first() is not None


def replace(connection: Connection, schedule: BackgroundSchedule, now: datetime) -> bool:
    """Write what a person configures over the version that was read; progress stays as it is by now. False when the
    schedule has changed, or is gone, since then."""
    statement = table.update().where(table.c.uid == schedule.uid, table.c.version == schedule.version)
    changed = statement.values(version=schedule.version + 1, updated_at=now, **_configured(schedule))
    return connection.execute(changed).rowcount > 0


def delete(connection: Connection, schedule: BackgroundSchedule) -> bool:
    """Forget a schedule and its nights; False when it has changed, or is gone, since it was read."""
    gone = table.delete().where(table.c.uid == schedule.uid, table.c.version == schedule.version)
    return connection.execute(gone).rowcount > 0


def forget(connection: Connection, entity: str) -> None:
    """Forget the schedule of an entity that is deleted, and its nights."""
    connection.execute(table.delete().where(table.c.entity_name == entity))


def begin_night(connection: Connection, night: NightRecord, source_rows: int | None, plan_hash: str) -> bool:
    """Book that a batch begins, or goes on with, a night of a cycle, what the source counts and what is planned. False
    when the cycle is another one by now, or the schedule is gone: then nothing may be worked on."""
    opened = insert(background_nights).values(
        schedule_uid=night.schedule,
        batch_uid=night.batch,
        night=night.night,
        cycle=night.cycle,
        planned=night.planned,
        started_at=night.started_at,
        rows=night.rows,
        seconds=night.seconds,
    )
    reopened = opened.on_conflict_do_update(
        index_elements=["schedule_uid", "batch_uid"], set_={"planned": night.planned, "ended_at": None, "reason": None}
    )
    current = sa.select(table.c.uid).where(table.c.uid == night.schedule, table.c.cycle == night.cycle)
    if connection.execute(current.with_for_update()).first() is None:
        return False
    connection.execute(reopened)
    booked = (
        table.update()
        .where(table.c.uid == night.schedule)
        .values(
            cycle_started_at=sa.func.coalesce(table.c.cycle_started_at, night.started_at),
            nights=_nights_worked(night.schedule, night.cycle),
            source_rows=source_rows,
            rows_per_night=night.planned,
            plan_hash=plan_hash,
        )
    )
    connection.execute(booked)
    return True


def _nights_worked(schedule: UUID, cycle: int) -> sa.ScalarSelect[int]:
    nights = background_nights
    distinct = sa.func.count(sa.distinct(nights.c.night))
    return sa.select(distinct).where(nights.c.schedule_uid == schedule, nights.c.cycle == cycle).scalar_subquery()


def progress(connection: Connection, done: Progress) -> bool:
    """Book a settled chunk, in its transaction and under the batch's claim. Nothing ever goes back: False, and nothing
    is written, for an offset behind what is booked, for another cycle, and when the schedule is gone."""
    statement = table.update().where(
        table.c.uid == done.schedule, table.c.cycle == done.cycle, table.c.current_offset <= done.offset
    )
    moved = connection.execute(statement.values(current_offset=done.offset, last_key=dict(done.last_key)))
    if moved.rowcount == 0:
        return False
    _count(connection, done.schedule, done.batch, rows=done.rows, seconds=done.seconds)
    return True


def end_night(
    connection: Connection, schedule: UUID, batch: UUID, *, seconds: float, reason: NightEnd, now: datetime
) -> None:
    """Why a batch's night ended; its rows stand there already, written with their chunks."""
    _count(connection, schedule, batch, seconds=seconds, reason=reason, ended_at=now)


def _count(connection: Connection, schedule: UUID, batch: UUID, **values: object) -> None:
    nights = background_nights
    night = nights.update().where(nights.c.schedule_uid == schedule, nights.c.batch_uid == batch)
    connection.execute(night.values(**values))


def next_cycle(connection: Connection, schedule: UUID, cycle: int) -> bool:
    """End a cycle: the next one begins at the first row, with its first night. False when this was done already."""
    statement = table.update().where(table.c.uid == schedule, table.c.cycle == cycle)
    begun = statement.values(
        cycle=cycle + 1,
        cycle_started_at=None,
        current_offset=0,
        last_key=sa.null(),
        nights=0,
        rows_per_night=None,
        plan_hash=None,
    )
    return connection.execute(begun).rowcount > 0


def nights(connection: Connection, schedule: UUID, limit: int) -> list[NightRecord]:
    """What the last nights brought, the newest first; a night that two batches worked in is there twice."""
    return _nights(connection, background_nights.c.schedule_uid == schedule, limit)


def nights_of_cycle(connection: Connection, schedule: UUID, cycle: int) -> list[NightRecord]:
    """All nights of one cycle, the oldest first."""
    wanted = (background_nights.c.schedule_uid == schedule) & (background_nights.c.cycle == cycle)
    return _nights(connection, wanted)[::-1]


def nights_since(connection: Connection, since: datetime) -> dict[str, list[NightRecord]]:
    """What was worked on in any night since then, by entity, the newest first."""
    names = {row.uid: row.entity_name for row in connection.execute(sa.select(table.c.uid, table.c.entity_name))}
    found: dict[str, list[NightRecord]] = {}
    for night in _nights(connection, sa.func.coalesce(background_nights.c.ended_at, sa.func.now()) >= since):
        found.setdefault(names[night.schedule], []).append(night)
    return found


def batches_of_open_cycles(connection: Connection) -> frozenset[UUID]:
    """The batches that the cycles which are not complete yet consist of: their keys judge the deletions, so no cleanup
    may take them."""
    nights = background_nights
    same = (nights.c.schedule_uid == table.c.uid) & (nights.c.cycle == table.c.cycle)
    return frozenset(connection.execute(sa.select(nights.c.batch_uid).join(table, same)).scalars())


def forget_nights(connection: Connection, before: date) -> int:
    """Remove the history of nights that began before this date, but for those of open cycles; how many they were."""
    nights = background_nights
    open_ = sa.exists().where(table.c.uid == nights.c.schedule_uid, table.c.cycle == nights.c.cycle)
    return connection.execute(nights.delete().where(nights.c.night < before, ~open_)).rowcount


def _nights(connection: Connection, wanted: sa.ColumnElement[bool], limit: int | None = None) -> list[NightRecord]:
    nights = background_nights
    newest_first = (nights.c.night.desc(), nights.c.started_at.desc(), nights.c.batch_uid.desc())
    query = sa.select(nights).where(wanted).order_by(*newest_first).limit(limit)
    return [_night(row) for row in connection.execute(query).mappings()]


def _configured(schedule: BackgroundSchedule) -> dict[str, object]:
    return {
        "window_start": schedule.window_start,
        "window_end": schedule.window_end,
        "time_zone": schedule.time_zone,
        "days_of_week": sorted(schedule.days),
        "days_to_complete": schedule.days_to_complete,
        "enabled": schedule.enabled,
        "paused": schedule.paused,
    }


def _schedule(row: RowMapping) -> BackgroundSchedule:
    return BackgroundSchedule(
        entity=row["entity_name"], days=frozenset(row["days_of_week"]), **{name: row[name] for name in _SAME}
    )


def _night(row: RowMapping) -> NightRecord:
    return NightRecord(
        schedule=row["schedule_uid"],
        night=row["night"],
        batch=row["batch_uid"],
        cycle=row["cycle"],
        planned=row["planned"],
        started_at=row["started_at"],
        ended_at=row["ended_at"],
        rows=row["rows"],
        seconds=row["seconds"],
        reason=None if row["reason"] is None else NightEnd(row["reason"]),
    )
