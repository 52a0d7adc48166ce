"""Asking for parts of nights: what the scheduler decides, and what a person wants at once."""

from datetime import datetime, timedelta
from uuid import UUID

from syncflow.clock import Clock
from syncflow.errors import BusyError, UsageError
from syncflow.model import Batch, BatchStatus, Entity, SyncType
from syncflow.scheduler.slicing import nights_left
from syncflow.scheduler.window import Night, Window
from syncflow.schedules import BackgroundSchedule
from syncflow.store import audit_log, background_schedules, entity_config, night_slices, sync_batches
from syncflow.store.claims import held_elsewhere
from syncflow.store.database import Connection, Database
from syncflow.store.night_slices import NightBatch, NightTerms
from syncflow.uuid7 import uuid7

_LONGEST_PAUSE = timedelta(days=9)
"""There is a night in each week."""


class NightRequests:
    """`source_name` is what `source_system` says of a batch; `actor` is who asks."""

    def __init__(self, database: Database, clock: Clock, source_name: str, actor: str) -> None:
        self._database = database
        self._clock = clock
        self._source_name = source_name
        self._actor = actor

    def ask(self, connection: Connection, entity: Entity, sync_type: SyncType, terms: NightTerms) -> Batch | None:
        """Queue a part of a night; None when the night has it already."""
        batch = Batch(
            uid=uuid7(),
            entity_name=entity.name,
            sync_type=sync_type,
            delta_strategy=entity.delta_strategy,
            source_system=self._source_name,
            status=BatchStatus.QUEUED,
            requested_by=self._actor,
            requested_at=self._clock.now(),
        )
        return batch if night_slices.request(connection, batch, terms) else None

    def run_now(self, name: str) -> Batch:
        """Go on with an entity's cycle at once: with tonight's slice while the window is open and it is not done,
        otherwise with one of its own, which no window ends. Raises UsageError when there is no such schedule, BusyError
        when a batch of the entity is at work."""
        with self._database.begin() as connection:
            entity = entity_config.load_all(connection).get(name)
            schedule = background_schedules.get(connection, name)
            if entity is None or schedule is None:
                raise UsageError("{name} has no schedule. See: syncflow schedules list", name=name)
            self._refuse_if_at_work(connection, name)
            uid = self._go_on(connection, schedule) or self._begin(connection, entity, schedule)
            told = audit_log.Act(self._actor, "schedule.run_now", name, str(uid))
            audit_log.record(connection, told, self._clock.now())
            batch = sync_batches.get(connection, uid)
        if batch is None:
            raise UsageError(
                "The batch {batch} of {name} was removed by somebody else. Ask again.", batch=uid, name=name
            )
        return batch

    def _refuse_if_at_work(self, connection: Connection, name: str) -> None:
        at_work = sync_batches.at_work(connection, name)
        if at_work is not None and held_elsewhere(self._database, at_work):
            raise BusyError(
                "A batch of {name} is at work ({batch}). Watch it with: syncflow status, or stop it first.",
                name=name,
                batch=at_work,
            )

    def _go_on(self, connection: Connection, schedule: BackgroundSchedule) -> UUID | None:
        """The slice that waits to go on, if its window lets it."""
        now = self._clock.now()
        waiting = night_slices.unfinished(connection, schedule.uid, SyncType.BACKGROUND)
        may_go_on = [each for each in waiting if _is_open(each, now)]
        if not may_go_on:
            return None
        sync_batches.enqueue(connection, may_go_on[-1].uid)
        return may_go_on[-1].uid

    def _begin(self, connection: Connection, entity: Entity, schedule: BackgroundSchedule) -> UUID:
        now = self._clock.now()
        window = Window.of(schedule)
        tonight = window.night_at(now)
        if tonight is not None:
            terms = _terms(schedule, tonight, tonight.closes, by_hand=False)
            batch = self.ask(connection, entity, SyncType.BACKGROUND, terms)
            if batch is not None:
                return batch.uid
        night = tonight or _last_night(window, now)
        terms = _terms(schedule, night, None if tonight is None else tonight.closes, by_hand=True)
        batch = self.ask(connection, entity, SyncType.BACKGROUND, terms)
        if batch is None:
            raise BusyError(
                "A slice of {entity} was asked for at the same moment. See: syncflow status", entity=entity.name
            )
        return batch.uid


def _is_open(batch: NightBatch, now: datetime) -> bool:
    waits = batch.status in (BatchStatus.QUEUED, BatchStatus.INTERRUPTED)
    return waits and (batch.terms.window_end is None or now < batch.terms.window_end)


def _terms(schedule: BackgroundSchedule, night: Night, window_end: datetime | None, *, by_hand: bool) -> NightTerms:
    return NightTerms(schedule.uid, schedule.cycle, night.date, nights_left(schedule, night), window_end, by_hand)


def _last_night(window: Window, now: datetime) -> Night:
    """The night that opened last: what is done by day belongs to it."""
    night = next(window.nights_from(now - _LONGEST_PAUSE))
    for each in window.nights_from(now - _LONGEST_PAUSE):
        if each.opens > now:
            return night
        night = each
    raise AssertionError("there is always another night")
