"""A sync that is asked to stop, and two that want the same entity."""

import signal
from contextlib import ExitStack

import pytest

from syncflow.events import ChunkSettled, Event
from syncflow.model import BatchStatus, SyncType
from syncflow.sandbox.faults import Fault
from syncflow.store.claims import claimed
from tests.faults.field import BAD, ROWS, SLUG, Field, syncflow
from tests.faults.gates import gate
from tests.waiting import until

pytestmark = pytest.mark.integration
GOOD = ROWS - len(BAD)
BOOKS = ("syncflow.batch_chunks", "UPDATE", "NEW.state = 'done' AND NEW.number = 1")


def test_sigterm_finishes_the_chunk_in_flight_and_the_next_sync_goes_on(any_field: Field) -> None:
    any_field.configure()
    with gate(any_field.database_url, *BOOKS) as held, any_field.process() as process:
        held.wait()
        process.send_signal(signal.SIGTERM)
        held.open()
        _, said = process.communicate(timeout=60)
        assert process.returncode == 0
    assert "Stopped as asked" in said
    assert any_field.statuses() == ["interrupted"]
    settled = any_field.totals("rows_fetched")[0]
    assert 0 < settled < ROWS
    assert any_field.ask("SELECT max(number) FROM batch_chunks WHERE state = 'done'") == [(1,)]
    assert any_field.sync().counters.inserted == GOOD
    any_field.check()


def test_a_second_sigterm_exits_at_once(any_field: Field) -> None:
    """The real command, in the midst of a chunk that does not come to its end."""
    any_field.configure()
    with gate(any_field.database_url, *BOOKS) as held, syncflow(any_field, "sync", SLUG) as process:
        held.wait()
        process.send_signal(signal.SIGTERM)
        assert process.stderr is not None
        until(lambda: "Finishing the chunk in flight" in str(process.stderr and process.stderr.readline()))
        assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 128 + signal.SIGTERM
        held.end_sessions()
    assert any_field.statuses() == ["running"]
    any_field.sync()
    any_field.check()
    assert any_field.totals("rows_inserted", "rows_unchanged") == (GOOD, 0)


def test_a_stop_ends_a_read_that_hangs(field: Field) -> None:
    field.configure()
    field.break_source(Fault("delay", path="/api/v1/runtime/*", skip=6, seconds=25))
    with field.process() as process:
        until(lambda: field.calls("/execute") > 6)
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=15)
    assert field.statuses() == ["interrupted"]
    field.mend()
    field.sync()
    field.check()


def test_a_batch_is_stopped_by_somebody_else(any_field: Field) -> None:
    any_field.configure()
    any_field.break_source(Fault("delay", path="/api/v1/runtime/*", skip=6, seconds=1))
    with any_field.process() as process, any_field.runtime() as runtime:
        until(lambda: any_field.calls("/execute") > 6)
        assert runtime.batches.stop(str(_only(any_field))).status is BatchStatus.CANCELLING
        process.communicate(timeout=30)
    assert any_field.statuses() == ["interrupted"]
    any_field.sync()
    any_field.check()
    assert any_field.totals("rows_inserted") == (GOOD,)


def test_a_batch_whose_process_is_gone_is_stopped_at_once(field: Field) -> None:
    field.configure()
    with gate(field.database_url, *BOOKS) as held, field.process() as process:
        held.wait()
        process.kill()
        process.wait()
        held.end_sessions()
    with field.runtime() as runtime:
        assert runtime.batches.stop(str(_only(field))).status is BatchStatus.INTERRUPTED
        assert runtime.batches.stop(str(_only(field))).status is BatchStatus.CANCELLED
    field.check_books()
    assert field.sync().counters.inserted < GOOD
    field.check()


def test_of_two_processes_one_has_the_entity(any_field: Field) -> None:
    any_field.configure()
    with gate(any_field.database_url, *BOOKS) as held, any_field.process() as process:
        held.wait()
        refused = any_field.sync()
        assert "worked on by another process" in (refused.error_message or "")
        assert any_field.statuses() == ["running"]
        held.open()
        process.communicate(timeout=60)
    any_field.check()
    assert any_field.totals("rows_inserted") == (GOOD,)


@pytest.mark.slow
def test_many_that_start_at_once(field: Field) -> None:
    field.configure()
    with ExitStack() as stack:
        for process in [stack.enter_context(field.process()) for _ in range(3)]:
            process.communicate(timeout=40)
    field.sync()
    field.sync()
    field.check()
    assert field.totals("rows_inserted") == (GOOD,)


def test_a_batch_that_was_looked_up_before_another_process_went_on_with_it(field: Field) -> None:
    """Who has to wait for a worker claims later than it looks; what was settled in between counts."""
    field.configure()

    def stop(event: Event) -> None:
        if isinstance(event, ChunkSettled):
            runtime.stopping.set()

    with field.runtime(stop) as runtime:
        runtime.batches.sync([SLUG], SyncType.INCREMENTAL)
    settled = field.totals("rows_fetched")[0]
    with field.runtime() as waiting:
        batch = waiting.batches.find(str(_only(field)))
        with field.runtime(stop) as runtime:
            runtime.batches.sync([SLUG], SyncType.INCREMENTAL)
        with claimed(waiting.database, batch.uid) as claim:
            assert claim.taken.batch.counters.fetched > batch.counters.fetched == settled
    assert field.sync().counters.inserted == GOOD
    field.check()


def test_a_process_that_wakes_up_after_its_batch_was_taken_over_stops(any_field: Field) -> None:
    any_field.configure()
    with gate(any_field.database_url, *BOOKS) as held, any_field.process() as process:
        held.wait()
        process.send_signal(signal.SIGSTOP)
        locks = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND objid <> 4711"
        any_field.ask(locks)
        held.end_sessions()
        held.open()
        assert any_field.sync().counters.inserted == GOOD
        process.send_signal(signal.SIGCONT)
        _, said = process.communicate(timeout=60)
    assert "taken over by another process" in said
    any_field.check()
    assert any_field.totals("rows_inserted") == (GOOD,)


def _only(field: Field) -> object:
    return field.ask("SELECT uid FROM sync_batches")[0][0]
