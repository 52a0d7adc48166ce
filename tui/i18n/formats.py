"""Numbers, percentages and times as the operator's language writes them. Times are shown in this machine's zone."""

from datetime import UTC, datetime, timedelta

from babel.dates import format_datetime, format_time, format_timedelta
from babel.numbers import format_compact_decimal, format_decimal, format_percent

from tui.i18n.catalog import _, language

MINUTE, HOUR = 60, 3600
NOTHING = "–"


def whole(number: int) -> str:
    return format_decimal(number, "#,##0", locale=language())


def short(number: float) -> str:
    """Three figures or so, for narrow places: 1.2M."""
    if number < 1000:
        return whole(round(number))
    return format_compact_decimal(number, locale=language(), fraction_digits=1)


def percent(share: float) -> str:
    """`share` is 0 to 1. Never 100 % for what is not all of it, nor 0 % for what is not nothing."""
    if 0 < share < 0.001:
        return "<" + format_percent(0.001, "0.0%", locale=language())
    kept = min(share, 0.999) if share < 1 else share
    return format_percent(kept, "0.#%", locale=language())


def rate(rows: float, seconds: float) -> str:
    """Rows a second."""
    return _("{rows}/s").format(rows=short(rows / seconds) if seconds > 0 else NOTHING)


def moment(time: datetime | None) -> str:
    """Date and time to the second, in the same width always."""
    return NOTHING if time is None else format_datetime(time.astimezone(), "yyyy-MM-dd HH:mm:ss", locale=language())


def clock(time: datetime | None) -> str:
    """The time of today, the day of other days."""
    if time is None:
        return NOTHING
    here = time.astimezone()
    if here.date() == datetime.now(UTC).astimezone().date():
        return format_time(here, "HH:mm:ss", locale=language())
    return format_datetime(here, "d MMM HH:mm", locale=language())


def ago(time: datetime | None, now: datetime) -> str:
    """How long since then: `3 min`."""
    if time is None:
        return NOTHING
    return span(max((now - time).total_seconds(), 0.0))


def span(seconds: float) -> str:
    """A duration in its largest unit."""
    return format_timedelta(timedelta(seconds=round(seconds)), threshold=1.5, format="short", locale=language())


def stopwatch(seconds: float) -> str:
    """A duration to the second: 4:05, 1:04:05; below ten seconds with one decimal."""
    if seconds < 10:
        return _("{seconds} s").format(seconds=format_decimal(seconds, "0.0", locale=language()))
    minutes, rest = divmod(int(seconds), MINUTE)
    hours, minutes = divmod(minutes, MINUTE)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
