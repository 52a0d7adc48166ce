"""Windows as instants: a year of nights in zones that change their clocks, and windows that no clock shows."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncflow.scheduler.window import Window, instant
from syncflow.schedules import EVERY_DAY

pytestmark = pytest.mark.unit

ZONES = ("Europe/Berlin", "Asia/Tehran", "Europe/Istanbul", "America/New_York")
BERLIN = ZoneInfo("Europe/Berlin")
HOUR = timedelta(hours=1)
# Each zone in a year in which it changed its clocks twice: Istanbul stopped in 2016, Tehran in 2022.
CHANGING = (("Europe/Berlin", 2026), ("America/New_York", 2026), ("Asia/Tehran", 2021), ("Europe/Istanbul", 2014))
times = st.builds(time, st.integers(0, 23), st.sampled_from((0, 1, 15, 30, 45, 59)))
years = st.sampled_from(range(2014, 2031))


def _window(start: str, end: str, zone: str = "Europe/Berlin", days: frozenset[int] = EVERY_DAY) -> Window:
    return Window(time.fromisoformat(start), time.fromisoformat(end), ZoneInfo(zone), days)


def _utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(("zone", "year"), CHANGING)
def test_a_year_has_one_night_of_11_12_or_13_hours_for_each_local_date(zone: str, year: int) -> None:
    since = datetime(year, 1, 1, 12, tzinfo=ZoneInfo(zone))
    nights = _window("19:00", "07:00", zone).nights(since, 365)
    assert [night.date for night in nights] == [date(year, 1, 1) + timedelta(n) for n in range(365)]
    lengths = [night.length / HOUR for night in nights]
    assert (lengths.count(11), lengths.count(12), lengths.count(13)) == (1, 363, 1)
    for night in nights:
        local = night.opens.astimezone(ZoneInfo(zone)), night.closes.astimezone(ZoneInfo(zone))
        assert [moment.time() for moment in local] == [time(19), time(7)]


@pytest.mark.parametrize("zone", ["Europe/Istanbul", "Asia/Tehran"])
def test_zones_that_keep_their_clocks_have_12_hours_every_night(zone: str) -> None:
    nights = _window("19:00", "07:00", zone).nights(_utc("2026-01-01 12:00"), 365)
    assert {night.length for night in nights} == {12 * HOUR}


@settings(max_examples=60, deadline=None)
@given(times, times, st.sampled_from(ZONES), years)
def test_nights_never_overlap_never_vanish_and_hold_their_own_instants(
    start: time, end: time, zone: str, year: int
) -> None:
    window = Window(start, end, ZoneInfo(zone))
    nights = window.nights(datetime(year, 1, 1, tzinfo=UTC), 366)
    for earlier, later in pairwise(nights):
        assert later.date == earlier.date + timedelta(days=1)
        assert timedelta(0) < earlier.length
        assert earlier.closes <= later.opens
        if window.always:
            assert earlier.closes == later.opens
    second = timedelta(seconds=1)
    for night in nights[1::29]:
        assert window.night_at(night.opens) == night
        assert window.night_at(night.closes - second) == night
        assert window.next_night(night.opens - second) == night
        assert window.next_night(night.opens).opens >= night.closes
        assert window.night_at(night.closes) == (None if not window.always else window.next_night(night.opens))


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(ZONES), years, st.integers(0, 366 * 1440), st.integers(0, 3000))
def test_a_later_local_time_is_never_an_earlier_instant(zone: str, year: int, minute: int, more: int) -> None:
    first = datetime(year, 1, 1) + timedelta(minutes=minute)
    then = first + timedelta(minutes=more)
    where = ZoneInfo(zone)
    assert instant(first.date(), first.time(), where) <= instant(then.date(), then.time(), where)


@pytest.mark.parametrize(
    ("window", "night", "opens", "closes"),
    [
        # Berlin, 29 March 2026: 02:00 to 03:00 is left out at 01:00 UTC.
        (("19:00", "07:00"), "2026-03-28", "2026-03-28 18:00", "2026-03-29 05:00"),
        (("02:30", "03:15"), "2026-03-29", "2026-03-29 01:00", "2026-03-29 01:15"),
        (("01:30", "02:30"), "2026-03-29", "2026-03-29 00:30", "2026-03-29 01:00"),
        (("02:15", "02:45"), "2026-03-29", "2026-03-29 01:15", "2026-03-29 01:45"),
        (("02:30", "03:00"), "2026-03-29", "2026-03-29 01:30", "2026-03-29 02:00"),
        (("02:00", "03:00"), "2026-03-29", "2026-03-29 01:00", "2026-03-29 02:00"),
        (("02:30", "02:30"), "2026-03-28", "2026-03-28 01:30", "2026-03-29 01:00"),
        # Berlin, 25 October 2026: 02:00 to 03:00 is there twice, the first time from 00:00 UTC.
        (("19:00", "07:00"), "2026-10-24", "2026-10-24 17:00", "2026-10-25 06:00"),
        (("02:15", "02:45"), "2026-10-25", "2026-10-25 00:15", "2026-10-25 00:45"),
        (("02:30", "03:30"), "2026-10-25", "2026-10-25 00:30", "2026-10-25 02:30"),
        (("01:00", "02:30"), "2026-10-25", "2026-10-24 23:00", "2026-10-25 00:30"),
    ],
)
def test_times_that_no_clock_shows_and_times_that_it_shows_twice(
    window: tuple[str, str], night: str, opens: str, closes: str
) -> None:
    found = _window(*window).night_of(date.fromisoformat(night))
    assert found is not None
    assert (found.opens, found.closes) == (_utc(opens), _utc(closes))


def test_midnight_that_is_left_out_in_tehran() -> None:
    nights = _window("00:00", "00:00", "Asia/Tehran").nights(_utc("2021-03-20 12:00"), 4)
    assert [night.length / HOUR for night in nights] == [24, 24, 23, 24]
    assert nights[2].opens == _utc("2021-03-21 20:30")


def test_a_date_that_a_zone_left_out_has_no_night() -> None:
    window = _window("00:00", "00:00", "Pacific/Apia")
    assert window.night_of(date(2011, 12, 30)) is None
    before, after = window.night_of(date(2011, 12, 29)), window.night_of(date(2011, 12, 31))
    assert before is not None
    assert after is not None
    assert before.closes == after.opens


def test_a_night_belongs_to_the_weekday_on_which_it_begins() -> None:
    friday = _window("19:00", "07:00", days=frozenset({5}))
    assert friday.night_at(_utc("2026-11-28 03:00")) == friday.night_of(date(2026, 11, 27))
    assert friday.night_at(_utc("2026-11-27 03:00")) is None
    assert [night.date for night in friday.nights(_utc("2026-11-28 12:00"), 2)] == [
        date(2026, 12, 4),
        date(2026, 12, 11),
    ]


def test_a_window_opens_at_its_start_and_is_closed_at_its_end() -> None:
    window = _window("19:00", "07:00")
    opens, closes = _utc("2026-11-23 18:00"), _utc("2026-11-24 06:00")
    microsecond = timedelta(microseconds=1)
    assert [window.night_at(at) is not None for at in (opens - microsecond, opens, closes - microsecond, closes)] == [
        False, True, True, False,
    ]  # fmt: skip
    night = window.next_night(opens - microsecond)
    assert [night.contains(at) for at in (opens - microsecond, opens, closes - microsecond, closes)] == [
        False, True, True, False,
    ]  # fmt: skip
    assert window.nights_between(opens, closes + timedelta(days=3)) == 4


def test_a_window_needs_a_day() -> None:
    with pytest.raises(ValueError, match="on one at least"):
        _window("19:00", "07:00", days=frozenset())
