"""The terms of a schedule in a person's words: `19:00-07:00`, `mon-fri`."""

import re
from collections.abc import Iterable
from datetime import time
from typing import NoReturn

from syncflow.errors import ConfigurationError
from syncflow.scheduler.zones import zone_named
from syncflow.schedules import EVERY_DAY, ScheduleTerms

ALWAYS = "always"
_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_LONG = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_NUMBERS = {name: number for names in (_WEEKDAYS, _LONG) for number, name in enumerate(names, start=1)}
_GROUPS = {"daily": EVERY_DAY, "all": EVERY_DAY, "weekdays": frozenset(range(1, 6)), "weekend": frozenset((6, 7))}
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?", re.ASCII)
MOST_NIGHTS = 1_000


def parse_window(text: str) -> tuple[time, time]:
    """Start and end of `19:00-07:00`; `always` is from midnight to midnight. Raises ConfigurationError."""
    if text.strip().lower() == ALWAYS:
        return time(0), time(0)
    start, dash, end = text.partition("-")
    if not dash:
        raise ConfigurationError(
            "{text} is no window. It takes two times such as 19:00-07:00, or always.", text=repr(text)
        )
    return _time(start, text), _time(end, text)


def _time(text: str, window: str) -> time:
    found = _CLOCK.fullmatch(text.strip())
    if found is None:
        _no_time(text, window)
    hour, minute, second = (int(part) for part in found.groups("0"))
    try:
        return time(hour, minute, second)
    except ValueError:
        _no_time(text, window)


def _no_time(text: str, window: str) -> NoReturn:
    raise ConfigurationError(
        "{window} is no window: {text} is no time of day. It takes 00:00 to 23:59, such as 19:00-07:00, or always.",
        window=repr(window),
        text=repr(text.strip()),
    )


def window_text(start: time, end: time) -> str:
    """What `parse_window` reads."""
    return ALWAYS if start == end == time(0) else f"{_clock(start)}-{_clock(end)}"


def _clock(at: time) -> str:
    return f"{at:%H:%M:%S}" if at.second else f"{at:%H:%M}"


def parse_days(words: Iterable[str]) -> frozenset[int]:
    """ISO weekdays of `mon`, `mon-fri`, `fri-mon`, `weekdays`, `weekend`, `daily`. Raises ConfigurationError, also for
    no day at all."""
    days = frozenset(day for word in words if word.strip() for day in _days(word.strip().lower()))
    if not days:
        raise ConfigurationError("A schedule works on one day of the week at least, such as mon-fri, or daily.")
    return days


def _days(word: str) -> Iterable[int]:
    if word in _GROUPS:
        return _GROUPS[word]
    first, dash, last = word.partition("-")
    if first not in _NUMBERS or (dash and last not in _NUMBERS):
        raise ConfigurationError(
            "{word} is no day of the week. It takes {weekdays}, ranges such as mon-fri, weekdays, weekend or daily.",
            word=repr(word),
            weekdays=", ".join(_WEEKDAYS),
        )
    begin = _NUMBERS[first]
    length = (_NUMBERS[last] - begin) % 7 if dash else 0
    return ((begin + step - 1) % 7 + 1 for step in range(length + 1))


def days_text(days: frozenset[int]) -> str:
    """What `parse_days` reads, in commas: `daily`, `mon-fri`, `mon, wed`."""
    if days == EVERY_DAY:
        return "daily"
    ordered = sorted(days)
    if len(ordered) > 2 and ordered[-1] - ordered[0] == len(ordered) - 1:
        return f"{_WEEKDAYS[ordered[0] - 1]}-{_WEEKDAYS[ordered[-1] - 1]}"
    return ", ".join(_WEEKDAYS[day - 1] for day in ordered)


def checked(terms: ScheduleTerms) -> ScheduleTerms:
    """The same terms. Raises ConfigurationError for those that cannot be kept: an unknown zone (with the nearest
    names), no day at all, no night to finish in."""
    zone_named(terms.time_zone)
    if not terms.days or not terms.days <= EVERY_DAY:
        raise ConfigurationError("A schedule works on one day of the week at least, such as mon-fri, or daily.")
    if not 1 <= terms.days_to_complete <= MOST_NIGHTS:
        raise ConfigurationError(
            "days_to_complete is {nights}, and a cycle takes 1 night at least and {most} at "
            "most: in how many nights is the table to be through?",
            nights=terms.days_to_complete,
            most=MOST_NIGHTS,
        )
    return terms
