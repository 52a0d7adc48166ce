"""How much one night takes, night after night."""

from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncflow.scheduler.slicing import night_number, nights_left, rows_tonight
from syncflow.scheduler.window import Window
from syncflow.schedules import BackgroundSchedule

pytestmark = pytest.mark.unit

sizes = st.integers(0, 50_000_000)
chunks = st.sampled_from((1, 500, 50_000, 1_000_000))
SCHEDULE = BackgroundSchedule(uid=UUID(int=1), entity="items", time_zone="Europe/Berlin", days_to_complete=7)


@pytest.mark.parametrize(
    ("source_rows", "done", "left", "chunk", "planned"),
    [
        (7_000_000, 0, 7, 50_000, 1_000_000),
        (7_100_000, 0, 7, 50_000, 1_050_000),  # whole chunks
        (7_000_000, 1_000_000, 5, 50_000, 1_200_000),  # a night was missed
        (7_000_000, 6_900_000, 1, 50_000, 100_000),
        (7_000_000, 6_900_000, 0, 50_000, 100_000),  # late: all that is left
        (10, 0, 7, 50_000, 10),
        (0, 0, 7, 50_000, 0),
        (100, 120, 3, 50, 0),  # the source has shrunk
    ],
)
def test_what_a_night_takes(source_rows: int, done: int, left: int, chunk: int, planned: int) -> None:
    assert rows_tonight(source_rows, done, left, chunk) == planned


@settings(max_examples=200, deadline=None)
@given(sizes, st.integers(1, 30), chunks, st.data())
def test_a_cycle_is_finished_in_its_nights_whichever_of_them_are_missed(
    rows: int, nights: int, chunk: int, data: st.DataObject
) -> None:
    """The last night works; each of the others may be missed, be short, or meet a source that has grown."""
    done = 0
    for left in range(nights, 0, -1):
        planned = rows_tonight(rows, done, left, chunk)
        assert (planned > 0) == (done < rows)
        assert done + planned <= rows
        if left > 1 and planned:
            assert planned == rows - done or planned % chunk == 0
            planned = data.draw(st.sampled_from((0, planned // 2, planned)))
        done += planned
        if left > 1:
            rows += data.draw(st.sampled_from((0, 1, 12_345)))
    assert done == rows


def test_without_trouble_no_night_takes_more_than_a_chunk_beyond_its_share() -> None:
    done, taken = 0, []
    for left in range(7, 0, -1):
        taken.append(rows_tonight(7_345_678, done, left, 50_000))
        done += taken[-1]
    assert done == 7_345_678
    assert max(taken) - min(taken) <= 100_000


def test_nights_are_counted_from_the_first_of_the_cycle_missed_ones_too() -> None:
    window = Window(time(19), time(7), ZoneInfo("Europe/Berlin"), frozenset({1, 2, 3, 4, 5}))
    began = datetime(2026, 11, 26, 22, tzinfo=UTC)  # in the night of Thursday
    nights = window.nights(began, 9)
    assert [night.date for night in nights[:3]] == [date(2026, 11, 26), date(2026, 11, 27), date(2026, 11, 30)]
    assert [night_number(window, began, night) for night in nights] == list(range(1, 10))
    assert night_number(window, None, nights[4]) == 1
    by_day = datetime(2026, 11, 26, 12, tzinfo=UTC)  # somebody began it by day: the first night is the next
    assert night_number(window, by_day, nights[0]) == 1
    monday = began - timedelta(days=3)
    schedule = BackgroundSchedule(
        uid=UUID(int=1), entity="items", time_zone="Europe/Berlin", days=window.days, cycle_started_at=monday
    )
    assert [nights_left(schedule, night) for night in nights[:6]] == [4, 3, 2, 1, 1, 1]
    assert nights_left(SCHEDULE, nights[3]) == 7
