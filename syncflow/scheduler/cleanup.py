"""The standing job that keeps the books from growing without end."""

from dataclasses import replace
from datetime import timedelta

import structlog

from syncflow.clock import Clock
from syncflow.store import retention
from syncflow.store.database import Database
from syncflow.store.retention import Removed

_log = structlog.get_logger()


class CleanUp:
    """Removes what ended more than `days` days ago; 0 keeps everything."""

    def __init__(self, database: Database, clock: Clock, days: int) -> None:
        self._database = database
        self._clock = clock
        self._days = days

    def __call__(self) -> Removed:
        with self._database.begin() as connection:
            retention.cancel_orphans(connection)
        if self._days == 0:
            return Removed()
        before = self._clock.now() - timedelta(days=self._days)
        with self._database.begin() as connection:
            removed = retention.remove_old(connection, before)
        batches = 0
        while True:
            with self._database.begin() as connection:
                gone = retention.remove_batches(connection, before)
            batches += gone
            if gone < retention.AT_ONCE:
                break
        removed = replace(removed, batches=batches)
        if removed.total:
            _log.info("old rows of the books were removed", before=str(before), rows=removed.total, batches=batches)
        return removed
