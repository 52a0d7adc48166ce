"""What an operator does with batches: start, resume, stop, look at."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from syncflow.clock import Clock
from syncflow.engine.dispatcher import Dispatcher
from syncflow.engine.plan import Planner, no_entity
from syncflow.errors import BusyError, UsageError
from syncflow.events import BatchEnded
from syncflow.i18n.texts import Text
from syncflow.model import ApiDefinition, Batch, BatchStatus, Entity, SyncType
from syncflow.oracle_types import OracleType
from syncflow.protocols import PageRequest, Source
from syncflow.service.failed_masks import as_shown
from syncflow.store import (
    audit_log,
    batch_chunks,
    entity_config,
    erp_sync_state,
    failed_records,
    pending_children,
    sync_batches,
)
from syncflow.store.claims import abandoned, alone_with, held_elsewhere, holder_of
from syncflow.store.database import Database
from syncflow.store.failed_records import FailedRecord
from syncflow.uuid7 import uuid7


@dataclass(frozen=True)
class Overview:
    """An entity's line in the status: its newest batch, None before the first; `alive` says that a living process
    works on it. `watermark` is the last settled rowversion, canonical."""

    entity: Entity
    batch: Batch | None
    alive: bool
    watermark: str | None = None


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
        chosen = self._configured(names, entities)
        planner = Planner(entities, Definitions(self._source), self._observe)
        group = uuid7()
        batches = [self._batch_of(entity, sync_type, group) for entity in chosen]
        self._go_on(batches)
        return self._dispatcher.run(batches, entities, planner.plan)

    def resume(self, beginnings: Sequence[str]) -> list[BatchEnded]:
        """Go on with these batches; without any, with all that can be gone on with and that nobody works on. Raises
        UsageError for one that has ended, that somebody works on, or that is a retry: its rows stand in a queue."""
        entities = self._entities()
        chosen = [self._resumable(self.find(beginning), entities) for beginning in beginnings] or self._unattended()
        planner = Planner(entities, Definitions(self._source), self._observe)
        self._go_on(chosen)
        return self._dispatcher.run(chosen, entities, planner.plan)

    def _go_on(self, batches: Sequence[Batch]) -> None:
        with self._database.begin() as connection:
            sync_batches.go_on(connection, [batch.uid for batch in batches])

    def take_over(self) -> list[BatchEnded]:
        """Go on with what processes that are gone have left; what was stopped on purpose stays as it is."""
        ended = []
        for group in self.take_left():
            ended += self.carry_out(group)
            self.give_back(group)
        return ended

    def request(self, names: Sequence[str], sync_type: SyncType) -> list[Batch]:
        """Queue one batch each of these entities, or the one that was interrupted, for whatever process has a worker.
        Raises UsageError for an entity that is not configured, and BusyError for one that is being worked on."""
        entities = self._entities()
        group = uuid7()
        batches = [self._batch_of(entity, sync_type, group) for entity in self._configured(names, entities)]
        at_work = [batch for batch in batches if batch.status in sync_batches.OPEN and self.alive(batch)]
        if at_work:
            told = ", ".join(f"{batch.entity_name} ({batch.uid})" for batch in at_work)
            raise BusyError("Already at work: {told}. Watch it with: syncflow status, or stop it first.", told=told)
        return self._enqueue(batches, "batch.request")

    def request_due(self, names: Sequence[str], requested_by: str) -> list[Batch]:
        """The same for what is due by itself: entities that are gone or at work are left out, and nobody is held to
        account for it."""
        entities = self._entities()
        group = uuid7()
        batches = [
            self._batch_of(entities[name], SyncType.INCREMENTAL, group, requested_by)
            for name in names
            if name in entities
        ]
        with self._database.begin() as connection:
            for batch in batches:
                sync_batches.enqueue(connection, batch.uid, group)
        return batches

    def request_resume(self, beginnings: Sequence[str]) -> list[Batch]:
        """Queue batches that can be gone on with. Raises UsageError as `resume` does."""
        entities = self._entities()
        return self._enqueue([self._resumable(self.find(each), entities) for each in beginnings], "batch.resume")

    def _enqueue(self, batches: Sequence[Batch], act: str) -> list[Batch]:
        group = uuid7()
        with self._database.begin() as connection:
            for batch in batches:
                sync_batches.enqueue(connection, batch.uid, group)
                told = audit_log.Act(self._actor, act, batch.entity_name, str(batch.uid))
                audit_log.record(connection, told, self._clock.now())
            found = [sync_batches.get(connection, batch.uid) for batch in batches]
        return [batch for batch in found if batch is not None]

    def hand_over(self, batches: Sequence[Batch]) -> list[Batch]:
        """Let whatever process has a worker go on at once with batches that this one had to interrupt; those that a
        person has stopped wait for a person."""
        with self._database.begin() as connection:
            stopped = sync_batches.stopped_by_hand(connection)
            found = [sync_batches.get(connection, batch.uid) for batch in batches if batch.uid not in stopped]
            left = [batch for batch in found if batch is not None and batch.status is BatchStatus.INTERRUPTED]
            for batch in left:
                sync_batches.enqueue(connection, batch.uid)
        return left

    def take_queued(self, most: int) -> list[tuple[Batch, ...]]:
        """What was requested and nobody has begun, in the groups that it was requested in, so many at most: for
        `carry_out`. What of it is not begun then is to be given back."""
        with self._database.begin() as connection:
            return _in_groups(sync_batches.take_queued(connection, most))

    def take_left(self, most: int | None = None) -> list[tuple[Batch, ...]]:
        """What processes that are gone have left behind, with what else of the same groups they had not begun; so many
        groups at most. What of it is not begun then is to be given back."""
        left = _in_groups(self.abandoned())[:most]
        if not left:
            return []
        with self._database.begin() as connection:
            waiting = sync_batches.take_with(connection, [_group_of(group[0]) for group in left])
        return _in_groups([*(batch for group in left for batch in group), *waiting])

    def give_back(self, batches: Sequence[Batch]) -> None:
        """Let any process take those of the batches that were taken and not begun, such as because another one of the
        entity was running."""
        with self._database.begin() as connection:
            sync_batches.give_back(connection, [batch.uid for batch in batches])

    def abandoned(self) -> list[Batch]:
        """Batches whose process is gone; those that were stopped on purpose are not among them. What was to be stopped
        when its process went, or whose entity is not configured any more, is interrupted by that."""
        uids = abandoned(self._database)
        with self._database.begin() as connection:
            entities = entity_config.load_all(connection) if uids else {}
            found = [sync_batches.get(connection, uid) for uid in uids]
        open_ = [batch for batch in found if batch is not None and batch.status in sync_batches.OPEN]
        goes_on = {b.uid for b in open_ if b.status is BatchStatus.RUNNING and b.entity_name in entities}
        for batch in open_:
            if batch.uid not in goes_on:
                with self._database.begin() as connection:
                    sync_batches.release(connection, batch.uid, BatchStatus.INTERRUPTED, batch.claim_epoch)
        return [batch for batch in open_ if batch.uid in goes_on]

    def carry_out(self, batches: Sequence[Batch]) -> list[BatchEnded]:
        """Work on batches of one group, requested or left behind, to their end. While another process works on batches
        of the group, nothing is begun; one that another process takes first is left to it."""
        entities = self._entities()
        planner = Planner(entities, Definitions(self._source), self._observe)
        known = [batch for batch in batches if batch.entity_name in entities]
        if not known:
            return []
        with alone_with(self._database, _group_of(known[0])) as alone:
            return self._dispatcher.run(known, entities, planner.plan) if alone else []

    def in_doubt(self, batch: Batch) -> int:
        """Rows that were sent, or about to be, and whose outcome is not in the books: it is settled by reading the
        target back when the batch goes on."""
        if batch.status not in sync_batches.RESUMABLE:
            return 0
        with self._database.begin() as connection:
            return batch_chunks.in_doubt(connection, batch.uid)

    def enabled(self) -> list[str]:
        """The entities that `--all` means, in the order of names."""
        return [entity.name for entity in self._entities().values() if entity.sync_enabled]

    def stop(self, beginning: str, *, keep: bool = False) -> Batch:
        """Ask a batch to stop: it ends at its next checkpoint and can be resumed. One that nobody works on is ended
        at once, and one that is interrupted cannot be resumed any more; with `keep` it is refused instead. Raises
        UsageError when it has ended already."""
        batch = self.find(beginning)
        with self._database.begin() as connection:
            status = sync_batches.ask_to_stop(connection, batch.uid, keep=keep)
            if status is not None:
                told = audit_log.Act(
                    self._actor, "batch.stop", batch.entity_name, str(batch.uid),
                    {"status": batch.status.value}, {"status": status.value},
                )  # fmt: skip
                audit_log.record(connection, told, self._clock.now())
        if status is None:
            raise UsageError(
                "The batch {batch} has ended already ({status}); there is nothing to stop.",
                batch=batch.uid,
                status=Text(self.find(str(batch.uid)).status),
            )
        if status is BatchStatus.CANCELLING and not held_elsewhere(self._database, batch.uid):
            with self._database.begin() as connection:
                sync_batches.release(connection, batch.uid, BatchStatus.INTERRUPTED, batch.claim_epoch)
        return self.find(str(batch.uid))

    def find(self, beginning: str) -> Batch:
        """The batch whose uid begins like this. Raises UsageError when there is none, or more than one."""
        with self._database.begin() as connection:
            found = sync_batches.find(connection, beginning)
        if len(found) == 1:
            return found[0]
        if not found:
            raise UsageError("There is no batch {beginning}. See: syncflow history", beginning=repr(beginning))
        raise UsageError(
            "{count} batches begin with {beginning}; give more of the number.",
            count=len(found),
            beginning=repr(beginning),
        )

    def overview(self) -> list[Overview]:
        """Every entity with its newest batch."""
        with self._database.begin() as connection:
            entities = entity_config.load_all(connection)
            newest = sync_batches.latest_of_each(connection)
            watermarks = {name: state.watermark for name, state in erp_sync_state.load_all(connection).items()}
        return [
            Overview(entity, newest.get(name), self.alive(newest.get(name)), watermarks.get(name))
            for name, entity in entities.items()
        ]

    def history(self, entity: str | None, limit: int) -> list[Batch]:
        with self._database.begin() as connection:
            return sync_batches.recent(connection, entity, limit)

    def failures(self, batch: UUID, limit: int) -> list[FailedRecord]:
        """Open failed records of a batch, different errors first."""
        with self._database.begin() as connection:
            found = failed_records.of_batch(connection, batch, limit)
        return as_shown(found, self._entities())

    def waiting(self) -> set[tuple[str, str]]:
        """The rows that wait for a parent, as (entity, key hash)."""
        with self._database.begin() as connection:
            return pending_children.open_keys(connection)

    def alive(self, batch: Batch | None) -> bool:
        """Whether a living process works on a batch that says it is running."""
        open_ = batch is not None and batch.status in sync_batches.OPEN
        return open_ and batch is not None and held_elsewhere(self._database, batch.uid)

    def _configured(self, names: Sequence[str], entities: Mapping[str, Entity]) -> list[Entity]:
        for name in names:
            if name not in entities:
                raise UsageError(no_entity(name, entities))
        return [entities[name] for name in dict.fromkeys(names)]

    def _resumable(self, batch: Batch, entities: Collection[str]) -> Batch:
        if batch.entity_name not in entities:
            raise UsageError(
                "The batch {batch} cannot go on: its entity {entity} is not configured any more. "
                "Import it again, or put the batch away with: syncflow stop {batch}",
                batch=batch.uid,
                entity=batch.entity_name,
            )
        if batch.sync_type is SyncType.RETRY:
            raise UsageError(
                "The batch {batch} is a retry, which is not gone on with: its rows still stand in their queue. "
                "See: syncflow pending list, syncflow failed list",
                batch=batch.uid,
            )
        if batch.status not in sync_batches.RESUMABLE:
            raise UsageError(
                "The batch {batch} of {entity} has ended ({status}); there is nothing to go on "
                "with. To sync once more: syncflow sync {entity}",
                batch=batch.uid,
                entity=batch.entity_name,
                status=Text(batch.status),
            )
        if self.alive(batch):
            raise UsageError(
                "The batch {batch} of {entity} is at work ({holder}). Watch it with: syncflow status {batch}",
                batch=batch.uid,
                entity=batch.entity_name,
                holder=holder_of(self._database, batch.uid),
            )
        return batch

    def _unattended(self) -> list[Batch]:
        """Batches that can be gone on with and that no living process works on, one of each entity."""
        with self._database.begin() as connection:
            found = [sync_batches.unfinished(connection, name) for name in entity_config.load_all(connection)]
        return [batch for batch in found if batch is not None and not self.alive(batch)]

    def _batch_of(self, entity: Entity, sync_type: SyncType, group: UUID, requested_by: str | None = None) -> Batch:
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
            requested_by=requested_by or self._actor,
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


def _group_of(batch: Batch) -> UUID:
    return batch.batch_group or batch.uid


def _in_groups(batches: Iterable[Batch]) -> list[tuple[Batch, ...]]:
    """What was asked for together, in the order of the first of each."""
    groups: dict[UUID, list[Batch]] = {}
    for batch in batches:
        groups.setdefault(_group_of(batch), []).append(batch)
    return [tuple(group) for group in groups.values()]


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
