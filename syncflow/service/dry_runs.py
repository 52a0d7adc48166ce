"""What a sync would do, without doing it."""

import threading
from collections.abc import Sequence

from syncflow.clock import Clock
from syncflow.engine.dry_run import BatchPlan as BatchPlan  # for those who show it
from syncflow.engine.dry_run import DryRun
from syncflow.engine.plan import Planner, no_entity
from syncflow.engine.planned_books import FailureGroup as FailureGroup
from syncflow.engine.planned_books import MissingParent as MissingParent
from syncflow.engine.planning import UpdateSample as UpdateSample
from syncflow.errors import UsageError
from syncflow.events import Listener
from syncflow.model import Batch, BatchStatus, Entity, SyncType
from syncflow.protocols import Source
from syncflow.service.batches import Definitions, observe
from syncflow.store import entity_config, sync_batches
from syncflow.store.database import Database
from syncflow.store.sync_batches import Claimed
from syncflow.uuid7 import uuid7


class DryRunService:
    """Dry runs, for the console and the command line alike. Nothing is written, not into the metadata either."""

    def __init__(
        self, database: Database, source: Source, dry_run: DryRun, clock: Clock, first_page: int, actor: str
    ) -> None:
        """`first_page` is how many rows are looked at for columns that nobody declares."""
        self._database = database
        self._source = source
        self._dry_run = dry_run
        self._clock = clock
        self._first_page = first_page
        self._actor = actor

    def plan(
        self,
        names: Sequence[str],
        sync_type: SyncType,
        listener: Listener | None = None,
        stopping: threading.Event | None = None,
    ) -> list[BatchPlan]:
        """What a sync of these entities would do now, parents before children. Where a batch stands interrupted, the
        sync would go on with it, and so does the plan. `listener` is told how far it is, in place of those who watch
        the process's batches; `stopping` ends this dry run alone. Raises UsageError for an entity that is not
        configured."""
        with self._database.connect() as connection:
            entities = entity_config.load_all(connection)
        for name in names:
            if name not in entities:
                raise UsageError(no_entity(name, entities))
        planner = Planner(entities, Definitions(self._source), lambda api: observe(self._source, api, self._first_page))
        batches = [self._as_claimed(entities[name], sync_type) for name in dict.fromkeys(names)]
        return self._dry_run.heard_by(listener, stopping).run(batches, entities, planner.plan)

    def _as_claimed(self, entity: Entity, sync_type: SyncType) -> Claimed:
        """The entity's unfinished batch as it stands, or a new one that stands nowhere."""
        with self._database.connect() as connection:
            unfinished = sync_batches.unfinished(connection, entity.name)
            found = None if unfinished is None else sync_batches.as_claimed(connection, unfinished.uid)
        if found is not None:
            return found
        batch = Batch(
            uid=uuid7(),
            entity_name=entity.name,
            sync_type=sync_type,
            delta_strategy=entity.delta_strategy,
            source_system=self._source.name,
            status=BatchStatus.QUEUED,
            requested_by=self._actor,
            requested_at=self._clock.now(),
        )
        return Claimed(batch, 0, None)
