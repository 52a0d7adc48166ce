"""Numbers, percentages and times as the operator's language writes them. Times are shown in this machine's zone.

Digits are the language's own. Dates are Jalali in Persian, unless the operator asked for Gregorian ones. Babel is
imported by those who need it: many an English command writes whole numbers only.
"""

from datetime import UTC, date, datetime, timedelta
from datetime import time as Time
from typing import TYPE_CHECKING

from syncflow.i18n.catalog import ENGLISH, _, language
from syncflow.i18n.digits import native, native_percent

if TYPE_CHECKING:
    from persiantools.jdatetime import JalaliDate

MINUTE, HOUR = 60, 3600
NOTHING = "–"
_NEAR = timedelta(hours=18)
"""Nobody takes the time of day for that of another day."""
_LOCALES = {"ar": "ar_EG"}
"""Where a language alone has not the separators that belong to its digits."""
_MOMENTS = {"fa": "yyyy/MM/dd HH:mm:ss", "ar": "yyyy/MM/dd HH:mm:ss", "tr": "dd.MM.yyyy HH:mm:ss"}
_ISO = "yyyy-MM-dd HH:mm:ss"


class _Calendar:
    """The calendar that everybody in this process reads Persian dates in."""

    is_gregorian = False


_calendar = _Calendar()


def use_gregorian(wanted: bool) -> None:
    """Whether dates in Persian are Gregorian from now on, not Jalali. Other languages have Gregorian dates always."""
    _calendar.is_gregorian = wanted


def is_jalali() -> bool:
    """Whether dates are shown in the Jalali calendar now."""
    return language() == "fa" and not _calendar.is_gregorian


def _locale() -> str:
    return _LOCALES.get(language(), language())


def whole(number: int) -> str:
    return f"{number:,}" if language() == ENGLISH else _decimal(number, "#,##0")


def fraction(number: float) -> str:
    """With two decimals."""
    return _decimal(number, "#,##0.00")


def _decimal(number: float, pattern: str) -> str:
    from babel.numbers import format_decimal

    return native(format_decimal(number, pattern, locale=_locale(), numbering_system="default"), language())


def short(number: float) -> str:
    """Three figures or so, for narrow places: 1.2M."""
    if number < 1000:
        return whole(round(number))
    from babel.numbers import format_compact_decimal

    said = format_compact_decimal(number, locale=_locale(), fraction_digits=1, numbering_system="default")
    return native(said, language())


def percent(share: float) -> str:
    """`share` is 0 to 1. Never 100 % for what is not all of it, nor 0 % for what is not nothing."""
    if 0 < share < 0.001:
        return "<" + _percent(0.001, "0.0%")
    kept = min(share, 0.999) if share < 1 else share
    return _percent(kept, "0.#%")


def _percent(share: float, pattern: str) -> str:
    from babel.numbers import format_percent

    pattern = f"%{pattern[:-1]}" if language() == "tr" else pattern
    return native_percent(format_percent(share, pattern, locale=_locale(), numbering_system="default"), language())


def rate(rows: float, seconds: float) -> str:
    """Rows a second."""
    return _("{rows}/s").format(rows=short(rows / seconds) if seconds > 0 else NOTHING)


def moment(time: datetime | None) -> str:
    """Date and time to the second, in the same width always."""
    if time is None:
        return NOTHING
    here = time.astimezone()
    if is_jalali():
        day = _jalali(here)
        return native(f"{day:%Y/%m/%d} {here:%H:%M:%S}", language())
    return _written(here, _MOMENTS.get(language(), _ISO))


def written(value: int | date | Time) -> str:
    """A count, a date or a time to the minute, each as it stands."""
    if isinstance(value, int):
        return whole(value)
    if isinstance(value, Time):
        return native(f"{value:%H:%M}", language())
    return f"{day(value)} {written(value.time())}" if isinstance(value, datetime) else day(value)


def _written(time: datetime, pattern: str) -> str:
    from babel.dates import format_datetime

    return native(format_datetime(time, pattern, locale=_locale()), language())


def clock(time: datetime | None) -> str:
    """The time of today, the day of other days."""
    if time is None:
        return NOTHING
    here = time.astimezone()
    if here.date() == datetime.now(UTC).astimezone().date():
        return native(f"{here:%H:%M:%S}", language())
    return _day_and_hour(here)


def _day_and_hour(here: datetime) -> str:
    if is_jalali():
        day_ = _jalali(here)
        return native(f"{day_.day} {day_.strftime('%B', locale='fa')} {here:%H:%M}", language())
    return _written(here, "d MMM HH:mm")


def day(of: date) -> str:
    """A date."""
    from babel.dates import format_date

    if is_jalali():
        return native(f"{_jalali(of):%Y/%m/%d}", language())
    return native(format_date(of, _MOMENTS.get(language(), _ISO).split()[0], locale=_locale()), language())


def soon(time: datetime) -> str:
    """To the minute: the time of day of what is near, the day as well of what is not."""
    here = time.astimezone()
    return hour(time) if abs(time - datetime.now(UTC)) < _NEAR else _day_and_hour(here)


def hour(time: datetime) -> str:
    """The time of day, to the minute."""
    return native(f"{time.astimezone():%H:%M}", language())


def _jalali(day: date) -> "JalaliDate":
    from persiantools.jdatetime import JalaliDate  # deferred: only Persian needs it

    found: JalaliDate = JalaliDate.to_jalali(day.year, day.month, day.day)  # type: ignore[no-untyped-call]
    return found


def ago(time: datetime | None, now: datetime) -> str:
    """How long since then: `3 min`."""
    if time is None:
        return NOTHING
    return span(max((now - time).total_seconds(), 0.0))


def span(seconds: float) -> str:
    """A duration in its largest unit."""
    from babel.dates import format_timedelta

    said = format_timedelta(timedelta(seconds=round(seconds)), threshold=1.5, format="short", locale=_locale())
    return native(said, language())


def stopwatch(seconds: float) -> str:
    """A duration to the second: 4:05, 1:04:05; below ten seconds with one decimal."""
    if seconds < 10:
        return _("{seconds} s").format(seconds=_decimal(seconds, "0.0"))
    minutes, rest = divmod(int(seconds), MINUTE)
    hours, minutes = divmod(minutes, MINUTE)
    return native(f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}", language())
