"""A sync that is asked to stop, and two that want the same entity."""

import signal
import threading
from contextlib import ExitStack

import pytest

from syncflow.events import ChunkSettled, Event
from syncflow.model import BatchStatus, SyncType
from syncflow.sandbox.faults import Fault
from tests.faults.field import BAD, ROWS, SLUG, Field
from tests.faults.gates import gate, wait_until

pytestmark = [pytest.mark.integration, pytest.mark.slow]
GOOD = ROWS - len(BAD)
BOOKS = ("syncflow.batch_chunks", "UPDATE", "NEW.state = 'done' AND NEW.number = 2")


def test_sigterm_finishes_the_chunk_in_flight_and_the_next_sync_goes_on(any_field: Field) -> None:
    any_field.configure()
    with gate(any_field.database_url, *BOOKS) as held, any_field.process() as process:
        held.wait()
        process.send_signal(signal.SIGTERM)
        held.open()
        _, said = process.communicate(timeout=15)
        assert process.returncode == 0
    assert "Stopped as asked" in said
    assert any_field.statuses() == ["interrupted"]
    settled = any_field.totals("rows_fetched")[0]
    assert 0 < settled < ROWS
    assert any_field.ask("SELECT max(number) FROM batch_chunks WHERE state = 'done'") == [(2,)]
    assert any_field.sync().counters.inserted == GOOD
    any_field.check()


def test_a_stop_ends_a_read_that_hangs(field: Field) -> None:
    field.configure()
    field.break_source(Fault("delay", path="/api/v1/runtime/*", skip=6, seconds=4))
    with field.process() as process:
        wait_until(lambda: field.calls("/execute") > 6)
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=3)
    assert field.statuses() == ["interrupted"]
    field.mend()
    field.sync()
    field.check()


def test_a_batch_is_stopped_by_somebody_else(any_field: Field) -> None:
    any_field.configure()
    with gate(any_field.database_url, *BOOKS) as held, any_field.process() as process, any_field.runtime() as runtime:
        held.wait()
        stopper = threading.Thread(target=lambda: runtime.batches.stop(str(_only(any_field))))
        held.open()
        stopper.start()
        process.communicate(timeout=15)
        stopper.join(15)
    assert any_field.statuses()[0] in ("interrupted", "completed_with_errors")
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
        process.communicate(timeout=20)
    any_field.check()
    assert any_field.totals("rows_inserted") == (GOOD,)


def test_many_that_start_at_once(field: Field) -> None:
    field.configure()
    with ExitStack() as stack:
        for process in [stack.enter_context(field.process()) for _ in range(3)]:
            process.communicate(timeout=40)
    field.sync()
    field.sync()
    field.check()
    assert field.totals("rows_inserted") == (GOOD,)


def test_who_waited_for_another_process_goes_on_with_its_counters(field: Field) -> None:
    """The batch is looked up first and claimed later; what another process settled in between counts."""
    field.configure()
    stopped: list[BatchStatus] = []

    def stop_after(number: int, stopping: threading.Event) -> None:
        pass

    with field.runtime() as runtime:
        batch = None

        def listen(event: Event) -> None:
            if isinstance(event, ChunkSettled) and event.number == 1:
                other.stopping.set()

        with field.runtime(listen) as other:
            stopped.append(other.batches.sync([SLUG], SyncType.INCREMENTAL)[0].status)
        del batch
        ended = runtime.batches.sync([SLUG], SyncType.INCREMENTAL)[0]
    assert stopped == [BatchStatus.INTERRUPTED]
    assert ended.counters.inserted == GOOD
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
        _, said = process.communicate(timeout=20)
    assert "taken over by another process" in said
    any_field.check()
    assert any_field.totals("rows_inserted") == (GOOD,)


def _only(field: Field) -> object:
    return field.ask("SELECT uid FROM sync_batches")[0][0]
