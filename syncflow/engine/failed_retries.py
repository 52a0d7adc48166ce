"""Failed records tried again: a batch of its own for each entity (`sync_type retry`), parents before children."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from random import Random
from uuid import UUID

import structlog

from syncflow.engine.dispatcher import load_order
from syncflow.engine.failed_attempt import Edit, FailedAttempt, Request, Tally
from syncflow.engine.plan import identity_hash
from syncflow.engine.retries import not_begun, wake
from syncflow.engine.runner import BatchRun, Surroundings
from syncflow.errors import BusyError, SyncFlowError, UsageError
from syncflow.events import BatchEnded
from syncflow.model import Batch, BatchStatus, Entity, Plan, SyncType
from syncflow.store import failed_attempts
from syncflow.store.claims import claimed
from syncflow.store.sync_batches import ask_to_stop, create
from syncflow.uuid7 import uuid7

_log = structlog.get_logger()

_NOT_ENDED = (BatchStatus.QUEUED, BatchStatus.INTERRUPTED, BatchStatus.CANCELLED)


@dataclass(frozen=True)
class Retried:
    """The batch that tried an entity's records again, and what came of them."""

    ended: BatchEnded
    tally: Tally


class FailedRetries:
    """Runs the attempts. `requested_by` stands in the batches; an attempt that a person asked for is in the audit log,
    too."""

    def __init__(
        self,
        around: Surroundings,
        entities: Mapping[str, Entity],
        make_plan: Callable[[str], Plan],
        requested_by: str,
        rng: Random,
    ) -> None:
        self._around = around
        self._entities = entities
        self._make_plan = make_plan
        self._requested_by = requested_by
        self._rng = rng

    def asked(self, uids: Mapping[str, Sequence[UUID]]) -> tuple[list[Retried], list[BatchEnded]]:
        """Try these records of configured entities again, because somebody asked for it. Then the children that
        waited for their rows."""
        retried = [
            self._run(self._entities[name], uids[name], partial(self._make_plan, name), self._requested_by)[0]
            for name in load_order(self._entities[name] for name in uids)
            if not self._around.stopping.is_set()
        ]
        return retried, self._wake(retried)

    def edited(self, entity: str, edit: Edit) -> tuple[Retried, list[BatchEnded]]:
        """Try one record with other values."""
        uids = (edit.override.uid,)
        done, _ = self._run(self._entities[entity], uids, partial(self._make_plan, entity), None, edit)
        return done, self._wake([done])

    def due(self) -> tuple[list[Retried], list[BatchEnded]]:
        """Try all records again that are due by themselves. An entity whose plan cannot be made has to wait."""
        with self._around.database.begin() as connection:
            waiting = [name for name in failed_attempts.open_entities(connection) if name in self._entities]
        retried = [
            done
            for name in load_order(self._entities[name] for name in waiting)
            if not self._around.stopping.is_set() and (done := self._due(name)) is not None
        ]
        return retried, self._wake(retried)

    def _due(self, name: str) -> Retried | None:
        try:
            plan = self._make_plan(name)
        except SyncFlowError as error:
            _log.warning("failed records cannot be tried again now", entity=name, error=str(error))
            return None
        with self._around.database.begin() as connection:
            uids = failed_attempts.due(connection, name, identity_hash(plan), self._around.clock.now())
        if not uids:
            return None
        done, reached = self._run(self._entities[name], uids, lambda: plan, None)
        self._postpone([uid for uid in uids if uid not in reached])
        return done

    def _postpone(self, uids: Sequence[UUID]) -> None:
        """Records that the attempt did not come to, or that are not open any more, for which it means nothing."""
        until = self._around.options.retries.after_breakdown(self._around.clock.now(), self._rng)
        with self._around.database.begin() as connection:
            failed_attempts.postpone(connection, uids, until)

    def _run(
        self,
        entity: Entity,
        uids: Sequence[UUID],
        make_plan: Callable[[], Plan],
        asked_by: str | None,
        edit: Edit | None = None,
    ) -> tuple[Retried, set[UUID]]:
        """What came of it, and the records that it came to."""
        around = self._around
        batch = self._queued(entity)
        request = Request(batch.uid, uids, asked_by, edit)
        attempt = FailedAttempt(request, around.database, around.options.retries, around.clock, self._rng)
        try:
            with claimed(around.database, batch.uid) as claim:
                payload = partial(attempt.payload, around.options.chunk_rows)
                ended = BatchRun(around, claim, make_plan, payload, attempt=attempt).complete()
        except (BusyError, UsageError) as error:
            ended = not_begun(replace(batch, status=BatchStatus.CANCELLED), error)
        if ended.status in _NOT_ENDED:
            with around.database.begin() as connection:
                ask_to_stop(connection, batch.uid)  # nobody goes on with it: its records are still in the queue
        return Retried(ended, attempt.tally), attempt.reached

    def _queued(self, entity: Entity) -> Batch:
        batch = Batch(
            uid=uuid7(),
            entity_name=entity.name,
            sync_type=SyncType.RETRY,
            delta_strategy=entity.delta_strategy,
            source_system=self._around.source.name,
            status=BatchStatus.QUEUED,
            requested_by=self._requested_by,
            requested_at=self._around.clock.now(),
        )
        with self._around.database.begin() as connection:
            create(connection, batch)
        return batch

    def _wake(self, retried: Sequence[Retried]) -> list[BatchEnded]:
        new = [done.ended.entity for done in retried if done.ended.counters.inserted + done.ended.counters.updated]
        if not new or self._around.stopping.is_set():
            return []
        return wake(self._around, new, self._entities, self._make_plan, self._requested_by)
