"""The scheduler of a process: makes a round when something is due, and cleans up.

APScheduler is a timer here and no more: what is due stands in the database, so it does not matter when a timer fires,
whether it is late, or how many processes have one.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

import structlog

from syncflow.clock import Clock
from syncflow.errors import SyncFlowError
from syncflow.events import ActDone, BatchChanged, News, Reconnected
from syncflow.scheduler.rounds import Rounds

BUSY = timedelta(seconds=2)
"""Another process makes a round just now: it is looked again after so long."""
LONGEST = timedelta(seconds=60)
"""It is looked again after so long at the latest: another process may have changed what it depends on."""
OVERDUE_SECONDS = 120.0
WITHOUT_DATABASE = timedelta(seconds=5)
CLEAN_UP_EVERY = timedelta(hours=6)
FIRST_CLEAN_UP = timedelta(minutes=5)
_ROUND, _CLEAN_UP = "round", "clean up"
_log = structlog.get_logger()


class SchedulerState(StrEnum):
    STOPPED = "stopped"
    RUNNING = "running"
    WAITING = "waiting"
    """For the metadata database."""


@dataclass(frozen=True)
class SchedulerStatus:
    """`next_look` (UTC) is when it will look at the latest; `message` says what it waits for; `troubles` are schedules
    that cannot be kept, a sentence each."""

    state: SchedulerState
    next_look: datetime | None = None
    message: str | None = None
    troubles: tuple[str, ...] = ()
    since: datetime | None = None


class Scheduler:
    """Starts and ends with its process; not started when made. `clean_up` is called a few times a day. What goes wrong
    in a round is told in the status and in the log, and the next round is made all the same."""

    def __init__(self, rounds: Rounds, clean_up: Callable[[], object], clock: Clock) -> None:
        self._rounds = rounds
        self._clean_up = clean_up
        self._clock = clock
        self._timer: _Timer | None = None
        self._lock = threading.Lock()
        self._status = SchedulerStatus(SchedulerState.STOPPED)
        self._turned_at = time.monotonic()
        self._again = threading.Event()

    def start(self) -> None:
        now = self._clock.now()
        self._set(SchedulerStatus(SchedulerState.RUNNING, now, since=now))
        self._turned_at = time.monotonic()
        self._timer = _Timer()
        self._timer.call(_CLEAN_UP, self._tidy, FIRST_CLEAN_UP)
        self._timer.call(_ROUND, self._round, timedelta(0))

    def stop(self) -> None:
        """Waits for a round that is being made; what it has asked for is asked for."""
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.end()
        self._set(SchedulerStatus(SchedulerState.STOPPED))

    def heard(self, news: News) -> None:
        """Look at once where somebody changed what is due. For who watches."""
        acts = ("schedule.", "entity.")
        if isinstance(news, BatchChanged | Reconnected) or (isinstance(news, ActDone) and news.act.startswith(acts)):
            self.wake()

    def wake(self) -> None:
        """Make a round now; one that is being made is followed by another."""
        timer = self._timer
        if timer is not None and not self._again.is_set():
            self._again.set()
            timer.call(_ROUND, self._round, timedelta(0))

    def status(self) -> SchedulerStatus:
        with self._lock:
            return self._status

    def silent_for(self) -> float:
        """Seconds since the last round, whatever came of it."""
        return time.monotonic() - self._turned_at

    def keep_turning(self) -> None:
        """Make a round where the timer has missed one: it goes by the wall clock, which somebody may have set back."""
        if self.silent_for() > OVERDUE_SECONDS:
            self.wake()

    def _round(self) -> None:
        self._again.clear()
        began = self._clock.now()
        wait, status = BUSY, self.status()
        try:
            decision = self._rounds.make()
            if decision is not None:
                wait = _wait(decision.look_at, self._clock.now())
                self._tell(status.troubles, decision.troubles)
                status = SchedulerStatus(SchedulerState.RUNNING, troubles=decision.troubles, since=status.since)
        except SyncFlowError as error:
            wait = WITHOUT_DATABASE
            if status.message is None:
                _log.warning("the scheduler waits", error=str(error))
            status = SchedulerStatus(SchedulerState.WAITING, None, str(error), status.troubles, status.since)
        except Exception as error:  # noqa: BLE001 - the scheduler outlives whatever goes wrong in a round
            wait = WITHOUT_DATABASE
            _log.error("a round of the scheduler broke down", exc_info=error)
        self._turned_at = time.monotonic()
        self._set(SchedulerStatus(status.state, began + wait, status.message, status.troubles, status.since))
        timer = self._timer
        if timer is not None and not self._again.is_set():
            timer.call(_ROUND, self._round, wait)

    def _tidy(self) -> None:
        try:
            self._clean_up()
        except SyncFlowError as error:
            _log.warning("nothing was cleaned up", error=str(error))
        except Exception as error:  # noqa: BLE001 - as above
            _log.error("the clean-up broke down", exc_info=error)
        timer = self._timer
        if timer is not None:
            timer.call(_CLEAN_UP, self._tidy, CLEAN_UP_EVERY)

    def _tell(self, before: tuple[str, ...], now: tuple[str, ...]) -> None:
        for trouble in now:
            if trouble not in before:
                _log.warning("a schedule cannot be kept", error=trouble)

    def _set(self, status: SchedulerStatus) -> None:
        with self._lock:
            self._status = status


def _wait(until: datetime | None, now: datetime) -> timedelta:
    return LONGEST if until is None else min(LONGEST, max(timedelta(0), until - now))


class _Timer:
    """Calls what it is told to, one call after the other, in a thread of its own; of one name it knows the last."""

    def __init__(self) -> None:
        # Deferred: most commands have no use for timers.
        from apscheduler.executors.pool import ThreadPoolExecutor  # type: ignore[import-untyped]
        from apscheduler.schedulers.background import BackgroundScheduler  # type: ignore[import-untyped]

        self._calls = ThreadPoolExecutor(1)
        self._scheduler = BackgroundScheduler(
            timezone=UTC,
            executors={"default": self._calls},
            # A call may be asked for while the one before it is under way.
            job_defaults={"coalesce": True, "misfire_grace_time": None, "max_instances": 2},
        )
        self._scheduler.start()

    def call(self, name: str, what: Callable[[], None], after: timedelta) -> None:
        self._scheduler.add_job(what, "date", run_date=datetime.now(UTC) + after, id=name, replace_existing=True)

    def end(self) -> None:
        """Waits for the call that is under way, which may ask for another one: never under APScheduler's own lock. What
        would become due meanwhile is taken away first, or its thread stumbles over it."""
        self._scheduler.pause()
        self._scheduler.remove_all_jobs()
        self._scheduler.shutdown(wait=False)
        self._calls.shutdown(wait=True)
