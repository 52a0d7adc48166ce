"""How often a small entity is synced, as its `sync_schedule` says: `every 15 min`, or a cron line."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from syncflow.errors import ConfigurationError
from syncflow.model import Entity
from syncflow.scheduler.cron import CronLine, parse_cron
from syncflow.scheduler.zones import zone_named

_UNITS = {
    "s": 1, "sec": 1, "second": 1,
    "m": 60, "min": 60, "minute": 60,
    "h": 3600, "hour": 3600,
    "d": 86400, "day": 86400,
}  # fmt: skip
_EVERY = re.compile(r"every\s+(?:(?P<number>\d+)\s*)?(?P<unit>[a-z]+?)s?\.?", re.IGNORECASE)
_LONGEST = timedelta(days=366)
_MADE_UP_FOR = timedelta(hours=1)


@dataclass(frozen=True)
class Interval:
    """Again so long after the last sync of the entity began; at once when there was none."""

    every: timedelta

    def next_fire(self, last: datetime | None, now: datetime) -> datetime:
        """When it is due (UTC): in the past when it is late."""
        return now if last is None else last + self.every

    @property
    def text(self) -> str:
        """`every 15 min`."""
        seconds = round(self.every.total_seconds())
        for unit, size in (("day", 86400), ("h", 3600), ("min", 60)):
            if seconds % size == 0:
                number = seconds // size
                return f"every {number} {unit}{'s' if unit == 'day' and number > 1 else ''}"
        return f"every {seconds} s"


@dataclass(frozen=True)
class Cron:
    """At the times of a cron line, on the clocks of a zone."""

    line: CronLine
    zone: ZoneInfo

    def next_fire(self, last: datetime | None, now: datetime) -> datetime:
        """The first time (UTC) after now. A time of the last hour that no sync was begun at, because the machine was
        off, counts still: it is in the past, and due."""
        since = now if last is None else min(now, max(last, now - _MADE_UP_FOR))
        return self.line.next_fire(since, self.zone)

    @property
    def text(self) -> str:
        return f"{self.line.text} ({self.zone.key})"


Cadence = Interval | Cron


def parse_cadence(text: str, zone: str) -> Cadence:
    """Read a `sync_schedule`: an interval, or a cron line on the clocks of `zone`, or of the zone that is named after
    its five fields. Raises ConfigurationError that says what is wrong and what it takes."""
    words = text.split()
    if words[:1] and words[0].lower() == "every":
        return _interval(text)
    if len(words) == 6:
        return Cron(parse_cron(" ".join(words[:5])), zone_named(words[5]))
    if len(words) in (2, 1) and not text.startswith("@"):
        raise ConfigurationError(
            "{text} is no schedule. It takes an interval such as `every 15 min`, or the five fields of a cron line "
            "such as `30 5 * * MON-FRI`, with a time zone behind them if it is to be another.",
            text=repr(text),
        )
    return Cron(parse_cron(text), zone_named(zone))


def cadence_of(entity: Entity, default_seconds: float, zone: str, *, by_night: bool) -> Cadence | None:
    """How an entity is synced by itself: by its `sync_schedule`, else every `default_seconds` (0: not at all); None for
    one that is disabled, and for one that has its nights and no `sync_schedule`."""
    if not entity.sync_enabled:
        return None
    if entity.sync_schedule is not None:
        return parse_cadence(entity.sync_schedule, zone)
    return None if by_night or default_seconds <= 0 else Interval(timedelta(seconds=default_seconds))


def _interval(text: str) -> Interval:
    found = _EVERY.fullmatch(text.strip())
    size = _UNITS.get(found["unit"].lower()) if found else None
    if found is None or size is None:
        raise ConfigurationError(
            "{text} is no interval. It takes a number and s, min, h or days: `every 15 min`.", text=repr(text)
        )
    seconds = int(found["number"] or 1) * size
    if not 1 <= seconds <= _LONGEST.total_seconds():
        raise ConfigurationError(
            "{text} is no interval that can be kept: it takes 1 second to 366 days.", text=repr(text)
        )
    return Interval(timedelta(seconds=seconds))
