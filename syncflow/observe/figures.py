"""What the books say, for /metrics: read every few seconds by one thread, whoever asks and however often."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from syncflow.clock import Clock
from syncflow.errors import ConfigurationError
from syncflow.observe.exposition import Family, Sample, gauge
from syncflow.scheduler.forecast import forecast
from syncflow.scheduler.lateness import late_by
from syncflow.scheduler.window import Window
from syncflow.schedules import BackgroundSchedule, NightRecord
from syncflow.store import background_schedules, observed
from syncflow.store.database import Database
from syncflow.store.overview import QueueFigures
from syncflow.store.queue_counts import QueueCounts

HISTORY = 14
"""The last nights that a forecast goes by."""


class Figures:
    """Raises SyncFlowError when the database is not to be had."""

    def __init__(self, database: Database, counts: QueueCounts, clock: Clock, chunk_rows: int) -> None:
        self._database = database
        self._counts = counts
        self._clock = clock
        self._chunk_rows = chunk_rows

    def families(self) -> list[Family]:
        queues, now = self._counts.latest(), self._clock.now()
        with self._database.begin() as connection:
            statuses = observed.batches_by_status(connection)
            in_doubt = observed.in_doubt(connection)
            successes = list(observed.last_success(connection))
            requested = observed.oldest_request(connection)
            schedules = background_schedules.load_all(connection)
            nights = {
                name: background_schedules.nights(connection, each.uid, HISTORY) for name, each in schedules.items()
            }
        named = {"failed": queues.failed, "pending": queues.pending, "withheld": queues.withheld}
        return [
            *_queues(named, now),
            gauge(
                "syncflow_failed_rows",
                "Open failed records that nobody but a person will mend.",
                *(Sample(rows, {"entity": name}) for name, rows in sorted(queues.failed_by_entity.items())),
            ),
            gauge(
                "syncflow_batches",
                "Batches in the books, by status.",
                *(Sample(count, {"status": status}) for status, count in statuses.items()),
            ),
            gauge("syncflow_in_doubt_rows", "Rows sent whose outcome is not in the books yet.", Sample(in_doubt)),
            gauge(
                "syncflow_request_wait_seconds",
                "How long the oldest batch has waited for a worker.",
                Sample(_age(requested, now)),
            ),
            gauge(
                "syncflow_last_success_timestamp_seconds",
                "When the last batch of an entity that went well ended, since 1970.",
                *(Sample(at.timestamp(), {"entity": name}) for name, at in successes),
            ),
            *_nights(schedules, nights, now, self._chunk_rows),
        ]


def _queues(queues: Mapping[str, QueueFigures], now: datetime) -> Iterator[Family]:
    rows = (Sample(each.rows, {"queue": name}) for name, each in queues.items())
    ages = (Sample(_age(each.oldest, now), {"queue": name}) for name, each in queues.items())
    yield gauge("syncflow_queue_rows", "Open rows of a queue.", *rows)
    yield gauge("syncflow_queue_oldest_age_seconds", "Age of a queue's oldest open row; 0 without one.", *ages)


def _age(since: datetime | None, now: datetime) -> float:
    return 0.0 if since is None else max(0.0, (now - since).total_seconds())


def _nights(
    schedules: Mapping[str, BackgroundSchedule],
    nights: Mapping[str, list[NightRecord]],
    now: datetime,
    chunk_rows: int,
) -> Iterator[Family]:
    """A schedule in a zone that this machine does not know is left out: the scheduler tells of it."""
    known: dict[str, tuple[BackgroundSchedule, Window]] = {}
    for name, each in schedules.items():
        try:
            known[name] = each, Window.of(each)
        except ConfigurationError:
            continue
    yield gauge(
        "syncflow_window_open",
        "Whether the window of a schedule is open and its nights are worked on.",
        *(
            Sample(int(each.active and window.night_at(now) is not None), {"entity": name})
            for name, (each, window) in known.items()
        ),
    )
    yield gauge(
        "syncflow_window_use_ratio",
        "How much of the last night's window was worked in, so far.",
        *(
            Sample(use, {"entity": name})
            for name, (_, window) in known.items()
            if (use := _use(window, nights[name])) is not None
        ),
    )
    yield gauge("syncflow_night_planned_rows", "Rows planned for the last night.", *_of_newest(nights, "planned"))
    yield gauge("syncflow_night_settled_rows", "Rows settled in the last night, so far.", *_of_newest(nights, "rows"))
    yield gauge(
        "syncflow_cycle_progress_ratio",
        "The share of the source's rows that a cycle has settled.",
        *(
            Sample(min(1.0, each.current_offset / each.source_rows), {"entity": name})
            for name, (each, _) in known.items()
            if each.source_rows
        ),
    )
    foreseen = {name: (each, forecast(each, nights[name], now, chunk_rows)) for name, (each, _) in known.items()}
    yield gauge(
        "syncflow_forecast_finish_timestamp_seconds",
        "When a cycle is expected to be complete, since 1970.",
        *(
            Sample(each.finishes_at.timestamp(), {"entity": name})
            for name, (_, each) in foreseen.items()
            if each.finishes_at is not None
        ),
    )
    yield gauge(
        "syncflow_forecast_late_seconds",
        "How long after the end of its last planned night a cycle is expected to be complete; 0 in time.",
        *(
            Sample(late.total_seconds(), {"entity": name})
            for name, (schedule, each) in foreseen.items()
            if (late := late_by(schedule, each, now)) is not None
        ),
    )


def _of_newest(nights: Mapping[str, list[NightRecord]], field: str) -> Iterator[Sample]:
    """Of all parts of the last night."""
    for name, records in nights.items():
        if records:
            night = records[0].night
            yield Sample(sum(getattr(each, field) for each in records if each.night == night), {"entity": name})


def _use(window: Window, records: list[NightRecord]) -> float | None:
    night = window.night_of(records[0].night) if records else None
    if night is None:
        return None
    worked = sum(each.seconds for each in records if each.night == night.date)
    return min(1.0, timedelta(seconds=worked) / night.length)
