"""Cron lines of five fields, as crontab(5) reads them, and the instants at which they fire.

Minute, hour, day of the month, month, day of the week: numbers, names (JAN, MON), `*`, ranges, lists, steps; Sunday is
0 and 7. A line that names days of the month and days of the week fires on either; where one of the two fields begins
with `*`, both must fit. `@hourly`, `@daily`, `@weekly`, `@monthly` and `@yearly` stand for their lines.

When clocks change: a line that fires in every hour goes on by real time. One that names its hours fires once for each
of its local times: at the first of two, and at the moment of the jump for one that is left out.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from syncflow.errors import ConfigurationError
from syncflow.i18n.catalog import N_
from syncflow.i18n.texts import Counted, Text
from syncflow.scheduler.window import exists, instant

_MONTH_NAMES = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_MONTHS = {name: number for number, name in enumerate(_MONTH_NAMES, start=1)}
_WEEKDAYS = {name: number for number, name in enumerate(("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"))}
_LONGEST_MONTH = {2: 29, 4: 30, 6: 30, 9: 30, 11: 30}
_NICKNAMES = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_PART = re.compile(r"(?:(?P<all>\*)|(?P<first>\w+)(?:-(?P<last>\w+))?)(?:/(?P<step>\d+))?")
_YEARS_SEARCHED = 41
"""A 29 February of one weekday comes every 28 years, and once in a century after 40."""


@dataclass(frozen=True)
class _Field:
    """One of the five; `low` and `high` are what its numbers go from and to."""

    name: str
    low: int
    high: int
    names: Mapping[str, int] = field(default_factory=dict)


_MINUTE = _Field(N_("minute"), 0, 59)
_HOUR = _Field(N_("hour"), 0, 23)
_DAY_OF_MONTH = _Field(N_("day of the month"), 1, 31)
_MONTH = _Field(N_("month"), 1, 12, _MONTHS)
_DAY_OF_WEEK = _Field(N_("day of the week"), 0, 7, _WEEKDAYS)
_FIELDS = (_MINUTE, _HOUR, _DAY_OF_MONTH, _MONTH, _DAY_OF_WEEK)


@dataclass(frozen=True)
class CronLine:
    """A line that fires at some time, as `parse_cron` makes it. `days` are days of the month and `weekdays` those of
    the week (0 is Sunday); with `either`, one of the two is enough."""

    text: str
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    either: bool

    def next_fire(self, after: datetime, zone: ZoneInfo) -> datetime:
        """The first instant (UTC) after this one at which the line fires on the clocks of this zone."""
        day = after.astimezone(zone).date() - timedelta(days=1)
        for _ in range(_YEARS_SEARCHED * 366):
            if self._fits(day):
                later = [moment for moment in self._moments(day, zone) if moment > after]
                if later:
                    return min(later)
            day += timedelta(days=1)
        raise ConfigurationError("The cron line {line} never fires.", line=repr(self.text))

    def _fits(self, day: date) -> bool:
        in_month, in_week = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        return day.month in self.months and ((in_month or in_week) if self.either else (in_month and in_week))

    def _moments(self, day: date, zone: ZoneInfo) -> Iterator[datetime]:
        every_hour = len(self.hours) == _HOUR.high + 1
        for hour in self.hours:
            for minute in self.minutes:
                at = time(hour, minute)
                if not every_hour:
                    yield instant(day, at, zone)
                elif exists(datetime.combine(day, at), zone):
                    yield instant(day, at, zone)
                    yield datetime.combine(day, at, zone).replace(fold=1).astimezone(UTC)


def parse_cron(text: str) -> CronLine:
    """Read a line. Raises ConfigurationError that names the field, what stands there and what it takes, and for a line
    that never fires, such as 30 February."""
    line = _NICKNAMES.get(text.strip().lower(), text)
    parts = line.split()
    if len(parts) != len(_FIELDS):
        raise ConfigurationError(
            Counted(
                "The cron line {line} has {n} field. It takes five: minute, hour, day of the month, month, day of the "
                "week, such as 30 5 * * MON-FRI",
                "The cron line {line} has {n} fields. It takes five: minute, hour, day of the month, month, day of the "
                "week, such as 30 5 * * MON-FRI",
                len(parts),
                line=repr(text),
            )
        )
    minutes, hours, days, months, weekdays = (
        _values(part, each, text) for part, each in zip(parts, _FIELDS, strict=True)
    )
    read = CronLine(
        text=text,
        minutes=tuple(sorted(minutes)),
        hours=tuple(sorted(hours)),
        days=days,
        months=months,
        weekdays=frozenset(number % 7 for number in weekdays),
        either=not parts[2].startswith("*") and not parts[4].startswith("*"),
    )
    _refuse_what_never_fires(read)
    return read


def _refuse_what_never_fires(line: CronLine) -> None:
    """Only days of the month can be in vain: every month has each day of the week."""
    if not line.either and min(line.days) > max(_LONGEST_MONTH.get(month, 31) for month in line.months):
        months = ", ".join(_MONTH_NAMES[month - 1].capitalize() for month in sorted(line.months))
        raise ConfigurationError(
            "The cron line {line} never fires: there is no {days} in {months}. Name a day that is "
            "there, or * for every day.",
            line=repr(line.text),
            days=str(min(line.days)),
            months=months,
        )


def _values(text: str, of: _Field, line: str) -> frozenset[int]:
    return frozenset(number for part in text.split(",") for number in _range(part, of, line))


def _range(part: str, of: _Field, line: str) -> range:
    found = _PART.fullmatch(part)
    if found is None:
        raise _wrong(part, of, line)
    step = int(found["step"] or 1)
    if step == 0:
        raise _wrong(part, of, line, Text("A step is 1 or more."))
    if found["all"]:
        return range(of.low, of.high + 1 if of is not _DAY_OF_WEEK else of.high, step)
    first = _number(found["first"], part, of, line)
    if found["last"] is None:
        return range(first, (of.high if found["step"] else first) + 1, step)
    last = _number(found["last"], part, of, line)
    if of is _DAY_OF_WEEK and last == 0 and first > 0:
        last = 7
    if last < first:
        raise _wrong(part, of, line, Text("A range goes upwards."))
    return range(first, last + 1, step)


def _number(word: str, part: str, of: _Field, line: str) -> int:
    named = of.names.get(word.upper())
    number = int(word) if named is None and word.isascii() and word.isdigit() else named
    if number is None or not of.low <= number <= of.high:
        raise _wrong(part, of, line)
    return number


def _wrong(part: str, of: _Field, line: str, why: Text | None = None) -> ConfigurationError:
    return ConfigurationError(
        "The cron line {line}: {part} is no {field}. {reason}",
        line=repr(line),
        part=repr(part),
        field=Text(of.name),
        reason=why or _takes(of),
    )


def _takes(of: _Field) -> Text:
    if not of.names:
        return Text(
            "It takes {low} to {high}, also * and lists, ranges and steps of them.", low=str(of.low), high=str(of.high)
        )
    first, *_, last = of.names
    return Text(
        "It takes {low} to {high} or {first} to {last}, also * and lists, ranges and steps of them.",
        low=str(of.low),
        high=str(of.high),
        first=first,
        last=last,
    )
