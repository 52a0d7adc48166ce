"""SyncFlow without a screen: start-up, loop, shutdown.

SIGTERM and SIGINT let the chunk in flight come to its checkpoint, within the grace period; once more ends at once, and
what was sent without an answer is settled by who goes on. SIGHUP reads the settings again. A metadata database that is
away is waited for, at the start and at any time after it.
"""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from types import FrameType
from typing import Protocol

import structlog

from syncflow.daemon_status import status_line
from syncflow.errors import ConfigurationError, RetriableError, SyncFlowError, UnavailableError
from syncflow.event_log import log_event
from syncflow.events import Listener, News
from syncflow.runtime import Runtime, open_runtime
from syncflow.settings import Settings
from syncflow.systemd import Supervisor

LOOK_SECONDS = 1.0
AGAIN_SECONDS = (1.0, 2.0, 5.0, 10.0)
"""Between the attempts to find the metadata database."""
SAID_AGAIN_SECONDS = 60.0
SILENT_SECONDS = 300.0
"""A worker or a scheduler that has not turned for so long hangs: the watchdog is not told any more that all is well.
Waiting for a database that does not answer takes a minute or so."""
_log = structlog.get_logger()


class Part(Protocol):
    """What runs beside worker and scheduler under the same settings, such as the health and metrics server."""

    def open(self) -> None:
        """Before a database is waited for. Raises SyncFlowError when it cannot be had, such as a port in use."""

    def start(self, runtime: Runtime) -> None:
        """There is a database."""

    def heard(self, news: News) -> None:
        """Something happened, in whatever process; quickly done with. It may be told before the start."""

    def stop(self) -> None:
        """The runtime is about to end."""

    def close(self) -> None: ...


Parts = Callable[[Settings], Sequence[Part]]


def none_beside(_: Settings) -> Sequence[Part]:
    """Worker and scheduler alone."""
    return ()


class Daemon:
    """`load` reads the settings, `settled` is called with those that hold from now on (logs). Raises ConfigurationError
    for settings that cannot hold at the start; later ones are told in the log, and those before hold on."""

    def __init__(
        self,
        load: Callable[[], Settings],
        settled: Callable[[Settings], None],
        supervisor: Supervisor,
        parts: Parts = none_beside,
        listener: Listener = log_event,
        *,
        embedded: bool = False,
    ) -> None:
        self._load = load
        self._settled = settled
        self._supervisor = supervisor
        self._parts = parts
        self._listener = listener
        self._embedded = embedded
        self._is_to_stop = False
        self._is_to_reload = False
        self._was_open = False
        self._woken = threading.Event()
        self._signal = signal.SIGTERM

    def run(self) -> int:
        """The exit code: 128 and the signal that ended it."""
        settings = self._accepted(self._load())
        with self._handling_signals():
            while not self._is_to_stop:
                self._settled(settings)
                settings = self._serve(settings)
        _log.info("syncflow has ended", signal=self._signal.name)
        return 128 + self._signal

    def _serve(self, settings: Settings) -> Settings:
        """Until somebody wants it to end or to go on under other settings; gives those that hold then."""
        with ExitStack() as stack:
            parts = self._parts(settings)
            for part in parts:
                stack.callback(part.close)
                self._open(part)
            self._was_open = True
            runtime = self._opened(settings, stack)
            if runtime is None:
                return self._reloaded(settings)
            self._start(runtime, parts, stack)
            new = settings
            while new == settings and not self._is_to_stop:
                self._watch_over(runtime)
                new = self._reloaded(settings)
                runtime.scheduler.wake()
            self._stop(runtime, settings)
        return new

    def _open(self, part: Part) -> None:
        """A daemon that is at work goes on without what it cannot have under new settings."""
        try:
            part.open()
        except SyncFlowError as error:
            if not self._was_open:
                raise
            _log.error("it goes on without", error=str(error))

    def _start(self, runtime: Runtime, parts: Sequence[Part], stack: ExitStack) -> None:
        def tell(news: News) -> None:
            for part in parts:
                part.heard(news)

        watch = runtime.watch(tell)
        watch.start()
        stack.callback(watch.stop)
        runtime.worker.start()
        runtime.scheduler.start()
        for part in parts:
            stack.callback(part.stop)
            part.start(runtime)
        _log.info("syncflow is at work", database=runtime.database.address, worker=runtime.database.application)
        self._supervisor.ready(status_line(runtime))

    def _watch_over(self, runtime: Runtime) -> None:
        """Until somebody wishes something."""
        told_at, interval = 0.0, (self._supervisor.watchdog_seconds or 0.0) / 3
        hangs = False
        while not self._woken.wait(LOOK_SECONDS):
            self._supervisor.status(status_line(runtime))
            runtime.scheduler.keep_turning()
            silent = max(runtime.worker.silent_for(), runtime.scheduler.silent_for())
            if silent < SILENT_SECONDS and time.monotonic() - told_at >= interval:
                told_at = time.monotonic()
                self._supervisor.alive()
            if silent >= SILENT_SECONDS and not hangs:
                _log.error("the worker or the scheduler hangs", seconds=round(silent))
            hangs = silent >= SILENT_SECONDS
        self._woken.clear()

    def _stop(self, runtime: Runtime, settings: Settings) -> None:
        """Chunks in flight come to their checkpoints; what was at work waits for the next one who has the time."""
        at_work = runtime.worker.status().running
        names = ", ".join(batch.entity_name for batch in at_work) or "nothing"
        _log.info("stopping", at_work=names, grace_seconds=settings.grace_seconds)
        if self._is_to_stop:
            self._supervisor.stopping(f"stopping; at work: {names}")
        runtime.scheduler.stop()
        runtime.worker.stop(settings.grace_seconds)
        left = runtime.worker.status().running
        if left:
            told = ", ".join(batch.entity_name for batch in left)
            _log.warning("the grace period is over: what was sent without an answer is settled later", at_work=told)
            self._leave()
        try:
            handed = runtime.batches.hand_over(at_work)
        except SyncFlowError as error:
            _log.warning("batches wait for somebody to resume them", error=str(error))
            return
        for batch in handed:
            _log.info("handed over", entity=batch.entity_name, batch=str(batch.uid))

    def _opened(self, settings: Settings, stack: ExitStack) -> Runtime | None:
        """The runtime, as soon as there is a database for it; None when somebody wishes something first."""
        waits = iter(AGAIN_SECONDS)
        said_at = -SAID_AGAIN_SECONDS
        while True:
            try:
                return stack.enter_context(open_runtime(settings, self._listener, actor="daemon"))
            except (UnavailableError, RetriableError) as error:
                seconds = next(waits, AGAIN_SECONDS[-1])
                if time.monotonic() - said_at >= SAID_AGAIN_SECONDS:
                    said_at = time.monotonic()
                    _log.warning("waiting for the metadata database", error=str(error))
                self._supervisor.starting(f"waiting for the metadata database: {error}", seconds + 60)
                self._supervisor.alive()
            if self._woken.wait(seconds):
                self._woken.clear()
                return None

    def _reloaded(self, settings: Settings) -> Settings:
        """The settings as they stand now, where they were to be read again; those before where they cannot hold."""
        if not self._is_to_reload or self._is_to_stop:
            return settings
        self._is_to_reload = False
        self._supervisor.reloading()
        try:
            new = self._accepted(self._load())
        except ConfigurationError as error:
            _log.error("the settings cannot be reloaded; those before hold", error=str(error))
            new = settings
        changed = [name.upper() for name in type(new).model_fields if getattr(new, name) != getattr(settings, name)]
        _log.info("reloaded", changed=changed)
        if new == settings:
            self._supervisor.ready("reloaded")
        return new

    def _accepted(self, settings: Settings) -> Settings:
        if settings.database_url is None and not self._embedded:
            raise ConfigurationError(
                "No metadata database is configured, and nobody runs production on the embedded one by accident: set "
                "DATABASE_URL or POSTGRES_HOST (see: syncflow config show), or, for a trial: syncflow --daemon "
                "--embedded"
            )
        return settings

    @contextmanager
    def _handling_signals(self) -> Iterator[None]:
        """Signals reach the main thread, which is this one."""
        handlers = {signal.SIGTERM: self._asked_to_stop, signal.SIGINT: self._asked_to_stop, signal.SIGHUP: self._asked}
        before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _asked_to_stop(self, number: int, _frame: FrameType | None) -> None:
        self._signal = signal.Signals(number)
        if self._is_to_stop:
            self._leave()
        self._is_to_stop = True
        self._woken.set()

    def _asked(self, _number: int, _frame: FrameType | None) -> None:
        self._is_to_reload = True
        self._woken.set()

    def _leave(self) -> None:
        """At once, without waiting for threads: what they have sent is settled by who goes on."""
        os._exit(128 + self._signal)
