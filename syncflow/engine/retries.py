"""Children whose parents have come: loaded by a batch of their own (`sync_type retry`), from their payload."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

import polars as pl
import structlog

from syncflow.engine.parent_rings import ParentRings, Step
from syncflow.engine.payloads import waiting_rows
from syncflow.engine.runner import BatchRun, Surroundings
from syncflow.errors import BusyError, RetriableError, SyncFlowError, UnavailableError, UsageError
from syncflow.events import BatchEnded
from syncflow.model import Batch, BatchStatus, Entity, Plan, SyncType
from syncflow.queues.pending_children import entities_in_rings, longest_waits
from syncflow.stages.rings import Parting
from syncflow.stages.s9_load import held
from syncflow.store import pending_children
from syncflow.store.claims import claimed
from syncflow.store.pending_filter import EVERY_LINE, PendingFilter
from syncflow.store.sync_batches import ask_to_stop, create
from syncflow.uuid7 import uuid7

_log = structlog.get_logger()

PARENTS_AT_ONCE = 10_000
_LATER = (RetriableError, UnavailableError)
"""The target or the metadata database is not to be had: the children go on waiting."""


def wake(
    around: Surroundings,
    parents: Iterable[str],
    entities: Mapping[str, Entity],
    make_plan: Callable[[str], Plan],
    requested_by: str,
    chosen: PendingFilter = EVERY_LINE,
) -> list[BatchEnded]:
    """Load all children that wait for rows of these entities which are in the target now; their own children next,
    until nobody is left whose parent is there; then close the rings among those that wait for each other. The work
    grows with the children that can be loaded, not with those that wait. `chosen` limits whom to begin with.

    Rows that were looked after in vain, after a completed batch of their parent's entity, have one attempt less; those
    without any left become failed records. Children of an entity that is configured no longer go on waiting; so do all
    whose entity is being synced, or when the target or the metadata database is not to be had.
    """
    waking = _Waking(around, entities, make_plan, requested_by)
    asked = list(dict.fromkeys(parents))
    try:
        waking.load(asked, chosen)
        waking.close_rings()
        waking.give_up(asked)
    except _LATER as error:
        _log.warning("children go on waiting for their parents", error=str(error))
    return waking.ended


class _Waking:
    """`ended` are the batches that were run, in their order."""

    def __init__(
        self,
        around: Surroundings,
        entities: Mapping[str, Entity],
        make_plan: Callable[[str], Plan],
        requested_by: str,
    ) -> None:
        self._around = around
        self._entities = entities
        self._make_plan = make_plan
        self._requested_by = requested_by
        self._unready: set[str] = set()
        self.ended: list[BatchEnded] = []

    def load(self, parents: Sequence[str], chosen: PendingFilter = EVERY_LINE) -> None:
        """The children of all that is there, and what this lets in. An entity whose retry could not be run to its end
        is left alone from then on."""
        asking = deque((parent, chosen) for parent in parents)
        while asking and not self._around.stopping.is_set():
            parent, which = asking.popleft()
            for child, keys in self._ready(parent, which).items():
                if child not in self._entities or child in self._unready:
                    continue
                if self._retried(child, keys) and (child, EVERY_LINE) not in asking:
                    asking.append((child, EVERY_LINE))

    def close_rings(self) -> None:
        """Rings that no chunk held whole: one of their rows is loaded without its reference, which lets the others in,
        and these the reference."""
        in_rings = entities_in_rings(self._entities.values())
        searching = ParentRings(self._around.database, self._around.target, self._make_plan, in_rings)
        try:
            steps = searching.steps()
        except SyncFlowError as error:
            _log.warning("rows that wait for each other go on waiting", error=str(error))
            return
        for step in steps:
            self._take(step)

    def _take(self, step: Step) -> None:
        if self._around.stopping.is_set() or step.entity in self._unready:
            return
        if self._retried(step.entity, step.keys, step.parting):
            self.load([step.entity])

    def give_up(self, parents: Sequence[str]) -> None:
        """Count the attempt, and make failed records of the rows that have none left."""
        if self._around.stopping.is_set():
            return
        with self._around.database.begin() as connection:
            waits, now = longest_waits(self._around.options.retries), self._around.clock.now()
            ready = self._entities.keys() - self._unready
            pending_children.try_again_later(connection, parents, ready, waits, now)
            used_up = pending_children.out_of_attempts(connection, parents)
        for child, keys in used_up.items():
            if child in ready and self._retried(child, keys):
                self.load([child])

    def _ready(self, parent: str, chosen: PendingFilter) -> dict[str, pl.Series]:
        """By entity, the keys of the children that wait for rows of `parent` which are there now."""
        ready: dict[str, list[pl.Series]] = {}
        after = ""
        while True:
            with self._around.database.begin() as connection:
                awaited = pending_children.awaited_parents(connection, parent, PARENTS_AT_ONCE, after, chosen)
            if awaited.is_empty():
                return {child: pl.concat(parts).unique(maintain_order=True) for child, parts in sorted(ready.items())}
            after = awaited[-1]
            there = held(self._around.target, parent, awaited)
            if len(there):
                with self._around.database.begin() as connection:
                    for child, keys in pending_children.children_of(connection, parent, there, chosen).items():
                        ready.setdefault(child, []).append(keys)

    def _retried(self, child: str, keys: pl.Series, parting: Parting | None = None) -> bool:
        """Run a batch over these rows; whether it has loaded any."""
        ended = _retry(self._around, self._entities[child], keys, self._make_plan, self._requested_by, parting)
        self.ended.append(ended)
        if ended.error_exit_code is not None:
            self._unready.add(child)
        return bool(ended.counters.inserted + ended.counters.updated)


def _retry(
    around: Surroundings,
    entity: Entity,
    keys: pl.Series,
    make_plan: Callable[[str], Plan],
    requested_by: str,
    parting: Parting | None,
) -> BatchEnded:
    batch = Batch(
        uid=uuid7(),
        entity_name=entity.name,
        sync_type=SyncType.RETRY,
        delta_strategy=entity.delta_strategy,
        source_system=around.source.name,
        status=BatchStatus.QUEUED,
        requested_by=requested_by,
        requested_at=around.clock.now(),
    )
    with around.database.begin() as connection:
        create(connection, batch)

    def payload() -> Iterator[pl.DataFrame]:
        return waiting_rows(around.database, entity.name, keys, around.options.chunk_rows)

    try:
        with claimed(around.database, batch.uid) as claim:
            return BatchRun(around, claim, lambda: make_plan(entity.name), payload, parting=parting).complete()
    except (BusyError, UsageError) as error:
        with around.database.begin() as connection:
            ask_to_stop(connection, batch.uid)
        return not_begun(replace(batch, status=BatchStatus.CANCELLED), error)


def not_begun(batch: Batch, error: SyncFlowError) -> BatchEnded:
    """The end of a batch that could not be claimed: it stays as it was."""
    return BatchEnded(
        batch.uid,
        batch.entity_name,
        batch.status,
        batch.counters,
        0.0,
        str(error),
        sync_type=batch.sync_type,
        error_exit_code=error.exit_code,
    )
