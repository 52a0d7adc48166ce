"""A daemon's line in the books: that it is there, and how it is."""

import socket
from importlib.metadata import version

from syncflow.scheduler.service import Scheduler
from syncflow.service.worker import Worker
from syncflow.store import daemons
from syncflow.store.daemons import THERE_SECONDS, Beat, Daemon
from syncflow.store.database import Database

BEAT_SECONDS = 15.0


class PresenceService:
    def __init__(self, database: Database, worker: Worker, scheduler: Scheduler) -> None:
        self._database = database
        self._worker = worker
        self._scheduler = scheduler
        self._arrived = False

    def beat(self) -> None:
        """The first one takes the place of daemons of this host that have died."""
        with self._database.begin() as connection:
            if not self._arrived:
                daemons.succeed(connection, socket.gethostname())
            daemons.beat(connection, self._said())
        self._arrived = True

    def leave(self) -> None:
        with self._database.begin() as connection:
            daemons.leave(connection, self._database.application)

    def all(self) -> list[Daemon]:
        """The daemons on this database, those that have been there the longest first."""
        with self._database.begin() as connection:
            return daemons.load_all(connection, THERE_SECONDS)

    def leads(self) -> bool:
        """Whether this process is the one of all daemons that does what only one is to do."""
        return any(each.leads and each.worker == self._database.application for each in self.all())

    def _said(self) -> Beat:
        worker, scheduler = self._worker.status(), self._scheduler.status()
        return Beat(
            worker=self._database.application,
            host=socket.gethostname(),
            version=version("syncflow"),
            worker_state=worker.state,
            scheduler_state=scheduler.state,
            running=len(worker.running),
            silent_seconds=max(self._worker.silent_for(), self._scheduler.silent_for()),
        )
