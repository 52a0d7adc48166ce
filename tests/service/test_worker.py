"""What one process asks for is done by another, and everybody hears of it."""

import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace

import pytest

from syncflow.errors import BusyError
from syncflow.events import ActDone, BatchChanged, BatchEnded, ChunkSettled, Disconnected, News, Reconnected
from syncflow.model import BatchStatus, SyncType
from syncflow.runtime import Runtime
from syncflow.sandbox.faults import Fault
from syncflow.service.failed_records import FailedFilter
from syncflow.service.watch import Watch
from syncflow.service.worker import WorkerState
from syncflow.store import sync_batches
from syncflow.store.claims import LEASE_SECONDS, claimed
from syncflow.uuid7 import uuid7
from tests.faults.field import BAD, ROWS, SLUG, Field
from tests.waiting import until

pytestmark = pytest.mark.integration
GOOD = ROWS - len(BAD)
OTHERS = (
    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
    "WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name LIKE 'syncflow%'"
)


LISTENING = "SELECT pid FROM pg_stat_activity WHERE query LIKE 'LISTEN %' AND application_name = '{}'"


def watching(field: Field, runtime: Runtime, listener: Callable[[News], None]) -> Watch:
    """A watch that listens already."""
    listening = LISTENING.format(runtime.database.application)
    before = len(field.ask(listening))
    watch = runtime.watch(listener)
    watch.start()
    until(lambda: len(field.ask(listening)) > before)
    return watch


@contextmanager
def worker(field: Field) -> Iterator[Runtime]:
    """A SyncFlow that watches and works, as a console or a daemon does."""
    with field.runtime() as runtime:
        watch = watching(field, runtime, lambda _: None)
        runtime.worker.start()
        try:
            yield runtime
        finally:
            runtime.worker.stop(10)
            watch.stop()


def heard_by(field: Field, runtime: Runtime) -> tuple[list[News], Callable[[], None]]:
    news: list[News] = []
    return news, watching(field, runtime, news.append).stop


def test_what_is_requested_here_is_done_there_and_heard_here(field: Field) -> None:
    field.configure()
    with worker(field), field.runtime() as asking:
        news, stop = heard_by(field, asking)
        (batch,) = asking.batches.request([SLUG], SyncType.INCREMENTAL)
        assert batch.status is BatchStatus.QUEUED
        until(lambda: asking.batches.find(str(batch.uid)).status is not BatchStatus.QUEUED)
        until(lambda: asking.batches.find(str(batch.uid)).completed_at is not None)
        until(lambda: any(isinstance(each, BatchEnded) for each in news))
        stop()
    field.check()
    (ended,) = [each for each in news if isinstance(each, BatchEnded)]
    assert (ended.batch, ended.counters.inserted) == (batch.uid, GOOD)
    assert any(isinstance(each, ChunkSettled) and each.stage_seconds for each in news)
    assert BatchChanged(batch.uid, SLUG) in news
    assert ActDone("test", "batch.request", str(batch.uid), SLUG) in news


def test_a_batch_at_work_is_not_requested_again_and_stops_when_asked(field: Field) -> None:
    field.configure()
    field.break_source(Fault(kind="delay", path=SLUG, seconds=0.1, times=None))
    with worker(field) as runtime:
        (batch,) = runtime.batches.request([SLUG], SyncType.INCREMENTAL)
        until(lambda: bool(runtime.worker.status().running))
        until(lambda: runtime.batches.find(str(batch.uid)).status is BatchStatus.RUNNING)
        with pytest.raises(BusyError, match="Already at work: items"):
            runtime.batches.request([SLUG], SyncType.INCREMENTAL)
        assert runtime.worker.status().state is WorkerState.WORKING
        runtime.batches.stop(str(batch.uid))
        until(lambda: runtime.batches.find(str(batch.uid)).status is BatchStatus.INTERRUPTED)
        until(lambda: runtime.worker.status().state is WorkerState.IDLE)
        field.mend()
        (again,) = runtime.batches.request_resume([str(batch.uid)])
        assert again.uid == batch.uid
        until(lambda: runtime.batches.find(str(batch.uid)).completed_at is not None)
    field.check()


def test_two_workers_and_many_requests_run_each_batch_once(field: Field) -> None:
    field.configure()
    with worker(field) as one, worker(field), field.runtime() as asking:
        for _ in range(3):
            asking.batches.request([SLUG], SyncType.INCREMENTAL)
            until(lambda: asking.batches.history(SLUG, 1)[0].completed_at is not None)
        assert one.worker.status().message is None
    assert field.statuses() == ["completed_with_errors"] * 3
    assert field.totals("rows_inserted", "rows_updated") == (GOOD, 0)


def test_a_worker_outlives_its_connections_and_says_so(field: Field) -> None:
    field.configure()
    with worker(field) as runtime:
        news, stop = heard_by(field, runtime)
        until(lambda: runtime.worker.status().state is WorkerState.IDLE)
        field.ask(OTHERS)
        until(lambda: Reconnected() in news)
        assert any(isinstance(each, Disconnected) for each in news)
        (batch,) = runtime.batches.request([SLUG], SyncType.INCREMENTAL)
        until(lambda: runtime.batches.find(str(batch.uid)).completed_at is not None)
        stop()
    field.check()


def test_the_end_of_a_worker_leaves_a_checkpoint(field: Field) -> None:
    field.configure()
    field.break_source(Fault(kind="delay", path=SLUG, seconds=0.1, times=None))
    with field.runtime() as runtime:
        runtime.worker.start()
        runtime.batches.request([SLUG], SyncType.INCREMENTAL)
        until(lambda: field.statuses() == ["running"])
        began = time.monotonic()
        runtime.worker.stop(30)
        assert time.monotonic() - began < 10
        assert runtime.worker.status().running == ()
    assert field.statuses() == ["interrupted"]
    field.mend()
    field.sync()
    field.check()


def test_a_dead_process_is_succeeded_without_waiting_for_its_lease(field: Field) -> None:
    field.configure()
    field.break_source(Fault(kind="delay", path=SLUG, seconds=0.2, times=20))
    with worker(field) as runtime, field.process() as process:
        until(lambda: field.statuses() == ["running"])
        uid = runtime.batches.history(SLUG, 1)[0].uid
        process.kill()
        process.wait()
        taken = until(lambda: any(batch.uid == uid for batch in runtime.worker.status().running))
        until(lambda: runtime.batches.find(str(uid)).completed_at is not None)
    assert taken < LEASE_SECONDS
    field.check()


def test_what_could_not_be_begun_is_tried_again(field: Field) -> None:
    """A retry of the entity is at work elsewhere just then."""
    field.configure()
    field.sync()
    with worker(field) as runtime, field.runtime() as other:
        (batch,) = other.batches.history(SLUG, 1)
        retry = replace(batch, uid=uuid7(), sync_type=SyncType.RETRY, status=BatchStatus.QUEUED, completed_at=None)
        with other.database.begin() as connection:
            sync_batches.create(connection, retry)
        with claimed(other.database, retry.uid):
            (asked,) = other.batches.request([SLUG], SyncType.INCREMENTAL)
            time.sleep(1.5)
            assert other.batches.find(str(asked.uid)).status is BatchStatus.QUEUED
        with other.database.begin() as connection:
            sync_batches.release(connection, retry.uid, BatchStatus.CANCELLED)
        until(lambda: runtime.batches.find(str(asked.uid)).completed_at is not None)


def test_a_group_is_never_split_between_two_workers_and_none_takes_more_than_it_can_do(field: Field) -> None:
    names = [f"e{number}" for number in range(12)]
    with field.runtime() as one, field.runtime() as two, field.runtime() as asking:
        listed = ", ".join(f"{{name: {name}, api: items, business_key: [id]}}" for name in names)
        asking.entities.import_yaml(f"entities: [{listed}]", "test.yaml")
        for _ in range(10):
            for start in range(0, 12, 4):
                asking.batches.request(names[start : start + 4], SyncType.INCREMENTAL)
            with ThreadPoolExecutor(2) as both:
                taken = list(both.map(lambda runtime: runtime.batches.take_queued(2), (one, two)))
            assert sorted(len(groups) for groups in taken) == [1, 2]
            assert {len(group) for groups in taken for group in groups} == {4}
            field.execute("UPDATE syncflow.sync_batches SET status = 'cancelled'")


def test_what_cannot_be_read_is_not_heard_and_harms_nobody(field: Field) -> None:
    field.configure()
    with field.runtime() as runtime:
        news, stop = heard_by(field, runtime)
        for junk in ("not json", "[]", '{"kind": "event", "type": [], "event": 1}', "7", '{"kind": "batch"}'):
            field.execute(f"NOTIFY syncflow_syncflow, '{junk}'")
        runtime.batches.request([SLUG], SyncType.INCREMENTAL)
        until(lambda: any(isinstance(each, BatchChanged) for each in news))
        stop()


def test_decisions_about_failed_records_are_heard_at_once(field: Field) -> None:
    field.configure()
    field.sync()
    with field.runtime() as runtime, field.runtime() as other:
        news, stop = heard_by(field, other)
        closed = runtime.failed_records.ignore(FailedFilter(), "known")
        until(lambda: any(isinstance(each, ActDone) for each in news))
        stop()
    told = f"{closed.rows} failed records"
    assert [each for each in news if isinstance(each, ActDone)] == [ActDone("test", "failed_record.ignore", told, SLUG)]


def test_a_stop_that_was_asked_for_outlives_the_process(field: Field) -> None:
    field.configure()
    field.break_source(Fault(kind="delay", path=SLUG, seconds=0.5, times=None))
    with field.process() as process, field.runtime() as runtime:
        until(lambda: field.statuses() == ["running"])
        (batch,) = runtime.batches.history(SLUG, 1)
        process.send_signal(signal.SIGSTOP)
        runtime.batches.stop(str(batch.uid))
        process.kill()
        process.wait()
        field.mend()
        with worker(field):
            until(lambda: runtime.batches.find(str(batch.uid)).status is BatchStatus.INTERRUPTED)
            time.sleep(2.5)
            assert runtime.batches.find(str(batch.uid)).status is BatchStatus.INTERRUPTED
            runtime.batches.request_resume([str(batch.uid)])
            until(lambda: runtime.batches.find(str(batch.uid)).completed_at is not None)
    field.check()
