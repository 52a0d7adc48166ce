"""The clock that tests move, and the waits between attempts."""

from datetime import UTC, datetime, timedelta, timezone
from random import Random

import pytest

from syncflow.backoff import ceiling, delay
from syncflow.clock import ManualClock, SystemClock

pytestmark = pytest.mark.unit

NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("attempt", "base", "longest", "expected"),
    [
        (1, 1.0, 60.0, 1.0),
        (2, 1.0, 60.0, 2.0),
        (6, 1.0, 60.0, 32.0),
        (7, 1.0, 60.0, 60.0),
        (100_000, 1.0, 60.0, 60.0),
        (0, 1.0, 60.0, 1.0),
        (3, 0.5, 60.0, 2.0),
        (1, 90.0, 60.0, 60.0),
    ],
)
def test_waits_double_up_to_the_longest(attempt: int, base: float, longest: float, expected: float) -> None:
    assert ceiling(attempt, base, longest) == expected


def test_waits_are_spread_over_the_whole_range() -> None:
    rng = Random(7)
    waits = [delay(4, 1.0, 60.0, rng) for _ in range(1000)]
    assert 0.0 <= min(waits) < 0.5
    assert 7.5 < max(waits) <= 8.0


def test_a_manual_clock_goes_only_when_told() -> None:
    clock = ManualClock(NEW_YEAR.astimezone(timezone(timedelta(hours=3, minutes=30))))
    assert (clock.now(), clock.now().tzinfo, clock.monotonic()) == (NEW_YEAR, UTC, 0.0)
    clock.advance(90)
    assert (clock.now(), clock.monotonic()) == (NEW_YEAR + timedelta(seconds=90), 90.0)
    clock.step(NEW_YEAR)
    assert (clock.now(), clock.monotonic()) == (NEW_YEAR, 90.0)


def test_a_manual_clock_refuses_what_no_clock_does() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        ManualClock(datetime(2026, 1, 1))
    with pytest.raises(ValueError, match="not go back"):
        ManualClock(NEW_YEAR).advance(-1)


def test_the_system_clock_is_in_utc_and_goes_on() -> None:
    clock = SystemClock()
    assert clock.now().tzinfo is UTC
    assert clock.monotonic() <= clock.monotonic()
