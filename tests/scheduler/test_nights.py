"""A large table in slices, night after night: nothing begins outside a window, nothing is read twice or left out."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from syncflow.events import ChunkSettled
from syncflow.model import BatchStatus, SyncType
from syncflow.sandbox.faults import Fault
from syncflow.schedules import NightEnd
from syncflow.service.schedules import GivenTerms
from tests.faults.field import BAD, ROWS, SLUG, Field, item
from tests.scheduler.nights import Nights, open_nights

pytestmark = pytest.mark.integration

EVENING = datetime(2027, 11, 23, 18, tzinfo=UTC)
TERMS = GivenTerms(window="19:00-07:00", time_zone="UTC", days_to_complete=3)


def opens(day: int) -> datetime:
    return datetime(2027, 11, 23, 19, tzinfo=UTC) + timedelta(days=day)


def test_a_table_comes_in_as_many_nights_as_planned(field: Field) -> None:
    with open_nights(field, EVENING, TERMS) as nights:
        nights.until(opens(0))
        assert nights.ended == []
        for night in range(3):
            nights.until(opens(night) + timedelta(hours=2))
            rows = [record.rows for record in nights.records()]
            assert len(rows) == night + 1, "one batch a night"
        reasons = [record.reason for record in nights.records()]
        assert rows == [396, 396, 208]
        assert reasons == [NightEnd.SLICE_DONE, NightEnd.SLICE_DONE, NightEnd.CYCLE_DONE]
        assert (nights.schedule.cycle, nights.schedule.current_offset, nights.schedule.last_key) == (2, 0, None)
        field.check()
        assert field.totals("rows_fetched", "rows_inserted") == (ROWS, ROWS - len(BAD))
        assert {ended.sync_type for ended in nights.ended} == {SyncType.BACKGROUND}
        assert all(opens(0) <= asked.at for asked in nights.source.asked if asked.request.page_size > 1)


def begun_at(field: Field) -> list[datetime]:
    return [at for (at,) in field.ask("SELECT intended_at FROM batch_chunks WHERE rows > 0 ORDER BY intended_at")]


def inside(at: datetime) -> bool:
    return at.hour >= 19 or at.hour < 7


def test_no_chunk_begins_when_the_window_is_closed_and_the_one_in_flight_ends(field: Field) -> None:
    """Chunks that take longer than the window: those that are under way when it closes are the last of their night."""
    with open_nights(field, EVENING, TERMS) as nights:
        nights.seconds_a_chunk = 13 * 3600
        nights.schedules.update(nights.schedule, GivenTerms(days_to_complete=1))
        nights.until(opens(6))
        cycle = [record for record in nights.records() if record.cycle == 1]
    assert len(cycle) >= 2
    assert [record.reason for record in cycle] == [NightEnd.WINDOW_END] * (len(cycle) - 1) + [NightEnd.CYCLE_DONE]
    assert sum(record.rows for record in cycle) == ROWS
    assert all(map(inside, begun_at(field)))
    assert all(inside(asked.at) for asked in nights.source.asked)
    field.check()


def test_the_window_is_a_promise_also_while_a_page_is_waited_for(field: Field) -> None:
    """The source is asked at 6:59 and answers at 7:01: nothing of it is begun."""
    with open_nights(field, EVENING, TERMS) as nights:
        nights.until(opens(0))
        late = opens(0) + timedelta(hours=12)
        pages = iter(range(9))
        nights.source._before = lambda _: nights.clock.step(late) if next(pages) == 4 else None  # type: ignore[misc]
        nights.until(late + timedelta(hours=3))
    (record,) = nights.records()
    assert record.reason is NightEnd.WINDOW_END
    assert record.rows in (0, 396)
    assert all(map(inside, begun_at(field)))
    assert field.count() == record.rows - sum(number < 300 for number in BAD) * (record.rows > 0)


def test_deletions_are_judged_when_the_cycle_is_complete(field: Field) -> None:
    with open_nights(field, EVENING, TERMS) as nights:
        nights.until(opens(2) + timedelta(hours=5))
        field.check()
        gone = {5, 500, 995}
        nights.until(opens(3) + timedelta(hours=1))
        # 5 is behind the cursor by now, 500 and 995 are before it, and 100 was changed behind it.
        rows = [row for row in field.rows if int(str(row["ID"])) not in gone]
        field.serve([item(100, "another") if row["ID"] == "100" else row for row in rows])
        nights.until(opens(4) + timedelta(hours=1))
        assert field.totals("delete_candidates") == (0,)
        nights.until(opens(5) + timedelta(hours=1))
        assert field.totals("delete_candidates", "rows_deleted") == (2, 2)
        nights.until(opens(8) + timedelta(hours=1))
        assert field.totals("rows_deleted") == (3,)
        assert nights.schedule.cycle == 4
    field.check()
    assert field.ask("SELECT count(*) FROM batch_chunks WHERE octet_length(seen_keys) > 0") == [(0,)]


def test_what_is_no_longer_seen_in_a_cycle_leaves_the_queue(field: Field) -> None:
    with open_nights(field, EVENING, TERMS) as nights:
        nights.until(opens(2) + timedelta(hours=5))
        assert len(field.ask("SELECT 1 FROM failed_records WHERE resolved_at IS NULL")) == len(BAD)
        field.serve([row for row in field.rows if row["ID"] != "700"])
        nights.until(opens(4) + timedelta(hours=1))
        assert len(field.ask("SELECT 1 FROM failed_records WHERE resolved_at IS NULL")) == len(BAD)
        nights.until(opens(5) + timedelta(hours=1))
        assert len(field.ask("SELECT 1 FROM failed_records WHERE resolved_at IS NULL")) == len(BAD) - 1
    field.check()


ROWVERSION = ", delta_strategy: rowversion, rowversion_field: version"


def test_rows_that_change_behind_the_cursor_come_the_same_night(field: Field) -> None:
    with open_nights(field, EVENING, TERMS, ROWVERSION) as nights:
        nights.until(opens(0) + timedelta(hours=5))
        assert field.watermark() is None, "nothing is settled yet but the rows before the cursor"
        rows = [row for row in field.rows if row["ID"] != "10"]
        field.serve([*rows, item(10, "changed", version=ROWS + 1), item(0, "new", version=ROWS + 2)])
        nights.until(opens(1) + timedelta(hours=5))
        held = {number: name for number, name, _ in field.held()}
        assert (held[10], held[0]) == ("changed", "new")
        assert field.watermark() is None
        nights.until(opens(2) + timedelta(hours=5))
        assert [ended.sync_type for ended in nights.ended] == [
            SyncType.BACKGROUND, SyncType.INCREMENTAL, SyncType.BACKGROUND, SyncType.INCREMENTAL, SyncType.BACKGROUND,
        ]  # fmt: skip
        assert nights.schedule.cycle == 2
        assert field.watermark() == str(ROWS + 2)
        assert field.totals("rows_deleted", "deletes_withheld") == (0, 0)
        field.check()
        field.serve([row if row["ID"] != "999" else item(999, "later", version=ROWS + 3) for row in field.rows])
        nights.until(opens(3) + timedelta(hours=5))
        assert (field.watermark(), nights.schedule.current_offset) == (str(ROWS + 3), 396)


def test_a_changed_configuration_begins_a_new_cycle_and_says_so(field: Field) -> None:
    with open_nights(field, EVENING, TERMS) as nights:
        nights.until(opens(1) + timedelta(hours=5))
        assert nights.schedule.current_offset == 2 * 396
        field.configure(", mappings: [{source: NAME, target: name, transformation: uppercase}]")
        nights.until(opens(2) + timedelta(hours=5))
        assert (nights.schedule.cycle, nights.schedule.current_offset) == (2, 396)
        assert any("a new cycle begins" in note for note in nights.ended[-1].notes)
        nights.until(opens(4) + timedelta(hours=5))
        assert nights.schedule.cycle == 3
        assert not any("a new cycle begins" in note for note in nights.ended[-1].notes)
    assert all(name == name.upper() for _, name, _ in field.held())
    assert len(field.held()) == ROWS - len(BAD)
    field.check_books()


def stop_at_the_first_chunk(nights: Nights) -> None:
    """A person does, of a night that is to settle the whole table."""

    def stop(event: ChunkSettled) -> None:
        nights.on_chunk = lambda _: None
        nights.batches.stop(str(event.batch))

    nights.schedules.update(nights.schedule, GivenTerms(days_to_complete=1))
    nights.on_chunk = stop


def test_a_person_stops_a_night_and_another_one_goes_on(field: Field) -> None:
    with open_nights(field, EVENING, TERMS) as nights:
        stop_at_the_first_chunk(nights)
        nights.until(opens(0) + timedelta(hours=11))
        (record,) = nights.records()
        assert (record.reason, record.rows) == (NightEnd.STOPPED, nights.schedule.current_offset)
        assert 0 < record.rows < ROWS
        assert field.statuses() == ["interrupted"]
        nights.until(opens(1) + timedelta(hours=1))
        assert field.statuses() == ["completed_with_errors", "completed_with_errors"]
        assert nights.schedule.cycle == 2
    field.check()


def test_a_paused_schedule_begins_nothing_and_goes_on_when_it_is_resumed(field: Field) -> None:
    with open_nights(field, EVENING, TERMS) as nights:
        nights.schedules.update(nights.schedule, GivenTerms(days_to_complete=1))
        nights.on_chunk = lambda _: nights.schedules.pause(SLUG) and None
        nights.until(opens(0) + timedelta(hours=3))
        nights.on_chunk = lambda _: None
        assert field.statuses() == ["interrupted"]
        assert 0 < nights.schedule.current_offset < ROWS
        nights.schedules.resume(SLUG)
        nights.until(opens(0) + timedelta(hours=4))
        assert field.statuses() == ["completed_with_errors"]
    field.check()


def test_a_source_that_is_down_is_asked_again_within_the_window_alone(field: Field) -> None:
    with open_nights(field, EVENING, TERMS) as nights:
        nights.schedules.update(nights.schedule, GivenTerms(window="19:00-19:10"))
        field.break_source(Fault("status", path="/api/v1/runtime/*", status=503, times=None))
        nights.until(opens(0) + timedelta(hours=2))
        tries = [asked.at for asked in nights.source.asked]
        assert tries[0] == opens(0)
        assert all(at < opens(0) + timedelta(minutes=10) for at in tries)
        assert 10 <= len(tries) <= 22, "twice a minute"
        assert nights.schedule.current_offset == 0
        field.mend()
        nights.until(opens(3) + timedelta(hours=2))
        assert nights.schedule.cycle == 2
    field.check()


def test_run_now_goes_on_by_day_and_the_night_after_that(field: Field) -> None:
    with open_nights(field, EVENING, TERMS) as nights:
        asked = nights.schedules.run_now(SLUG)
        assert asked.status is BatchStatus.QUEUED
        nights.work()
        assert nights.schedule.current_offset == 396
        nights.until(opens(0) + timedelta(hours=1))
        assert nights.schedule.current_offset == 2 * 396
        assert nights.schedules.run_now(SLUG).uid != asked.uid
        nights.work()
        assert nights.schedule.current_offset == 2 * 396 + 198
    field.check_books()


def test_a_night_that_was_missed_is_planned_anew_and_not_made_up_for_by_day(field: Field) -> None:
    with open_nights(field, EVENING, TERMS) as nights:
        nights.until(opens(0) + timedelta(hours=5))
        nights.clock.step(opens(2) - timedelta(hours=9))
        nights.until(opens(2))
        assert len(nights.records()) == 1
        nights.until(opens(2) + timedelta(hours=5))
        assert nights.schedule.cycle == 2, "the last night takes all that is left"
    assert [record.rows for record in nights.records()] == [396, 604]
    field.check()


def test_an_ordinary_sync_by_day_leaves_the_cycle_alone(field: Field) -> None:
    with open_nights(field, EVENING, TERMS) as nights:
        stop_at_the_first_chunk(nights)
        nights.until(opens(0) + timedelta(hours=13))
        offset = nights.schedule.current_offset
        (ended,) = nights.batches.sync([SLUG], SyncType.INCREMENTAL)
        assert (ended.sync_type, ended.counters.fetched) == (SyncType.INCREMENTAL, ROWS)
        assert nights.schedule.current_offset == offset < ROWS
        resumed = nights.batches.resume([str(nights.records()[0].batch)])
        assert "The window of items closed at 07:00" in str(resumed[0].error_message)
        nights.until(opens(1) + timedelta(hours=5))
        assert nights.schedule.cycle == 2
    field.check()


def test_only_what_is_read_by_its_key_can_be_split(field: Field) -> None:
    with open_nights(field, EVENING, TERMS, ", paging: pages") as nights:
        nights.until(opens(0) + timedelta(hours=1))
        (ended,) = nights.ended
        assert ended.status is BatchStatus.FAILED
        assert "paging: keyset" in str(ended.error_message)
        assert [record.reason for record in nights.records()] == []


def test_two_processes_begin_a_night_once(field: Field) -> None:
    with open_nights(field, opens(0), TERMS) as nights, ThreadPoolExecutor(6) as processes:
        for _ in range(5):
            list(processes.map(lambda _: nights.rounds.make(), range(12)))
        assert field.statuses() == ["queued"]
        nights.until(opens(3))
        assert len(field.statuses()) == 3
