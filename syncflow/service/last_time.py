"""The times that a person names by the hour: 19:00 is the last time that it was."""

from datetime import datetime, time, timedelta

from syncflow.errors import UsageError


def last_time(text: str, now: datetime, of: str = "--since") -> datetime:
    """The last moment at which it was `19:00`, or a moment that is given with its day; without an offset in the time
    zone of this machine, as `now` is. Raises UsageError for what is no time, or is yet to come; `of` is what was
    given it."""
    try:
        found = _on_this_day(time.fromisoformat(text), now) if len(text) <= len("19:00:00") else _given(text)
    except (ValueError, OverflowError):
        raise UsageError(
            "{name} takes 19:00, or a day and a time such as 2026-07-01T19:00, not {text}.", name=of, text=repr(text)
        ) from None
    if found > now:
        raise UsageError("{name} {text} is yet to come. Name a time that has been.", name=of, text=text)
    return found


def _on_this_day(at: time, now: datetime) -> datetime:
    today = datetime.combine(now.date(), at).astimezone()
    return today if today <= now else datetime.combine(now.date() - timedelta(days=1), at).astimezone()


def _given(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone()
