"""The worker of a process: takes up what was requested, whatever process asked for it, and what others left behind."""

import threading
import time
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import partial

import structlog

from syncflow.errors import SyncFlowError
from syncflow.events import BatchChanged, News
from syncflow.model import Batch
from syncflow.service.batches import BatchService

LOOK_SECONDS = 2.0
"""How often it is looked for work that no notice has told of."""
TAKE_OVER_SECONDS = 2.0
RETRY_SECONDS = 30.0
_log = structlog.get_logger()


class WorkerState(StrEnum):
    STOPPED = "stopped"
    IDLE = "idle"
    WORKING = "working"
    WAITING = "waiting"
    """For the metadata database."""
    STOPPING = "stopping"


@dataclass(frozen=True)
class WorkerStatus:
    """`running` are the batches that this process has taken; `message` says what it waits for; `since` in UTC."""

    state: WorkerState
    running: tuple[Batch, ...] = ()
    message: str | None = None
    since: datetime | None = None


class Worker:
    """Starts and ends with its process. What goes wrong in a task is logged and stands in the books; it never ends the
    worker."""

    def __init__(
        self,
        batches: BatchService,
        retries: tuple[Callable[[], object], ...],
        stopping: threading.Event,
        threads: int,
    ) -> None:
        """`retries` are called every half minute, one after the other: what in the queues is due. `stopping` ends the
        running batches at their next checkpoint. `threads` groups of batches are worked on at once."""
        self._batches = batches
        self._retries = retries
        self._stopping = stopping
        self._threads = threads
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="batches")
        self._wake = threading.Event()
        self._lock = threading.Lock()
        self._at_work: dict[Hashable, tuple[Batch, ...]] = {}
        self._worked_on: list[Batch] = []
        """What was taken and is not at work any more, until it was looked whether it was begun at all."""
        self._message: str | None = None
        self._since: datetime | None = None
        self._turned_at = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="worker", daemon=True)

    def start(self) -> None:
        self._since = datetime.now(UTC)
        self._thread.start()

    def heard(self, news: News) -> None:
        """Look for work at once when a batch was queued. For who watches."""
        if isinstance(news, BatchChanged):
            self._wake.set()

    def wake(self) -> None:
        self._wake.set()

    def silent_for(self) -> float:
        """Seconds since it looked for work the last time, whatever came of it."""
        return time.monotonic() - self._turned_at

    def stop(self, grace: float) -> None:
        """Let running batches come to their next checkpoint, for so many seconds at most; they can be resumed."""
        self._stopping.set()
        self._wake.set()
        end = time.monotonic() + grace
        if self._thread.is_alive():
            self._thread.join(grace)
        self._pool.shutdown(wait=False, cancel_futures=True)
        while self._busy() and time.monotonic() < end:
            time.sleep(0.02)

    def status(self) -> WorkerStatus:
        with self._lock:
            running = tuple(batch for batches in self._at_work.values() for batch in batches)
            message, busy = self._message, bool(self._at_work)
        if self._since is None:
            return WorkerStatus(WorkerState.STOPPED)
        if self._stopping.is_set():
            return WorkerStatus(WorkerState.STOPPING, running, message, self._since)
        if message is not None:
            return WorkerStatus(WorkerState.WAITING, running, message, self._since)
        return WorkerStatus(WorkerState.WORKING if busy else WorkerState.IDLE, running, None, self._since)

    def _busy(self) -> bool:
        with self._lock:
            return bool(self._at_work)

    def _run(self) -> None:
        take_over_at = retry_at = 0.0
        while not self._stopping.is_set():
            now = self._turned_at = time.monotonic()
            try:
                if now >= take_over_at:
                    take_over_at = now + TAKE_OVER_SECONDS
                    self._give_back()
                    self._begin(self._batches.take_left(self._free()))
                if free := self._free():
                    self._begin(self._batches.take_queued(free))
                self._message = None
            except SyncFlowError as error:
                self._message = str(error)
            except Exception as error:  # noqa: BLE001 - the worker outlives whatever goes wrong while it looks
                self._message = f"SyncFlow broke down while it looked for work ({type(error).__name__}: {error})."
                _log.error("the worker cannot look for work", exc_info=error)
            if now >= retry_at and self._message is None:
                retry_at = now + RETRY_SECONDS
                self._do("retries", (), self._retry)
            self._wake.wait(LOOK_SECONDS)
            self._wake.clear()

    def _begin(self, groups: Sequence[tuple[Batch, ...]]) -> None:
        with self._lock:
            known = {batch.uid for batches in self._at_work.values() for batch in batches}
        for group in groups:
            new = tuple(batch for batch in group if batch.uid not in known)
            if new:
                self._do(new[0].uid, new, partial(self._carry_out, new))

    def _carry_out(self, group: tuple[Batch, ...]) -> None:
        try:
            self._batches.carry_out(group)
        finally:
            with self._lock:
                self._worked_on += group

    def _give_back(self) -> None:
        """What could not be begun waits for a worker again: for this one not before the next look."""
        with self._lock:
            done = self._worked_on[:]
        if done:
            self._batches.give_back(done)
            with self._lock:
                del self._worked_on[: len(done)]

    def _free(self) -> int:
        """So many groups more can be worked on at once; retries do not count."""
        with self._lock:
            return max(0, self._threads - sum(1 for batches in self._at_work.values() if batches))

    def _do(self, name: Hashable, batches: tuple[Batch, ...], task: Callable[[], object]) -> None:
        with self._lock:
            if name in self._at_work:
                return
            self._at_work[name] = batches

        def run() -> None:
            try:
                task()
            except SyncFlowError as error:
                _log.warning("a task of the worker was broken off", error=str(error))
            except Exception as error:  # noqa: BLE001 - the worker outlives whatever goes wrong in a task
                _log.error("a task of the worker broke down", exc_info=error)

        def done(_: Future[None]) -> None:
            with self._lock:
                self._at_work.pop(name, None)
            self._wake.set()

        # Called as well for what is cancelled before it begins.
        self._pool.submit(run).add_done_callback(done)

    def _retry(self) -> None:
        for retry in self._retries:
            if not self._stopping.is_set():
                retry()
