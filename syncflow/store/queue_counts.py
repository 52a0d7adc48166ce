"""How long the queues are, counted as seldom as it is dear."""

import threading
import time
from datetime import UTC, datetime

from syncflow.store import overview
from syncflow.store.database import Database
from syncflow.store.overview import Queues

COUNTED_SECONDS = 5.0
"""How long counts are kept; a million records take half a second to count."""
_SHARE = 20
"""Counting takes a twentieth of the time at most."""


class QueueCounts:
    """Shared by all of a process who want to know. Thread-safe."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._counted: Queues | None = None
        self._until = 0.0

    def latest(self) -> Queues:
        """As of some seconds ago, at the most. Raises SyncFlowError when the database is not to be had."""
        with self._lock:
            began = time.monotonic()
            if self._counted is None or began >= self._until:
                self._counted = self._count()
                ended = time.monotonic()
                self._until = ended + max(COUNTED_SECONDS, _SHARE * (ended - began))
            return self._counted

    def _count(self) -> Queues:
        now = datetime.now(UTC)
        with self._database.begin() as connection:
            return Queues(
                overview.failed(connection),
                overview.pending(connection),
                overview.withheld(connection),
                overview.failed_by_entity(connection),
                now,
            )
