"""Dates of no known form, one by one, by python-dateutil; and what is refused although dateutil would read it.

dateutil fills what is missing from a default, swaps day and month where they do not fit, takes two-digit years
relative to today and drops zones that it does not know. None of it may happen here: every number of the text must be
found again in the result, in an order that the entity declares.
"""

import datetime
import re
from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

from dateutil import parser

from syncflow.model import DateOrder

_DEFAULTS = (datetime.datetime(2001, 3, 7), datetime.datetime(2004, 10, 28))
"""They differ in year, month, day and weekday: a result that depends on one of them was invented."""
_UTC_NAMES = frozenset({"utc", "gmt", "z"})
_LONGEST = 60
_MOST_NUMBERS = 8
_MONTH_NAME = re.compile(r"jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec", re.IGNORECASE)
_WEEKDAY = re.compile(r"\b(mon|tue|wed|thu|fri|sat|sun)", re.IGNORECASE)
_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_ZONE_WITH_OFFSET = re.compile(r"\b(?:UTC|GMT|UT|Z)\s*[+-]\s*\d", re.IGNORECASE)
_OFFSET = re.compile(r"[+-]\d{1,2}(?::?\d{2})?(?:\s*\(\w+\))?$")
_ORDERS = {DateOrder.DMY: "dmy", DateOrder.MDY: "mdy", DateOrder.YMD: "ymd"}


class OddDate(NamedTuple):
    """The parts of a date in the words of `date_parts`."""

    year: int
    month: int
    day: int
    hour: int
    minute: int
    second: int
    fraction: str
    zone: str | None


class _ParserInfo(parser.parserinfo):
    """dateutil's words, but years of two digits by Oracle's RR instead of today's century."""

    def convertyear(self, year: int, century_specified: bool = False) -> int:
        if year >= 100 or century_specified:
            return year
        return year + (2000 if year < 50 else 1900)


class _UnknownZone(ValueError):
    pass


def read_odd(text: str, order: DateOrder) -> OddDate | None:
    """The parts of a date, or None when dateutil cannot read it or had to invent, swap or ignore something."""
    if len(text) > _LONGEST or not text.isascii() or _ZONE_WITH_OFFSET.search(text):
        return None
    read = [_parse(text, order, default) for default in _DEFAULTS]
    found = read[0]
    if found is None or found != read[1] or not _weekday_agrees(text, found):
        return None
    without_offset = _OFFSET.sub("", text) if found.tzinfo else text
    fraction = _fraction(re.findall(r"\d+", without_offset), found, _MONTH_NAME.search(text) is not None, order)
    if fraction is None:
        return None
    offset = found.utcoffset()
    zone = None if offset is None else _zone_text(offset)
    return OddDate(found.year, found.month, found.day, found.hour, found.minute, found.second, fraction, zone)


def _parse(text: str, order: DateOrder, default: datetime.datetime) -> datetime.datetime | None:
    try:
        return parser.parse(
            text,
            parserinfo=_ParserInfo(),
            default=default,
            dayfirst=order is DateOrder.DMY,
            yearfirst=order is DateOrder.YMD,
            tzinfos=_known_zone,
        )
    except (ValueError, OverflowError, AssertionError, TypeError, IndexError):
        return None


def _known_zone(name: str | None, offset: int | None) -> datetime.tzinfo | None:
    if offset is not None:
        return datetime.timezone(datetime.timedelta(seconds=offset))
    if name is None:
        return None
    if name.lower() in _UTC_NAMES:
        return datetime.UTC
    raise _UnknownZone(name)


def _weekday_agrees(text: str, found: datetime.datetime) -> bool:
    named = _WEEKDAY.search(text)
    return named is None or _WEEKDAYS[found.weekday()] == named[1].lower()


def _fraction(numbers: Sequence[str], found: datetime.datetime, month_named: bool, order: DateOrder) -> str | None:
    """The digits of the fraction when every number of the text is accounted for, else None."""
    if len(numbers) > _MOST_NUMBERS:
        return None
    for places in combinations(range(len(numbers)), 2 if month_named else 3):
        date = [numbers[place] for place in places]
        time = [number for place, number in enumerate(numbers) if place not in places]
        if _is_date(date, found, month_named, order) and _is_time(time, found):
            return time[3] if len(time) == 4 else ""
    return None


def _is_date(numbers: Sequence[str], found: datetime.datetime, month_named: bool, order: DateOrder) -> bool:
    declared = "ymd" if len(numbers[0]) == 4 else _ORDERS[order]
    orders = ["dy", "yd"] if month_named else [declared]
    return any(all(map(_is_part, numbers, letters, [found] * 3)) for letters in orders)


def _is_part(number: str, letter: str, found: datetime.datetime) -> bool:
    if letter == "y":
        return len(number) in (2, 4) and int(number) in (found.year, found.year % 100)
    return int(number) == (found.month if letter == "m" else found.day)


def _is_time(numbers: Sequence[str], found: datetime.datetime) -> bool:
    if len(numbers) > 4:
        return False
    clock = [int(number) for number in numbers[:3]]
    hours = {found.hour, found.hour % 12 or 12}
    told = [found.hour if clock and clock[0] in hours else -1, found.minute, found.second]
    given = [found.hour, *clock[1:]] if clock else []
    microseconds = numbers[3][:6].ljust(6, "0") if len(numbers) == 4 else "0"
    return (
        given == told[: len(given)]
        and (found.hour, found.minute, found.second)[len(given) :] == (0,) * (3 - len(given))
        and int(microseconds) == found.microsecond
    )


def _zone_text(offset: datetime.timedelta) -> str:
    minutes = int(offset.total_seconds()) // 60
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"
