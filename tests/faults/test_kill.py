"""kill -9 at chosen places of a sync: the next process goes on there, and the books tell what really happened."""

import random
import time

import pytest

from syncflow.model import BatchStatus, Counters
from syncflow.sandbox.faults import Fault
from tests.faults.field import BAD, ROWS, Field, Row, item, items
from tests.faults.gates import gate
from tests.waiting import until

pytestmark = pytest.mark.integration
SLOW = pytest.mark.slow
GOOD = ROWS - len(BAD)

PLACES = {
    "the first intent": ("syncflow.batch_chunks", "INSERT", "NEW.state = 'intent' AND NEW.number = 0"),
    "a later intent": ("syncflow.batch_chunks", "INSERT", "NEW.state = 'intent' AND NEW.number = 2"),
    "the first books": ("syncflow.batch_chunks", "UPDATE", "NEW.state = 'done' AND NEW.number = 0"),
    "later books": ("syncflow.batch_chunks", "UPDATE", "NEW.state = 'done' AND NEW.number = 2"),
    "the plan": ("syncflow.sync_batches", "UPDATE", "NEW.plan IS NOT NULL AND OLD.plan IS NULL"),
    "the deletions": ("syncflow.sync_batches", "UPDATE", "NEW.delete_candidates > OLD.delete_candidates"),
    "the end": ("syncflow.sync_batches", "UPDATE", "NEW.status LIKE 'completed%'"),
}
"""Where in the books a process is killed: what it writes there is rolled back."""


def kill_at(field: Field, place: str, **changed: object) -> None:
    table, event, condition = PLACES[place]
    with gate(field.database_url, table, event, condition) as held, field.process(**changed) as process:
        held.wait()
        process.kill()
        process.wait()
        held.end_sessions()


def written(counters: Counters) -> tuple[int, int, int]:
    return counters.inserted, counters.updated, counters.unchanged


@pytest.mark.parametrize(
    "place",
    [
        pytest.param("the plan", marks=SLOW),
        pytest.param("the first intent", marks=SLOW),
        pytest.param("a later intent", marks=SLOW),
        "later books",
        "the end",
    ],
)
def test_the_next_sync_goes_on_where_a_process_was_killed(field: Field, place: str) -> None:
    field.configure()
    kill_at(field, place)
    assert field.statuses() == ["running"]
    assert field.watermark() is None
    ended = field.sync()
    field.check()
    assert ended.status is BatchStatus.COMPLETED_WITH_ERRORS
    assert field.statuses() == ["completed_with_errors"]
    assert (ended.counters.fetched, ended.counters.failed, ended.counters.duplicate) == (ROWS, len(BAD), 0)
    assert written(ended.counters) == (GOOD, 0, 0)


@SLOW
def test_what_was_settled_is_not_read_again(field: Field) -> None:
    field.configure()
    kill_at(field, "later books")
    read = field.calls("/execute")
    field.sync()
    assert field.calls("/execute") - read < ROWS / 100


@pytest.mark.parametrize("strategy", ["full", pytest.param("rowversion, rowversion_field: version", marks=SLOW)])
def test_every_strategy_counts_what_was_written_once(field: Field, strategy: str) -> None:
    field.configure(f", delta_strategy: {strategy}")
    kill_at(field, "the first books")
    ended = field.sync()
    field.check()
    assert written(ended.counters) == (GOOD, 0, 0)


def test_over_http_killed_twice_before_the_same_books(hub_field: Field) -> None:
    hub_field.configure()
    for _ in range(2):
        kill_at(hub_field, "later books", sync_chunk_rows=100)
    assert 0 < hub_field.count() < GOOD
    ended = hub_field.sync()
    hub_field.check()
    assert written(ended.counters) == (GOOD, 0, 0)


@SLOW
def test_a_chunk_that_is_cut_otherwise_after_the_kill_is_counted_all_the_same(field: Field) -> None:
    field.configure()
    kill_at(field, "the first books", sync_chunk_rows=500)
    kill_at(field, "later books", sync_chunk_rows=120)
    assert written(field.sync(sync_chunk_rows=300).counters) == (GOOD, 0, 0)
    field.check()


@SLOW
def test_updates_stay_updates(field: Field) -> None:
    field.configure()
    field.sync()
    field.serve([item(n, "new" if n % 3 == 0 else None, n) for n in range(1, ROWS + 1)])
    kill_at(field, "later books")
    ended = field.sync()
    field.check()
    changed = sum(n % 3 == 0 and n not in BAD for n in range(1, ROWS + 1))
    assert written(ended.counters) == (0, changed, GOOD - changed)


@SLOW
def test_rows_that_change_after_the_kill_were_inserted_once(field: Field) -> None:
    field.configure()
    kill_at(field, "the first books")
    assert field.count() > 50
    field.serve([item(n, "changed" if n <= 50 else None, n) for n in range(1, ROWS + 1)])
    kill_at(field, "the first books")
    ended = field.sync()
    field.check()
    assert written(ended.counters) == (GOOD, 0, 0)


def test_a_row_that_vanishes_after_the_kill_is_deleted(any_field: Field) -> None:
    any_field.configure()
    kill_at(any_field, "the first books")
    any_field.serve([row for row in any_field.rows if row["ID"] not in ("3", "5")])
    any_field.sync()
    any_field.check()


@pytest.mark.parametrize("place", ["the deletions", pytest.param("the end", marks=SLOW)])
def test_deletions_are_counted_once(any_field: Field, place: str) -> None:
    any_field.configure()
    any_field.sync()
    any_field.serve(any_field.rows[6:])
    kill_at(any_field, place)
    ended = any_field.sync()
    any_field.check()
    gone = sum(row["QTY"] != "N/A" for row in items()[:6])
    assert (ended.counters.delete_candidates, ended.counters.deleted) == (gone, gone)
    assert any_field.ask("SELECT count(*) FROM target_identities WHERE entity = 'items'") in ([(0,)], [(GOOD - gone,)])


@pytest.mark.parametrize("place", ["the deletions", pytest.param("the end", marks=SLOW)])
def test_withheld_deletions_are_counted_once(field: Field, place: str) -> None:
    field.configure()
    field.sync()
    everything = field.rows
    field.serve(everything[:700])
    kill_at(field, place)
    ended = field.sync()
    field.check_books()
    held = sum(row["QTY"] != "N/A" for row in everything[700:])
    assert (ended.counters.delete_candidates, ended.counters.withheld) == (held, held)
    assert field.ask("SELECT count(*) FROM withheld_deletes WHERE state = 'withheld'") == [(held,)]
    assert field.count() == GOOD


@pytest.mark.parametrize("killed", [False, pytest.param(True, marks=SLOW)])
def test_the_guard_looks_at_what_the_target_held_before(any_field: Field, killed: bool) -> None:
    any_field.serve(items(100))
    any_field.configure()
    any_field.sync()
    any_field.serve([item(number, version=number) for number in range(ROWS + 1, 2 * ROWS)])
    if killed:
        kill_at(any_field, "later books")
    ended = any_field.sync()
    assert (ended.counters.deleted, ended.counters.withheld) == (0, 99)


def test_killed_while_the_source_is_read(any_field: Field) -> None:
    any_field.configure()
    any_field.break_source(Fault("delay", path="/api/v1/runtime/*", skip=8, seconds=2))
    with any_field.process() as process:
        until(lambda: any_field.calls("/execute") > 8 and any_field.totals("rows_fetched")[0] > 0)
        process.kill()
    assert 0 < any_field.count() < GOOD
    assert any_field.watermark() is None
    assert written(any_field.sync().counters) == (GOOD, 0, 0)
    any_field.check()


def test_killed_after_a_write_was_applied_and_before_its_answer(hub_field: Field) -> None:
    hub_field.configure()
    writes = "/api/v1/items/batch/*sert"
    hub_field.break_hub(Fault("timeout_after_apply", path=writes, skip=4, seconds=2))
    with hub_field.process() as process:
        until(lambda: hub_field.calls("sert") > 4)
        applied = hub_field.calls("sert")
        until(lambda: hub_field.count() > 390)
        process.kill()
    assert applied in (5, 6), "two requests are under way at once"
    ended = hub_field.sync()
    hub_field.check()
    assert written(ended.counters) == (GOOD, 0, 0)


def test_a_write_that_is_applied_only_after_the_successor_has_looked(hub_field: Field) -> None:
    """The killed process's request still waits in ScheduleHub when the next process reads back what is there."""
    hub_field.configure()
    hub_field.serve(items(1))
    hub_field.sync()
    hub_field.serve(items())
    with gate(hub_field.database_url, f'"{hub_field.schema}".items', "INSERT", "NEW.id = 450") as held:
        with hub_field.process() as process:
            held.wait()
            process.kill()
            process.wait()
        held.open()
        ended = hub_field.sync()
    hub_field.check()
    assert hub_field.totals("rows_inserted") == (GOOD,)
    assert ended.counters.updated == 0


@SLOW
def test_killed_in_the_second_reading_of_a_range(field: Field) -> None:
    """The source loses rows of a page; the process that noticed it is killed before it has read them again."""
    field.configure(", delta_strategy: rowversion, rowversion_field: version")
    field.break_source(Fault("total_rows", path="/api/v1/runtime/*", skip=4, text="77"))
    kill_at(field, "later books")
    read = field.calls("/execute")
    ended = field.sync()
    assert field.calls("/execute") - read > 0
    field.check()
    assert (ended.counters.fetched, ended.counters.duplicate) == (ROWS, 0)
    assert field.watermark() == str(ROWS)


@SLOW
@pytest.mark.parametrize("paging", ["keyset", "pages"])
def test_killed_where_only_reading_from_the_beginning_is_safe(field: Field, paging: str) -> None:
    """Numbered pages of a source that does not sort. Rows without a key cannot be told apart by one, and are counted
    once all the same."""
    keyless: list[Row] = [{**item(9_000 + n), "ID": None, "NAME": f"nobody {n}"} for n in range(40)]
    field.serve([*items(), *keyless])
    field.rows = items()
    field.configure(f", paging: {paging}")
    field.break_source(Fault("ignore_sort", path="/api/v1/runtime/*", times=None))
    kill_at(field, "later books")
    kill_at(field, "the end")
    field.mend()
    ended = field.sync()
    assert (ended.counters.fetched, ended.counters.failed) == (ROWS + 40, len(BAD) + 40)
    assert written(ended.counters) == (GOOD, 0, 0)


@SLOW
@pytest.mark.parametrize("seed", range(4))
def test_killed_at_any_time(any_field: Field, seed: int) -> None:
    """Two days, each with kills after random times until one process comes through."""
    chance = random.Random(seed)
    any_field.configure(", delta_strategy: full" if seed == 3 else "")
    expected = GOOD
    for day in range(2):
        if day:
            any_field.serve([*(item(n, f"day {n}" if n % 5 == 0 else None, n) for n in range(9, ROWS + 20))])
            new = range(ROWS + 1, ROWS + 20)
            expected += len(new)
        for _ in range(5):
            with any_field.process() as process:
                until(lambda: process.poll() is not None or "running" in any_field.statuses())
                time.sleep(chance.uniform(0.0, 1.0))
                process.kill()
                process.wait()
            any_field.check_books()
        any_field.sync()
        any_field.sync()
        any_field.check()
    assert any_field.totals("rows_inserted") == (expected,)
