"""What an operator does with schedules: look where each stands, set, pause, resume, run one now."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from syncflow.clock import Clock
from syncflow.engine.plan import no_entity
from syncflow.errors import ConfigurationError, UsageError
from syncflow.field_masks import MASK
from syncflow.i18n.texts import Text
from syncflow.model import Batch, Entity
from syncflow.scheduler.cadence import cadence_of
from syncflow.scheduler.forecast import Forecast, forecast
from syncflow.scheduler.slicing import night_number, nights_left, rows_tonight
from syncflow.scheduler.terms import checked, parse_days, parse_window, window_text
from syncflow.scheduler.window import Night, Window
from syncflow.schedules import BackgroundSchedule, NightRecord, ScheduleTerms
from syncflow.service.schedule_writer import ScheduleWriter
from syncflow.store import background_schedules, entity_config, sync_batches
from syncflow.store.database import Connection, Database

HISTORY = 14
"""The last nights that are shown, and forecast from."""


class ScheduleState(StrEnum):
    OPEN = "open"
    """Its window is open."""
    WAITING = "waiting"
    PAUSED = "paused"
    DISABLED = "disabled"
    """By its own terms, or because its entity is."""


class Changes(StrEnum):
    """How a row that changes behind the cursor, after its night, is caught."""

    EACH_NIGHT = "rowversion pass each night"
    NEXT_CYCLE = "with the next cycle"


@dataclass(frozen=True)
class ScheduleStatus:
    """Where a schedule stands. `night` is the open one or else the next, which is night `night_number` of its cycle;
    `rows_tonight` what is planned for it, None while nobody has counted the source. `progress` is the share of the
    source's rows, 0 to 1. `history` are the last nights, the newest first. A cursor over personal data is masked."""

    schedule: BackgroundSchedule
    state: ScheduleState
    night: Night
    night_number: int
    rows_tonight: int | None
    progress: float | None
    forecast: Forecast
    forecast_text: Text
    changes: Changes
    history: tuple[NightRecord, ...]

    @property
    def begun(self) -> tuple[NightRecord, ...]:
        """What this night has brought so far."""
        cycle = self.schedule.cycle
        return tuple(each for each in self.history if each.night == self.night.date and each.cycle == cycle)


@dataclass(frozen=True)
class TimedEntity:
    """An entity that is synced by an interval or a cron line: `next_at` (UTC) is in the past when it is due. One whose
    `sync_schedule` cannot be read has `error` instead; so has one whose nights are in a zone that is not known here."""

    entity: str
    cadence: str
    next_at: datetime | None
    last_at: datetime | None
    error: str | None = None


@dataclass(frozen=True)
class Schedules:
    """All that happens by itself."""

    nights: tuple[ScheduleStatus, ...]
    timed: tuple[TimedEntity, ...]


@dataclass(frozen=True)
class GivenTerms:
    """Terms as a person writes them; None leaves a term as it is, or at its default."""

    window: str | None = None
    time_zone: str | None = None
    days: Sequence[str] | None = None
    days_to_complete: int | None = None
    enabled: bool | None = None

    @property
    def says_nothing(self) -> bool:
        return self == GivenTerms()

    def onto(self, terms: ScheduleTerms) -> ScheduleTerms:
        """Raises ConfigurationError for what cannot be read or kept."""
        if self.window is not None:
            start, end = parse_window(self.window)
            terms = replace(terms, window_start=start, window_end=end)
        if self.time_zone is not None:
            terms = replace(terms, time_zone=self.time_zone)
        if self.days is not None:
            terms = replace(terms, days=parse_days(self.days))
        if self.days_to_complete is not None:
            terms = replace(terms, days_to_complete=self.days_to_complete)
        if self.enabled is not None:
            terms = replace(terms, enabled=self.enabled)
        return checked(terms)


@dataclass(frozen=True)
class Habits:
    """What schedules go by beside their own terms: rows of a chunk, the interval of entities that say none (0: not by
    themselves), and the zone of those that name none."""

    chunk_rows: int
    default_interval: float = 0.0
    time_zone: str = "UTC"


class SchedulesService:
    """Every act on schedules; each stands in the audit log, in the same transaction."""

    def __init__(
        self, database: Database, clock: Clock, habits: Habits, run_now: Callable[[str], Batch], actor: str
    ) -> None:
        """`run_now` queues a batch of an entity's cycle at once, whatever the hour, and books who asked."""
        self._database = database
        self._clock = clock
        self._habits = habits
        self._run_now = run_now
        self._actor = actor

    def list(self) -> Schedules:
        now = self._clock.now()
        with self._database.begin() as connection:
            entities = entity_config.load_all(connection)
            schedules = background_schedules.load_all(connection)
            newest = sync_batches.latest_of_each(connection)
            nights, broken = list[ScheduleStatus](), list[TimedEntity]()
            for each in schedules.values():
                try:
                    nights.append(self._status(connection, each, entities.get(each.entity), now))
                except ConfigurationError as error:
                    window = window_text(each.window_start, each.window_end)
                    broken.append(TimedEntity(each.entity, f"{window} {each.time_zone}", None, None, str(error)))
        timed = (
            self._timed(entity, newest.get(entity.name), now, by_night=entity.name in schedules)
            for entity in entities.values()
        )
        return Schedules(tuple(nights), (*broken, *(each for each in timed if each is not None)))

    def get(self, entity: str) -> ScheduleStatus:
        """Raises UsageError when there is no such entity, or it has no schedule."""
        with self._database.begin() as connection:
            entities = entity_config.load_all(connection)
            return self._status(connection, self._found(connection, entity), entities.get(entity), self._clock.now())

    def find(self, entity: str) -> BackgroundSchedule | None:
        """The schedule of an entity, None for one that has none. Raises UsageError when there is no such entity."""
        with self._database.begin() as connection:
            self._configured(connection, entity)
            return background_schedules.get(connection, entity)

    def create(self, entity: str, given: GivenTerms) -> ScheduleStatus:
        """Raises UsageError when there is no such entity, or it has a schedule already: an entity has one at most.
        Raises ConfigurationError for terms that cannot be kept."""
        with self._writing() as (connection, writer):
            self._configured(connection, entity)
            if background_schedules.get(connection, entity) is not None:
                raise UsageError(
                    "{entity} has a schedule already, and there can be only one. Change it with: "
                    "syncflow schedules set {entity}",
                    entity=entity,
                )
            writer.create(entity, given.onto(ScheduleTerms(time_zone=self._habits.time_zone)))
        return self.get(entity)

    def update(self, before: BackgroundSchedule, given: GivenTerms) -> ScheduleStatus:
        """Other terms for the schedule that somebody has looked at; where its cycle stands stays. Raises
        ScheduleChanged when it is another one by now, ConfigurationError for terms that cannot be kept."""
        after = given.onto(before.terms)
        if after != before.terms:
            with self._writing() as (_, writer):
                writer.change(before, after)
        return self.get(before.entity)

    def remove(self, before: BackgroundSchedule) -> None:
        """Forget a schedule, how far its cycle is, and what its nights have measured. What it has loaded stays. Raises
        ScheduleChanged when it is another one by now."""
        with self._writing() as (_, writer):
            writer.remove(before)

    def pause(self, entity: str) -> ScheduleStatus:
        """No chunk of it begins any more until somebody resumes it; its place in the cycle stays. Raises UsageError
        when there is none, or it is paused already."""
        return self._pause(entity, paused=True)

    def resume(self, entity: str) -> ScheduleStatus:
        """Raises UsageError when there is none, or it is not paused."""
        return self._pause(entity, paused=False)

    def _pause(self, entity: str, *, paused: bool) -> ScheduleStatus:
        with self._writing() as (connection, writer):
            before = self._found(connection, entity)
            if before.paused is paused:
                raise UsageError(
                    Text("The schedule of {entity} is paused already.", entity=entity)
                    if paused
                    else Text("The schedule of {entity} is not paused.", entity=entity)
                )
            writer.pause(before, paused=paused)
        return self.get(entity)

    def run_now(self, entity: str) -> Batch:
        """Go on with an entity's cycle at once, outside its window too. Raises UsageError when there is no schedule, or
        it does not work now, BusyError when a batch of the entity is at work."""
        with self._database.begin() as connection:
            schedule = self._found(connection, entity)
            enabled = self._configured(connection, entity).sync_enabled
        if not enabled:
            raise UsageError(
                "{entity} is disabled. Enable it with: syncflow entities update {entity} --set sync_enabled=",
                entity=entity,
            )
        if not schedule.enabled:
            raise UsageError(
                "The schedule of {entity} is disabled. First: syncflow schedules set {entity} --enable", entity=entity
            )
        if schedule.paused:
            raise UsageError(
                "The schedule of {entity} is paused. First: syncflow schedules resume {entity}", entity=entity
            )
        return self._run_now(entity)

    @contextmanager
    def _writing(self) -> Iterator[tuple[Connection, ScheduleWriter]]:
        with self._database.begin() as connection:
            yield connection, ScheduleWriter(connection, self._actor, self._clock.now())

    def _found(self, connection: Connection, entity: str) -> BackgroundSchedule:
        schedule = background_schedules.get(connection, entity)
        if schedule is None:
            self._configured(connection, entity)
            raise UsageError(
                "{entity} has no schedule. Give it one with: syncflow schedules set {entity} --window 19:00-07:00",
                entity=entity,
            )
        return schedule

    def _configured(self, connection: Connection, name: str) -> Entity:
        entities = entity_config.load_all(connection)
        if name not in entities:
            raise UsageError(no_entity(name, entities))
        return entities[name]

    def _status(
        self, connection: Connection, schedule: BackgroundSchedule, entity: Entity | None, now: datetime
    ) -> ScheduleStatus:
        history = background_schedules.nights(connection, schedule.uid, HISTORY)
        window = Window.of(schedule)
        open_night = window.night_at(now)
        night = open_night or window.next_night(now)
        foreseen = forecast(schedule, history, now, self._habits.chunk_rows)
        done, rows = schedule.current_offset, schedule.source_rows
        return ScheduleStatus(
            schedule=_as_shown(schedule, entity),
            state=_state(schedule, entity, is_open=open_night is not None),
            night=night,
            night_number=night_number(window, schedule.cycle_started_at, night),
            rows_tonight=self._planned(schedule, history, night),
            progress=min(1.0, done / rows) if rows else None,
            forecast=foreseen,
            forecast_text=foreseen.sentence,
            changes=_changes(entity),
            history=tuple(history),
        )

    def _planned(self, schedule: BackgroundSchedule, history: Sequence[NightRecord], night: Night) -> int | None:
        begun = [each.planned for each in history if each.night == night.date and each.cycle == schedule.cycle]
        if begun:
            return max(begun)
        if schedule.source_rows is None:
            return None
        left = nights_left(schedule, night)
        return rows_tonight(schedule.source_rows, schedule.current_offset, left, self._habits.chunk_rows)

    def _timed(self, entity: Entity, newest: Batch | None, now: datetime, *, by_night: bool) -> TimedEntity | None:
        last = None if newest is None else newest.requested_at
        habits = self._habits
        try:
            cadence = cadence_of(entity, habits.default_interval, habits.time_zone, by_night=by_night)
        except ConfigurationError as error:
            return TimedEntity(entity.name, entity.sync_schedule or "", None, last, str(error))
        if cadence is None:
            return None
        return TimedEntity(entity.name, cadence.text, cadence.next_fire(last, now), last)


def _state(schedule: BackgroundSchedule, entity: Entity | None, *, is_open: bool) -> ScheduleState:
    if not schedule.enabled or entity is None or not entity.sync_enabled:
        return ScheduleState.DISABLED
    if schedule.paused:
        return ScheduleState.PAUSED
    return ScheduleState.OPEN if is_open else ScheduleState.WAITING


def _as_shown(schedule: BackgroundSchedule, entity: Entity | None) -> BackgroundSchedule:
    keys = frozenset() if entity is None else frozenset(entity.business_key)
    masked = entity is not None and any(each.mask and each.target in keys for each in entity.mappings)
    return replace(schedule, last_key={"cursor": MASK}) if masked and schedule.last_key is not None else schedule


def _changes(entity: Entity | None) -> Changes:
    return Changes.NEXT_CYCLE if entity is None or entity.rowversion_field is None else Changes.EACH_NIGHT
