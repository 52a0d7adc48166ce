"""What an operator does with batches: start, resume, stop, look at."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from syncflow.clock import Clock
from syncflow.engine.dispatcher import Dispatcher
from syncflow.engine.plan import Planner, nearest
from syncflow.errors import UsageError
from syncflow.events import BatchEnded
from syncflow.model import ApiDefinition, Batch, BatchStatus, Entity, SyncType
from syncflow.oracle_types import OracleType
from syncflow.protocols import PageRequest, Source
from syncflow.store import entity_config, failed_records, pending_children, sync_batches
from syncflow.store.claims import held_elsewhere
from syncflow.store.database import Database
from syncflow.store.failed_records import FailedRecord
from syncflow.uuid7 import uuid7


@dataclass(frozen=True)
class Overview:
    """An entity's line in the status: its newest batch, None before the first; `alive` says that a living process
    works on it."""

    entity: Entity
    batch: Batch | None
    alive: bool


class BatchService:
    """Every act on batches, for the console and the command line alike."""

    def __init__(
        self, database: Database, source: Source, dispatcher: Dispatcher, clock: Clock, first_page: int, actor: str
    ) -> None:
        """`first_page` is how many rows are looked at for columns that nobody declares; `actor` is who asks."""
        self._database = database
        self._source = source
        self._dispatcher = dispatcher
        self._clock = clock
        self._first_page = first_page
        self._actor = actor

    def sync(self, names: Sequence[str], sync_type: SyncType) -> list[BatchEnded]:
        """Run one batch each of these entities, or go on with the one that was interrupted. Raises UsageError
        for an entity that is not configured; what happens to a single batch stands in its result."""
        entities = self._entities()
        for name in names:
            if name not in entities:
                raise UsageError(f"There is no entity {name!r}{nearest(name, entities)}. See: syncflow entities list")
        planner = Planner(entities, Definitions(self._source), self._observe)
        group = uuid7()
        batches = [self._batch_of(entities[name], sync_type, group) for name in dict.fromkeys(names)]
        return self._dispatcher.run(batches, entities, planner.plan)

    def enabled(self) -> list[str]:
        """The entities that `--all` means, in the order of names."""
        return [entity.name for entity in self._entities().values() if entity.sync_enabled]

    def stop(self, beginning: str) -> Batch:
        """Ask a batch to stop: it ends at its next checkpoint and can be resumed. One that nobody works on is ended
        at once. Raises UsageError when it has ended already."""
        batch = self.find(beginning)
        with self._database.begin() as connection:
            status = sync_batches.ask_to_stop(connection, batch.uid)
        if status is None:
            raise UsageError(f"The batch {batch.uid} has ended already ({batch.status}); there is nothing to stop.")
        if status is BatchStatus.CANCELLING and not held_elsewhere(self._database, batch.uid):
            with self._database.begin() as connection:
                sync_batches.release(connection, batch.uid, BatchStatus.INTERRUPTED)
        return self.find(str(batch.uid))

    def find(self, beginning: str) -> Batch:
        """The batch whose uid begins like this. Raises UsageError when there is none, or more than one."""
        with self._database.begin() as connection:
            found = sync_batches.find(connection, beginning)
        if len(found) == 1:
            return found[0]
        if not found:
            raise UsageError(f"There is no batch {beginning!r}. See: syncflow history")
        raise UsageError(f"{len(found)} batches begin with {beginning!r}; give more of the number.")

    def overview(self) -> list[Overview]:
        """Every entity with its newest batch."""
        with self._database.begin() as connection:
            entities = entity_config.load_all(connection)
            newest = sync_batches.latest_of_each(connection)
        return [Overview(entity, newest.get(name), self.alive(newest.get(name))) for name, entity in entities.items()]

    def history(self, entity: str | None, limit: int) -> list[Batch]:
        with self._database.begin() as connection:
            return sync_batches.recent(connection, entity, limit)

    def failures(self, batch: UUID, limit: int) -> list[FailedRecord]:
        """Open failed records of a batch, different errors first."""
        with self._database.begin() as connection:
            return failed_records.of_batch(connection, batch, limit)

    def waiting(self) -> set[tuple[str, str]]:
        """The rows that wait for a parent, as (entity, key hash)."""
        with self._database.begin() as connection:
            return pending_children.open_keys(connection)

    def alive(self, batch: Batch | None) -> bool:
        """Whether a living process works on a batch that says it is running."""
        open_ = batch is not None and batch.status in sync_batches.OPEN
        return open_ and batch is not None and held_elsewhere(self._database, batch.uid)

    def _batch_of(self, entity: Entity, sync_type: SyncType, group: UUID) -> Batch:
        """The entity's unfinished batch, or a new one. Retries that died are put away: their rows still wait."""
        with self._database.begin() as connection:
            unfinished = sync_batches.unfinished(connection, entity.name)
            retries = sync_batches.running_retries(connection, entity.name)
        for retry in retries:
            if not held_elsewhere(self._database, retry):
                with self._database.begin() as connection:
                    sync_batches.release(connection, retry, BatchStatus.CANCELLED)
        if unfinished is not None:
            return unfinished
        batch = Batch(
            uid=uuid7(),
            entity_name=entity.name,
            sync_type=sync_type,
            delta_strategy=entity.delta_strategy,
            source_system=self._source.name,
            status=BatchStatus.QUEUED,
            requested_by=self._actor,
            requested_at=self._clock.now(),
            batch_group=group,
        )
        with self._database.begin() as connection:
            sync_batches.create(connection, batch)
        return batch

    def _entities(self) -> dict[str, Entity]:
        with self._database.begin() as connection:
            return entity_config.load_all(connection)

    def _observe(self, api: str) -> dict[str, OracleType]:
        return observe(self._source, api, self._first_page)


class Definitions:
    """The source's API definitions, each asked for once."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._known: dict[str, ApiDefinition] = {}

    def __call__(self, api: str) -> ApiDefinition:
        if api not in self._known:
            self._known[api] = self._source.definition(api)
        return self._known[api]


def observe(source: Source, api: str, rows: int) -> dict[str, OracleType]:
    """The types of an API's columns as its first page shows them."""
    return dict(source.page(PageRequest(api, rows)).observed)
