"""When a cycle will be finished: from measured nights, or not at all."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncflow.scheduler.forecast import forecast
from syncflow.scheduler.slicing import nights_left, rows_tonight
from syncflow.scheduler.window import Window
from syncflow.schedules import BackgroundSchedule, NightEnd, NightRecord

pytestmark = pytest.mark.unit

MONDAY = datetime(2026, 11, 23, 17, 30, tzinfo=UTC)  # 18:30 in Berlin: the window of night 3 opens in half an hour
SCHEDULE = BackgroundSchedule(
    uid=UUID(int=1),
    entity="items",
    time_zone="Europe/Berlin",
    days_to_complete=4,
    cycle_started_at=MONDAY - timedelta(days=2) + timedelta(hours=1),
    current_offset=4_000_000,
    source_rows=8_000_000,
    nights=2,
)
CHUNK = 50_000


def _night(day: date, rows: int, seconds: float, reason: NightEnd | None = NightEnd.SLICE_DONE) -> NightRecord:
    opened = datetime.combine(day, time(18), tzinfo=UTC)
    return NightRecord(SCHEDULE.uid, day, UUID(int=day.day), 1, 2_000_000, opened, None, rows, seconds, reason)


HISTORY = (_night(date(2026, 11, 22), 2_000_000, 20_000.0), _night(date(2026, 11, 21), 2_000_000, 20_000.0))


def _said(schedule: BackgroundSchedule, history: tuple[NightRecord, ...], now: datetime = MONDAY) -> str:
    return str(forecast(schedule, history, now, CHUNK).sentence)


def test_at_the_measured_rate_the_last_slice_ends_in_the_last_night() -> None:
    found = forecast(SCHEDULE, HISTORY, MONDAY, CHUNK)
    # 2,000,000 rows at 100 a second: 20,000 seconds after 19:00
    assert found.finishes_at == datetime(2026, 11, 24, 18, tzinfo=UTC) + timedelta(seconds=20_000)
    assert (found.night_number, found.of_nights, found.late_nights, found.rate) == (4, 4, 0, 100.0)
    assert str(found.sentence) == "finishes in night 4 of 4, about 00:30 on 2026-11-25"


def test_a_slow_last_night_is_told() -> None:
    slow = (_night(date(2026, 11, 22), 1_000_000, 40_000.0, NightEnd.WINDOW_END), *HISTORY[1:], *HISTORY[1:])
    said = _said(replace(SCHEDULE, current_offset=3_000_000), slow)
    assert said == (
        "finishes in night 4 of 4, about 02:00 on 2026-11-25; 3 nights late if the source stays as slow as last night"
    )


def test_nights_that_do_not_suffice_make_it_late() -> None:
    # 50 rows a second are 2,160,000 in 12 hours, and 5,000,000 are left
    slow = tuple(replace(night, seconds=40_000.0) for night in HISTORY)
    found = forecast(replace(SCHEDULE, current_offset=3_000_000), slow, MONDAY, CHUNK)
    assert (found.night_number, found.late_nights) == (5, 1)
    assert str(found.sentence).endswith("in night 5 of 4, about 22:50 on 2026-11-25: one night late")


@pytest.mark.parametrize(
    ("schedule", "history", "said"),
    [
        (SCHEDULE, (), "no night has been measured yet"),
        (SCHEDULE, (_night(date(2026, 11, 22), 0, 30.0, NightEnd.SOURCE_DOWN),), "no night has been measured yet"),
        (replace(SCHEDULE, source_rows=None), HISTORY, "no night has been measured yet"),
        (replace(SCHEDULE, paused=True), HISTORY, "it is paused: no night is worked on"),
        (replace(SCHEDULE, enabled=False), HISTORY, "it is disabled: no night is worked on"),
        (replace(SCHEDULE, source_rows=10**12), HISTORY, "more than a year of nights"),
    ],
)
def test_without_a_base_there_is_no_number(
    schedule: BackgroundSchedule, history: tuple[NightRecord, ...], said: str
) -> None:
    found = forecast(schedule, history, MONDAY, CHUNK)
    assert said in str(found.sentence)
    assert (found.finishes_at, found.night_number, found.rate) == (None, None, None)


def test_the_night_at_work_goes_on_with_what_is_left_of_its_slice() -> None:
    at_work = replace(_night(date(2026, 11, 23), 1_000_000, 10_000.0, None), planned=4_000_000)
    schedule = replace(SCHEDULE, days_to_complete=3, current_offset=5_000_000)
    now = datetime(2026, 11, 23, 21, tzinfo=UTC)
    found = forecast(schedule, (at_work, *HISTORY), now, CHUNK)
    assert found.finishes_at == now + timedelta(seconds=30_000)
    assert (found.night_number, found.late_nights) == (3, 0)


@pytest.mark.parametrize("reason", [NightEnd.SLICE_DONE, NightEnd.CYCLE_DONE])
def test_a_night_that_is_done_does_nothing_more(reason: NightEnd) -> None:
    done = _night(date(2026, 11, 23), 2_000_000, 20_000.0, reason)
    now = datetime(2026, 11, 24, 1, tzinfo=UTC)
    found = forecast(replace(SCHEDULE, current_offset=6_000_000), (done, *HISTORY), now, CHUNK)
    assert found.finishes_at == datetime(2026, 11, 24, 18, tzinfo=UTC) + timedelta(seconds=20_000)
    fresh = replace(SCHEDULE, cycle=2, current_offset=0, cycle_started_at=None, days_to_complete=1)
    assert forecast(fresh, (done, *HISTORY), now, CHUNK).night_number == 2


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 9_000_000), st.integers(1, 9), st.floats(20, 5_000), st.integers(0, 23))
def test_what_is_foreseen_comes_true(rows: int, nights: int, rate: float, hour: int) -> None:
    """Working as planned, night after night, at the rate that was measured, ends where the forecast says."""
    began = datetime(2026, 3, 26, hour, 13, tzinfo=UTC)  # the clocks change three nights later
    schedule = replace(SCHEDULE, days_to_complete=nights, current_offset=0, source_rows=rows, cycle_started_at=began)
    foreseen = forecast(schedule, (replace(HISTORY[0], rows=10**6, seconds=10**6 / rate),), began, CHUNK)
    number = 0
    for night in Window.of(schedule).nights_from(began):
        number += 1
        opens = max(began, night.opens)
        planned = rows_tonight(rows, schedule.current_offset, nights_left(schedule, night), CHUNK)
        settled = min(planned, int(rate * (night.closes - opens).total_seconds()))
        schedule = replace(schedule, current_offset=schedule.current_offset + settled)
        if schedule.current_offset == rows:
            break
    assert foreseen.finishes_at is not None
    assert abs(foreseen.finishes_at - (opens + timedelta(seconds=settled / rate))) < timedelta(seconds=1)
    assert (foreseen.night_number, foreseen.late_nights) == (number, max(0, number - nights))
