"""Is it up? The database, the neighbours, scheduler and worker, the queues: one answer for a probe and for a person."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from importlib.metadata import version

from syncflow.clock import Clock
from syncflow.errors import SyncFlowError
from syncflow.i18n.catalog import N_
from syncflow.i18n.texts import Counted, Recorded, Text
from syncflow.scheduler.service import Scheduler, SchedulerState
from syncflow.service.alert_causes import SILENT_SECONDS
from syncflow.service.alerts import Alert, AlertService
from syncflow.service.neighbours import NeighbourWatch, State
from syncflow.service.presence import PresenceService
from syncflow.service.queue_ages import QueueAge, queue_ages
from syncflow.service.worker import Worker, WorkerState
from syncflow.store.daemons import THERE_SECONDS, Daemon
from syncflow.store.database import Database
from syncflow.store.overview import Queues
from syncflow.store.queue_counts import QueueCounts


class Level(StrEnum):
    OK = N_("ok")
    DEGRADED = N_("degraded")
    """Something is not as it should be, and SyncFlow goes on."""
    DOWN = N_("down")


_ORDER = tuple(Level)
_QUEUES = {"failed": Text("queue failed"), "pending": Text("queue pending"), "withheld": Text("queue withheld")}
_WORDS = (N_("idle"), N_("working"), N_("waiting"), N_("running"), N_("stopping"), N_("stopped"))
"""States of workers and schedulers."""


@dataclass(frozen=True)
class Component:
    """`said` is what it says of itself, or what is wrong and what helps; without a vital one nothing goes on."""

    name: Text
    level: Level
    said: Text
    vital: bool = False
    milliseconds: float | None = None


@dataclass(frozen=True)
class HealthReport:
    """`status` is that of the worst component, where a neighbour is never worse than degraded. Queues, daemons and
    alerts are empty while the database is away."""

    status: Level
    version: str
    checked_at: datetime
    components: tuple[Component, ...]
    queues: tuple[QueueAge, ...] = ()
    daemons: tuple[Daemon, ...] = ()
    alerts: tuple[Alert, ...] = ()

    @property
    def vital_down(self) -> bool:
        return any(each.vital and each.level is Level.DOWN for each in self.components)


@dataclass
class _Books:
    """What could be read, and how the database is."""

    component: Component
    queues: Queues | None = None
    daemons: Sequence[Daemon] = field(default_factory=list)
    alerts: Sequence[Alert] = field(default_factory=list)


class HealthService:
    """Never raises for what is down: it says so. Asks no neighbour: that is for who calls `NeighbourWatch.look`."""

    def __init__(
        self,
        database: Database,
        counts: QueueCounts,
        neighbours: NeighbourWatch,
        presence: PresenceService,
        alerts: AlertService,
        worker: Worker,
        scheduler: Scheduler,
        clock: Clock,
        old: timedelta,
    ) -> None:
        """A row that has stood in a queue for longer than `old` is not as it should be; 0: never."""
        self._database = database
        self._counts = counts
        self._neighbours = neighbours
        self._presence = presence
        self._alerts = alerts
        self._worker = worker
        self._scheduler = scheduler
        self._clock = clock
        self._old = old

    def look(self) -> HealthReport:
        """Asks the database a few small questions."""
        now, books = self._clock.now(), self._read()
        queues = () if books.queues is None else queue_ages(books.queues, now)
        components = (
            books.component,
            *(_neighbour(each.health.name, each.health.state, each.health.said) for each in self._neighbours.latest()),
            *self._at_work(books),
            *(self._queue(each) for each in queues),
        )
        worst = max((each.level for each in components), key=_ORDER.index)
        status = Level.DEGRADED if worst is Level.OK and books.alerts else worst
        return HealthReport(
            status, version("syncflow"), now, components, queues, tuple(books.daemons), tuple(books.alerts)
        )

    def _read(self) -> _Books:
        began = time.monotonic()
        try:
            daemons = self._presence.all()
            milliseconds = round((time.monotonic() - began) * 1000, 1)
            alerts, queues = self._alerts.current(), self._counts.latest()
        except SyncFlowError as error:
            return _Books(Component(Text("database"), Level.DOWN, error.text, vital=True))
        said = Text(self._database.address)
        component = Component(Text("database"), Level.OK, said, vital=True, milliseconds=milliseconds)
        return _Books(component, queues, daemons, alerts)

    def _at_work(self, books: _Books) -> Iterator[Component]:
        """Scheduler and worker of this process, or else, where it has none, whether there is a daemon that has."""
        if self._worker.status().state is WorkerState.STOPPED:
            yield from _daemons(books.daemons) if books.queues is not None else ()
            return
        yield self._scheduling()
        worker, name = self._worker.status(), Text("worker")
        if self._worker.silent_for() > SILENT_SECONDS:
            yield Component(name, Level.DOWN, _hangs(self._worker.silent_for()), vital=True)
        elif worker.state is WorkerState.WAITING:
            yield Component(name, Level.DEGRADED, _waiting(worker.message), vital=True)
        elif worker.running:
            names = ", ".join(batch.entity_name for batch in worker.running)
            yield Component(name, Level.OK, Text("working: {entities}", entities=names), vital=True)
        else:
            yield Component(name, Level.OK, Text(worker.state), vital=True)

    def _scheduling(self) -> Component:
        scheduler, silent, name = self._scheduler.status(), self._scheduler.silent_for(), Text("scheduler")
        if scheduler.state is SchedulerState.STOPPED:
            return Component(name, Level.DEGRADED, Text("stopped"), vital=True)
        if silent > SILENT_SECONDS:
            return Component(name, Level.DOWN, _hangs(silent), vital=True)
        if scheduler.state is SchedulerState.WAITING:
            return Component(name, Level.DEGRADED, _waiting(scheduler.message), vital=True)
        if scheduler.troubles:
            return Component(name, Level.DEGRADED, Recorded(" ".join(scheduler.troubles)), vital=True)
        return Component(name, Level.OK, Text(scheduler.state), vital=True)

    def _queue(self, queue: QueueAge) -> Component:
        name = _QUEUES[queue.queue]
        if not queue.rows:
            return Component(name, Level.OK, Text("empty"))
        hours = f"{queue.oldest_seconds / 3600:,.1f}"
        said = Counted(
            "{n} row, the oldest {hours} hours old", "{n} rows, the oldest {hours} hours old", queue.rows, hours=hours
        )
        is_old = bool(self._old) and queue.oldest_seconds > self._old.total_seconds()
        return Component(name, Level.DEGRADED if is_old else Level.OK, said)


def _neighbour(name: str, state: State, said: Text) -> Component:
    return Component(Text(name), Level.OK if state is State.OK else Level.DEGRADED, said)


def _daemons(daemons: Sequence[Daemon]) -> Iterator[Component]:
    there = [each for each in daemons if each.age <= THERE_SECONDS]
    if not there:
        said = Text("none is at work: nothing runs by itself. Start one with: syncflow --daemon, or open the console")
        yield Component(Text("daemon"), Level.DEGRADED, said)
    for each in there:
        name = Text("daemon on {host}", host=each.host)
        if each.silent_seconds > SILENT_SECONDS:
            yield Component(name, Level.DOWN, _hangs(each.silent_seconds), vital=True)
        else:
            worker, scheduler = Text(each.worker_state), Text(each.scheduler_state)
            said = Text("worker {worker}, scheduler {scheduler}", worker=worker, scheduler=scheduler)
            yield Component(name, Level.OK, said)


def _waiting(message: str | None) -> Text:
    return Text("waiting: {message}", message=Recorded(message or ""))


def _hangs(seconds: float) -> Text:
    return Text(
        "hangs: it has not turned for {seconds} seconds. Restart it; its batches are taken over", seconds=round(seconds)
    )
