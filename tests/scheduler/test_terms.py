"""Terms in a person's words, there and back."""

from datetime import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncflow.errors import ConfigurationError
from syncflow.scheduler.terms import checked, days_text, parse_days, parse_window, window_text
from syncflow.scheduler.zones import zone_named
from syncflow.schedules import ScheduleTerms

pytestmark = pytest.mark.unit

times = st.times().map(lambda at: at.replace(microsecond=0))


@given(times, times)
def test_a_window_is_read_as_it_is_written(start: time, end: time) -> None:
    assert parse_window(window_text(start, end)) == (start, end)


@given(st.frozensets(st.integers(1, 7), min_size=1))
def test_days_are_read_as_they_are_written(days: frozenset[int]) -> None:
    assert parse_days(days_text(days).split(",")) == days


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [("19:00-07:00", (19, 0), (7, 0)), ("7:05 - 8:30", (7, 5), (8, 30)), ("always", (0, 0), (0, 0))],
)
def test_windows(text: str, start: tuple[int, int], end: tuple[int, int]) -> None:
    assert parse_window(text) == (time(*start), time(*end))


def test_days_go_round_the_end_of_the_week() -> None:
    assert parse_days(["sat-mon", "Wednesday"]) == {6, 7, 1, 3}
    assert parse_days(["weekdays"]) == {1, 2, 3, 4, 5}


@pytest.mark.parametrize(
    "text", ["25:00-07:00", "19:00-24:00", "19:60-07:00", "19-7", "19:00", "", "x-y", "19:00-07:00Z"]
)
def test_windows_that_cannot_be(text: str) -> None:
    with pytest.raises(ConfigurationError, match=r"is no window.* It takes"):
        parse_window(text)


@pytest.mark.parametrize("words", [["someday"], ["mon-"], ["1"], [], [""]])
def test_days_that_cannot_be(words: list[str]) -> None:
    with pytest.raises(ConfigurationError, match="day of the week"):
        parse_days(words)


@pytest.mark.parametrize(
    ("terms", "told"),
    [
        (ScheduleTerms(days_to_complete=0), "days_to_complete is 0"),
        (ScheduleTerms(days=frozenset()), "one day of the week at least"),
        (ScheduleTerms(time_zone="Asia/Theran"), "Is it Asia/Tehran"),
    ],
)
def test_terms_that_cannot_be_kept(terms: ScheduleTerms, told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        checked(terms)


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("berlin", "Europe/Berlin"),
        ("America/New York", "America/New_York"),
        ("istanbul", "Europe/Istanbul"),
        ("../etc/passwd", "IANA name such as"),
        ("Europe", "IANA name such as"),
        ("", "IANA name such as"),
    ],
)
def test_an_unknown_zone_is_told_with_the_nearest_ones(name: str, near: str) -> None:
    with pytest.raises(ConfigurationError, match=near):
        zone_named(name)
