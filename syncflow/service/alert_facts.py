"""Gathers what alerts are judged by."""

from datetime import timedelta

from syncflow.clock import Clock
from syncflow.service.alert_causes import ALWAYS_DAYS, Facts
from syncflow.service.neighbours import NeighbourWatch
from syncflow.service.schedules import SchedulesService
from syncflow.store import daemons, entity_config, observed
from syncflow.store.database import Database
from syncflow.store.queue_counts import QueueCounts

_LOOK_BACK = timedelta(days=2 * ALWAYS_DAYS + 1)
"""Some tables are synced on weekdays alone."""


class AlertFacts:
    """Reads the books, and what the neighbours answered last; asks no neighbour."""

    def __init__(
        self,
        database: Database,
        counts: QueueCounts,
        schedules: SchedulesService,
        neighbours: NeighbourWatch,
        clock: Clock,
    ) -> None:
        self._database = database
        self._counts = counts
        self._schedules = schedules
        self._neighbours = neighbours
        self._clock = clock

    def gather(self) -> Facts:
        now, queues = self._clock.now(), self._counts.latest()
        with self._database.begin() as connection:
            enabled = {name for name, each in entity_config.load_all(connection).items() if each.sync_enabled}
            ends = [end for end in observed.last_ends(connection) if end.entity in enabled]
            withheld = observed.withheld_by_entity(connection)
            changed = observed.changed_by_day(connection, now, now - _LOOK_BACK)
            there = daemons.load_all(connection, 0.0)
        return Facts(
            now=now,
            ends=ends,
            withheld=withheld,
            changed={name: days for name, days in changed.items() if name in enabled},
            queues={"failed": queues.failed, "pending": queues.pending},
            schedules=self._schedules.list().nights,
            neighbours=self._neighbours.latest(),
            daemons=there,
        )
