"""A process that is gone, or asleep: who takes its batch over, when, and what becomes of the rows that it sent."""

import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from syncflow.errors import UsageError
from syncflow.model import BatchStatus
from syncflow.store.claims import LEASE_SECONDS
from tests.faults.field import BAD, ROWS, Field, syncflow
from tests.faults.gates import gate
from tests.waiting import until

pytestmark = pytest.mark.integration
GOOD = ROWS - len(BAD)
BOOKS = ("syncflow.batch_chunks", "UPDATE", "NEW.state = 'done' AND NEW.number = 1")


@contextmanager
def watching(field: Field) -> Iterator["subprocess.Popen[str]"]:
    """`syncflow resume --watch` in a process of its own."""
    with syncflow(field, "resume", "--watch") as process:
        assert process.stderr is not None
        assert "Watching" in process.stderr.readline()
        yield process


def ended(field: Field) -> bool:
    return field.statuses()[0].startswith("completed")


def test_a_running_process_takes_over_what_a_killed_one_leaves(any_field: Field) -> None:
    any_field.configure()
    with watching(any_field) as watcher:
        with gate(any_field.database_url, *BOOKS) as held, any_field.process() as process:
            held.wait()
            process.kill()
            process.communicate()
            killed_at = time.monotonic()
            held.end_sessions()
        epoch = any_field.ask("SELECT claim_epoch FROM sync_batches")
        until(lambda: any_field.ask("SELECT claim_epoch FROM sync_batches") != epoch or ended(any_field))
        assert time.monotonic() - killed_at < LEASE_SECONDS, "by the end of its session, not of its lease"
        until(lambda: ended(any_field))
        watcher.send_signal(signal.SIGTERM)
        said, _ = watcher.communicate(timeout=30)
    assert "items" in said
    any_field.check()
    assert any_field.totals("rows_inserted", "rows_updated", "rows_unchanged") == (GOOD, 0, 0)


def test_a_suspended_process_is_succeeded_when_its_lease_has_run_out_and_stops_when_it_wakes(field: Field) -> None:
    field.configure()
    with field.process() as process, field.runtime() as runtime:
        until(lambda: field.count() > 0)
        process.send_signal(signal.SIGSTOP)
        suspended_at = time.monotonic()
        batch = runtime.batches.find(str(field.ask("SELECT uid FROM sync_batches")[0][0]))
        assert runtime.batches.alive(batch), "its lease still runs"
        assert runtime.batches.take_over() == []
        with pytest.raises(UsageError, match="is at work"):
            runtime.batches.resume([str(batch.uid)])
        until(lambda: not runtime.batches.alive(batch))
        assert time.monotonic() - suspended_at < 2 * LEASE_SECONDS
        (end,) = runtime.batches.take_over()
        assert end.status is BatchStatus.COMPLETED_WITH_ERRORS
        process.send_signal(signal.SIGCONT)
        _, said = process.communicate(timeout=30)
    assert "taken over" in said or "did not run for more than" in said or "broke off" in said
    field.check()
    assert field.totals("rows_inserted", "rows_updated", "rows_unchanged") == (GOOD, 0, 0)
    assert field.statuses() == ["completed_with_errors"]


def test_rows_in_doubt_are_shown_until_they_are_settled(any_field: Field) -> None:
    any_field.configure()
    with gate(any_field.database_url, *BOOKS) as held, any_field.process() as process:
        held.wait()
        process.kill()
        process.communicate()
        held.end_sessions()
    with any_field.runtime() as runtime:
        batch = runtime.batches.find(str(any_field.ask("SELECT uid FROM sync_batches")[0][0]))
        assert not runtime.batches.alive(batch)
        assert 200 - len(BAD) <= runtime.batches.in_doubt(batch) <= GOOD
        (end,) = runtime.batches.resume([])
        assert end.counters.inserted == GOOD
        assert runtime.batches.in_doubt(runtime.batches.find(str(batch.uid))) == 0
        with pytest.raises(UsageError, match="has ended"):
            runtime.batches.resume([str(batch.uid)])
    any_field.check()
