"""When a cycle will be finished, from what past nights of the same schedule have measured; never without a base."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import dropwhile, islice
from statistics import median
from zoneinfo import ZoneInfo

from syncflow.i18n.texts import Counted, Text
from syncflow.scheduler.slicing import night_number, rows_tonight
from syncflow.scheduler.window import Night, Window
from syncflow.schedules import BackgroundSchedule, NightEnd, NightRecord

RATES_USED = 7
"""The last nights that say how fast it goes."""
NIGHTS_AHEAD = 400
"""Further than this nobody plans."""
_OVER = (NightEnd.SLICE_DONE, NightEnd.CYCLE_DONE)
NOT_MEASURED = Text("no night has been measured yet")
PAUSED = Text("it is paused: no night is worked on")
DISABLED = Text("it is disabled: no night is worked on")
TOO_FAR = Text(
    "at the measured rate it would take more than a year of nights: widen the window, or make the source faster"
)


@dataclass(frozen=True)
class Forecast:
    """In which night of its cycle a schedule finishes, of the `of_nights` that it may take, and when (UTC). `rate` is
    the rows a second of work that it goes by. `late_if_slow` are the late nights if the source stays as slow as last
    night (NIGHTS_AHEAD: who knows). Without a base all of it is None, and `reason` says why; `zone` is for the
    sentence."""

    of_nights: int
    zone: str
    night_number: int | None = None
    finishes_at: datetime | None = None
    late_nights: int = 0
    late_if_slow: int = 0
    rate: float | None = None
    measured_nights: int = 0
    reason: Text | None = None

    @property
    def sentence(self) -> Text:
        """`finishes in night 5 of 7, about 02:40 on 2026-11-26; one night late if the source stays as slow as last
        night`."""
        if self.reason is not None:
            return self.reason
        if self.finishes_at is None or self.night_number is None:
            return NOT_MEASURED
        at = _round(self.finishes_at.astimezone(ZoneInfo(self.zone)))
        values = {"night": self.night_number, "nights": self.of_nights, "time": at.time(), "date": at.date()}
        if self.late_nights:
            late = _late(self.late_nights)
            return Text("finishes in night {night} of {nights}, about {time} on {date}: {late}", late=late, **values)
        if self.late_if_slow:
            late = _late(self.late_if_slow)
            return Text(
                "finishes in night {night} of {nights}, about {time} on {date}; {late} if the source stays as slow as "
                "last night",
                late=late, **values,
            )  # fmt: skip
        return Text("finishes in night {night} of {nights}, about {time} on {date}", **values)


def forecast(schedule: BackgroundSchedule, history: Sequence[NightRecord], now: datetime, chunk_rows: int) -> Forecast:
    """What the schedule would come to, night after night, if nothing went wrong. `history` are the records of its last
    nights, of this cycle and earlier ones, the newest first; the night that is at work now counts with what it has."""
    silent = Forecast(schedule.days_to_complete, schedule.time_zone)
    if not schedule.active:
        return replace(silent, reason=PAUSED if schedule.enabled else DISABLED)
    rates = [night.rows / night.seconds for night in history if night.rows > 0 and night.seconds > 0][:RATES_USED]
    if not rates or schedule.source_rows is None:
        return replace(silent, reason=NOT_MEASURED)
    ahead = _Ahead(schedule, history, now, chunk_rows)
    usual, slow = ahead.end(median(rates)), ahead.end(min(rates[0], median(rates)))
    if usual is None:
        return replace(silent, reason=TOO_FAR)
    return replace(
        silent,
        night_number=usual.number,
        finishes_at=usual.at,
        late_nights=max(0, usual.number - schedule.days_to_complete),
        late_if_slow=NIGHTS_AHEAD if slow is None else max(0, slow.number - schedule.days_to_complete),
        rate=median(rates),
        measured_nights=len(rates),
    )


@dataclass(frozen=True)
class _End:
    """The last row is settled at this instant, in the night of this number."""

    number: int
    at: datetime


class _Ahead:
    """The nights to come, worked through in thought."""

    def __init__(
        self, schedule: BackgroundSchedule, history: Sequence[NightRecord], now: datetime, chunk_rows: int
    ) -> None:
        self._schedule = schedule
        self._window = Window.of(schedule)
        self._history = history
        self._now = now
        self._chunk_rows = chunk_rows

    def end(self, rate: float) -> _End | None:
        """Where a cycle ends at so many rows a second; None when that is too far away to say."""
        source_rows, done = self._schedule.source_rows or 0, self._schedule.current_offset
        nights = dropwhile(self._is_over, self._window.nights_from(self._now))
        number: int | None = None
        for night in islice(nights, NIGHTS_AHEAD):
            number = (
                night_number(self._window, self._schedule.cycle_started_at, night) if number is None else number + 1
            )
            begins = max(self._now, night.opens)
            possible = int(rate * (night.closes - begins).total_seconds())
            settled = min(self._planned(night, number, done), possible)
            done += settled
            if done >= source_rows:
                return _End(number, begins + timedelta(seconds=settled / rate))
        return None

    def _is_over(self, night: Night) -> bool:
        """Whether a night has done all that it was to do: there is one batch a night."""
        return any(each.reason in _OVER for each in self._history if each.night == night.date)

    def _planned(self, night: Night, number: int, done: int) -> int:
        """What a night has yet to settle; one that was begun keeps its plan."""
        begun = [each for each in self._history if each.night == night.date and each.cycle == self._schedule.cycle]
        if begun:
            return max(0, max(each.planned for each in begun) - sum(each.rows for each in begun))
        left = max(1, self._schedule.days_to_complete - number + 1)
        return rows_tonight(self._schedule.source_rows or 0, done, left, self._chunk_rows)


def _late(nights: int) -> Text:
    if nights >= NIGHTS_AHEAD:
        return Text("more than a year late")
    return Text("one night late") if nights == 1 else Counted("{n} night late", "{n} nights late", nights)


def _round(at: datetime) -> datetime:
    """To ten minutes: it is no train."""
    minutes = timedelta(minutes=at.minute % 10, seconds=at.second, microseconds=at.microsecond)
    return at - minutes + (timedelta(minutes=10) if minutes >= timedelta(minutes=5) else timedelta(0))
