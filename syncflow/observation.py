"""What runs in a daemon beside worker and scheduler: health and metrics over HTTP, alerts, the morning's report."""

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from platform import python_version

import structlog

from syncflow.errors import SyncFlowError
from syncflow.events import ActDone, BatchChanged, News
from syncflow.i18n.texts import Text
from syncflow.observe import process
from syncflow.observe.application import Answers, Told, application
from syncflow.observe.counting import EventCounts
from syncflow.observe.exposition import Family, Sample, gauge, text
from syncflow.observe.server import HttpServer
from syncflow.repeating import Repeating
from syncflow.runtime import Runtime
from syncflow.scheduler.service import SchedulerState
from syncflow.service.alert_causes import SILENT_SECONDS
from syncflow.service.alerts import AlertKind
from syncflow.service.health import Component, HealthReport, Level
from syncflow.service.presence import BEAT_SECONDS
from syncflow.service.worker import WorkerState
from syncflow.settings import Settings

LOOK_SECONDS = 5.0
NEIGHBOUR_SECONDS = 5.0
"""Each neighbour is asked as seldom as `NeighbourWatch` says."""
ALERT_SECONDS = 60.0
STALE_SECONDS = 45.0
"""When nothing could be found out for so long, the database does not answer."""
_log = structlog.get_logger()


class Observation:
    """A part of the daemon (see `daemon.Part`). `counts` live as long as the process, an observation as long as its
    settings hold."""

    def __init__(self, settings: Settings, counts: EventCounts, began: float) -> None:
        """`began` is when the process did, on the monotonic clock."""
        self._counts = counts
        self._began = began
        self._runtime: Runtime | None = None
        self._report: HealthReport | None = None
        self._reported_at = 0.0
        self._figures: Sequence[Family] = ()
        self._repeating: list[Repeating] = []
        self._alerting: Repeating | None = None
        answers = Answers(self._alive, self._detailed, self._metrics)
        app = application(answers, settings.api_prefix)
        self._server = HttpServer(app, settings.api_host, settings.api_port) if settings.api_port else None

    def open(self) -> None:
        if self._server is not None:
            _log.info("health and metrics are served", address=self._server.start())

    def start(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._alerting = Repeating("alerts", ALERT_SECONDS, self._alert)
        self._repeating = [
            Repeating("looking at the books", LOOK_SECONDS, self._look),
            Repeating("asking the neighbours", NEIGHBOUR_SECONDS, runtime.neighbour_watch.look),
            Repeating("telling that this daemon is there", BEAT_SECONDS, runtime.presence.beat),
            self._alerting,
        ]
        for each in self._repeating:
            each.start()

    def heard(self, news: News) -> None:
        """Look for what is wrong as soon as something has happened."""
        if isinstance(news, BatchChanged | ActDone) and self._alerting is not None:
            self._alerting.wake()

    def stop(self) -> None:
        for each in self._repeating:
            each.end()
        for each in self._repeating:
            each.join()
        runtime, self._runtime = self._runtime, None
        if runtime is not None:
            _leave(runtime)

    def close(self) -> None:
        if self._server is not None:
            self._server.stop()

    def _look(self) -> None:
        """Keeps what is answered."""
        runtime = self._runtime
        if runtime is None:
            return
        self._report = runtime.health.look()
        self._reported_at = time.monotonic()
        self._figures = ()
        if not self._report.vital_down:
            self._figures = runtime.figures.families()

    def _alert(self) -> None:
        """One daemon does it for all."""
        runtime = self._runtime
        if runtime is None or not runtime.presence.leads():
            return
        runtime.alerts.evaluate()
        runtime.telling.tell()
        runtime.morning.tell()

    def _alive(self) -> Told:
        runtime = self._runtime
        silent = 0.0 if runtime is None else max(runtime.worker.silent_for(), runtime.scheduler.silent_for())
        hangs = silent > SILENT_SECONDS
        body = {
            "status": "hanging" if hangs else "healthy",
            "service": "syncflow",
            "version": version("syncflow"),
            "uptime_seconds": round(time.monotonic() - self._began, 1),
        }
        return Told(body, well=not hangs)

    def _detailed(self) -> Told:
        report = self._report
        if self._runtime is None or report is None:
            report = _without_database(Text("SyncFlow waits for it, or has just begun; the log says more"))
        elif time.monotonic() - self._reported_at > STALE_SECONDS:
            report = _without_database(Text("it has not answered since {time} UTC", time=report.checked_at.time()))
        return Told(report, well=not report.vital_down)

    def _metrics(self) -> str:
        return text((*_build(), *self._counts.families(), *process.families(), *self._states(), *self._figures))

    def _states(self) -> Iterator[Family]:
        runtime, report = self._runtime, self._report
        if runtime is None or report is None:
            yield gauge("syncflow_database_up", "Whether the metadata database answers.", Sample(0))
            return
        age = time.monotonic() - self._reported_at
        up = not any(str(each.name) == "database" and each.level is Level.DOWN for each in report.components)
        yield gauge(
            "syncflow_database_up", "Whether the metadata database answers.", Sample(int(up and age < STALE_SECONDS))
        )
        yield gauge("syncflow_figures_age_seconds", "How old the figures of the books are.", Sample(round(age, 3)))
        yield from _work(runtime)
        watched = runtime.neighbour_watch.latest()
        yield gauge(
            "syncflow_neighbour_up",
            "Whether a neighbour answers and takes the login.",
            *(Sample(int(each.well), {"neighbour": each.health.name}) for each in watched),
        )
        yield gauge(
            "syncflow_neighbour_check_seconds",
            "How long a neighbour took to answer.",
            *(Sample(each.health.milliseconds / 1000, {"neighbour": each.health.name}) for each in watched),
        )
        kinds = [alert.kind for alert in report.alerts]
        yield gauge(
            "syncflow_alerts",
            "Alerts that are not over, by kind.",
            *(Sample(kinds.count(kind), {"kind": kind}) for kind in AlertKind),
        )


def _leave(runtime: Runtime) -> None:
    try:
        runtime.presence.leave()
    except SyncFlowError as error:
        _log.warning("the others are not told that this daemon ends", error=str(error))


def _build() -> Iterator[Family]:
    labels = {"version": version("syncflow"), "python": python_version()}
    yield gauge("syncflow_build_info", "Always 1; which SyncFlow this is.", Sample(1, labels))


def _work(runtime: Runtime) -> Iterator[Family]:
    worker, scheduler = runtime.worker.status(), runtime.scheduler.status()
    yield gauge("syncflow_worker_state", "1 for the state of the worker.", *_one_of(WorkerState, worker.state))
    yield gauge("syncflow_worker_batches", "Batches that this process is at.", Sample(len(worker.running)))
    yield gauge("syncflow_worker_silent_seconds", "Since the worker turned.", Sample(runtime.worker.silent_for()))
    yield gauge(
        "syncflow_scheduler_state", "1 for the state of the scheduler.", *_one_of(SchedulerState, scheduler.state)
    )
    yield gauge(
        "syncflow_scheduler_silent_seconds", "Since the scheduler turned.", Sample(runtime.scheduler.silent_for())
    )
    yield gauge("syncflow_scheduler_troubles", "Schedules that cannot be kept.", Sample(len(scheduler.troubles)))


def _one_of(states: type[WorkerState] | type[SchedulerState], state: str) -> Iterator[Sample]:
    return (Sample(int(each == state), {"state": str(each)}) for each in states)


def _without_database(said: Text) -> HealthReport:
    component = Component(Text("database"), Level.DOWN, said, vital=True)
    return HealthReport(Level.DOWN, version("syncflow"), datetime.now(UTC), (component,))


def observing(counts: EventCounts) -> Callable[[Settings], Sequence[Observation]]:
    """The parts of a daemon whose engine tells `counts` its events."""
    began = time.monotonic()
    return lambda settings: [Observation(settings, counts, began)]
