"""When a schedule may work: one window a local night, as instants.

A window is named by local times, and local times are turned into instants by the zone's own rules, so a night has 11 or
13 hours when the clocks change in it. Three rules keep windows from overlapping, vanishing or leaving a hole:

- a local time that exists twice is its first occurrence, for opening and for closing;
- one that does not exist is the moment at which the clocks jump over it;
- a window that lies wholly within the hour that is left out moves forward with the clocks, whole.

A local date that a zone left out altogether (Samoa, 30 December 2011) has no night of its own.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

from syncflow.scheduler.zones import zone_named
from syncflow.schedules import EVERY_DAY, BackgroundSchedule

_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True)
class Night:
    """One window: `date` is the local date on which it begins; it is open from `opens` (included) to `closes`
    (excluded), both aware, in UTC."""

    date: date
    opens: datetime
    closes: datetime

    @property
    def length(self) -> timedelta:
        return self.closes - self.opens

    def contains(self, now: datetime) -> bool:
        return self.opens <= now < self.closes


@dataclass(frozen=True)
class Window:
    """Local times without a zone of their own, on the clocks of `zone`; `end` is of the next day unless it is after
    `start`. Equal means always: each night then goes from one start to the next. `days` are the ISO weekdays on which
    nights begin. Raises ValueError for no day at all."""

    start: time
    end: time
    zone: ZoneInfo
    days: frozenset[int] = EVERY_DAY

    def __post_init__(self) -> None:
        if not self.days or not self.days <= EVERY_DAY:
            raise ValueError(f"A window opens on ISO weekdays from 1 to 7, on one at least, and not on {self.days}.")

    @classmethod
    def of(cls, schedule: BackgroundSchedule) -> "Window":
        """Raises ConfigurationError when this machine does not know the zone."""
        return cls(schedule.window_start, schedule.window_end, zone_named(schedule.time_zone), schedule.days)

    @property
    def always(self) -> bool:
        return self.start == self.end

    def night_at(self, now: datetime) -> Night | None:
        """The night that is open at this instant."""
        night = next(self.nights_from(now))
        return night if night.contains(now) else None

    def next_night(self, now: datetime) -> Night:
        """The first night that opens after this instant."""
        return next(night for night in self.nights_from(now) if night.opens > now)

    def nights(self, since: datetime, count: int) -> tuple[Night, ...]:
        """So many nights, the first being the one that is open at `since`, or else the next one."""
        return tuple(islice(self.nights_from(since), count))

    def nights_between(self, first: datetime, until: datetime) -> int:
        """How many nights close after `first` and open before `until`."""
        count = 0
        for night in self.nights_from(first):
            if night.opens >= until:
                break
            count += 1
        return count

    def night_of(self, day: date) -> Night | None:
        """The night that begins on this local date; None where none does."""
        if day.isoweekday() not in self.days:
            return None
        last = day if self.end > self.start else day + _DAY
        opens, closes = instant(day, self.start, self.zone), instant(last, self.end, self.zone)
        if opens < closes:
            return Night(day, opens, closes)
        gap = _gap(datetime.combine(day, self.start), self.zone)
        if gap >= _DAY:
            return None
        length = datetime.combine(last, self.end) - datetime.combine(day, self.start)
        opens = _forward(datetime.combine(day, self.start), self.zone)
        return Night(day, opens, opens + length)

    def nights_from(self, since: datetime) -> Iterator[Night]:
        """All nights that close after `since`, in their order."""
        day = since.astimezone(self.zone).date() - 2 * _DAY
        while True:
            night = self.night_of(day)
            if night is not None and night.closes > since:
                yield night
            day += _DAY


def instant(day: date, at: time, zone: ZoneInfo) -> datetime:
    """The instant (UTC) of a local time: the first of two, and the moment of the jump for one that is left out. It
    never goes back from one local time to a later one."""
    local = datetime.combine(day, at)
    forward = _forward(local, zone)
    return forward if exists(local, zone) else _jump(local.replace(tzinfo=zone, fold=1).astimezone(UTC), forward, zone)


def exists(local: datetime, zone: ZoneInfo) -> bool:
    """Whether the clocks of this zone ever show this local time (naive)."""
    return _forward(local, zone).astimezone(zone).replace(tzinfo=None, fold=0) == local


def _forward(local: datetime, zone: ZoneInfo) -> datetime:
    """By the rule that held before the clocks changed: one that is left out moves forward by what was left out."""
    return local.replace(tzinfo=zone, fold=0).astimezone(UTC)


def _gap(local: datetime, zone: ZoneInfo) -> timedelta:
    """How much the clocks jump over at a local time that does not exist; nothing at any other."""
    before, after = (local.replace(tzinfo=zone, fold=fold).utcoffset() for fold in (0, 1))
    return max(timedelta(0), (after or timedelta(0)) - (before or timedelta(0)))


def _jump(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """The moment, to the second, at which the clocks change between two instants (UTC)."""
    offset = before.astimezone(zone).utcoffset()
    while after - before > _SECOND:
        middle = before + (after - before) // 2 // _SECOND * _SECOND
        if middle.astimezone(zone).utcoffset() == offset:
            before = middle
        else:
            after = middle
    return after
