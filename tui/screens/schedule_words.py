"""What the console says of schedules, in the operator's language; times are those of this machine's clock."""

from datetime import datetime, time
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from syncflow.i18n import formats
from syncflow.i18n.catalog import N_, _, plural
from syncflow.i18n.texts import told
from tui.marks import Tone
from tui.widgets.rows import Cell

if TYPE_CHECKING:
    from syncflow.scheduler.forecast import Forecast
    from syncflow.schedules import BackgroundSchedule, NightRecord
    from syncflow.service.schedules import ScheduleStatus, TimedEntity

STATES = {
    "open": ("▶", Tone.LIVE, N_("window open")),
    "waiting": ("○", Tone.QUIET, N_("waits")),
    "paused": ("‖", Tone.WARN, N_("paused")),
    "disabled": ("–", Tone.QUIET, N_("disabled")),
}
ENDS = {
    "slice_done": ("✔", Tone.GOOD, N_("its rows are done")),
    "cycle_done": ("✔", Tone.GOOD, N_("the table is through")),
    "window_end": ("◐", Tone.WARN, N_("the window closed")),
    "source_down": ("✖", Tone.BAD, N_("source or target was away")),
    "stopped": ("◐", Tone.WARN, N_("stopped")),
    "failed": ("✖", Tone.BAD, N_("failed")),
}
CHANGES = {
    "EACH_NIGHT": N_("come the same night, by a pass over the rowversion"),
    "NEXT_CYCLE": N_("come with the next cycle"),
}
HOURS = 24
_NOON = 12
_OPEN, _CLOSED, _NOW = "━", "┈", "●"
_DONE_ENDS = ("slice_done", "cycle_done")
_DONE, _LEFT, _STEPS = "█", "░", 8


def state(found: "ScheduleStatus") -> tuple[str, Tone]:
    if _is_done(found):
        return _("✔ done tonight"), Tone.GOOD
    sign, tone, name = STATES[found.state]
    return f"{sign} {_(name)}", tone


def _is_done(found: "ScheduleStatus") -> bool:
    """Whether this night has done its part; the window may be open still."""
    last = found.history[0] if found.history else None
    return (
        found.state == "open" and last is not None and last.night == found.night.date and str(last.reason) in _DONE_ENDS
    )


def ended(night: "NightRecord") -> Cell:
    if night.reason is None:
        return _("▶ at work"), Tone.LIVE
    sign, tone, name = ENDS[night.reason]
    return f"{sign} {_(name)}", tone


def night_bar(schedule: "BackgroundSchedule", now: datetime) -> str:
    """The window over a day of its zone, from noon to noon, a sign an hour; where it is now is marked."""
    here = now.astimezone(ZoneInfo(schedule.time_zone))
    hours = [(_NOON + place) % HOURS for place in range(HOURS)]
    signs = [_OPEN if _is_open(schedule, time(hour, 30)) else _CLOSED for hour in hours]
    signs[hours.index(here.hour)] = _NOW
    return "".join(signs)


def _is_open(schedule: "BackgroundSchedule", at: time) -> bool:
    start, end = schedule.window_start, schedule.window_end
    if start < end:
        return start <= at < end
    return at >= start or at < end


def window(schedule: "BackgroundSchedule") -> str:
    """`19:00-07:00 Europe/Berlin`, as it is typed."""
    from syncflow.scheduler.terms import window_text  # deferred: an import for who has schedules

    return f"{window_text(schedule.window_start, schedule.window_end)} {schedule.time_zone}"


def days(schedule: "BackgroundSchedule") -> str:
    """`mon-fri`, as it is typed."""
    from syncflow.scheduler.terms import days_text

    return days_text(schedule.days)


def progress(found: "ScheduleStatus") -> str:
    """`███░░░░░ 42%`."""
    if found.progress is None:
        return formats.NOTHING
    done = round(found.progress * _STEPS)
    return f"{_DONE * done}{_LEFT * (_STEPS - done)} {formats.percent(found.progress)}"


def rows(found: "ScheduleStatus") -> str:
    """`420,000 of 1,000,000`."""
    done, of = found.schedule.current_offset, found.schedule.source_rows
    if of is None:
        return formats.whole(done) if done else _("not begun")
    return _("{done} of {all}").format(done=formats.whole(done), all=formats.whole(of))


def tonight(found: "ScheduleStatus") -> str:
    """`open until 07:00 · night 3 of 7 · 20,000 of 150,000 rows`."""
    if _is_done(found):
        return plural("{n} row is done; it goes on next night", "{n} rows are done; it goes on next night",
                      found.history[0].rows)  # fmt: skip
    parts = [_when(found), _("night {n} of {of}").format(
        n=formats.whole(found.night_number), of=formats.whole(found.schedule.days_to_complete)
    )]  # fmt: skip
    if found.rows_tonight is None:
        parts.append(_("rows not counted yet"))
    elif found.begun:
        done = sum(each.rows for each in found.begun)
        said = _("{done} of {all} rows").format(done=formats.whole(done), all=formats.whole(found.rows_tonight))
        parts.append(said)
    else:
        parts.append(plural("{n} row planned", "{n} rows planned", found.rows_tonight))
    return " · ".join(parts)


def _when(found: "ScheduleStatus") -> str:
    if found.state == "open":
        return _("open until {}").format(formats.soon(found.night.closes))
    return _("from {opens} to {closes}").format(
        opens=formats.soon(found.night.opens), closes=formats.soon(found.night.closes)
    )


def forecast(of: "Forecast") -> str:
    """`finishes in night 5 of 7, about 02:40; one night late if the source stays as slow as last night`."""
    if of.finishes_at is None or of.night_number is None:
        return told(of.reason) if of.reason else formats.NOTHING
    said = _("finishes in night {n} of {of}, about {at}").format(
        n=formats.whole(of.night_number), of=formats.whole(of.of_nights), at=formats.soon(of.finishes_at)
    )
    if of.late_nights:
        return f"{said}: {_late(of.late_nights)}"
    if of.late_if_slow:
        slow = _("{late} if the source stays as slow as last night").format(late=_late(of.late_if_slow))
        return f"{said}; {slow}"
    return said


def _late(nights: int) -> str:
    if nights > HOURS * _NOON:
        return _("more than a year late")
    return plural("{n} night late", "{n} nights late", nights)


def forecast_tone(of: "Forecast") -> Tone:
    if of.late_nights:
        return Tone.BAD
    return Tone.WARN if of.late_if_slow else Tone.PLAIN if of.finishes_at is not None else Tone.QUIET


def timed(each: "TimedEntity") -> Cell:
    """`every 15 min · next 05:30:00`."""
    if each.error is not None:
        return each.error, Tone.BAD
    when = _("with the next look") if each.next_at is None else formats.soon(each.next_at)
    return _("{how} · next {when}").format(when=when, how=each.cadence), Tone.PLAIN
