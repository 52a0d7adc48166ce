"""How much of a table one night takes: the rest, shared among the nights that are left.

The plan is made anew each night from what is really left, so a night that was missed, was short or met a source that
had grown is caught up by those that follow, and never by day.
"""

from datetime import datetime

from syncflow.scheduler.window import Night, Window
from syncflow.schedules import BackgroundSchedule


def rows_tonight(source_rows: int, done: int, nights_left: int, chunk_rows: int) -> int:
    """How many rows a night is to settle, in whole chunks, for chunks are not cut; at most what is left, all of it in
    the last night. 0 only when nothing is left. `nights_left` counts tonight; less than 1 (late already) is 1."""
    left = max(0, source_rows - done)
    share = -(-left // max(1, nights_left))
    return min(left, -(-share // chunk_rows) * chunk_rows)


def night_number(window: Window, cycle_started_at: datetime | None, tonight: Night) -> int:
    """Which night of its cycle this is, from 1; nights in which nothing was done count. Without a start, tonight is the
    first."""
    if cycle_started_at is None or cycle_started_at >= tonight.closes:
        return 1
    return window.nights_between(cycle_started_at, tonight.opens) + 1


def nights_left(schedule: BackgroundSchedule, tonight: Night) -> int:
    """The nights in which the cycle is to be finished, tonight among them; 1 in the last one and in all that are
    late."""
    number = night_number(Window.of(schedule), schedule.cycle_started_at, tonight)
    return max(1, schedule.days_to_complete - number + 1)
