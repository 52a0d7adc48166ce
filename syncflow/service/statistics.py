"""How much was done in the last day, week and month, and how much waits."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from syncflow.clock import Clock
from syncflow.service.queue_ages import QueueAge, queue_ages
from syncflow.store import observed, statistics
from syncflow.store.database import Database
from syncflow.store.queue_counts import QueueCounts
from syncflow.store.statistics import Work as Work  # what the figures are made of

PERIODS = {"last 24 hours": timedelta(days=1), "last 7 days": timedelta(days=7), "last 30 days": timedelta(days=30)}


@dataclass(frozen=True)
class Period:
    """What the batches that ended since then (UTC) did; entities of which none ended are left out."""

    name: str
    since: datetime
    entities: tuple[Work, ...]


@dataclass(frozen=True)
class Statistics:
    """`batches` are all that the books hold, by status."""

    taken_at: datetime
    periods: tuple[Period, ...]
    queues: tuple[QueueAge, ...]
    batches: Mapping[str, int]


class StatisticsService:
    """Reads the books; changes nothing."""

    def __init__(self, database: Database, counts: QueueCounts, clock: Clock) -> None:
        self._database = database
        self._counts = counts
        self._clock = clock

    def take(self) -> Statistics:
        now, queues = self._clock.now(), self._counts.latest()
        with self._database.begin() as connection:
            periods = tuple(
                Period(name, now - length, tuple(statistics.work_since(connection, now - length)))
                for name, length in PERIODS.items()
            )
            batches = observed.batches_by_status(connection)
        return Statistics(now, periods, queue_ages(queues, now), batches)
