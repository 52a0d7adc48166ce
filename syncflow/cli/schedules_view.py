"""Schedules as a terminal shows them; times are those of each schedule's own zone."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

from syncflow.cli.figures import count, duration, facts, local_time, per_second, table
from syncflow.i18n.catalog import ENGLISH, N_, _, language, plural
from syncflow.i18n.digits import native
from syncflow.i18n.formats import day, percent
from syncflow.i18n.texts import retold, told
from syncflow.scheduler.terms import days_text, window_text
from syncflow.schedules import BackgroundSchedule, NightEnd, NightRecord
from syncflow.service.schedules import Schedules, ScheduleState, ScheduleStatus, TimedEntity


def list_lines(found: Schedules) -> Iterator[str]:
    if found.nights:
        header = [N_("entity"), N_("window"), N_("days"), N_("cycle"), N_("done"), N_("of rows"), "%", N_("tonight")]
        rows = [_row(each) for each in found.nights]
        yield from table(header, rows, left=("entity", "window", "days", "tonight"))
        yield ""
        yield from (f"{each.schedule.entity}: {told(each.forecast_text)}." for each in found.nights)
    if found.nights and found.timed:
        yield ""
    if found.timed:
        header = [N_("entity"), N_("schedule"), N_("next"), N_("last")]
        yield from table(header, [_timed(each) for each in found.timed], left=header)
        yield from (f"{each.entity}: {retold(each.error)}" for each in found.timed if each.error is not None)


def show_lines(found: ScheduleStatus) -> Iterator[str]:
    schedule = found.schedule
    yield terms_line(schedule)
    facts_told = {
        N_("state"): _state(found),
        N_("cycle"): _cycle(schedule),
        N_("progress"): _progress(found),
        N_("tonight"): tonight_text(found),
        N_("forecast"): told(found.forecast_text),
        N_("changes"): _(_CHANGES[found.changes.name]),
    }
    yield from facts(facts_told, least=LABELS)
    if found.history:
        yield ""
        yield from _history(found.history)


def terms_line(schedule: BackgroundSchedule) -> str:
    """`items: 19:00-07:00 Europe/Berlin, mon-fri, the whole table in 7 nights`."""
    window = window_text(schedule.window_start, schedule.window_end)
    nights = plural("the whole table in {n} night", "the whole table in {n} nights", schedule.days_to_complete)
    off = [] if schedule.enabled else [_("disabled")]
    parts = [f"{schedule.entity}: {window} {schedule.time_zone}", days_text(schedule.days), nights, *off]
    return _(", ").join(parts)


def tonight_text(found: ScheduleStatus) -> str:
    """`open until 2026-11-24 07:00, night 3 of 7, 1,050,000 rows planned`; once it has begun, how far it is."""
    night, zone = found.night, ZoneInfo(found.schedule.time_zone)
    if found.state is ScheduleState.OPEN:
        when = _("open until {time}").format(time=_clock(night.closes, zone))
    else:
        when = _("{start} to {end}").format(start=_clock(night.opens, zone), end=_clock(night.closes, zone))
    of = _("night {number} of {all}").format(
        number=count(found.night_number), all=count(found.schedule.days_to_complete)
    )
    if found.rows_tonight is None:
        return _(", ").join([when, of, _("rows not counted yet")])
    if found.begun:
        ended = found.begun[0].reason
        done, planned = count(sum(each.rows for each in found.begun)), count(found.rows_tonight)
        rows = _("{done} of {planned} planned rows").format(done=done, planned=planned)
        return _(", ").join([when, of, rows, *([] if ended is None else [_words(ended)])])
    return _(", ").join([when, of, plural("{n} row planned", "{n} rows planned", found.rows_tonight)])


def _words(reason: NightEnd) -> str:
    return _(ENDS[reason])


LABELS = 9
ENDS = {
    NightEnd.SLICE_DONE: N_("slice done"),
    NightEnd.CYCLE_DONE: N_("cycle done"),
    NightEnd.WINDOW_END: N_("window end"),
    NightEnd.SOURCE_DOWN: N_("source down"),
    NightEnd.STOPPED: N_("stopped"),
    NightEnd.FAILED: N_("failed"),
}
_CHANGES = {
    "EACH_NIGHT": N_("rows that change behind the cursor come by a rowversion pass each night"),
    "NEXT_CYCLE": N_("rows that change behind the cursor come with the next cycle"),
}


def _row(found: ScheduleStatus) -> list[str]:
    schedule = found.schedule
    return [
        schedule.entity,
        f"{window_text(schedule.window_start, schedule.window_end)} {schedule.time_zone}",
        days_text(schedule.days),
        count(schedule.cycle),
        count(schedule.current_offset),
        "" if schedule.source_rows is None else count(schedule.source_rows),
        "" if found.progress is None else f"{100 * found.progress:.0f}",
        tonight_text(found) if found.state in (ScheduleState.OPEN, ScheduleState.WAITING) else _(found.state),
    ]


def _timed(each: TimedEntity) -> list[str]:
    """In the time zone of this machine."""
    return [each.entity, each.cadence, local_time(each.next_at) or _("never"), local_time(each.last_at)]


def _state(found: ScheduleStatus) -> str:
    if found.state is ScheduleState.PAUSED:
        said = _("paused; go on with: syncflow schedules resume {entity}")
    elif found.state is ScheduleState.DISABLED and found.schedule.enabled:
        said = _("its entity is disabled: syncflow entities update {entity} --set sync_enabled=true")
    elif found.state is ScheduleState.DISABLED:
        said = _("disabled; enable it with: syncflow schedules set {entity} --enable")
    else:
        said = _("its window is open") if found.state is ScheduleState.OPEN else _("waiting for its window")
    return said.format(entity=found.schedule.entity)


def _cycle(schedule: BackgroundSchedule) -> str:
    if schedule.cycle_started_at is None:
        return _("{cycle}, not begun").format(cycle=count(schedule.cycle))
    began = _clock(schedule.cycle_started_at, ZoneInfo(schedule.time_zone))
    return plural(
        "{cycle}, begun {time}, worked on in {n} night",
        "{cycle}, begun {time}, worked on in {n} nights",
        schedule.nights,
        cycle=count(schedule.cycle),
        time=began,
    )


def _progress(found: ScheduleStatus) -> str:
    schedule = found.schedule
    if schedule.source_rows is None or found.progress is None:
        return plural(
            "{n} row; the source is counted in its first night",
            "{n} rows; the source is counted in its first night",
            schedule.current_offset,
        )
    share = f"{100 * found.progress:.1f} %" if language() == ENGLISH else percent(found.progress)
    return plural(
        "{done} of {n} row ({share})",
        "{done} of {n} rows ({share})",
        schedule.source_rows,
        done=count(schedule.current_offset),
        share=share,
    )


def _history(nights: Sequence[NightRecord]) -> list[str]:
    counts = [N_("cycle"), N_("planned"), N_("rows"), N_("worked"), N_("rows/s")]
    header = [N_("night"), *counts, N_("ended"), N_("batch")]
    rows = [
        [
            _day(night.night),
            count(night.cycle),
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
    there = moment.astimezone(zone)
    return f"{_day(there.date())} {native(f'{there:%H:%M}', language())}"


def _day(of: date) -> str:
    return of.isoformat() if language() == ENGLISH else day(of)
