"""Gathers what alerts are judged by."""

from contextlib import suppress
from datetime import datetime, timedelta

from syncflow.clock import Clock
from syncflow.errors import ConfigurationError
from syncflow.scheduler.forecast import Forecast, forecast
from syncflow.service.alert_causes import ALWAYS_DAYS, Facts
from syncflow.service.neighbours import NeighbourWatch
from syncflow.service.schedules import HISTORY
from syncflow.store import background_schedules, daemons, entity_config, observed
from syncflow.store.daemons import THERE_SECONDS
from syncflow.store.database import Connection, Database
from syncflow.store.queue_counts import QueueCounts

_LOOK_BACK = timedelta(days=2 * ALWAYS_DAYS + 1)
"""Some tables are synced on weekdays alone."""


class AlertFacts:
    """Reads the books, and what the neighbours answered last; asks no neighbour."""

    def __init__(
        self,
        database: Database,
        counts: QueueCounts,
        neighbours: NeighbourWatch,
        clock: Clock,
        chunk_rows: int,
    ) -> None:
        self._database = database
        self._counts = counts
        self._neighbours = neighbours
        self._clock = clock
        self._chunk_rows = chunk_rows

    def gather(self) -> Facts:
        now, queues = self._clock.now(), self._counts.latest()
        with self._database.begin() as connection:
            enabled = {name for name, each in entity_config.load_all(connection).items() if each.sync_enabled}
            ends = [end for end in observed.last_ends(connection) if end.entity in enabled]
            withheld = observed.withheld_by_entity(connection)
            changed = observed.changed_by_day(connection, now, now - _LOOK_BACK)
            there = daemons.load_all(connection, THERE_SECONDS)
            forecasts = self._forecasts(connection, now)
        return Facts(
            now=now,
            ends=ends,
            withheld=withheld,
            changed={name: days for name, days in changed.items() if name in enabled},
            queues={"failed": queues.failed, "pending": queues.pending},
            forecasts={name: foreseen for name, foreseen in forecasts.items() if name in enabled},
            neighbours=self._neighbours.latest(),
            daemons=there,
        )

    def _forecasts(self, connection: Connection, now: datetime) -> dict[str, Forecast]:
        """Of schedules whose zone this machine knows; the scheduler tells of the others."""
        found = {}
        for name, schedule in background_schedules.load_all(connection).items():
            history = background_schedules.nights(connection, schedule.uid, HISTORY)
            with suppress(ConfigurationError):
                found[name] = forecast(schedule, history, now, self._chunk_rows)
        return found
