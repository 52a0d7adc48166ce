"""How late a cycle is expected to be, against the nights that it was given."""

from datetime import datetime, timedelta
from itertools import islice

from syncflow.scheduler.forecast import Forecast
from syncflow.scheduler.window import Window
from syncflow.schedules import BackgroundSchedule


def late_by(schedule: BackgroundSchedule, foreseen: Forecast, now: datetime) -> timedelta | None:
    """How long after the end of its last planned night the cycle is expected to be complete; nothing where it is in
    time, None where nothing can be foreseen."""
    if foreseen.finishes_at is None:
        return None
    nights = Window.of(schedule).nights_from(schedule.cycle_started_at or now)
    last = next(islice(nights, schedule.days_to_complete - 1, None))
    return max(timedelta(0), foreseen.finishes_at - last.closes)
