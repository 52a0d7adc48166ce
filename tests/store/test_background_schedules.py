"""Where a cycle stands: it only goes on, and nobody writes over what somebody else has changed."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID, uuid4

import pytest

from syncflow.schedules import BackgroundSchedule, NightEnd, NightRecord
from syncflow.store import background_schedules as store
from syncflow.store.background_schedules import Progress
from syncflow.store.database import Connection, Database

pytestmark = pytest.mark.integration

NOW = datetime(2026, 11, 23, 19, tzinfo=UTC)
SCHEDULE = BackgroundSchedule(
    uid=uuid4(),
    entity="items",
    window_start=time(19, 30),
    window_end=time(6),
    time_zone="Asia/Tehran",
    days=frozenset({1, 3, 7}),
    days_to_complete=5,
)


def _stored(connection: Connection) -> BackgroundSchedule:
    found = store.get(connection, "items")
    assert found is not None
    return found


def _night(day: int, batch: int, cycle: int = 1, planned: int = 100) -> NightRecord:
    return NightRecord(SCHEDULE.uid, date(2026, 11, day), UUID(int=batch), cycle, planned, NOW)


def _done(offset: int, cycle: int = 1, batch: int = 1) -> Progress:
    key = {"part": "all", "cursor": {"lower": str(offset)}}
    return Progress(SCHEDULE.uid, cycle, UUID(int=batch), offset, key, offset, offset / 10)


def test_it_is_kept_as_it_is_and_an_entity_has_one(database: Database) -> None:
    with database.begin() as connection:
        assert store.create(connection, SCHEDULE, NOW)
        assert _stored(connection) == SCHEDULE
        assert store.load_all(connection) == {"items": SCHEDULE}
        assert not store.create(connection, replace(SCHEDULE, uid=uuid4()), NOW)
        assert _stored(connection) == SCHEDULE


def test_a_change_names_the_version_that_was_read_and_progress_is_none(database: Database) -> None:
    with database.begin() as connection:
        store.create(connection, SCHEDULE, NOW)
        store.begin_night(connection, _night(23, 1), 1_000, "plan")
        store.progress(connection, _done(50))
        assert store.replace(connection, replace(SCHEDULE, paused=True, current_offset=0), NOW)
        changed = _stored(connection)
        assert (changed.paused, changed.version, changed.current_offset) == (True, 2, 50)
        assert not store.replace(connection, replace(SCHEDULE, days_to_complete=9), NOW)
        assert not store.delete(connection, SCHEDULE)
        assert store.delete(connection, changed)
        assert store.nights(connection, SCHEDULE.uid, 9) == []


def test_progress_never_goes_back(database: Database) -> None:
    with database.begin() as connection:
        store.create(connection, SCHEDULE, NOW)
        store.begin_night(connection, _night(23, 1), 1_000, "plan")
        assert store.progress(connection, _done(200))
        assert not store.progress(connection, _done(100))
        assert not store.progress(connection, _done(300, cycle=2))
        now = _stored(connection)
        assert (now.current_offset, now.last_key) == (200, {"part": "all", "cursor": {"lower": "200"}})
        (night,) = store.nights(connection, SCHEDULE.uid, 9)
        assert (night.rows, night.seconds) == (200, 20.0)


def test_a_cycle_counts_its_nights_and_begins_anew_once(database: Database) -> None:
    with database.begin() as connection:
        store.create(connection, SCHEDULE, NOW)
        for day, batch in ((22, 1), (23, 2), (23, 3)):
            assert store.begin_night(connection, _night(day, batch), 1_000, "plan")
        now = _stored(connection)
        assert (now.nights, now.cycle_started_at, now.source_rows, now.rows_per_night) == (2, NOW, 1_000, 100)
        store.progress(connection, _done(1_000, batch=3))
        store.end_night(connection, SCHEDULE.uid, UUID(int=3), seconds=7.5, reason=NightEnd.CYCLE_DONE, now=NOW)
        assert store.next_cycle(connection, SCHEDULE.uid, 1)
        assert not store.next_cycle(connection, SCHEDULE.uid, 1)
        now = _stored(connection)
        assert (now.cycle, now.current_offset, now.last_key, now.nights, now.cycle_started_at) == (2, 0, None, 0, None)
        assert now.source_rows == 1_000
        last = store.nights(connection, SCHEDULE.uid, 1)[0]
        assert (last.batch, last.rows, last.seconds, last.reason) == (UUID(int=3), 1_000, 7.5, NightEnd.CYCLE_DONE)
        assert not store.begin_night(connection, _night(24, 4, cycle=1), 1_000, "plan")
        assert len(store.nights_of_cycle(connection, SCHEDULE.uid, 1)) == 3
        assert store.nights_since(connection, NOW - timedelta(hours=1)).keys() == {"items"}


def test_a_night_that_is_gone_on_with_keeps_its_rows(database: Database) -> None:
    with database.begin() as connection:
        store.create(connection, SCHEDULE, NOW)
        store.begin_night(connection, _night(23, 1), 1_000, "plan")
        store.progress(connection, _done(60))
        store.end_night(connection, SCHEDULE.uid, UUID(int=1), seconds=6.0, reason=NightEnd.STOPPED, now=NOW)
        assert store.begin_night(connection, _night(23, 1, planned=120), 1_000, "plan")
        (night,) = store.nights(connection, SCHEDULE.uid, 9)
        assert (night.planned, night.rows, night.ended_at, night.reason) == (120, 60, None, None)


def test_the_history_of_an_open_cycle_stays(database: Database) -> None:
    with database.begin() as connection:
        store.create(connection, SCHEDULE, NOW)
        store.begin_night(connection, _night(1, 1), 1_000, "plan")
        store.next_cycle(connection, SCHEDULE.uid, 1)
        store.begin_night(connection, _night(2, 2, cycle=2), 1_000, "plan")
        assert store.batches_of_open_cycles(connection) == {UUID(int=2)}
        assert store.forget_nights(connection, date(2026, 12, 1)) == 1
        assert [night.batch for night in store.nights(connection, SCHEDULE.uid, 9)] == [UUID(int=2)]
