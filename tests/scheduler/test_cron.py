"""Cron lines and intervals: what they mean, when they fire, and what is refused."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from apscheduler.triggers.cron import CronTrigger
from hypothesis import given, settings
from hypothesis import strategies as st

from syncflow.errors import ConfigurationError
from syncflow.model import Entity
from syncflow.scheduler.cadence import Interval, cadence_of, parse_cadence
from syncflow.scheduler.cron import parse_cron

pytestmark = pytest.mark.unit

BERLIN = ZoneInfo("Europe/Berlin")
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")


def _fires(line: str, since: str, count: int, zone: str = "Europe/Berlin") -> list[str]:
    """Local times with the hour's offset, from a moment in UTC on."""
    where, at = ZoneInfo(zone), datetime.fromisoformat(since).replace(tzinfo=UTC)
    found = []
    for _ in range(count):
        at = parse_cron(line).next_fire(at, where)
        found.append(f"{at.astimezone(where):%d %H:%M%z}")
    return found


@st.composite
def _field(draw: st.DrawFn, low: int, high: int) -> str:
    first = draw(st.integers(low, high))
    last = draw(st.integers(first, high))
    step = draw(st.integers(1, high - low))
    stepped = f"{first}-{last}/{last - first}" if last > first else str(first)
    return draw(st.sampled_from(("*", f"*/{step}", f"{first}", f"{first}-{last}", f"{first},{last}", stepped)))


def _named(weekdays: str) -> str:
    """The same days of the week by name, one by one: APScheduler counts them from Monday."""
    if weekdays == "*":
        return "*"
    line = parse_cron(f"0 0 * * {weekdays}")
    return ",".join(WEEKDAYS[number] for number in sorted(line.weekdays))


@settings(max_examples=250, deadline=None)
@given(
    _field(0, 59), _field(0, 23), _field(1, 28), _field(1, 12), _field(0, 6),
    st.datetimes(datetime(2024, 1, 1), datetime(2031, 1, 1)),
)  # fmt: skip
def test_a_line_fires_when_the_timer_says(
    minute: str, hour: str, day: str, month: str, weekday: str, naive: datetime
) -> None:
    """Both fields of days restricted mean `and` to the timer and `or` to every cron: then two timers take turns."""
    after = naive.replace(tzinfo=UTC)
    either = not day.startswith("*") and not weekday.startswith("*")
    days = [(day, "*"), ("*", _named(weekday))] if either else [(day, _named(weekday))]
    timers = [CronTrigger(minute=minute, hour=hour, day=d, month=month, day_of_week=w, timezone=UTC) for d, w in days]
    expected = min(fire for t in timers if (fire := t.get_next_fire_time(None, after + timedelta(microseconds=1))))
    assert parse_cron(f"{minute} {hour} {day} {month} {weekday}").next_fire(after, ZoneInfo("UTC")) == expected


@pytest.mark.parametrize(
    ("line", "since", "fires"),
    [
        ("0 0 * * 0", "2026-11-23 12:00", ["29 00:00+0100", "06 00:00+0100"]),  # Sunday is 0, and 7
        ("0 0 * * 7", "2026-11-23 12:00", ["29 00:00+0100", "06 00:00+0100"]),
        ("30 5 * * MON-FRI", "2026-11-27 12:00", ["30 05:30+0100", "01 05:30+0100"]),
        ("0 6 13 * fri", "2026-11-23 12:00", ["27 06:00+0100", "04 06:00+0100", "11 06:00+0100", "13 06:00+0100"]),
        ("0 0 29 2 *", "2026-11-23 12:00", ["29 00:00+0100"]),
        ("0 0 29 2 */7", "2026-11-23 12:00", ["29 00:00+0100"]),  # a leap day that is a Sunday: 2032
        ("@weekly", "2026-11-23 12:00", ["29 00:00+0100"]),
        # The clocks of Berlin go forward: what is left out fires at the jump, once.
        ("30 2 * * *", "2026-03-28 12:00", ["29 03:00+0200", "30 02:30+0200"]),
        ("0,30 2 * * *", "2026-03-28 12:00", ["29 03:00+0200", "30 02:00+0200"]),
        ("*/30 * * * *", "2026-03-29 00:10", ["29 01:30+0100", "29 03:00+0200", "29 03:30+0200"]),
        # They go back: a named hour fires once, every hour means every hour.
        ("30 2 * * *", "2026-10-24 12:00", ["25 02:30+0200", "26 02:30+0100"]),
        ("30 * * * *", "2026-10-25 00:00", ["25 02:30+0200", "25 02:30+0100", "25 03:30+0100"]),
    ],
)
def test_when_lines_fire(line: str, since: str, fires: list[str]) -> None:
    assert _fires(line, since, len(fires)) == fires


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("0 0 30 2 *", "there is no 30 in Feb"),
        ("0 0 31 4,6,9,11 *", "there is no 31 in Apr, Jun, Sep, Nov"),
        ("60 * * * *", "'60' is no minute. It takes 0 to 59"),
        ("* 24 * * *", "'24' is no hour"),
        ("0 0 0 * *", "'0' is no day of the month"),
        ("0 0 * 13 *", "'13' is no month. It takes 1 to 12 or JAN to DEC"),
        ("0 0 * * 8", "'8' is no day of the week. It takes 0 to 7 or SUN to SAT"),
        ("0 0 * * FRI-MON", "A range goes upwards"),
        ("*/0 * * * *", "A step is 1 or more"),
        ("0 0 * *", "has 4 fields. It takes five"),
        ("", "has 0 fields"),
        ("nightly", "is no schedule. It takes an interval such as `every 15 min`"),
        ("0 5 * * * Europe/Berln", "There is no time zone 'Europe/Berln'. Is it Europe/Berlin"),
        ("every 3 weeks", "is no interval. It takes a number and s, min, h or days"),
        ("every 0 min", "it takes 1 second to 366 days"),
    ],
)
def test_what_can_never_be_kept_is_refused_with_the_reason(text: str, told: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        parse_cadence(text, "Europe/Berlin")
    assert told in str(refused.value)


@pytest.mark.parametrize(
    ("text", "seconds", "said"),
    [
        ("every 15 min", 900, "every 15 min"),
        ("Every 90 minutes", 5400, "every 90 min"),
        ("every hour", 3600, "every 1 h"),
        ("every 2 days", 172_800, "every 2 days"),
        ("every 30s", 30, "every 30 s"),
    ],
)
def test_intervals(text: str, seconds: int, said: str) -> None:
    found = parse_cadence(text, "UTC")
    assert found == Interval(timedelta(seconds=seconds))
    assert found.text == said
    assert parse_cadence(found.text, "UTC") == found
    assert found.next_fire(None, NOON) == NOON
    assert found.next_fire(NOON, NOON + timedelta(days=9)) == NOON + timedelta(seconds=seconds)


def test_a_cron_time_that_was_slept_through_is_made_up_for_within_an_hour() -> None:
    found = parse_cadence("0 13 * * * Europe/Berlin", "UTC")
    yesterday, noon = NOON - timedelta(days=1), NOON  # 13:00 in Berlin
    assert found.next_fire(yesterday, noon + timedelta(minutes=40)) == noon
    assert found.next_fire(yesterday, noon + timedelta(minutes=70)) == noon + timedelta(days=1)
    assert found.next_fire(noon, noon + timedelta(minutes=40)) == noon + timedelta(days=1)
    assert found.next_fire(None, noon + timedelta(minutes=40)) == noon + timedelta(days=1)


def test_which_entities_are_synced_by_themselves() -> None:
    plain = Entity("items", "items", ("id",))
    timed = Entity("items", "items", ("id",), sync_schedule="every 5 min")
    off = Entity("items", "items", ("id",), sync_schedule="every 5 min", sync_enabled=False)

    def of(entity: Entity, default: float, *, by_night: bool = False) -> str | None:
        cadence = cadence_of(entity, default, "UTC", by_night=by_night)
        return None if cadence is None else cadence.text

    assert [of(plain, 0), of(plain, 3600), of(plain, 3600, by_night=True)] == [None, "every 1 h", None]
    assert [of(timed, 0), of(timed, 3600, by_night=True), of(off, 3600)] == ["every 5 min", "every 5 min", None]
