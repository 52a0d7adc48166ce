"""How a schedule is written, whoever changes it: the row, under the version that was looked at, and the audit log, in
the caller's transaction."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from syncflow.errors import UsageError
from syncflow.i18n.texts import Text
from syncflow.scheduler.terms import days_text, window_text
from syncflow.schedules import BackgroundSchedule, ScheduleTerms
from syncflow.store import audit_log, background_schedules
from syncflow.store.database import Connection
from syncflow.uuid7 import uuid7


class ScheduleChanged(UsageError):
    """Somebody else changed the schedule in the meantime; `now` is what it is now, None when it is gone."""

    def __init__(self, entity: str, now: BackgroundSchedule | None) -> None:
        super().__init__(
            Text(
                "The schedule of {entity} was removed by somebody else in the meantime. Look at it again, then repeat: "
                "syncflow schedules show {entity}",
                entity=entity,
            )
            if now is None
            else Text(
                "The schedule of {entity} was changed by somebody else in the meantime. Look at it again, then repeat: "
                "syncflow schedules show {entity}",
                entity=entity,
            )
        )
        self.now = now


@dataclass(frozen=True)
class ScheduleWriter:
    """One person's writing, at one instant."""

    connection: Connection
    actor: str
    now: datetime

    def create(self, entity: str, terms: ScheduleTerms) -> None:
        """Raises ScheduleChanged when there is one by now."""
        schedule = BackgroundSchedule(uid=uuid7(), entity=entity).under(terms)
        if not background_schedules.create(self.connection, schedule, self.now):
            raise ScheduleChanged(entity, background_schedules.get(self.connection, entity))
        self._record("schedule.create", entity, None, schedule)

    def change(self, before: BackgroundSchedule, terms: ScheduleTerms) -> None:
        """Other terms; where its cycle stands stays. Raises ScheduleChanged."""
        self._replace("schedule.update", before, before.under(terms))

    def pause(self, before: BackgroundSchedule, *, paused: bool) -> None:
        """Raises ScheduleChanged."""
        self._replace("schedule.pause" if paused else "schedule.resume", before, replace(before, paused=paused))

    def remove(self, before: BackgroundSchedule) -> None:
        """Raises ScheduleChanged."""
        if not background_schedules.delete(self.connection, before):
            raise ScheduleChanged(before.entity, background_schedules.get(self.connection, before.entity))
        self._record("schedule.remove", before.entity, before, None)

    def _replace(self, act: str, before: BackgroundSchedule, after: BackgroundSchedule) -> None:
        if not background_schedules.replace(self.connection, after, self.now):
            raise ScheduleChanged(before.entity, background_schedules.get(self.connection, before.entity))
        self._record(act, before.entity, before, after)

    def _record(
        self, act: str, entity: str, before: BackgroundSchedule | None, after: BackgroundSchedule | None
    ) -> None:
        told = audit_log.Act(self.actor, act, entity, entity, _as_json(before), _as_json(after))
        audit_log.record(self.connection, told, self.now)


def _as_json(schedule: BackgroundSchedule | None) -> Mapping[str, object] | None:
    if schedule is None:
        return None
    return {
        "window": window_text(schedule.window_start, schedule.window_end),
        "time_zone": schedule.time_zone,
        "days": days_text(schedule.days),
        "days_to_complete": schedule.days_to_complete,
        "enabled": schedule.enabled,
        "paused": schedule.paused,
        "cycle": schedule.cycle,
        "current_offset": schedule.current_offset,
    }
