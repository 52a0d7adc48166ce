"""The words of the nights: what is configured for an entity that is synced in slices, and what a night brought. Frozen
values, no behaviour beyond what follows from the fields themselves."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import date, datetime, time
from enum import StrEnum
from uuid import UUID

EVERY_DAY = frozenset(range(1, 8))
"""ISO weekdays, Monday is 1."""


class NightEnd(StrEnum):
    """Why a night's work ended."""

    SLICE_DONE = "slice_done"
    """The rows that were planned are settled; the next night goes on."""
    WINDOW_END = "window_end"
    CYCLE_DONE = "cycle_done"
    """The last row of the source is settled."""
    SOURCE_DOWN = "source_down"
    """The source or the target was not to be had for the rest of the window."""
    STOPPED = "stopped"
    """By a person, or because the process ended."""
    FAILED = "failed"
    """The batch ended with an error that a person must look at."""


@dataclass(frozen=True)
class ScheduleTerms:
    """What a person configures of a schedule (see BackgroundSchedule); whether it is paused is an act, not a term."""

    window_start: time = time(19)
    window_end: time = time(7)
    time_zone: str = "UTC"
    days: frozenset[int] = EVERY_DAY
    days_to_complete: int = 7
    enabled: bool = True


@dataclass(frozen=True)
class BackgroundSchedule:
    """A whole pass over a large table in slices, one a night (a row of `background_sync_schedule`).

    The window goes from `window_start` to `window_end` on the clocks of `time_zone` (IANA), over midnight where the end
    is not after the start; equal means always. `days` are the ISO weekdays on which a night begins. A cycle is one pass
    over the source, to be finished within `days_to_complete` of such nights.

    `current_offset` counts the rows that are settled in this cycle, for people; `last_key` is the engine's checkpoint
    cursor, by which the next night goes on (None: at the beginning), under the plan `plan_hash`. `nights` are those in
    which this cycle was worked on, `source_rows` is what the source counted last, `rows_per_night` what was planned
    last. `version` grows with each change that a person makes, never with progress.
    """

    uid: UUID
    entity: str
    window_start: time = time(19)
    window_end: time = time(7)
    time_zone: str = "UTC"
    days: frozenset[int] = EVERY_DAY
    days_to_complete: int = 7
    enabled: bool = True
    paused: bool = False
    cycle: int = 1
    cycle_started_at: datetime | None = None
    current_offset: int = 0
    last_key: Mapping[str, object] | None = None
    nights: int = 0
    source_rows: int | None = None
    rows_per_night: int | None = None
    plan_hash: str | None = None
    version: int = 1

    @property
    def terms(self) -> ScheduleTerms:
        return ScheduleTerms(**{each.name: getattr(self, each.name) for each in fields(ScheduleTerms)})

    def under(self, terms: ScheduleTerms) -> "BackgroundSchedule":
        """The same schedule, as far as it is, under other terms."""
        return replace(self, **{each.name: getattr(terms, each.name) for each in fields(ScheduleTerms)})

    @property
    def active(self) -> bool:
        """Whether its nights are worked on."""
        return self.enabled and not self.paused


@dataclass(frozen=True)
class NightRecord:
    """What one batch did in one night (a row of `background_nights`): the measured history of a schedule.

    `night` is the local date on which the night began; `planned` the rows that it was to settle, `rows` those that it
    settled, `seconds` the time that was worked on them. `ended_at` and `reason` are None while it is at work, and of a
    process that died. Instants in UTC.
    """

    schedule: UUID
    night: date
    batch: UUID
    cycle: int
    planned: int
    started_at: datetime
    ended_at: datetime | None = None
    rows: int = 0
    seconds: float = 0.0
    reason: NightEnd | None = None
