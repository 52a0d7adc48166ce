"""Schedules as a terminal shows them; times are those of each schedule's own zone."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from syncflow.cli.figures import count, duration, local_time, per_second, plural, table
from syncflow.scheduler.terms import days_text, window_text
from syncflow.schedules import BackgroundSchedule, NightEnd, NightRecord
from syncflow.service.schedules import Schedules, ScheduleState, ScheduleStatus, TimedEntity


def list_lines(found: Schedules) -> Iterator[str]:
    if found.nights:
        header = ["entity", "window", "days", "cycle", "done", "of rows", "%", "tonight"]
        rows = [_row(each) for each in found.nights]
        yield from table(header, rows, left=("entity", "window", "days", "tonight"))
        yield ""
        yield from (f"{each.schedule.entity}: {each.forecast_text}." for each in found.nights)
    if found.nights and found.timed:
        yield ""
    if found.timed:
        header = ["entity", "schedule", "next", "last"]
        yield from table(header, [_timed(each) for each in found.timed], left=header)
        yield from (f"{each.entity}: {each.error}" for each in found.timed if each.error is not None)


def show_lines(found: ScheduleStatus) -> Iterator[str]:
    schedule = found.schedule
    yield terms_line(schedule)
    yield f"state      {_state(found)}"
    yield f"cycle      {_cycle(schedule)}"
    yield f"progress   {_progress(found)}"
    yield f"tonight    {tonight_text(found)}"
    yield f"forecast   {found.forecast_text}"
    yield f"changes    rows that change behind the cursor come {_CHANGES[found.changes.name]}"
    if found.history:
        yield ""
        yield from _history(found.history)


def terms_line(schedule: BackgroundSchedule) -> str:
    """`items: 19:00-07:00 Europe/Berlin, mon-fri, the whole table in 7 nights`."""
    window = window_text(schedule.window_start, schedule.window_end)
    nights = plural(schedule.days_to_complete, "night")
    off = "" if schedule.enabled else ", disabled"
    days = days_text(schedule.days)
    return f"{schedule.entity}: {window} {schedule.time_zone}, {days}, the whole table in {nights}{off}"


def tonight_text(found: ScheduleStatus) -> str:
    """`open until 2026-11-24 07:00, night 3 of 7, 1,050,000 rows planned`; once it has begun, how far it is."""
    night, zone = found.night, ZoneInfo(found.schedule.time_zone)
    if found.state is ScheduleState.OPEN:
        when = f"open until {_clock(night.closes, zone)}"
    else:
        when = f"{_clock(night.opens, zone)} to {_clock(night.closes, zone)}"
    of = f"night {found.night_number} of {found.schedule.days_to_complete}"
    if found.rows_tonight is None:
        return f"{when}, {of}, rows not counted yet"
    if found.begun:
        ended = found.begun[0].reason
        rows = f"{count(sum(each.rows for each in found.begun))} of {count(found.rows_tonight)} planned rows"
        return f"{when}, {of}, {rows}{'' if ended is None else f', {_words(ended)}'}"
    return f"{when}, {of}, {plural(found.rows_tonight, 'row')} planned"


def _words(reason: NightEnd) -> str:
    return reason.replace("_", " ")


_CHANGES = {"EACH_NIGHT": "by a rowversion pass each night", "NEXT_CYCLE": "with the next cycle"}


def _row(found: ScheduleStatus) -> list[str]:
    schedule = found.schedule
    return [
        schedule.entity,
        f"{window_text(schedule.window_start, schedule.window_end)} {schedule.time_zone}",
        days_text(schedule.days),
        str(schedule.cycle),
        count(schedule.current_offset),
        "" if schedule.source_rows is None else count(schedule.source_rows),
        "" if found.progress is None else f"{100 * found.progress:.0f}",
        tonight_text(found) if found.state in (ScheduleState.OPEN, ScheduleState.WAITING) else str(found.state),
    ]


def _timed(each: TimedEntity) -> list[str]:
    """In the time zone of this machine."""
    return [each.entity, each.cadence, local_time(each.next_at) or "never", local_time(each.last_at)]


def _state(found: ScheduleStatus) -> str:
    if found.state is ScheduleState.PAUSED:
        return f"paused; go on with: syncflow schedules resume {found.schedule.entity}"
    if found.state is ScheduleState.DISABLED:
        if found.schedule.enabled:
            return f"its entity is disabled: syncflow entities update {found.schedule.entity} --set sync_enabled=true"
        return f"disabled; enable it with: syncflow schedules set {found.schedule.entity} --enable"
    return "its window is open" if found.state is ScheduleState.OPEN else "waiting for its window"


def _cycle(schedule: BackgroundSchedule) -> str:
    if schedule.cycle_started_at is None:
        return f"{schedule.cycle}, not begun"
    began = _clock(schedule.cycle_started_at, ZoneInfo(schedule.time_zone))
    return f"{schedule.cycle}, begun {began}, worked on in {plural(schedule.nights, 'night')}"


def _progress(found: ScheduleStatus) -> str:
    schedule = found.schedule
    if schedule.source_rows is None or found.progress is None:
        return f"{plural(schedule.current_offset, 'row')}; the source is counted in its first night"
    return f"{count(schedule.current_offset)} of {plural(schedule.source_rows, 'row')} ({100 * found.progress:.1f} %)"


def _history(nights: Sequence[NightRecord]) -> list[str]:
    header = ["night", "cycle", "planned", "rows", "worked", "rows/s", "ended", "batch"]
    rows = [
        [
            night.night.isoformat(),
            str(night.cycle),
            count(night.planned),
            count(night.rows),
            duration(night.seconds),
            count(per_second(night.rows, night.seconds)),
            "" if night.reason is None else _words(night.reason),
            str(night.batch),
        ]
        for night in nights
    ]
    return table(header, rows, left=("night", "ended", "batch"))


def _clock(moment: datetime, zone: ZoneInfo) -> str:
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M}"
