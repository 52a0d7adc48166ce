"""What is to be asked for now, and when to look again: decided from what the books say, without doing anything.

The books are the truth, so a decision may be made as often as one likes, by any process, after any sleep: what was
missed is not made up for, but planned anew; what is due once is asked for once.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import UUID

from syncflow.errors import ConfigurationError
from syncflow.model import Batch, BatchStatus, Entity, SyncType
from syncflow.scheduler.cadence import cadence_of
from syncflow.scheduler.slicing import nights_left
from syncflow.scheduler.window import Night, Window
from syncflow.schedules import BackgroundSchedule, NightEnd
from syncflow.store.night_slices import NightBatch, NightTerms

AGAIN = timedelta(seconds=30)
"""So long after a neighbour was not to be had, what it broke off goes on."""
_AT_WORK = (BatchStatus.QUEUED, BatchStatus.RUNNING, BatchStatus.CANCELLING)
_UNFINISHED = (*_AT_WORK, BatchStatus.INTERRUPTED)
_AT_ONCE = (NightEnd.STOPPED, NightEnd.WINDOW_END)
"""After these ends of a slice's work nobody has to be waited for."""


@dataclass(frozen=True)
class Facts:
    """What the books say. `newest` is the newest batch of each entity, retries left out; `stopped` are interrupted
    batches that a person has stopped; `nights` the newest slice and the newest pass of each schedule; `watermarked` the
    entities that have a watermark. `default_interval` is in seconds, `time_zone` that of cron lines which name none."""

    entities: Mapping[str, Entity]
    newest: Mapping[str, Batch] = field(default_factory=dict)
    stopped: frozenset[UUID] = frozenset()
    schedules: Mapping[str, BackgroundSchedule] = field(default_factory=dict)
    nights: Mapping[UUID, Sequence[NightBatch]] = field(default_factory=dict)
    watermarked: frozenset[str] = frozenset()
    default_interval: float = 0.0
    time_zone: str = "UTC"


@dataclass(frozen=True)
class Begin:
    """A part of tonight that is to be asked for."""

    entity: str
    sync_type: SyncType
    terms: NightTerms


@dataclass(frozen=True)
class GoOn:
    """An interrupted part of a night goes on, in another night where there are new `terms`."""

    batch: UUID
    terms: NightTerms | None = None


@dataclass(frozen=True)
class MoveEnd:
    """The window in which a batch is at work ends at another time than it was told."""

    batch: UUID
    window_end: datetime


@dataclass(frozen=True)
class Decision:
    """`look_at` is when the next thing is due, None when nothing is foreseen; `syncs` are entities whose interval or
    cron line is due; `troubles` sentences about what cannot be read."""

    look_at: datetime | None
    begin: tuple[Begin, ...] = ()
    go_on: tuple[GoOn, ...] = ()
    move_end: tuple[MoveEnd, ...] = ()
    syncs: tuple[str, ...] = ()
    troubles: tuple[str, ...] = ()


_Step = Begin | GoOn | MoveEnd | datetime
"""What to do, or when to look."""


def decide(facts: Facts, now: datetime) -> Decision:
    """`now` in UTC."""
    steps: list[_Step] = []
    syncs: list[str] = []
    troubles: list[str] = []
    for schedule in facts.schedules.values():
        try:
            steps += _night(facts, schedule, now)
        except ConfigurationError as error:
            troubles.append(f"The nights of {schedule.entity} are not worked on: {error}")
    for entity in facts.entities.values():
        try:
            due = _due(facts, entity, now)
        except ConfigurationError as error:
            troubles.append(f"{entity.name} is not synced by itself: {error}")
            continue
        if due is not None:
            steps.append(max(due, now))
            syncs += [entity.name] if due <= now else []
    later = [step for step in steps if isinstance(step, datetime) and step > now]
    return Decision(
        look_at=min(later, default=None),
        begin=tuple(step for step in steps if isinstance(step, Begin)),
        go_on=tuple(step for step in steps if isinstance(step, GoOn)),
        move_end=tuple(step for step in steps if isinstance(step, MoveEnd)),
        syncs=tuple(syncs),
        troubles=tuple(troubles),
    )


def _night(facts: Facts, schedule: BackgroundSchedule, now: datetime) -> Iterator[_Step]:
    entity = facts.entities.get(schedule.entity)
    if not schedule.active or entity is None or not entity.sync_enabled:
        return
    window = Window.of(schedule)
    yield window.next_night(now).opens
    known = facts.nights.get(schedule.uid, ())
    slice_ = next((each for each in known if each.sync_type is SyncType.BACKGROUND), None)
    pass_ = next((each for each in known if each.sync_type is SyncType.INCREMENTAL), None)
    night = window.night_at(now)
    ends = now if night is None else night.closes
    yield from (MoveEnd(each.uid, ends) for each in known if _ends_otherwise(each, ends, now))
    if night is None:
        return
    terms = NightTerms(schedule.uid, schedule.cycle, night.date, nights_left(schedule, night), night.closes)
    if _is_of(slice_, night):
        yield from _again(slice_, now)
    elif _needs_pass(facts, entity, schedule) and not _is_over(pass_, night):
        yield from _pass(pass_, night, Begin(entity.name, SyncType.INCREMENTAL, terms), now)
    else:
        yield Begin(entity.name, SyncType.BACKGROUND, terms)


def _is_of(batch: NightBatch | None, night: Night) -> bool:
    return batch is not None and batch.terms.night == night.date


def _is_over(batch: NightBatch | None, night: Night) -> bool:
    """Whether the pass of this night has come to its end, or a person wants it to."""
    return batch is not None and _is_of(batch, night) and (batch.status not in _UNFINISHED or _rests(batch))


def _rests(batch: NightBatch) -> bool:
    return batch.stopped and batch.status is BatchStatus.INTERRUPTED


def _pass(pass_: NightBatch | None, night: Night, begin: Begin, now: datetime) -> Iterator[_Step]:
    if pass_ is None or pass_.status not in _UNFINISHED:
        yield begin
    elif _is_of(pass_, night):
        yield from _again(pass_, now)
    elif pass_.status not in (BatchStatus.RUNNING, BatchStatus.CANCELLING):
        yield GoOn(pass_.uid, replace(begin.terms, cycle=pass_.terms.cycle))


def _again(batch: NightBatch | None, now: datetime) -> Iterator[_Step]:
    """An interrupted part of tonight: at once, or when there was time for a neighbour to come back."""
    if batch is None or batch.status is not BatchStatus.INTERRUPTED or batch.stopped:
        return
    waits = timedelta(0) if batch.reason in _AT_ONCE or batch.touched_at is None else AGAIN
    due = (batch.touched_at or now) + waits
    yield GoOn(batch.uid) if due <= now else due


def _needs_pass(facts: Facts, entity: Entity, schedule: BackgroundSchedule) -> bool:
    """Whether there is anything behind a cursor or a watermark that may have changed."""
    return entity.rowversion_field is not None and (schedule.last_key is not None or entity.name in facts.watermarked)


def _ends_otherwise(batch: NightBatch, ends: datetime, now: datetime) -> bool:
    told = batch.terms.window_end
    return batch.status in _AT_WORK and told is not None and told > now and told != ends


def _due(facts: Facts, entity: Entity, now: datetime) -> datetime | None:
    """When an entity is to be synced, in the past when it is late; None for one that is at work, or not synced so."""
    by_night = entity.name in facts.schedules
    cadence = cadence_of(entity, facts.default_interval, facts.time_zone, by_night=by_night)
    newest = facts.newest.get(entity.name)
    if cadence is None or (newest is not None and newest.status in _AT_WORK):
        return None
    if newest is None:
        return cadence.next_fire(None, now)
    touched = max(newest.requested_at, newest.heartbeat_at or newest.requested_at)
    if newest.status is not BatchStatus.INTERRUPTED or newest.sync_type is SyncType.BACKGROUND:
        return cadence.next_fire(newest.requested_at, now)
    return cadence.next_fire(touched, now) if newest.uid in facts.stopped else touched + AGAIN
